from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import force_setattr

from criteria.errors import UndecidedError
from criteria.evaluation import evaluate
from criteria.finding import Determination, Finding, Judgement, Need, NeedKind, unknown
from criteria.tree import AllOf, AnyOf, AtLeast, Criterion, Leaf, Not, leaves_of
from criteria.verdict import Verdict
from tests.criteria.facts_builders import CITATION, ON, case
from tests.criteria.trees import Fixed, can_flip, completions, leaf, path, trees, verdict_of

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN


def judged(root: Criterion) -> Determination:
    return evaluate(path(root), case(), ON)


def asked(root: Criterion) -> list[str]:
    return [each.criterion for each in judged(root).open_needs]


def in_view(root: Criterion) -> dict[str, bool]:
    return {each.criterion: each.in_view for each in judged(root).open_needs}


def fixed(criterion: Leaf) -> Fixed:
    assert isinstance(criterion.predicate, Fixed)
    return criterion.predicate


def everything(finding: Finding) -> list[Finding]:
    return [finding, *(below for each in finding.of for below in everything(each))]


# ------------------------------------------------------------------ the tree of findings


def test_the_findings_have_the_shape_of_the_tree_with_citations_on_the_leaves() -> None:
    tree = AllOf("all", "All", (leaf("a", MET), AnyOf("any", "Any", (leaf("b", NOT_MET), leaf("c", MET)))))
    found = judged(tree)
    assert (found.path, found.on) == ("initial", ON)
    assert [(each.id, each.verdict) for each in everything(found.root)] == [
        ("all", MET),
        ("a", MET),
        ("any", MET),
        ("b", NOT_MET),
        ("c", MET),
    ]
    assert [each.citation for each in everything(found.root) if not each.of] == [CITATION] * 3
    assert found.root.citation is None


@pytest.mark.parametrize(
    ("root", "verdict"),
    [
        (leaf("a", MET), MET),
        (Not("n", "n", leaf("a", MET)), NOT_MET),
        (Not("n", "n", leaf("a", NOT_MET)), MET),
        (AtLeast("l", "l", 2, (leaf("a", MET), leaf("b", NOT_MET), leaf("c", MET))), MET),
        (AtLeast("l", "l", 2, (leaf("a", MET), leaf("b", NOT_MET), leaf("c", NOT_MET))), NOT_MET),
        (AtLeast("l", "l", 2, (leaf("a", MET), leaf("b", NOT_MET), leaf("c"))), UNKNOWN),
    ],
)
def test_every_connective_combines_what_is_below_it(root: Criterion, verdict: Verdict) -> None:
    assert judged(root).root.verdict is verdict


def test_the_whole_tree_is_judged_even_where_the_root_is_already_decided() -> None:
    leaves = [leaf("a", NOT_MET), leaf("b", MET), leaf("c", UNKNOWN), leaf("d", MET)]
    tree = AllOf("all", "all", (leaves[0], AnyOf("any", "any", (leaves[1], leaves[2])), leaves[3]))
    assert judged(tree).root.verdict is NOT_MET
    assert [fixed(each).asked for each in leaves] == [1, 1, 1, 1]


def test_a_criterion_that_stands_in_several_places_is_judged_once() -> None:
    twice = leaf("twice")
    tree = AllOf("all", "all", (twice, AnyOf("any", "any", (twice, leaf("b")))))
    found = judged(tree)
    assert fixed(twice).asked == 1
    assert found.root.of[0] is found.root.of[1].of[0]
    assert asked(tree).count("twice") == 1


def test_a_leaf_sees_the_findings_it_relies_on_and_no_others() -> None:
    before = AnyOf("before", "before", (leaf("a", MET), leaf("b", NOT_MET)))
    relying = leaf("relying", MET, relies_on=("before",))
    judged(AllOf("all", "all", (before, relying)))
    (shown,) = fixed(relying).shown
    assert list(shown) == ["before"]
    assert [(each.id, each.verdict) for each in shown["before"].of] == [("a", MET), ("b", NOT_MET)]


def test_a_need_without_words_of_its_own_takes_the_request_of_the_leaf() -> None:
    root = Leaf("root", "Root", CITATION, Fixed(UNKNOWN, needs=("", "exactly this")), "what to send")
    assert [each.need.text for each in judged(root).open_needs] == ["what to send", "exactly this"]
    assert [each.text for each in judged(root).root.needs] == ["what to send", "exactly this"]


