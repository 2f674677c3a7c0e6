"""The therapy history: courses, regimens, settings, switches, progression (readings section 4)."""

from itertools import permutations
from typing import Any

import pytest

from criteria.facts import Case, ConditionState, ExposureKind, SearchState
from criteria.oncology.courses import History, Setting, line_bounds
from criteria.oncology.therapy import history_of, progressions
from tests.criteria.facts_builders import (
    DRUGS,
    THRESHOLDS,
    case,
    days,
    diagnosis,
    exposure,
    given,
    order,
    stage,
    status,
    unrecognised,
)

BREAST = diagnosis("cancer-breast", ref="breast")
M1 = stage("M1", "2024-01-10")


def breast(*exposures: Any, stages: Any = (M1,), diagnoses: Any = (BREAST,), **facts: Any) -> Case:
    return case(exposures=exposures, stages=stages, diagnoses=diagnoses, **facts)


def history(subject: Case) -> History:
    return history_of(subject, DRUGS, THRESHOLDS)


def regimens(subject: Case) -> list[set[str]]:
    return [{each.drug for each in regimen.courses} for regimen in history(subject).regimens]


# ------------------------------------------------------------------ courses


@pytest.mark.parametrize(
    ("next_dose", "courses"),
    [
        ("2024-04-29", 1),  # 89 days after 2024-01-31
        ("2024-04-30", 2),  # 90 days
        ("2024-05-01", 2),  # 91 days
        ("2024-04", 1),
        ("2024-05", 2),
    ],
)
def test_a_pause_of_ninety_days_ends_a_course(next_dose: str, courses: int) -> None:
    subject = breast(exposure("trastuzumab", "2024-01-31"), exposure("trastuzumab", next_dose))
    assert len(history(subject).courses) == courses


def test_the_pause_is_counted_from_the_last_dose_of_the_longest_exposure() -> None:
    long = given("trastuzumab", "2024-01-01", "2024-06-01")
    assert (
        len(history(breast(long, exposure("trastuzumab", "2024-02-01"), given("trastuzumab", "2024-08-29"))).courses)
        == 1
    )
    assert (
        len(history(breast(long, exposure("trastuzumab", "2024-02-01"), given("trastuzumab", "2024-08-30"))).courses)
        == 2
    )


def test_a_course_runs_from_its_first_to_its_last_known_day() -> None:
    subject = breast(exposure("trastuzumab", "2024-03-01"), given("trastuzumab", "2024-02-01", "2024-04-01"))
    (course,) = history(subject).courses
    assert (course.start, course.end) == (days("2024-02-01"), days("2024-04-01"))


def test_an_undated_exposure_belongs_to_the_dated_course_and_is_a_course_alone_otherwise() -> None:
    together = history(breast(exposure("trastuzumab", "2024-03-01"), exposure("trastuzumab", None)))
    assert [len(each.exposures) for each in together.courses] == [2]
    assert together.undated == ()
    alone = history(breast(exposure("trastuzumab", None)))
    assert [(each.drug, each.start, each.end) for each in alone.undated] == [("trastuzumab", None, None)]
    assert alone.regimens == ()


def test_an_order_alone_is_a_plan_and_makes_no_course() -> None:
    found = history(breast(exposure("trastuzumab", "2024-03-01", kind=ExposureKind.ORDERED)))
    assert found.courses == ()
    assert [each.drug.key for each in found.ordered_only] == ["trastuzumab"]


def test_an_order_for_a_drug_that_was_given_hides_nothing() -> None:
    ordered = exposure("trastuzumab", "2024-03-01", kind=ExposureKind.ORDERED)
    assert history(breast(ordered, given("trastuzumab", "2024-03-02"))).ordered_only == ()


def test_supportive_drugs_make_no_course_and_endocrine_ones_no_regimen() -> None:
    found = history(breast(given("ondansetron", "2024-02-01"), given("tamoxifen", "2024-02-01")))
    assert [each.drug for each in found.courses] == ["tamoxifen"]
    assert found.regimens == ()


