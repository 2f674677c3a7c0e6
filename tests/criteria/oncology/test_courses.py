"""Courses, regimens, and the bounds of the line of therapy (contract section 8)."""

from typing import Any

import pytest

from criteria.facts import Case, ExposureKind
from criteria.oncology.courses import LineBounds, Setting, line_bounds
from criteria.oncology.therapy import history_of
from tests.criteria.facts_builders import (
    DRUGS,
    THRESHOLDS,
    ambiguous,
    case,
    days,
    diagnosis,
    exposure,
    given,
    stage,
    status,
    unrecognised,
)

BREAST = diagnosis("cancer-breast", ref="breast")
M1 = stage("M1", "2024-01-10")
FIRST = given("trastuzumab", "2024-01-20", "2024-06-20")
SECOND = given("trastuzumab_emtansine", "2024-07-01", "2024-12-01")
THIRD = given("capecitabine", "2024-12-20", "2025-06-01")


def metastatic(*exposures: Any, ordered: str = "margetuximab", **facts: Any) -> Case:
    return case(ordered, diagnoses=[BREAST], stages=[M1], exposures=exposures, **facts)


def line(subject: Case) -> LineBounds:
    return line_bounds(history_of(subject, DRUGS, THRESHOLDS))


def bounds(subject: Case) -> tuple[int, int]:
    return line(subject).lower, line(subject).upper


def worsened(*dates: str) -> list[Any]:
    return [status("worsened", each) for each in dates]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (metastatic(), (1, 1)),
        (metastatic(FIRST), (1, 2)),
        (metastatic(FIRST, disease_statuses=worsened("2024-06-25")), (2, 2)),
        (metastatic(FIRST, SECOND), (1, 3)),
        (metastatic(FIRST, SECOND, disease_statuses=worsened("2024-06-25")), (2, 3)),
        (metastatic(FIRST, SECOND, disease_statuses=worsened("2024-06-25", "2024-12-10")), (3, 3)),
        (metastatic(FIRST, SECOND, THIRD, disease_statuses=worsened("2024-06-25", "2024-12-10", "2025-06-10")), (4, 4)),
        # the switch to the ordered drug counts, the ordered drug's own regimen does not
        (metastatic(FIRST, given("margetuximab", "2024-07-01"), disease_statuses=worsened("2024-06-25")), (2, 2)),
        # early treatment is no line
        (metastatic(given("docetaxel", "2020-01-01", "2020-06-01")), (1, 1)),
        (metastatic(given("docetaxel", "2020-01-01", "2020-06-01"), FIRST), (1, 2)),
        # whatever may hide a line counts for the upper bound alone
        (metastatic(FIRST, exposure(unrecognised(), "2024-09-01")), (1, 3)),
        (metastatic(FIRST, exposure(ambiguous("docetaxel", "paclitaxel"), "2024-09-01")), (1, 3)),
        (metastatic(FIRST, exposure("capecitabine", None)), (1, 3)),
        (metastatic(FIRST, exposure("capecitabine", "2024-09-01", kind=ExposureKind.ORDERED)), (1, 3)),
        (
            metastatic(
                FIRST,
                exposure("capecitabine", "2024-09-01", kind=ExposureKind.ORDERED),
                exposure("capecitabine", "2024-10-01", kind=ExposureKind.ORDERED),
            ),
            (1, 3),
        ),
        (metastatic(FIRST, exposure("trastuzumab", "2024-02-01", kind=ExposureKind.ORDERED)), (1, 2)),
        (metastatic(FIRST, exposure(unrecognised(), "2024-09-01", kind=ExposureKind.ORDERED)), (1, 2)),
        (metastatic(FIRST, given("ondansetron", "2024-09-01")), (1, 2)),
        (metastatic(FIRST, given("tamoxifen", "2024-09-01")), (1, 2)),
    ],
)
def test_the_line_is_bounded_by_proven_and_by_possible_switches(subject: Case, expected: tuple[int, int]) -> None:
    assert bounds(subject) == expected


def test_a_regimen_whose_setting_is_not_known_may_be_a_line_and_proves_none() -> None:
    subject = case(diagnoses=[BREAST], exposures=[FIRST], disease_statuses=worsened("2024-06-25"))
    assert bounds(subject) == (1, 2)