# ------------------------------------------------------------------ open needs


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (AllOf("r", "r", (leaf("a"), leaf("b", MET))), ["a"]),
        (AllOf("r", "r", (leaf("a"), leaf("b", NOT_MET))), []),
        (AnyOf("r", "r", (leaf("a"), leaf("b", MET))), []),
        (AnyOf("r", "r", (leaf("a"), leaf("b", NOT_MET), leaf("c"))), ["a", "c"]),
        (AllOf("r", "r", (leaf("a"), AnyOf("i", "i", (leaf("b"), leaf("c", MET))))), ["a"]),
        (AnyOf("r", "r", (leaf("a"), AllOf("i", "i", (leaf("b"), leaf("c", NOT_MET))))), ["a"]),
        (AtLeast("r", "r", 2, (leaf("a"), leaf("b"), leaf("c", NOT_MET))), ["a", "b"]),
        (AtLeast("r", "r", 1, (leaf("a"), leaf("b", MET))), []),
        (AtLeast("r", "r", 2, (leaf("a"), leaf("b", NOT_MET), leaf("c", NOT_MET))), []),
        (Not("r", "r", AllOf("i", "i", (leaf("a"), leaf("b", MET)))), ["a"]),
    ],
)
def test_only_what_can_still_change_the_root_is_asked(root: Criterion, expected: list[str]) -> None:
    assert asked(root) == expected


@given(trees())
@settings(max_examples=400, deadline=None)
def test_a_leaf_is_asked_exactly_when_some_completion_lets_it_decide_the_root(root: Criterion) -> None:
    unknowns = [each.id for each in leaves_of(root) if fixed(each).verdict is UNKNOWN]
    assert sorted(asked(root)) == sorted(name for name in unknowns if can_flip(root, name))


@given(trees(repeated=True))
@settings(max_examples=300, deadline=None)
def test_where_a_leaf_stands_twice_no_leaf_that_can_decide_the_root_is_forgotten(root: Criterion) -> None:
    """A tree like `a or not a` stays unknown in Kleene logic, so more may be asked than can change the root."""
    unknowns = {each.id for each in leaves_of(root) if fixed(each).verdict is UNKNOWN}
    assert {name for name in unknowns if can_flip(root, name)} <= set(asked(root))


@given(trees(repeated=True))
@settings(max_examples=300, deadline=None)
def test_a_decided_root_is_what_every_completion_of_the_unknowns_would_make_it(root: Criterion) -> None:
    found = judged(root).root.verdict
    possible = {MET if verdict_of(root, each) else NOT_MET for each in completions(root)}
    assert found is UNKNOWN or possible == {found}


@given(trees())
@settings(max_examples=300, deadline=None)
def test_where_no_leaf_stands_twice_an_unknown_root_can_still_go_both_ways(root: Criterion) -> None:
    found = judged(root).root.verdict
    possible = {verdict_of(root, each) for each in completions(root)}
    assert (found is UNKNOWN) is (len(possible) == 2)


@given(trees(repeated=True), st.data())
@settings(max_examples=300, deadline=None)
def test_making_an_unknown_known_never_flips_met_and_not_met(root: Criterion, data: st.DataObject) -> None:
    before = {each.id: each.verdict for each in everything(judged(root).root)}
    unknowns = [each for each in leaves_of(root) if fixed(each).verdict is UNKNOWN]
    for each in unknowns:
        fixed(each).verdict = data.draw(st.sampled_from(Verdict))
    after = {each.id: each.verdict for each in everything(judged(root).root)}
    assert {name: after[name] for name, verdict in before.items() if verdict is not UNKNOWN} == {
        name: verdict for name, verdict in before.items() if verdict is not UNKNOWN
    }


@given(trees(repeated=True))
@settings(max_examples=200, deadline=None)
def test_an_unknown_root_always_asks_for_something_in_view(root: Criterion) -> None:
    found = judged(root)
    assert (found.root.verdict is UNKNOWN) is (found.open_needs != ())
    assert found.root.verdict is not UNKNOWN or any(each.in_view for each in found.open_needs)


# ------------------------------------------------------------------ in view


def branch(name: str, gate: Verdict, other: Verdict = UNKNOWN) -> AllOf:
    return AllOf(name, name, (leaf(f"{name}-gate", gate, gate=True), leaf(f"{name}-rest", other)))


def test_a_branch_whose_gate_is_met_takes_the_others_out_of_view() -> None:
    root = AnyOf("root", "root", (branch("breast", MET), branch("lung", UNKNOWN), leaf("other")))
    assert in_view(root) == {"breast-rest": True, "lung-gate": False, "lung-rest": False, "other": False}


