"""The sentences, as a clinician reads them."""

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from cards import wording
from cards.findings import decisive
from criteria.decision import Decision
from criteria.facts import Source
from criteria.finding import Evidence, Need, NeedKind, Role, document, not_met, review, unknown
from criteria.outcome import Approval, Authority, Outcome
from tests.cards.builders import (
    ASK_HER2,
    CONFLICT,
    HER2_RESULT,
    SYSTEM_DOWN,
    decision,
    dose,
    excessive_dose,
    judged,
    order,
    secondary,
)


def test_not_met_names_each_failed_criterion_and_is_no_denial() -> None:
    assert wording.reason(decision(Outcome.NOT_MET)) == (
        "For Margenza 250 mg/10 mL, the record does not meet these criteria of Margenza policy <A & B>: "
        "Adult [17 years (Observation/her2, 2026-03-02)]; HER2-positive [IHC 1+ (Observation/her2, 2026-03-02)]. "
        "This is the policy read against the record, not a denial: "
        "a prior authorization request gets clinical review."
    )


def test_not_met_sent_as_review_says_what_was_read() -> None:
    text = wording.reason(secondary(decision(Outcome.NOT_MET)))
    assert text.startswith("Margenza 250 mg/10 mL under Margenza policy <A & B> needs clinical review by the plan.")
    assert "HER2-positive" in text
    assert text.endswith(wording.NOT_A_DENIAL)


def test_documentation_lists_open_criteria_by_rank_and_what_the_plan_reviews() -> None:
    found = decision(
        Outcome.DOCUMENTATION,
        judgements={
            "adult": unknown(document("Birth date")),
            "her2": unknown(ASK_HER2, CONFLICT),
            "recurrent": unknown(document("Extent")),
            "metastatic": unknown(document("Extent")),
            "shortage": unknown(review("Shortage list is old")),
        },
    )
    assert wording.reason(found) == (
        "Margenza 250 mg/10 mL needs prior authorization under Margenza policy <A & B>. "
        "Not yet documented: one of [Recurrence (Recurrent; HER2-positive); Metastatic]; HER2-positive; Adult. "
        "For the plan to review, nothing to send: Shortage."
    )


def test_on_a_secondary_hook_documentation_says_when_the_documents_are_named() -> None:
    assert wording.reason(secondary(decision(Outcome.DOCUMENTATION))) == (
        "Margenza 250 mg/10 mL needs prior authorization under Margenza policy <A & B>. "
        "What the authorization takes is said when the order is signed."
    )


def test_of_an_order_that_is_signed_it_says_when_the_documents_were_named() -> None:
    signed = replace(order(), status="active")
    assert wording.reason(secondary(decision(Outcome.DOCUMENTATION, order=signed))).endswith(
        "What the authorization takes was said when the order was signed."
    )


def test_review_shows_both_readings_and_what_is_on_record() -> None:
    assert wording.reason(decision(Outcome.REVIEW)) == (
        "Margenza 250 mg/10 mL under Margenza policy <A & B> needs clinical review by the plan. "
        "HER2-positive: IHC and ISH of one specimen disagree. "
        "It can be read in these ways: (1) IHC decides: positive; (2) ISH decides: negative. "
        "On record: IHC 3+ (Observation/her2, 2026-03-02)."
    )


def test_a_review_that_outranks_documents_comes_first() -> None:
    off_label = review("Used off label", outranks_documentation=True)
    found = decision(
        Outcome.REVIEW, judgements={"her2": unknown(CONFLICT, ASK_HER2), "adult": unknown(off_label, ASK_HER2)}
    )
    text = wording.reason(found)
    assert text.index("Used off label") < text.index("disagree")
    assert "No HER2 test result" not in text


def test_long_evidence_is_counted_not_cut() -> None:
    seen = tuple(replace(HER2_RESULT, observed=f"IHC {place}+", role=Role.CONTRADICTS) for place in range(6))
    text = wording.reason(decision(Outcome.NOT_MET, judgements={"her2": not_met(*seen)}))
    assert "IHC 3+ (Observation/her2, 2026-03-02); 2 more in the decision record]" in text
    assert "IHC 4+" not in text


def test_failed_criteria_without_contradicting_evidence_show_what_there_is() -> None:
    searched = Evidence(Source("Observation?patient=p1", "Observation"), "nothing found", Role.UNUSABLE)
    text = wording.reason(decision(Outcome.NOT_MET, judgements={"her2": not_met(searched)}))
    assert "HER2-positive [nothing found (Observation?patient=p1)]" in text


def test_technical_names_the_system() -> None:
    other = Need(NeedKind.SOURCE, "The FHIR server did not answer the search for Condition")
    found = decision(
        Outcome.TECHNICAL,
        judgements={"her2": unknown(SYSTEM_DOWN), "adult": unknown(SYSTEM_DOWN), "metastatic": unknown(other)},
    )
    assert wording.reason(found) == (
        "Coverage of Margenza 250 mg/10 mL could not be determined. "
        "The FHIR server did not answer the search for Observation. "
        "This is a technical problem, not a decision about coverage; try again when the system responds."
    )