def test_a_drug_nobody_recognises_is_kept_as_what_may_hide_a_line() -> None:
    found = history(
        breast(exposure(unrecognised(), "2024-02-01"), exposure(unrecognised("plan"), None, kind=ExposureKind.ORDERED))
    )
    assert [each.drug.label for each in found.unrecognised] == ["XYZ-123"]


# ------------------------------------------------------------------ setting


@pytest.mark.parametrize(
    ("start", "setting"),
    [
        ("2024-01-09", Setting.EARLY),
        ("2024-01-10", Setting.METASTATIC),
        ("2024-01-11", Setting.METASTATIC),
        ("2024-02", Setting.METASTATIC),
        ("2023", Setting.EARLY),
        ("2024", Setting.UNSURE),
        ("2024-01", Setting.UNSURE),
        (None, Setting.UNSURE),
    ],
)
def test_therapy_started_on_the_day_of_the_first_m1_or_later_is_for_metastatic_disease(
    start: str | None, setting: Setting
) -> None:
    (course,) = history(breast(given("trastuzumab", start) if start else exposure("trastuzumab", None))).courses
    assert course.setting is setting


@pytest.mark.parametrize(
    ("onset", "setting"),
    [("2024", Setting.UNSURE), ("2024-06", Setting.METASTATIC), ("2024-08", Setting.EARLY), (None, Setting.UNSURE)],
)
def test_a_year_of_metastasis_that_straddles_the_start_leaves_the_setting_open(
    onset: str | None, setting: Setting
) -> None:
    subject = breast(given("trastuzumab", "2024-07-01"), stages=[stage("M1", onset)])
    assert history(subject).courses[0].setting is setting


@pytest.mark.parametrize(
    ("intent", "setting"),
    [
        ("palliative", Setting.METASTATIC),
        ("neoadjuvant", Setting.EARLY),
        ("adjuvant", Setting.EARLY),
        ("curative", Setting.EARLY),
        (None, Setting.METASTATIC),
    ],
)
def test_a_stated_intent_goes_before_the_dates(intent: str | None, setting: Setting) -> None:
    assert history(breast(given("trastuzumab", "2024-07-01", intent=intent))).courses[0].setting is setting


def test_intents_that_contradict_each_other_leave_it_to_the_dates() -> None:
    one, other = (
        given("trastuzumab", "2023-07-01", intent="palliative"),
        given("trastuzumab", "2023-07-22", intent="adjuvant"),
    )
    assert history(breast(one, other)).courses[0].setting is Setting.EARLY


def test_without_metastasis_the_setting_is_early_only_by_a_current_m0() -> None:
    course = given("trastuzumab", "2023-07-01")
    searches = {"DiagnosticReport": SearchState.ANSWERED}
    m0 = [stage("M0", "2025-01-01")]
    assert history(breast(course, stages=m0, searches=searches)).courses[0].setting is Setting.EARLY
    assert history(breast(course, stages=m0)).courses[0].setting is Setting.UNSURE
    assert history(breast(course, stages=[])).courses[0].setting is Setting.UNSURE


# ------------------------------------------------------------------ regimens


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2024-02-28", [{"trastuzumab", "docetaxel"}]),  # 27 days after 2024-02-01
        ("2024-02-29", [{"trastuzumab", "docetaxel"}]),  # 28 days
        ("2024-03-01", [{"trastuzumab"}, {"docetaxel"}]),  # 29 days
        ("2024-02", [{"trastuzumab", "docetaxel"}]),
        ("2024-03", [{"trastuzumab"}, {"docetaxel"}]),
    ],
)
def test_drugs_that_start_within_twenty_eight_days_are_one_regimen(start: str, expected: list[set[str]]) -> None:
    subject = breast(given("trastuzumab", "2024-02-01", "2024-06-01"), given("docetaxel", start, "2024-06-01"))
    assert regimens(subject) == expected


def test_a_drug_that_goes_on_beside_the_next_regimen_is_carried_into_it() -> None:
    subject = breast(given("trastuzumab", "2024-02-01", "2024-12-01"), given("capecitabine", "2024-08-01"))
    first, second = history(subject).regimens
    assert first.carried == ()
    assert [each.drug for each in second.carried] == ["trastuzumab"]
    assert second.drugs == {"trastuzumab", "capecitabine"}