def test_all_branches_with_a_met_gate_are_in_view() -> None:
    root = AnyOf("root", "root", (branch("one", MET), branch("two", MET), branch("three", UNKNOWN)))
    assert in_view(root) == {"one-rest": True, "two-rest": True, "three-gate": False, "three-rest": False}


def test_without_a_met_gate_every_unknown_branch_is_in_view() -> None:
    root = AnyOf("root", "root", (branch("one", UNKNOWN), branch("two", UNKNOWN), leaf("other")))
    assert set(in_view(root).values()) == {True}


def test_a_met_gate_of_a_branch_that_already_failed_hides_nothing() -> None:
    root = AnyOf("root", "root", (branch("failed", MET, NOT_MET), branch("open", UNKNOWN)))
    assert in_view(root) == {"open-gate": True, "open-rest": True}


def test_a_leaf_that_is_a_gate_and_unknown_does_not_hide_its_neighbours() -> None:
    root = AnyOf("root", "root", (leaf("gate", gate=True), leaf("plain")))
    assert in_view(root) == {"gate": True, "plain": True}


def test_a_met_leaf_without_gate_hides_nothing() -> None:
    ungated = AllOf("ungated", "ungated", (leaf("no-gate", MET), leaf("rest")))
    root = AnyOf("root", "root", (ungated, leaf("other")))
    assert in_view(root) == {"rest": True, "other": True}


@pytest.mark.parametrize(
    "wrapped",
    [
        AnyOf("w", "w", (leaf("x", NOT_MET, gate=True), leaf("rest"))),
        AtLeast("w", "w", 2, (leaf("x", MET, gate=True), leaf("rest"))),
        Not("w", "w", leaf("rest")),
    ],
)
def test_only_a_leaf_or_a_direct_part_of_an_all_of_gates_a_branch(wrapped: Criterion) -> None:
    assert in_view(AnyOf("root", "root", (wrapped, leaf("other")))) == {"rest": True, "other": True}


def test_what_lies_below_a_branch_out_of_view_is_out_of_view_too() -> None:
    hidden = AllOf("hidden", "hidden", (leaf("g", gate=True), AnyOf("deep", "deep", (leaf("a"), leaf("b")))))
    assert in_view(AnyOf("root", "root", (branch("seen", MET), hidden))) == {
        "seen-rest": True,
        "g": False,
        "a": False,
        "b": False,
    }


@pytest.mark.parametrize("hidden_first", [True, False])
def test_a_leaf_is_in_view_when_one_of_its_places_is(hidden_first: bool) -> None:
    shared = leaf("shared")
    hidden = AllOf("hidden", "hidden", (leaf("g", gate=True), shared))
    seen = AllOf("seen", "seen", (leaf("gate", MET, gate=True), shared))
    branches = (hidden, seen) if hidden_first else (seen, hidden)
    assert in_view(AnyOf("root", "root", branches)) == {"shared": True, "g": False}


def test_view_changes_neither_the_verdict_nor_which_needs_are_open() -> None:
    gated = AnyOf("root", "root", (branch("breast", MET), branch("lung", UNKNOWN)))
    ungated = AnyOf("root", "root", (branch("breast", MET), branch("lung", UNKNOWN), leaf("same", NOT_MET)))
    assert judged(gated).root.verdict is judged(ungated).root.verdict
    assert asked(gated) == asked(ungated)


# ------------------------------------------------------------------ needs


def test_several_needs_of_one_leaf_are_all_open_and_equal_ones_are_asked_once() -> None:
    root = Leaf("root", "Root", CITATION, Fixed(UNKNOWN, needs=("this", "that", "this")), "request")
    assert [each.need.text for each in judged(root).open_needs] == ["this", "that"]


def test_the_same_words_for_two_leaves_are_asked_for_both() -> None:
    assert asked(AllOf("all", "all", (leaf("a"), leaf("b")))) == ["a", "b"]


@dataclass(frozen=True, slots=True)
class Careless:
    """A predicate that gets round the invariant of Judgement."""

    def judge(self, *_ignored: object) -> Judgement:
        found = unknown(Need(NeedKind.DOCUMENT, "x"))
        force_setattr(found, "needs", ())
        return found


def test_an_unknown_root_without_an_open_need_is_a_bug_and_never_an_answer() -> None:
    root = Leaf("careless", "Careless", CITATION, Careless(), "request")
    with pytest.raises(UndecidedError, match="unknown root 'careless' without an open need"):
        judged(root)