def test_preferred_needs_no_exception() -> None:
    assert wording.reason(decision(Outcome.PREFERRED, reason="EviCore reviews oncology drugs")) == (
        "Margenza 250 mg/10 mL is a preferred product under Margenza policy <A & B>: no exception request is needed. "
        "Clinical review may still apply. EviCore reviews oncology drugs."
    )
    assert "under" not in wording.reason(decision(Outcome.PREFERRED, policy=None))


def test_a_shortage_approval_says_that_it_can_be_extended() -> None:
    approval = Approval(3, date(2026, 8, 4), "It can be extended on renewed documentation")
    text = wording.reason(decision(Outcome.AUTHORIZED, approval=approval))
    assert text.endswith("It can be extended on renewed documentation.")
    assert text.startswith("Prior authorization PA-0042 is issued for Margenza 250 mg/10 mL, valid through 2026-08-04.")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (decision(Outcome.AUTHORIZABLE), "real-time authorization is switched off for this policy"),
        (decision(Outcome.AUTHORIZABLE, authority=None), "the plan issues it on request"),
    ],
)
def test_authorizable_says_why_no_number_is_given(found: Decision, why: str) -> None:
    assert wording.reason(found) == (
        "Found met: Adult; HER2-positive; Recurrent; Metastatic; Shortage. "
        f"No authorization number is issued here: {why}. Request prior authorization from the plan."
    )


@pytest.mark.parametrize("unsolicited", [True, False])
def test_a_secondary_hook_points_to_the_signing_and_has_nothing_requested(unsolicited: bool) -> None:
    """Its caller cannot ask for unsolicited determinations, and has not asked for none."""
    authority = Authority(real_time=True, unsolicited=unsolicited, primary_hook=False)
    assert wording.reason(decision(Outcome.AUTHORIZABLE, authority=authority)) == (
        "Found met: Adult; HER2-positive; Recurrent; Metastatic; Shortage. "
        "No authorization number is issued here: an order gets its determination when it is signed."
    )


def test_an_excessive_dose_and_a_refusal_are_both_named() -> None:
    authority = Authority(real_time=True, unsolicited=False, primary_hook=True)
    text = wording.reason(decision(Outcome.AUTHORIZABLE, dose=excessive_dose(), authority=authority))
    assert "No authorization number is issued for the ordered dose. The ordered dose is above" in text
    assert "Also: the caller asked for no unsolicited determination." in text


def test_dose_arithmetic_says_only_what_is_known() -> None:
    bare = dose(
        exceeds=("Doses are 14 days apart",),
        ordered_mg=None,
        weight_source=None,
        weight_on=None,
        allowed_mg=None,
        label_units=None,
    )
    assert wording.exceeded_dose(bare) == (
        "Doses are 14 days apart. Label dose 15 mg/kg every 3 weeks; 1,050 mg at 70 kg."
    )
    uncounted = dose(ordered_units=None, ordered_source=None, exceeds=("Above the limit",), billing_code=None)
    assert "Ordered 1,050 mg. Label dose" in wording.exceeded_dose(uncounted)
    assert "= 210 billing units" in wording.exceeded_dose(uncounted)


@pytest.mark.parametrize(
    ("value", "text"),
    [("1050", "1,050"), ("3.60", "3.6"), ("70.0", "70"), ("100", "100"), ("1E+3", "1,000"), ("0.10", "0.1")],
)
def test_numbers_are_written_without_trailing_zeros(value: str, text: str) -> None:
    assert wording.number(Decimal(value)) == text


@pytest.mark.parametrize(("days", "text"), [(7, "every week"), (21, "every 3 weeks"), (10, "every 10 days")])
def test_intervals_are_weeks_where_they_are(days: int, text: str) -> None:
    assert wording.interval(days) == text


def test_one_unit_is_singular() -> None:
    assert wording.units(1, "J9353") == "1 unit of J9353"


def test_sentences_end_once() -> None:
    assert wording.join("One", "Two.", "", "Three?") == "One. Two. Three?"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_reasons_name_no_criterion_by_its_id(outcome: Outcome) -> None:
    assert "her2-positive" not in wording.reason(decision(outcome))


def test_control_characters_of_a_label_do_not_reach_the_reason() -> None:
    text = wording.reason(decision(Outcome.REVIEW, order=order(label="Mar\x00genza\n250")))
    assert text.startswith("Mar genza 250 under")


def test_the_tree_of_the_tests_has_one_of_each() -> None:
    _, determination = judged()
    assert [each.id for each in decisive(determination.root)] == [
        "adult",
        "her2-positive",
        "recurrent",
        "metastatic",
        "shortage",
    ]