def test_drugs_that_start_together_in_different_settings_are_two_regimens() -> None:
    subject = breast(given("docetaxel", "2024-01-05"), given("trastuzumab", "2024-01-12"))
    assert regimens(subject) == [{"docetaxel"}, {"trastuzumab"}]


def test_another_form_of_the_same_substance_is_no_new_regimen() -> None:
    iv = given("trastuzumab", "2024-02-01", "2024-06-01")
    assert regimens(breast(iv, given("trastuzumab_hyaluronidase", "2024-06-20"))) == [
        {"trastuzumab", "trastuzumab_hyaluronidase"}
    ]
    both = [given("trastuzumab", "2024-02-01", "2024-06-01"), given("pertuzumab", "2024-02-01", "2024-06-01")]
    assert len(regimens(breast(*both, given("phesgo", "2024-06-20")))) == 1


def test_another_form_after_progression_or_a_pause_is_a_new_regimen() -> None:
    iv, sc = given("trastuzumab", "2024-02-01", "2024-06-01"), "trastuzumab_hyaluronidase"
    progressed = breast(iv, given(sc, "2024-06-20"), disease_statuses=[status("worsened", "2024-06-10")])
    assert len(regimens(progressed)) == 2
    assert len(regimens(breast(iv, given(sc, "2024-08-29")))) == 1
    assert len(regimens(breast(iv, given(sc, "2024-08-30")))) == 2


def test_a_form_with_one_more_substance_is_a_new_regimen() -> None:
    subject = breast(given("trastuzumab", "2024-02-01", "2024-06-01"), given("phesgo", "2024-06-20"))
    assert regimens(subject) == [{"trastuzumab"}, {"phesgo"}]


def test_the_present_regimen_of_the_ordered_drug_is_no_prior_one() -> None:
    prior, present = given("trastuzumab", "2024-02-01", "2024-06-01"), given("margetuximab", "2024-08-01")
    found = history(breast(prior, present))
    assert [each.drugs for each in found.regimens] == [{"trastuzumab"}]
    assert found.present is not None
    assert found.present.drugs == {"margetuximab"}
    later = history(breast(given("margetuximab", "2024-02-01"), given("trastuzumab", "2024-08-01")))
    assert later.present is None
    assert len(later.regimens) == 2


def test_an_ordered_drug_that_was_not_identified_has_no_present_regimen() -> None:
    subject = case(
        order(unrecognised()),
        exposures=[given("trastuzumab", "2024-02-01")],
    )
    assert history(subject).present is None


def test_the_order_of_the_resources_does_not_matter() -> None:
    exposures = [
        given("trastuzumab", "2024-02-01", "2024-06-01"),
        given("docetaxel", "2024-02-10", "2024-05-01"),
        exposure("trastuzumab_emtansine", "2024-07-01"),
        exposure("trastuzumab_emtansine", "2024-07-22"),
    ]
    subject = [status("worsened", "2024-06-20")]
    assert len({str(history(breast(*each, disease_statuses=subject))) for each in permutations(exposures)}) == 1


