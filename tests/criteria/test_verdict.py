from itertools import product

import pytest

from criteria.verdict import Verdict, all_of, any_of, at_least, negate

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
DECIDED = (MET, NOT_MET)

# Strong Kleene logic, written out so that it can be checked against the book with a finger.
# left, right, all of them, any of them
TABLE = [
    (MET, MET, MET, MET),
    (MET, UNKNOWN, UNKNOWN, MET),
    (MET, NOT_MET, NOT_MET, MET),
    (UNKNOWN, MET, UNKNOWN, MET),
    (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    (UNKNOWN, NOT_MET, NOT_MET, UNKNOWN),
    (NOT_MET, MET, NOT_MET, MET),
    (NOT_MET, UNKNOWN, NOT_MET, UNKNOWN),
    (NOT_MET, NOT_MET, NOT_MET, NOT_MET),
]

# verdicts, threshold, verdict of at least so many
COUNTED = [
    ((MET, NOT_MET, UNKNOWN), 1, MET),
    ((MET, NOT_MET, UNKNOWN), 2, UNKNOWN),
    ((MET, NOT_MET, UNKNOWN), 3, NOT_MET),
    ((UNKNOWN, UNKNOWN, UNKNOWN), 3, UNKNOWN),
    ((MET, MET, NOT_MET), 2, MET),
    ((MET, MET, NOT_MET), 3, NOT_MET),
    ((NOT_MET, NOT_MET, UNKNOWN), 1, UNKNOWN),
    ((NOT_MET, NOT_MET, NOT_MET), 1, NOT_MET),
]

TRIPLES = list(product(Verdict, repeat=3))


def completions(verdicts: tuple[Verdict, ...]) -> list[tuple[Verdict, ...]]:
    return list(product(*[DECIDED if each is UNKNOWN else (each,) for each in verdicts]))


@pytest.mark.parametrize(("left", "right", "both", "_either"), TABLE)
def test_all_of_two_is_the_kleene_conjunction(
    left: Verdict,
    right: Verdict,
    both: Verdict,
    _either: Verdict,
) -> None:
    assert all_of([left, right]) is both


@pytest.mark.parametrize(("left", "right", "_both", "either"), TABLE)
def test_any_of_two_is_the_kleene_disjunction(
    left: Verdict,
    right: Verdict,
    _both: Verdict,
    either: Verdict,
) -> None:
    assert any_of([left, right]) is either


def test_the_table_has_every_pair_once() -> None:
    assert sorted((left.value, right.value) for left, right, _, _ in TABLE) == sorted(
        (left.value, right.value) for left, right in product(Verdict, repeat=2)
    )


@pytest.mark.parametrize(("verdicts", "threshold", "expected"), COUNTED)
def test_at_least_counts_what_is_met_and_what_may_be(
    verdicts: tuple[Verdict, ...], threshold: int, expected: Verdict
) -> None:
    assert at_least(threshold, verdicts) is expected


@pytest.mark.parametrize(("verdict", "expected"), [(MET, NOT_MET), (NOT_MET, MET), (UNKNOWN, UNKNOWN)])
def test_negation_swaps_met_and_not_met_and_leaves_unknown(verdict: Verdict, expected: Verdict) -> None:
    assert negate(verdict) is expected


@pytest.mark.parametrize("threshold", [1, 2, 3])
@pytest.mark.parametrize("triple", TRIPLES)
def test_at_least_is_unknown_exactly_when_the_completions_of_the_unknowns_disagree(
    triple: tuple[Verdict, ...], threshold: int
) -> None:
    possible = {MET if each.count(MET) >= threshold else NOT_MET for each in completions(triple)}
    assert at_least(threshold, triple) is (possible.pop() if len(possible) == 1 else UNKNOWN)


@pytest.mark.parametrize("triple", TRIPLES)
def test_any_is_at_least_one_and_all_is_at_least_every_one(triple: tuple[Verdict, ...]) -> None:
    assert any_of(triple) is at_least(1, triple)
    assert all_of(triple) is at_least(3, triple)


@pytest.mark.parametrize("triple", TRIPLES)
def test_de_morgan_holds_both_ways(triple: tuple[Verdict, ...]) -> None:
    assert negate(all_of(triple)) is any_of(negate(each) for each in triple)
    assert negate(any_of(triple)) is all_of(negate(each) for each in triple)


@pytest.mark.parametrize("triple", TRIPLES)
def test_the_order_of_the_verdicts_does_not_matter(triple: tuple[Verdict, ...]) -> None:
    for threshold in (1, 2, 3):
        assert at_least(threshold, reversed(triple)) is at_least(threshold, triple)


def test_verdicts_may_come_from_an_iterator_that_is_read_once() -> None:
    assert all_of(iter([MET, UNKNOWN])) is UNKNOWN
    assert any_of(iter([MET, UNKNOWN])) is MET


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_verdict_has_no_truth_value(verdict: Verdict) -> None:
    with pytest.raises(TypeError, match="compare it with a named verdict"):
        bool(verdict)
