"""What must hold of the policies' own trees, whatever their leaves say: strong Kleene logic and open needs.

Decision contract, section 1. The leaves' tests are replaced by given verdicts, so that only the trees are tested.
"""

import dataclasses
from collections.abc import Mapping
from datetime import date
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from criteria.evaluation import evaluate
from criteria.facts import Case, Source
from criteria.finding import Evidence, Finding, Judgement, document, met, not_met, unknown
from criteria.policy import Path
from criteria.tree import AllOf, AnyOf, AtLeast, Criterion, Leaf, Not, leaves_of
from criteria.verdict import Verdict
from tests.service.builders import shipped_data

bounded = settings(max_examples=80, deadline=None, derandomize=True, database=None)
PATHS = {
    f"{policy.id} {name}": path for policy in shipped_data()[0].policies.values() for name, path in policy.paths.items()
}
ON = date(2026, 9, 14)
NO_CASE = Mock(spec=Case)
EVIDENCE = Evidence(Source("Observation/1", "Observation.value"), "seen")
JUDGEMENTS = {
    Verdict.MET: met(EVIDENCE),
    Verdict.NOT_MET: not_met(EVIDENCE),
    Verdict.UNKNOWN: unknown(document("Send it.")),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Said:
    """A leaf's test with its verdict given."""

    verdict: Verdict

    def judge(self, case: Case, on: date, findings: Mapping[str, Finding]) -> Judgement:
        return JUDGEMENTS[self.verdict]


def substituted(criterion: Criterion, given_verdicts: Mapping[str, Verdict]) -> Criterion:
    match criterion:
        case Leaf():
            return dataclasses.replace(criterion, predicate=Said(given_verdicts[criterion.id]))
        case Not(of=branch):
            return dataclasses.replace(criterion, of=substituted(branch, given_verdicts))
        case AllOf(of=branches) | AnyOf(of=branches) | AtLeast(of=branches):
            return dataclasses.replace(criterion, of=tuple(substituted(each, given_verdicts) for each in branches))


def decided(path: Path, given_verdicts: Mapping[str, Verdict]) -> tuple[Verdict, set[str]]:
    """Return the root's verdict and the leaves with an open need."""
    found = evaluate(dataclasses.replace(path, root=substituted(path.root, given_verdicts)), NO_CASE, ON)
    return found.root.verdict, {each.criterion for each in found.open_needs}


def assignments(path: Path) -> st.SearchStrategy[dict[str, Verdict]]:
    ids = sorted({each.id for each in leaves_of(path.root)})
    return st.fixed_dictionaries({each: st.sampled_from(list(Verdict)) for each in ids})


for_each_path = pytest.mark.parametrize("name", sorted(PATHS))


@for_each_path
@bounded
@given(st.data())
def test_making_an_unknown_known_never_turns_a_decision_round(name: str, data: st.DataObject) -> None:
    """Section 1: strong Kleene logic. What is met or not met stays so, whatever the unknown leaves turn out to be."""
    path = PATHS[name]
    known = data.draw(assignments(path))
    before, _ = decided(path, known)
    for leaf in [each for each, verdict in known.items() if verdict is Verdict.UNKNOWN]:
        for verdict in (Verdict.MET, Verdict.NOT_MET):
            after, _ = decided(path, {**known, leaf: verdict})
            assert before in {Verdict.UNKNOWN, after}


@for_each_path
@bounded
@given(st.data())
def test_what_is_not_open_cannot_change_the_root(name: str, data: st.DataObject) -> None:
    """Section 1, open: a need is open if its branch could still change the root; so nobody is asked in vain."""
    path = PATHS[name]
    known = data.draw(assignments(path))
    before, open_leaves = decided(path, known)
    assert bool(open_leaves) == (before is Verdict.UNKNOWN)
    for leaf in [each for each, verdict in known.items() if verdict is Verdict.UNKNOWN and each not in open_leaves]:
        for verdict in (Verdict.MET, Verdict.NOT_MET):
            assert decided(path, {**known, leaf: verdict})[0] is before


@for_each_path
def test_the_root_can_be_met_and_be_left_open(name: str) -> None:
    path = PATHS[name]
    ids = {each.id for each in leaves_of(path.root)}
    assert decided(path, dict.fromkeys(ids, Verdict.MET)) == (Verdict.MET, set())
    assert decided(path, dict.fromkeys(ids, Verdict.UNKNOWN)) == (Verdict.UNKNOWN, ids)