# ------------------------------------------------------------------ progression and switches


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"disease_statuses": [status("worsened", "2024-06-10")]}, ["Observation/worsened-2024-06-10"]),
        ({"disease_statuses": [status("worsened", None)]}, []),
        ({"disease_statuses": [status("stable", "2024-06-10")]}, []),
        ({"disease_statuses": [status("worsened", "2024-06-10", condition="Condition/breast")]}, 1),
        (
            {
                "diagnoses": [BREAST, diagnosis("cancer-lung", ref="lung")],
                "disease_statuses": [status("worsened", "2024-06-10", condition="Condition/lung")],
            },
            [],
        ),
        ({"diagnoses": [BREAST, diagnosis("metastasis-brain", onset="2024-06-10")]}, ["Condition/metastasis-brain"]),
        ({"diagnoses": [BREAST, diagnosis("metastasis-brain", onset="2024-06-10", recorded=True)]}, []),
        ({"diagnoses": [BREAST, diagnosis("metastasis-brain", onset="2024-06-10", confirmed=False)]}, []),
        ({"diagnoses": [BREAST, diagnosis("metastasis-brain")]}, []),
        (
            {
                "diagnoses": [
                    BREAST,
                    diagnosis("cancer-lung", ref="lung"),
                    diagnosis("metastasis-distant", onset="2024-06-10", related=["Condition/lung"]),
                ]
            },
            [],
        ),
        ({"diagnoses": [BREAST, diagnosis("local-recurrence-breast", onset="2024-06-10")]}, 1),
        ({"diagnoses": [diagnosis("cancer-breast", state=ConditionState.RECURRENT, onset="2024-06-10")]}, 1),
        ({"diagnoses": [BREAST]}, []),
    ],
)
def test_what_documents_progression(facts: dict[str, Any], expected: list[str] | int) -> None:
    found = [
        each.source.reference
        for each in progressions(case(order(reasons=[BREAST]), **{"diagnoses": [BREAST], **facts}))
    ]
    assert len(found) == expected if isinstance(expected, int) else found == expected


@pytest.mark.parametrize(
    ("progressed", "explained"),
    [
        ("2024-02-01", False),
        ("2024-02-02", True),
        ("2024-06-20", True),
        ("2024-07-01", True),
        ("2024-07-02", False),
        ("2024", False),
        ("2024-06", True),
        ("2024-07", False),
    ],
)
def test_progression_explains_a_switch_when_it_surely_came_on_the_regimen_or_before_the_next(
    progressed: str, explained: bool
) -> None:
    subject = breast(
        given("trastuzumab", "2024-02-01", "2024-06-10"),
        given("capecitabine", "2024-07-01", "2024-09-01"),
        disease_statuses=[status("worsened", progressed)],
    )
    first, second = history(subject).switches
    assert first.after.drugs == {"trastuzumab"}
    assert (first.progression is not None) is explained
    assert (second.progression is not None) is (progressed == "2024-07-02")


def test_a_stop_for_lack_of_response_explains_the_switch_by_itself() -> None:
    stopped = given("trastuzumab", "2024-02-01", "2024-06-10", stopped=True, reasons=["no-response"])
    (switch,) = history(breast(stopped)).switches
    assert switch.progression is not None
    assert (switch.progression.observed, switch.progression.on) == ("stopped for lack of response", days("2024-06-10"))
    undated = given("trastuzumab", "2024-02-01", stopped=True, reasons=["no-response"])
    (switch,) = history(breast(undated)).switches
    assert switch.progression is not None
    assert switch.progression.on == days("2024-02-01")


def test_a_stop_for_another_reason_explains_nothing() -> None:
    stopped = given("trastuzumab", "2024-02-01", "2024-06-10", stopped=True, reasons=["not-failure"])
    (switch,) = history(breast(stopped)).switches
    assert switch.progression is None


def test_the_last_switch_is_the_one_to_the_ordered_drug() -> None:
    subject = breast(
        given("trastuzumab", "2024-02-01", "2024-06-10"),
        given("margetuximab", "2024-07-01"),
        disease_statuses=[status("worsened", "2024-07-10")],
    )
    (switch,) = history(subject).switches
    assert switch.progression is None


# ------------------------------------------------------------------ partial dates


@pytest.mark.parametrize(
    ("second", "count", "upper"),
    [
        ("2023", 1, 3),  # both in a year: may be one regimen, may be two
        ("2024-01-28", 1, 3),
        ("2024-01-29", 2, 3),  # 29 days after the last day of 2023
    ],
)
def test_partial_dates_that_allow_one_start_do_not_prove_two_regimens(second: str, count: int, upper: int) -> None:
    found = history(
        breast(given("trastuzumab", "2023"), given("trastuzumab_emtansine", second), stages=[stage("M1", "2022-01-10")])
    )
    assert len(found.regimens) == count
    assert line_bounds(found).upper == upper
