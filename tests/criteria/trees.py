"""Criteria trees for the engine's tests: leaves whose verdict is set from outside, and random trees of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import product

from hypothesis import strategies as st

from criteria.facts import Case
from criteria.finding import Finding, Judgement, document, met, not_met, unknown
from criteria.policy import Authorization, Path
from criteria.tree import AllOf, AnyOf, AtLeast, Criterion, Leaf, Not, leaves_of
from criteria.verdict import Verdict
from tests.criteria.facts_builders import CITATION, evidence


@dataclass(slots=True)
class Fixed:
    """A predicate with a fixed verdict that counts how often it was asked and what it was shown."""

    verdict: Verdict
    asked: int = 0
    shown: list[Mapping[str, Finding]] = field(default_factory=list)
    needs: tuple[str, ...] = ("send it",)

    def judge(self, case: Case, on: date, findings: Mapping[str, Finding]) -> Judgement:
        self.asked += 1
        self.shown.append(findings)
        match self.verdict:
            case Verdict.MET:
                return met(evidence())
            case Verdict.NOT_MET:
                return not_met(evidence())
            case Verdict.UNKNOWN:
                return unknown(*(document(each) for each in self.needs))


def leaf(name: str, verdict: Verdict = Verdict.UNKNOWN, *, gate: bool = False, relies_on: tuple[str, ...] = ()) -> Leaf:
    return Leaf(name, name, CITATION, Fixed(verdict), f"request of {name}", gate=gate, relies_on=relies_on)


def path(root: Criterion) -> Path:
    return Path("initial", root, Authorization(6, {}, {}), "questionnaire", ())


def verdict_of(criterion: Criterion, verdicts: Mapping[str, bool]) -> bool:
    """Evaluate a tree in two-valued logic: an independent reading of the connectives."""
    match criterion:
        case Leaf(id=name):
            return verdicts[name]
        case AllOf(of=branches):
            return all(verdict_of(each, verdicts) for each in branches)
        case AnyOf(of=branches):
            return any(verdict_of(each, verdicts) for each in branches)
        case AtLeast(threshold=threshold, of=branches):
            return sum(verdict_of(each, verdicts) for each in branches) >= threshold
        case Not(of=branch):
            return not verdict_of(branch, verdicts)


def completions(root: Criterion) -> Iterator[dict[str, bool]]:
    """Yield every way the unknown leaves of a tree may turn out."""
    leaves = {each.id: each.predicate for each in leaves_of(root)}
    verdicts = {name: test.verdict for name, test in leaves.items() if isinstance(test, Fixed)}
    unknowns = [name for name, verdict in verdicts.items() if verdict is Verdict.UNKNOWN]
    known = {name: verdict is Verdict.MET for name, verdict in verdicts.items() if verdict is not Verdict.UNKNOWN}
    for values in product((True, False), repeat=len(unknowns)):
        yield {**known, **dict(zip(unknowns, values, strict=True))}


def can_flip(root: Criterion, name: str) -> bool:
    """Say whether some completion of the other unknowns lets this leaf decide the root."""
    return any(
        verdict_of(root, {**each, name: True}) is not verdict_of(root, {**each, name: False})
        for each in completions(root)
    )


@st.composite
def trees(draw: st.DrawFn, *, repeated: bool = False) -> Criterion:
    """Draw a tree of at most nine leaves; with `repeated`, leaves may stand in several places."""
    names = iter(range(1000))
    leaves: list[Leaf] = []

    def node(depth: int) -> Criterion:
        kind = draw(st.sampled_from(["leaf", "leaf", "all", "any", "at-least", "not"])) if depth else "leaf"
        if kind == "leaf" or len(leaves) >= 7:
            if repeated and leaves and draw(st.booleans()):
                return draw(st.sampled_from(leaves))
            leaves.append(leaf(f"leaf-{len(leaves)}", draw(st.sampled_from(Verdict)), gate=draw(st.booleans())))
            return leaves[-1]
        name = f"{kind}-{next(names)}"
        if kind == "not":
            return Not(name, name, node(depth - 1))
        of = tuple(node(depth - 1) for _ in range(draw(st.integers(1, 3))))
        if kind == "all":
            return AllOf(name, name, of)
        if kind == "any":
            return AnyOf(name, name, of)
        return AtLeast(name, name, draw(st.integers(1, len(of))), of)

    return node(3)
