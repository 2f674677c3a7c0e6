"""The 25 rows of the HER2 table (clinical readings section 7, rows 1 to 24) and what contract section 7 adds."""

from itertools import permutations

import pytest

from criteria.facts import MarkerCall, MarkerResult
from criteria.oncology.her2_table import Status, classify
from tests.criteria.facts_builders import ihc, ish, marker, overall

POSITIVE, NEGATIVE, EQUIVOCAL = MarkerCall.POSITIVE, MarkerCall.NEGATIVE, MarkerCall.EQUIVOCAL
INDETERMINATE = MarkerCall.INDETERMINATE

# row, results of one group, status
ROWS: list[tuple[str, list[MarkerResult], Status]] = [
    ("1", [ihc("3+")], Status.POSITIVE),
    ("2", [ish("2.0", "4.0")], Status.POSITIVE),
    ("2", [ish("5.1", "12")], Status.POSITIVE),
    ("3", [ish("2.0", "3.9")], Status.POSITIVE),
    ("4", [ish("1.9", "6.0")], Status.POSITIVE),
    ("5", [ish("1.9", "4.0")], Status.EQUIVOCAL),
    ("5", [ish("1.9", "5.9")], Status.EQUIVOCAL),
    ("6", [ish("1.9", "3.9")], Status.NEGATIVE),
    ("7", [ish(copies="6.0", probe="single")], Status.POSITIVE),
    ("8", [ish(copies="4.0", probe="single")], Status.EQUIVOCAL),
    ("8", [ish(copies="5.9", probe="single")], Status.EQUIVOCAL),
    ("9", [ish(copies="3.9", probe="single")], Status.NEGATIVE),
    ("10", [ish("2.0")], Status.POSITIVE),
    ("11", [ish("1.9")], Status.UNDOCUMENTED),
    ("12", [ish(copies="6.0")], Status.POSITIVE),
    ("12", [ish(copies="6.0", probe="dual")], Status.POSITIVE),
    ("13", [ish(copies="5.9")], Status.UNDOCUMENTED),
    ("13", [ish(copies="3.9", probe="dual")], Status.UNDOCUMENTED),
    ("14", [ish(call=POSITIVE)], Status.POSITIVE),
    ("14", [ish(call=NEGATIVE)], Status.NEGATIVE),
    ("15", [ish(call=EQUIVOCAL)], Status.EQUIVOCAL),
    ("15", [ish(call=INDETERMINATE)], Status.EQUIVOCAL),
    ("16", [ihc("2+")], Status.EQUIVOCAL),
    ("16", [ihc(call=EQUIVOCAL)], Status.EQUIVOCAL),
    ("16", [ihc(call=INDETERMINATE)], Status.EQUIVOCAL),
    ("16", [ihc("2+"), ish(call=EQUIVOCAL)], Status.EQUIVOCAL),
    ("16", [ihc("2+"), ish("1.9", "5.0")], Status.EQUIVOCAL),
    ("17", [ihc("2+"), ish(call=POSITIVE)], Status.POSITIVE),
    ("17", [ihc("2+"), ish("2.1", "6.5")], Status.POSITIVE),
    ("17", [ihc("2+"), ish("2.1", "3.5")], Status.POSITIVE),
    ("17", [ihc(call=INDETERMINATE), ish(call=POSITIVE)], Status.POSITIVE),
    ("18", [ihc("2+"), ish(call=NEGATIVE)], Status.NEGATIVE),
    ("18", [ihc("2+"), ish("1.2", "3.0")], Status.NEGATIVE),
    ("19", [ihc("0"), ish(call=POSITIVE)], Status.DISCORDANT),
    ("19", [ihc("1+"), ish("2.5", "8")], Status.DISCORDANT),
    ("19", [ihc(call=NEGATIVE), ish("2.5")], Status.DISCORDANT),
    ("20", [ihc("3+"), ish(call=NEGATIVE)], Status.DISCORDANT),
    ("20", [ihc("3+"), ish("1.2", "3.0")], Status.DISCORDANT),
    ("21", [ihc("0")], Status.NEGATIVE),
    ("21", [ihc("1+")], Status.NEGATIVE),
    ("21", [ihc(call=NEGATIVE)], Status.NEGATIVE),
    ("22", [overall(POSITIVE)], Status.UNDOCUMENTED),
    ("22", [overall(NEGATIVE)], Status.UNDOCUMENTED),
    ("22", [overall(POSITIVE), overall(NEGATIVE, ref="other")], Status.DISCORDANT),
    ("15", [overall(EQUIVOCAL)], Status.EQUIVOCAL),
    ("15", [overall(INDETERMINATE)], Status.EQUIVOCAL),
    ("23", [ihc(call=POSITIVE)], Status.UNDOCUMENTED),
    # contract section 7: IHC 3+ with equivocal ISH, IHC 0/1+ with equivocal ISH, positive without score beside ISH
    ("1", [ihc("3+"), ish(call=EQUIVOCAL)], Status.POSITIVE),
    ("1", [ihc("3+"), ish("1.9", "5.0")], Status.POSITIVE),
    ("1", [ihc("3+"), ish("1.9")], Status.POSITIVE),
    ("1", [ihc("3+"), ish("2.2", "8")], Status.POSITIVE),
    ("15", [ihc("1+"), ish(call=EQUIVOCAL)], Status.EQUIVOCAL),
    ("5", [ihc("0"), ish("1.9", "5.0")], Status.EQUIVOCAL),
    ("6/21", [ihc("0"), ish("1.2", "3.0")], Status.NEGATIVE),
    ("11", [ihc("0"), ish("1.9")], Status.UNDOCUMENTED),
    ("13", [ihc("2+"), ish(copies="5.0")], Status.UNDOCUMENTED),
    ("14", [ihc(call=POSITIVE), ish(call=POSITIVE)], Status.POSITIVE),
    ("23", [ihc(call=POSITIVE), ish(call=NEGATIVE)], Status.DISCORDANT),
    ("15", [ihc(call=POSITIVE), ish(call=EQUIVOCAL)], Status.EQUIVOCAL),
    # nothing said
    ("none", [], Status.ABSENT),
    ("none", [ihc(), ish(), marker("m")], Status.ABSENT),
]


