"""What is asked, in the shape of the policy: what is needed in any case, and where one of several ways is enough.

A flat list would read as if everything on it had to be sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from cards.findings import asked_needs, judged
from criteria.decision import Decision
from criteria.finding import Finding, Need
from criteria.tree import AllOf, AnyOf, AtLeast, Criterion, Leaf, Not
from criteria.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Item:
    """One criterion that is asked, with what it lacks."""

    leaf: Leaf
    needs: tuple[Need, ...]

    @property
    def rank(self) -> int:
        """Return the place among its siblings, most decisive first."""
        return self.leaf.rank


@dataclass(frozen=True, slots=True)
class Choice:
    """Several ways of which `enough` suffice; each way may need several criteria."""

    enough: int
    ways: tuple["Way", ...]

    @property
    def rank(self) -> int:
        """Return the place of its most decisive way."""
        return self.ways[0].rank


@dataclass(frozen=True, slots=True)
class Way:
    """One way of a choice; all its entries are needed."""

    title: str
    entries: tuple["Entry", ...]

    @property
    def rank(self) -> int:
        """Return the place of its most decisive entry."""
        return self.entries[0].rank


Entry = Item | Choice


def outline(decision: Decision) -> tuple[Entry, ...]:
    """Return what is asked for a judged order, most decisive first."""
    policy, determination = judged(decision)
    needs: dict[str, list[Need]] = {}
    for each in asked_needs(decision):
        needs.setdefault(each.criterion, []).append(each.need)
    view = _View(needs, dict(_verdicts(determination.root)))
    return _sorted(view.entries(policy.paths[determination.path].root))


def criteria_of(entries: Sequence[Entry]) -> Iterator[Leaf]:
    """Yield the criteria of the entries, repeated where they stand in several ways."""
    for entry in entries:
        match entry:
            case Item(leaf=leaf):
                yield leaf
            case Choice(ways=ways):
                for way in ways:
                    yield from criteria_of(way.entries)
            case _:
                assert_never(entry)


@dataclass(frozen=True, slots=True)
class _View:
    """The asked needs and the verdicts, by id of the criterion."""

    needs: Mapping[str, Sequence[Need]]
    verdicts: Mapping[str, Verdict]

    def entries(self, criterion: Criterion) -> list[Entry]:
        """Return what is asked below a node; a decided node asks nothing, even of a criterion open elsewhere."""
        if not self._is_open(criterion):
            return []
        match criterion:
            case Leaf(id=name):
                return [Item(criterion, tuple(self.needs[name]))] if name in self.needs else []
            case Not(of=branch):
                return self.entries(branch)
            case AllOf(of=branches):
                return [entry for branch in branches for entry in self.entries(branch)]
            case AnyOf(of=branches):
                return self._choice(1, self._in_view(branches))
            case AtLeast(threshold=threshold, of=branches):
                done = sum(self.verdicts[branch.id] is Verdict.MET for branch in branches)
                return self._choice(threshold - done, branches)
            case _:
                assert_never(criterion)

    def _choice(self, enough: int, branches: Sequence[Criterion]) -> list[Entry]:
        """Return a choice, or its entries themselves when no more ways are asked about than are needed."""
        ways = [Way(branch.title, _sorted(found)) for branch in branches if (found := self.entries(branch))]
        if len(ways) <= enough:
            return [entry for way in ways for entry in way.entries]
        return [Choice(enough, tuple(sorted(ways, key=lambda way: way.rank)))]

    def _in_view(self, branches: Sequence[Criterion]) -> Sequence[Criterion]:
        """Return the branches whose gate is met, if there are any: the rule by which needs are in view."""
        gated = [branch for branch in branches if self._is_open(branch) and self._has_met_gate(branch)]
        return gated or branches

    def _has_met_gate(self, branch: Criterion) -> bool:
        parts = branch.of if isinstance(branch, AllOf) else (branch,)
        return any(isinstance(part, Leaf) and part.gate and self.verdicts[part.id] is Verdict.MET for part in parts)

    def _is_open(self, criterion: Criterion) -> bool:
        return self.verdicts[criterion.id] is Verdict.UNKNOWN


def _verdicts(finding: Finding) -> Iterator[tuple[str, Verdict]]:
    yield finding.id, finding.verdict
    for branch in finding.of:
        yield from _verdicts(branch)


def _sorted(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries, most decisive first; a criterion of several branches that all count stands there once."""
    once = [entry for place, entry in enumerate(entries) if entry not in entries[:place]]
    return tuple(sorted(once, key=lambda entry: entry.rank))
