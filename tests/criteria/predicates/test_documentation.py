from datetime import timedelta
from typing import Any

import pytest

from criteria.facts import SearchState
from criteria.finding import NeedKind, Role
from criteria.verdict import Verdict
from tests.criteria.facts_builders import ON, answer, case, diagnosis, document, exposure, measurement, status
from tests.criteria.predicates.building import judged

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN


def before(days_ago: int) -> str:
    return (ON - timedelta(days=days_ago)).isoformat()


def measured(value: str, *, below: bool = False, on: str | None = "2026-06-01", **facts: Any) -> Verdict:
    params = {"kind": "lvef", "limit": "50", "below": below, "within_days": 90}
    return judged("measured", params, case(measurements=[measurement("lvef", value, on)], **facts)).verdict


@pytest.mark.parametrize(
    ("value", "reaches", "stays_below"),
    [
        ("49.9", NOT_MET, MET),
        ("50", MET, NOT_MET),
        ("50.1", MET, NOT_MET),
        ("> 50", MET, NOT_MET),
        ("< 50", NOT_MET, MET),
        ("<= 50", UNKNOWN, UNKNOWN),
        ("45-55", UNKNOWN, UNKNOWN),
    ],
)
def test_a_measurement_reaches_or_stays_below_a_limit_and_a_straddling_interval_is_unknown(
    value: str, reaches: Verdict, stays_below: Verdict
) -> None:
    assert measured(value) is reaches
    assert measured(value, below=True) is stays_below


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (before(89), MET),
        (before(90), MET),
        (before(91), UNKNOWN),
        ("2026", UNKNOWN),
        (None, UNKNOWN),
        (before(-1), MET),
    ],
)
def test_a_measurement_counts_while_it_is_surely_recent(on: str | None, expected: Verdict) -> None:
    assert measured("60", on=on) is expected


def test_an_old_measurement_is_shown_as_too_old_and_a_silent_system_is_named() -> None:
    params = {"kind": "lvef", "limit": "50", "within_days": 90}
    old = judged("measured", params, case(measurements=[measurement("lvef", "60", before(91))]))
    assert [each.role for each in old.evidence] == [Role.TOO_OLD]
    down = judged("measured", params, case(searches={"Observation": SearchState.FAILED}))
    assert [each.kind for each in down.needs] == [NeedKind.SOURCE]


def test_the_newest_measurement_of_the_kind_counts() -> None:
    params = {"kind": "lvef", "limit": "50", "within_days": 90}
    subject = case(
        measurements=[
            measurement("lvef", "60", before(10)),
            measurement("lvef", "40", before(5)),
            measurement("body-weight", "70", before(1)),
        ]
    )
    assert judged("measured", params, subject).verdict is NOT_MET


@pytest.mark.parametrize(
    ("on", "expected"),
    [(before(89), MET), (before(90), MET), (before(91), UNKNOWN), ("2026", UNKNOWN), (None, UNKNOWN)],
)
def test_a_document_counts_while_it_is_surely_recent_and_its_absence_is_unknown(
    on: str | None, expected: Verdict
) -> None:
    params = {"kinds": ["oncology-note"], "within_days": 90}
    found = judged("documented", params, case(documents=[document("oncology-note", on)]))
    assert found.verdict is expected
    assert [each.role for each in found.evidence] == [
        Role.SUPPORTS if expected is MET else Role.UNUSABLE if on is None else Role.TOO_OLD
    ]
    assert judged("documented", params, case()).verdict is UNKNOWN


def no_progression(*statuses: Any, first: str | None = "2026-02-01") -> Verdict:
    doses = [exposure("margetuximab", first)]
    subject = case(exposures=doses, disease_statuses=statuses, diagnoses=[diagnosis("cancer-breast")])
    return judged("no-progression", {"within_days": 183}, subject).verdict


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([status("stable", "2026-05-01")], MET),
        ([status("worsened", "2026-05-01")], NOT_MET),
        ([status("worsened", "2026-04-01"), status("improved", "2026-05-01")], MET),
        ([status("improved", "2026-04-01"), status("worsened", "2026-05-01")], NOT_MET),
        ([status("improved", "2026-05-01"), status("worsened", "2026-05-01")], UNKNOWN),
        ([status("worsened", "2026"), status("improved", "2026-06-01")], UNKNOWN),
        ([status("worsened", "2026-05"), status("improved", "2026-06-01")], MET),
        ([status("undetermined", "2026-05-01")], UNKNOWN),
        ([status("stable", "2026-02-01")], UNKNOWN),
        ([status("stable", None)], UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_progression_is_read_from_the_newest_status_after_the_first_dose(statuses: Any, expected: Verdict) -> None:
    assert no_progression(*statuses) is expected


@pytest.mark.parametrize(("days_ago", "expected"), [(182, MET), (183, MET), (184, UNKNOWN)])
def test_a_status_counts_for_half_a_year(days_ago: int, expected: Verdict) -> None:
    assert no_progression(status("stable", before(days_ago)), first="2025-06-01") is expected


def test_a_worsening_of_an_unsure_day_is_not_taken_for_older_than_the_improvement() -> None:
    statuses = [status("worsened", "2026"), status("improved", "2026-06-01")]
    assert no_progression(*statuses, first="2025-06-01") is UNKNOWN


def test_without_a_dated_dose_no_status_is_after_the_first() -> None:
    assert no_progression(status("stable", "2026-05-01"), first=None) is UNKNOWN


def test_a_sentence_for_review_shows_its_readings() -> None:
    found = judged("review-only", {"text": "Which?", "readings": ["one", "other"]}, case())
    assert [(each.kind, each.readings) for each in found.needs] == [(NeedKind.REVIEW, ("one", "other"))]


def test_a_stated_fact_is_the_clinicians_answer() -> None:
    assert judged("stated", {}, case(answers=[answer("leaf", True)])).verdict is MET
    assert judged("stated", {}, case(answers=[answer("leaf", False)])).verdict is NOT_MET
    assert judged("stated", {}, case()).verdict is UNKNOWN


@pytest.mark.parametrize("day", [None, "2026"])
def test_a_status_that_may_be_the_newest_leaves_the_question_open(day: str | None) -> None:
    worse = status("worsened", "2026-05-01")
    assert no_progression(worse, status("improved", day)) is UNKNOWN
    assert no_progression(status("improved", "2026-05-01"), status("worsened", day)) is UNKNOWN
    assert no_progression(worse, status("improved", "2025-06-01")) is NOT_MET