@pytest.mark.parametrize(("row", "results", "status"), ROWS, ids=[f"{i}-row-{row[0]}" for i, row in enumerate(ROWS)])
def test_a_group_of_results_falls_into_its_row(row: str, results: list[MarkerResult], status: Status) -> None:
    found = classify(results)
    assert (found.row, found.status) == (row, status)


@pytest.mark.parametrize(("row", "results", "status"), ROWS, ids=[f"{i}-row-{row[0]}" for i, row in enumerate(ROWS)])
def test_the_order_of_the_results_does_not_matter(row: str, results: list[MarkerResult], status: Status) -> None:
    assert {classify(each) for each in permutations(results)} == {classify(results)}


# ------------------------------------------------------------------ thresholds: just below, at, just above

THRESHOLDS = [
    # dual probe, many copies; few copies: the ratio decides between positive and equivocal or negative
    (ish("1.99", "5.0"), Status.EQUIVOCAL),
    (ish("2.00", "5.0"), Status.POSITIVE),
    (ish("2.01", "5.0"), Status.POSITIVE),
    (ish("1.99", "3.0"), Status.NEGATIVE),
    (ish("2.00", "3.0"), Status.POSITIVE),
    (ish("2.01", "3.0"), Status.POSITIVE),
    (ish("1.99"), Status.UNDOCUMENTED),
    (ish("2.00"), Status.POSITIVE),
    (ish("2.01"), Status.POSITIVE),
    # dual probe, ratio below 2.0: copies 4.0 and 6.0
    (ish("1.5", "3.99"), Status.NEGATIVE),
    (ish("1.5", "4.00"), Status.EQUIVOCAL),
    (ish("1.5", "4.01"), Status.EQUIVOCAL),
    (ish("1.5", "5.99"), Status.EQUIVOCAL),
    (ish("1.5", "6.00"), Status.POSITIVE),
    (ish("1.5", "6.01"), Status.POSITIVE),
    # single probe: copies 4.0 and 6.0
    (ish(copies="3.99", probe="single"), Status.NEGATIVE),
    (ish(copies="4.00", probe="single"), Status.EQUIVOCAL),
    (ish(copies="4.01", probe="single"), Status.EQUIVOCAL),
    (ish(copies="5.99", probe="single"), Status.EQUIVOCAL),
    (ish(copies="6.00", probe="single"), Status.POSITIVE),
    (ish(copies="6.01", probe="single"), Status.POSITIVE),
    # probe unknown: copies 6.0
    (ish(copies="5.99"), Status.UNDOCUMENTED),
    (ish(copies="6.00"), Status.POSITIVE),
    (ish(copies="6.01"), Status.POSITIVE),
]


@pytest.mark.parametrize(("result", "status"), THRESHOLDS, ids=[each.observed for each, _ in THRESHOLDS])
def test_a_value_at_a_limit_belongs_to_the_upper_row(result: MarkerResult, status: Status) -> None:
    assert classify([result]).status is status


