"""The criteria tree: leaves carry a citation and a predicate, five connectives combine them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol, assert_never

from criteria.citation import Citation
from criteria.facts import Case
from criteria.finding import Finding, Judgement


class Predicate(Protocol):
    """A test of the record. Implementations are frozen dataclasses built when the library loads."""

    def judge(self, case: Case, on: date, findings: Mapping[str, Finding]) -> Judgement:
        """Judge the case on a day. `findings` holds the nodes named in the leaf's `relies_on`."""
        ...


@dataclass(frozen=True, slots=True)
class Leaf:
    """One criterion of a policy.

    `request` is what to send when it is unknown, in a clinician's words; `rank` orders requests, most decisive
    first. A `gate` says which any-of branch is worth asking about. `relies_on` names nodes judged before.
    `plan_side` criteria are the payer's to find out and are never asked of a clinician.
    """

    id: str
    title: str
    citation: Citation
    predicate: Predicate
    request: str
    rank: int = 0
    gate: bool = False
    plan_side: bool = False
    relies_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every branch must be met."""

    id: str
    title: str
    of: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One branch must be met."""

    id: str
    title: str
    of: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`threshold` branches must be met."""

    id: str
    title: str
    threshold: int
    of: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The branch must be not-met."""

    id: str
    title: str
    of: "Criterion"


Criterion = Leaf | AllOf | AnyOf | AtLeast | Not


def leaves_of(criterion: Criterion) -> Iterator[Leaf]:
    """Yield every leaf at or below a node, repeated where it stands in several places."""
    match criterion:
        case Leaf():
            yield criterion
        case Not(of=branch):
            yield from leaves_of(branch)
        case AllOf(of=branches) | AnyOf(of=branches) | AtLeast(of=branches):
            for branch in branches:
                yield from leaves_of(branch)
        case _:
            assert_never(criterion)
