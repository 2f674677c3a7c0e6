"""HER2 results of a patient: which are one group, and what the groups say together (contract section 7)."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from criteria.facts import MarkerCall, MarkerMethod, MarkerResult
from criteria.oncology.her2 import Her2Reading, read_her2
from criteria.oncology.her2_table import Status
from tests.criteria.facts_builders import ihc, ish, marker, overall

POSITIVE, NEGATIVE, EQUIVOCAL = MarkerCall.POSITIVE, MarkerCall.NEGATIVE, MarkerCall.EQUIVOCAL
DAYS = 30


def read(*results: MarkerResult) -> Her2Reading:
    return read_her2(results, DAYS)


def status(*results: MarkerResult) -> Status:
    return read(*results).call.status


def groups(*results: MarkerResult) -> int:
    return len(read(*results).groups)


# ------------------------------------------------------------------ groups


def test_results_of_one_specimen_are_one_group_whatever_their_dates() -> None:
    assert groups(ihc("2+", on="2025-01-01"), ish("2.5", on="2026-01-01")) == 1


def test_results_of_one_report_are_one_group() -> None:
    one = ihc("2+", specimen=None, report="DiagnosticReport/1", on="2025-01-01")
    assert groups(one, ish("2.5", specimen="Specimen/2", report="DiagnosticReport/1", on="2026-01-01")) == 1


def test_results_of_two_specimens_are_two_groups_even_on_one_day() -> None:
    assert groups(ihc("2+", specimen="Specimen/1"), ish("2.5", specimen="Specimen/2")) == 2


@pytest.mark.parametrize(
    ("other", "expected"),
    [("2026-01-30", 1), ("2026-01-31", 1), ("2026-02-01", 2), ("2025-12-02", 1), ("2025-12-01", 2)],
)
@pytest.mark.parametrize("specimen", [None, "Specimen/2"])
def test_without_a_specimen_on_one_of_them_results_within_thirty_days_are_one_group(
    other: str, expected: int, specimen: str | None
) -> None:
    assert groups(ihc("2+", specimen=None, on="2026-01-01"), ish("2.5", specimen=specimen, on=other)) == expected


@pytest.mark.parametrize(("other", "expected"), [("2026-01", 1), ("2026", 2), ("2026-02", 2), (None, 2)])
def test_a_partial_or_missing_date_joins_only_where_every_day_it_may_mean_does(
    other: str | None, expected: int
) -> None:
    assert groups(ihc("2+", specimen=None, on="2026-01-15"), ish("2.5", specimen=None, on=other)) == expected


def test_a_result_joins_two_groups_that_it_belongs_to_both() -> None:
    first = ihc("2+", specimen="Specimen/1")
    second = ish("2.5", specimen="Specimen/2")
    link = marker("link", specimen=None, report="Specimen/1", on=None)
    both = marker("both", specimen="Specimen/2", report="Specimen/1", on=None)
    assert groups(first, second, link) == 2
    assert groups(first, second, both) == 1


def test_an_assertion_never_joins_a_group_by_its_date() -> None:
    said = overall(POSITIVE, specimen=None, assertion=True, on="2026-01-10")
    assert groups(said, ihc("0", specimen=None, on="2026-01-10")) == 2


def test_a_group_is_dated_by_its_newest_result() -> None:
    (group,) = read(ihc("2+", on="2026-01-01"), ish("2.5", on="2026-02-01"), marker("x", on=None)).groups
    assert str(group.when) == "2026-02-01"
    (undated,) = read(ihc("2+", on=None)).groups
    assert undated.when is None


def test_a_preliminary_result_is_shown_and_not_counted() -> None:
    found = read(ihc("3+", counted=False), ihc("0", ref="final", specimen="Specimen/2"))
    assert found.call.status is Status.NEGATIVE
    assert [each.source.reference for each in found.uncounted] == ["Observation/ihc"]
    assert status(ihc("3+", counted=False)) is Status.ABSENT


def test_no_result_is_absent_not_negative() -> None:
    assert read().call.remark == "no HER2 result on record"
    assert status(ihc()) is Status.ABSENT


# ------------------------------------------------------------------ groups together (row 25)

OLD, NEW = "2025-01-10", "2026-01-10"


def old(result: MarkerResult) -> MarkerResult:
    return at(result, OLD, "Specimen/old", "old")


def new(result: MarkerResult) -> MarkerResult:
    return at(result, NEW, "Specimen/new", "new")


def at(result: MarkerResult, on: str | None, specimen: str | None, ref: str) -> MarkerResult:
    return marker(
        ref,
        result.method,
        call=result.call,
        score=result.score,
        ratio=None if result.ratio is None else str(result.ratio),
        copies=None if result.copies is None else str(result.copies),
        probe=result.probe,
        on=on,
        specimen=specimen,
        assertion=result.assertion,
    )


ROW_25 = [
    ("older positive, newer negative", [old(ihc("3+")), new(ihc("0"))], Status.DISCORDANT),
    ("older negative, newer positive", [old(ihc("0")), new(ihc("3+"))], Status.DISCORDANT),
    ("both positive", [old(ihc("3+")), new(ish("2.5"))], Status.POSITIVE),
    ("both negative", [old(ihc("0")), new(ish(call=NEGATIVE))], Status.NEGATIVE),
    ("older positive, newest equivocal", [old(ihc("3+")), new(ihc("2+"))], Status.EQUIVOCAL),
    ("older equivocal, newer positive", [old(ihc("2+")), new(ihc("3+"))], Status.POSITIVE),
    ("older equivocal, newer negative", [old(ihc("2+")), new(ihc("0"))], Status.NEGATIVE),
    ("older negative, newest equivocal", [old(ihc("0")), new(ihc("2+"))], Status.EQUIVOCAL),
    ("older equivocal, newest equivocal", [old(ihc("2+")), new(ish("1.9", "5.0"))], Status.EQUIVOCAL),
    ("older undocumented, newer positive", [old(ihc(call=POSITIVE)), new(ihc("3+"))], Status.POSITIVE),
    ("older positive, newer claim of positive", [old(ihc("3+")), new(ihc(call=POSITIVE))], Status.POSITIVE),
    ("older positive, newer ratio without copies", [old(ihc("3+")), new(ish("1.9"))], Status.UNDOCUMENTED),
    ("older claim of positive, newer negative", [old(ihc(call=POSITIVE)), new(ihc("0"))], Status.DISCORDANT),
    ("older negative, newer claim of positive", [old(ihc("0")), new(ihc(call=POSITIVE))], Status.DISCORDANT),
    ("undocumented alone", [old(ish("1.9")), new(ish(copies="5"))], Status.UNDOCUMENTED),
    ("undocumented and equivocal", [old(ihc("2+")), new(ish("1.9"))], Status.EQUIVOCAL),
    ("discordant group beside a positive one", [old(ihc("3+")), new(ihc("0")), new(ihc("0"))], Status.DISCORDANT),
]  # fmt: skip


@pytest.mark.parametrize(("results", "expected"), [row[1:] for row in ROW_25], ids=[row[0] for row in ROW_25])
def test_groups_are_combined_by_row_25(results: list[MarkerResult], expected: Status) -> None:
    assert status(*results) is expected


def test_a_disagreement_shows_both_results_with_their_days() -> None:
    call = read(old(ihc("3+")), new(ihc("0"))).call
    assert call.row == "25"
    assert "IHC 3+" in call.remark
    assert OLD in call.remark
    assert NEW in call.remark
    undated = read(at(ihc("3+"), None, "Specimen/1", "a"), new(ihc("0"))).call
    assert "undated" in undated.remark


def test_an_equivocal_result_of_the_same_day_or_of_no_day_does_not_reopen_a_positive_one() -> None:
    assert status(new(ihc("3+")), at(ihc("2+"), NEW, "Specimen/2", "b")) is Status.POSITIVE
    assert status(new(ihc("3+")), at(ihc("2+"), None, "Specimen/2", "b")) is Status.POSITIVE


def test_an_equivocal_result_whose_day_may_be_before_or_after_does_not_count_as_newer() -> None:
    assert status(new(ihc("3+")), at(ihc("2+"), "2026", "Specimen/2", "b")) is Status.POSITIVE


@pytest.mark.parametrize(
    ("said", "tested", "expected"),
    [
        (POSITIVE, ihc("3+"), Status.POSITIVE),
        (POSITIVE, ihc("0"), Status.DISCORDANT),
        (NEGATIVE, ihc("3+"), Status.POSITIVE),
        (NEGATIVE, ihc("0"), Status.NEGATIVE),
        (POSITIVE, ihc("2+"), Status.EQUIVOCAL),
        (NEGATIVE, ihc("2+"), Status.EQUIVOCAL),
    ],
)
def test_a_newer_assertion_does_not_reopen_a_test_and_a_claim_of_positive_contradicts_a_negative_one(
    said: MarkerCall, tested: MarkerResult, expected: Status
) -> None:
    assertion = overall(said, specimen=None, assertion=True, on="2026-06-01")
    assert status(old(tested), assertion) is expected


@pytest.mark.parametrize("said", [POSITIVE, NEGATIVE])
def test_an_assertion_alone_never_decides(said: MarkerCall) -> None:
    assert status(overall(said, specimen=None, assertion=True)) is Status.UNDOCUMENTED


def test_the_newest_equivocal_result_names_the_test() -> None:
    assert read(old(ihc("2+")), new(ish("1.9", "5.0"))).call.reflex == "her2-ihc"
    assert read(old(ish("1.9", "5.0")), new(ihc("2+"))).call.reflex == "her2-ish"


@pytest.mark.parametrize(("middle", "last"), [("a", "b"), ("b", "a")])
def test_of_several_newer_open_results_the_newest_decides_whatever_their_ids(middle: str, last: str) -> None:
    positive = old(ihc("3+"))
    undocumented = at(ish(copies="4.5"), "2025-06-01", "Specimen/m", middle)
    equivocal = at(ihc("2+"), "2026-01-01", "Specimen/l", last)
    assert status(positive, undocumented, equivocal) is Status.EQUIVOCAL


# ------------------------------------------------------------------ order and names


@pytest.mark.parametrize("results", [row[1] for row in ROW_25], ids=[row[0] for row in ROW_25])
def test_the_reading_does_not_depend_on_the_order_of_the_resources(results: list[MarkerResult]) -> None:
    assert len({str(read(*each)) for each in permutations(results)}) == 1


RESULTS = st.builds(
    lambda method, call, score, numbers, on, specimen: (method, call, score, numbers, on, specimen),
    st.sampled_from(MarkerMethod),
    st.sampled_from([None, *MarkerCall]),
    st.sampled_from([None, None, "0", "1+", "2+", "3+"]),
    st.sampled_from([(None, None), (None, None), ("1.9", None), ("2.1", "3.5"), ("1.9", "5.0"), (None, "4.5")]),
    st.sampled_from([None, "2025-01-01", "2025-01-20", "2025-06-01", "2026-01-01", "2026"]),
    st.sampled_from([None, "Specimen/1", "Specimen/2", "Specimen/3"]),
)


@given(st.lists(RESULTS, max_size=5), st.data())
@settings(max_examples=300, deadline=None)
def test_neither_order_nor_names_of_resources_change_the_status(
    drawn: list[tuple[MarkerMethod, MarkerCall | None, str | None, tuple[str | None, str | None], str, str | None]],
    data: st.DataObject,
) -> None:
    def built(names: list[int]) -> list[MarkerResult]:
        return [
            marker(
                f"{name}",
                method,
                call=call,
                score=score if method is MarkerMethod.IHC else None,
                ratio=numbers[0] if method is MarkerMethod.ISH else None,
                copies=numbers[1] if method is MarkerMethod.ISH else None,
                on=on,
                specimen=specimen,
            )
            for name, (method, call, score, numbers, on, specimen) in zip(names, drawn, strict=True)
        ]

    names = list(range(len(drawn)))
    renamed = built(data.draw(st.permutations(names)))
    first = read(*built(names))
    assert read(*data.draw(st.permutations(built(names)))) == first
    assert read(*renamed).call.status is first.call.status