BOUNDS = [
    (ish("> 2.2"), Status.POSITIVE),
    (ish(">= 2.0"), Status.POSITIVE),
    (ish("> 2.0"), Status.POSITIVE),
    (ish("2.0-2.2"), Status.POSITIVE),
    (ish("1.8-2.2"), Status.UNDOCUMENTED),
    (ish("1.8-2.2", "5.0"), Status.UNDOCUMENTED),
    (ish("> 1.9", "3.0"), Status.UNDOCUMENTED),
    (ish("<= 2.0", "3.0"), Status.UNDOCUMENTED),
    (ish("< 2.0", "3.0"), Status.NEGATIVE),
    (ish("< 2.0", "5.0"), Status.EQUIVOCAL),
    (ish("1.0-1.9", "< 4"), Status.NEGATIVE),
    (ish("1.5", "3-5"), Status.UNDOCUMENTED),
    (ish("1.5", "<= 4"), Status.UNDOCUMENTED),
    (ish("1.5", "4-5"), Status.EQUIVOCAL),
    (ish("1.5", "5-7"), Status.UNDOCUMENTED),
    (ish("1.5", "> 5"), Status.UNDOCUMENTED),
    (ish("1.5", "> 6"), Status.POSITIVE),
    (ish("1.5", ">= 6"), Status.POSITIVE),
    (ish(copies="< 4", probe="single"), Status.NEGATIVE),
    (ish(copies="<= 4", probe="single"), Status.UNDOCUMENTED),
    (ish(copies="3.9-4.1", probe="single"), Status.UNDOCUMENTED),
    (ish(copies="5.9-6.1", probe="single"), Status.UNDOCUMENTED),
    (ish(copies="> 6", probe="single"), Status.POSITIVE),
    (ish(copies="> 5"), Status.UNDOCUMENTED),
    (ish(copies="> 8"), Status.POSITIVE),
]


@pytest.mark.parametrize(("result", "status"), BOUNDS, ids=[each.observed for each, _ in BOUNDS])
def test_a_bound_decides_only_as_a_whole(result: MarkerResult, status: Status) -> None:
    assert classify([result]).status is status


# ------------------------------------------------------------------ words, reflex tests, remarks


@pytest.mark.parametrize(
    ("results", "reflex"),
    [
        ([ihc("2+")], "her2-ish"),
        ([ihc(call=INDETERMINATE)], "her2-ish"),
        ([ihc("2+"), ish(call=EQUIVOCAL)], "her2-ish"),
        ([ihc("1+"), ish(call=EQUIVOCAL)], "her2-ish"),
        ([overall(EQUIVOCAL)], "her2-ish"),
        ([ish("1.9", "5.0")], "her2-ihc"),
        ([ish(copies="5.0", probe="single")], "her2-ihc"),
        ([ish(call=EQUIVOCAL)], "her2-ihc"),
        ([ihc("3+")], None),
        ([ish("1.9")], None),
    ],
)
def test_an_equivocal_group_names_the_test_that_resolves_it(results: list[MarkerResult], reflex: str | None) -> None:
    assert classify(results).reflex == reflex


@pytest.mark.parametrize(
    ("results", "differs"),
    [
        ([ish("2.1", "3.5")], True),
        ([ish("1.9", "6.2")], True),
        ([ish("1.9", "5.0")], True),
        ([ish("2.1", "6.2")], False),
        ([ish("1.9", "3.5")], False),
        ([ish(copies="6.2", probe="single")], False),
    ],
)
def test_where_the_guideline_differs_from_the_policy_it_is_said(results: list[MarkerResult], differs: bool) -> None:
    assert ("guideline 2018/2023 differs" in classify(results).remark) is differs


@pytest.mark.parametrize(
    ("cells", "flagged"), [("19", True), ("20", False), ("21", False), ("< 20", True), ("15-25", False), (None, False)]
)
def test_fewer_than_twenty_cells_are_remarked_and_change_nothing(cells: str | None, flagged: bool) -> None:
    plain, counted = classify([ish("2.1", "5.0")]), classify([ish("2.1", "5.0", cells=cells)])
    assert ("at least 20 cells" in counted.remark) is flagged
    assert (counted.status, counted.row) == (plain.status, plain.row)


def test_the_cell_count_keeps_the_reflex_test_and_the_claim() -> None:
    assert classify([ish("1.9", "5.0", cells="12")]).reflex == "her2-ihc"
    assert classify([ihc(call=POSITIVE, cells="12")]).claims_positive


# ------------------------------------------------------------------ contradictions inside a group