def test_a_pause_of_the_gap_makes_the_same_drug_a_possible_new_line() -> None:
    first = given("trastuzumab", "2024-02-01", "2024-03-01")
    assert bounds(metastatic(first, given("trastuzumab", "2024-05-29"))) == (1, 2)
    assert bounds(metastatic(first, given("trastuzumab", "2024-05-30"))) == (1, 3)


@pytest.mark.parametrize(
    ("ordered", "after", "lower"),
    [
        ("trastuzumab_hyaluronidase", [], 1),
        ("trastuzumab", [], 1),
        ("margetuximab", [], 2),
        ("margetuximab", [given("trastuzumab_hyaluronidase", "2024-07-01", "2024-10-01")], 1),
        ("margetuximab", [given("phesgo", "2024-07-01", "2024-10-01")], 2),
    ],
)
def test_a_switch_that_only_resumes_or_reforms_what_was_given_proves_no_line(
    ordered: str, after: list[Any], lower: int
) -> None:
    subject = metastatic(FIRST, *after, ordered=ordered, disease_statuses=worsened("2024-06-25"))
    assert line(subject).lower == lower


def test_the_evidence_of_the_line_names_each_regimen_and_its_progression() -> None:
    found = line(metastatic(FIRST, SECOND, disease_statuses=worsened("2024-06-25", "2024-12-10")))
    assert [each.source.reference for each in found.evidence] == [
        "MedicationStatement/trastuzumab-2024-01-20",
        "MedicationStatement/trastuzumab_emtansine-2024-07-01",
        "Observation/worsened-2024-06-25",
        "Observation/worsened-2024-12-10",
    ]


# ------------------------------------------------------------------ courses and regimens by themselves


def test_the_doses_of_a_course_are_its_dated_administrations_each_day_once_in_order() -> None:
    subject = metastatic(
        exposure("trastuzumab", "2024-03-10", ref="b"),
        exposure("trastuzumab", "2024-02-10", ref="a"),
        exposure("trastuzumab", "2024-02-10", ref="again"),
        exposure("trastuzumab", None, ref="undated"),
        exposure("trastuzumab", "2024-02-20", kind=ExposureKind.DISPENSED),
    )
    (course,) = history_of(subject, DRUGS, THRESHOLDS).courses
    assert course.doses == (days("2024-02-10"), days("2024-03-10"))
    assert course.evidence.observed == "trastuzumab (administered)"
    assert course.evidence.on == days("2024-02-10")


def test_a_course_knows_why_it_was_stopped() -> None:
    stopped = given("trastuzumab", "2024-02-01", "2024-03-01", stopped=True, reasons=["not-tolerated"])
    (course,) = history_of(metastatic(stopped), DRUGS, THRESHOLDS).courses
    assert course.stopped_for("not-tolerated") == stopped
    assert course.stopped_for("no-response") is None


def test_a_regimen_names_its_drugs_substances_and_the_course_of_a_class() -> None:
    subject = metastatic(given("docetaxel", "2024-02-01"), given("phesgo", "2024-02-02"))
    (regimen,) = history_of(subject, DRUGS, THRESHOLDS).regimens
    assert regimen.drugs == {"docetaxel", "phesgo"}
    assert regimen.actives == {"docetaxel", "pertuzumab", "trastuzumab"}
    assert regimen.of_class("her2-agent") == {"pertuzumab", "trastuzumab"}
    assert regimen.evidence("her2-agent").observed == "phesgo (stated)"
    assert regimen.evidence().observed == "docetaxel (stated)"
    assert regimen.evidence("immunotherapy").observed == "docetaxel (stated)"
    assert regimen.setting is Setting.METASTATIC


def test_given_and_ordered_drugs_are_found_by_key() -> None:
    subject = metastatic(FIRST, exposure("capecitabine", "2024-09-01", kind=ExposureKind.ORDERED))
    history = history_of(subject, DRUGS, THRESHOLDS)
    assert [each.drug for each in history.given(["trastuzumab", "capecitabine"])] == ["trastuzumab"]
    assert [each.drug.key for each in history.ordered(["trastuzumab", "capecitabine"])] == ["capecitabine"]
    assert history.ordered(["docetaxel"]) == ()