@pytest.mark.parametrize(
    "results",
    [
        [ihc("3+"), ihc("0", ref="second")],
        [ihc(call=POSITIVE), ihc("1+", ref="second")],
        [ish(call=POSITIVE), ish(call=NEGATIVE, ref="second")],
        [ish("2.5", "3.0"), ish("1.2", "3.0", ref="second")],
        [ish(copies="7", probe="single"), ish(copies="3", probe="single", ref="second")],
        [ish("2.5", "8", call=NEGATIVE)],
        [ish("1.2", "3.0", call=POSITIVE)],
        [ihc("3+"), overall(NEGATIVE)],
        [ihc("0"), overall(POSITIVE)],
        [ihc("2+"), ish(call=POSITIVE), ish(call=NEGATIVE, ref="second")],
        [ihc("3+", conflict="score 3+, but interpreted as negative")],
    ],
)
def test_results_that_contradict_each_other_are_discordant(results: list[MarkerResult]) -> None:
    assert classify(results).status is Status.DISCORDANT


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([ihc("3+"), ihc("2+", ref="second")], Status.POSITIVE),
        ([ihc("2+"), ihc("1+", ref="second")], Status.EQUIVOCAL),
        ([ihc(call=INDETERMINATE), ihc("1+", ref="second")], Status.EQUIVOCAL),
        ([ihc("3+"), ihc(call=POSITIVE, ref="second")], Status.POSITIVE),
        ([ihc(call=POSITIVE), ihc(call=INDETERMINATE, ref="second")], Status.EQUIVOCAL),
        ([ihc("3+"), overall(POSITIVE)], Status.POSITIVE),
        ([ihc("0"), overall(NEGATIVE)], Status.NEGATIVE),
        ([ihc("2+"), overall(POSITIVE)], Status.EQUIVOCAL),
        ([ihc("3+"), overall(EQUIVOCAL)], Status.POSITIVE),
        ([ihc("2+"), ihc("2+", ref="second")], Status.EQUIVOCAL),
    ],
)
def test_results_that_do_not_contradict_each_other_are_read_together(
    results: list[MarkerResult], status: Status
) -> None:
    assert classify(results).status is status


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (ish("2.1", "3.5", call=NEGATIVE), Status.POSITIVE),
        (ish("1.9", "6.2", call=NEGATIVE), Status.POSITIVE),
        (ish("1.9", "5.0", call=NEGATIVE), Status.EQUIVOCAL),
        (ish("1.9", "5.0", call=POSITIVE), Status.EQUIVOCAL),
    ],
)
def test_the_policys_numbers_outrank_a_lab_that_follows_the_newer_guideline(
    result: MarkerResult, status: Status
) -> None:
    assert classify([result]).status is status


def test_a_conflict_inside_a_result_is_shown_in_its_own_words() -> None:
    found = classify([ihc("3+", conflict="score 3+, but interpreted as negative")])
    assert (found.row, found.remark) == ("conflict", "score 3+, but interpreted as negative")


def test_ratio_and_copy_number_of_one_panel_are_read_as_one_test() -> None:
    assert classify([ish("1.9"), ish(copies="3.0", ref="copies")]).row == "6"
    assert classify([ish("1.9"), ish(copies="6.2", ref="copies")]).row == "4"


@pytest.mark.parametrize(("one", "other"), [("4.5", "6.5"), ("4.5", "10.5"), ("5.9", "60")])
def test_a_positive_and_an_equivocal_count_of_one_specimen_give_one_status_whatever_their_digits(
    one: str, other: str
) -> None:
    pair = [ish(copies=one, probe="single"), ish(copies=other, probe="single", ref="second")]
    assert classify(pair).status is classify([ish(copies="4.5", probe="single"), ish(copies="6.5", ref="2")]).status


@pytest.mark.parametrize("score", ["0", "1+"])
def test_a_negative_score_without_a_method_does_not_claim_positive(score: str) -> None:
    found = classify([marker("m", score=score)])
    assert not found.claims_positive
    assert classify([marker("m", score=score), ihc("0")]).status is Status.NEGATIVE


def test_a_score_of_three_plus_without_a_method_claims_positive() -> None:
    assert classify([marker("m", score="3+")]).status in {Status.UNDOCUMENTED, Status.POSITIVE}


@pytest.mark.parametrize(("ratio", "copies", "unsaid"), [("1.8-2.2", "7", "ratio 2.0"), ("2.1", "3-5", "number 4.0")])
def test_a_remark_says_only_what_the_bounds_prove(ratio: str, copies: str, unsaid: str) -> None:
    found = classify([ish(ratio, copies)])
    assert found.status is Status.POSITIVE
    assert f"{unsaid} or more" not in found.remark
