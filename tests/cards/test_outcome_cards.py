"""The card that says the outcome itself: to a client without CRD, and where no Coverage was found."""

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from cards.card import SUMMARY_LIMIT
from cards.dialect import DIALECTS
from cards.outcome_cards import headline, no_coverage_card, outcome_card
from criteria.decision import Decision
from criteria.finding import review, unknown
from criteria.outcome import Outcome
from criteria.policy import Contact
from tests.cards.builders import (
    ASK_HER2,
    ORDER_ISH,
    WITHOUT_CRITERIA,
    context,
    decided_order,
    decision,
    excessive_dose,
    no,
    order,
    ordered,
    secondary,
)

PLAIN = context(dialect=DIALECTS["cds-hooks"])
DRUG = "Margenza 250 mg/10 mL"
CONTACT = "Contact: EviCore, phone 1-855-252-1118, fax 1-800-540-2406."
ASSUMED = "No Coverage was found, so Example Health Plan was assumed."


def shown(found: Decision, *, has_coverage: bool = True) -> dict[str, Any]:
    return outcome_card(decided_order(found, has_coverage=has_coverage), PLAIN).to_json()


# outcome, what the summary says after the drug, indicator
STANDING = [
    (Outcome.NO_MEMBER_FOUND, "not covered, no coverage in force", "warning"),
    (Outcome.NO_ACTIVE_COVERAGE, "not covered, no coverage in force", "warning"),
    (Outcome.COVERAGE_NOT_FOUND, "not covered, no coverage in force", "warning"),
    (Outcome.NO_POLICY, "coverage not confirmed, no policy loaded for this drug", "info"),
    (Outcome.DRUG_UNCLEAR, "coverage not confirmed, the ordered drug is not clear", "info"),
    (Outcome.PREFERRED, "coverage not confirmed, preferred product, no exception needed", "info"),
    (Outcome.AUTHORIZED, "covered, prior authorization PA-0042 valid through 2027-05-04", "info"),
    (Outcome.AUTHORIZABLE, "covered, prior authorization needed", "info"),
    (Outcome.NOT_MET, "not covered, the record does not meet the policy", "warning"),
    (Outcome.TECHNICAL, "coverage could not be determined", "info"),
    (Outcome.DOCUMENTATION, "covered, prior authorization needed, documentation missing", "warning"),
    (Outcome.REVIEW, "covered, prior authorization needed, clinical review by the plan", "info"),
]


@pytest.mark.parametrize(("outcome", "standing", "indicator"), STANDING, ids=[row[0].value for row in STANDING])
def test_the_summary_says_the_outcome(outcome: Outcome, standing: str, indicator: str) -> None:
    card = shown(decision(outcome))
    assert card["summary"] == f"{DRUG}: {standing}"
    assert card["indicator"] == indicator


def test_the_table_has_every_outcome_once() -> None:
    assert [row[0] for row in STANDING] == list(Outcome)


@pytest.mark.parametrize("has_coverage", [True, False])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_it_is_an_instruction_and_nothing_else(outcome: Outcome, has_coverage: bool) -> None:
    card = shown(decision(outcome), has_coverage=has_coverage)
    assert set(card) == {"uuid", "summary", "detail", "indicator", "source"}
    assert card["source"]["topic"]["code"] == "coverage-info"
    assert card["detail"].startswith(f"**{DRUG}** (MedicationRequest/rx1): **")


@pytest.mark.parametrize("outcome", [each for each in WITHOUT_CRITERIA if each is not Outcome.PREFERRED])
def test_an_outcome_without_criteria_says_its_sentence(outcome: Outcome) -> None:
    assert f"\n\nWords for {outcome.value}." in shown(decision(outcome))["detail"]


def test_an_authorization_says_number_last_day_limit_and_contact() -> None:
    assert shown(decision(Outcome.AUTHORIZED))["detail"] == (
        f"**{DRUG}** (MedicationRequest/rx1): **covered, prior authorization issued**.\n\n"
        f"Prior authorization PA-0042 is issued for {DRUG}, valid through 2027-05-04. "
        "Found met: Adult; HER2-positive; Recurrent; Metastatic; Shortage.\n\n"
        "Limit: Label dose 15 mg/kg every 3 weeks; 1,050 mg at 70 kg (2026-05-01) = 210 units of J9353. "
        f"To be billed as J9353. {CONTACT}"
    )


def test_a_policy_without_a_dose_limit_states_none() -> None:
    assert "Limit" not in shown(decision(Outcome.AUTHORIZED, dose=None))["detail"]


def test_an_excessive_dose_is_explained_once() -> None:
    detail = shown(decision(Outcome.AUTHORIZABLE, dose=excessive_dose()))["detail"]
    assert detail.count("Label dose 15 mg/kg") == 1


def test_missing_documentation_names_the_open_criteria_and_leaves_what_to_send_to_its_card() -> None:
    found = decision(
        Outcome.DOCUMENTATION,
        judgements={
            "her2": unknown(ORDER_ISH, ASK_HER2),
            "metastatic": no(),
            "recurrent": no(),
            "shortage": unknown(review("Is there a shortage?")),
        },
    )
    assert shown(found)["detail"] == (
        f"**{DRUG}** (MedicationRequest/rx1): **covered, prior authorization needed, documentation missing**.\n\n"
        rf"{DRUG} needs prior authorization under Margenza policy \<A \& B\>. "
        "Not yet documented: HER2-positive. For the plan to review, nothing to send: Shortage.\n\n"
        f"To be billed as J9353. {CONTACT}"
    )


def test_a_secondary_hook_names_no_document_and_no_number() -> None:
    asked = shown(secondary(decision(Outcome.DOCUMENTATION)))
    assert asked["summary"] == f"{DRUG}: covered, prior authorization needed"
    assert asked["indicator"] == "info"
    assert "What the authorization takes is said when the order is signed." in asked["detail"]
    assert "PA-0042" not in str(shown(secondary(decision(Outcome.AUTHORIZED))))
    assert (
        "covered, prior authorization needed, clinical review" in shown(secondary(decision(Outcome.NOT_MET)))["summary"]
    )


def test_a_contact_may_have_any_address_and_every_billing_code_is_named() -> None:
    found = decision(Outcome.REVIEW, dose=None, order=order("Herceptin", "trastuzumab"))
    assert found.policy is not None
    reachable = structs.replace(
        found, policy=replace(found.policy, contact=Contact("Desk", url="https://plan.example/x"))
    )
    assert shown(reachable)["detail"].endswith(
        r"To be billed as J9355 or Q5112. Contact: Desk, https\://plan.example/x."
    )
    silent = structs.replace(found, policy=replace(found.policy, contact=None), order=order(key=None))
    assert shown(silent)["detail"].endswith("On record: IHC 3+ (Observation/her2, 2026-03-02).")


def test_a_long_label_leaves_the_summary_short_and_whole() -> None:
    long = order(label="x" * SUMMARY_LIMIT)
    number = "Y" * SUMMARY_LIMIT
    assert shown(decision(Outcome.REVIEW, order=long))["summary"] == (
        "This order: covered, prior authorization needed, clinical review by the plan"
    )
    assert shown(decision(Outcome.AUTHORIZED, order=long, authorization=number))["summary"] == (
        "This order: covered, prior authorization issued"
    )


# -------------------------------------------------------------------------------------------- without a Coverage


def test_without_a_coverage_nothing_is_said_to_be_covered_and_no_number_is_shown() -> None:
    card = shown(decision(Outcome.AUTHORIZED), has_coverage=False)
    assert card["summary"] == f"{DRUG}: the record meets the policy; no Coverage found"
    assert "PA-0042" not in str(card)
    assert "No authorization number is given without a Coverage." in card["detail"]
    assert "Limit" not in card["detail"]
    assert card["detail"].endswith(ASSUMED)


@pytest.mark.parametrize("outcome", [Outcome.DOCUMENTATION, Outcome.NOT_MET, Outcome.REVIEW])
def test_without_a_coverage_the_card_says_so_once(outcome: Outcome) -> None:
    card = shown(decision(outcome), has_coverage=False)
    assert card["summary"] == f"{DRUG}: {headline(decision(outcome))}; no Coverage found"
    assert card["detail"].count("No Coverage was found") == 1


def unread() -> Decision:
    return decision(Outcome.TECHNICAL, determination=None, policy=None, dose=None, reason="No answer")


def test_where_nothing_could_be_read_no_missing_coverage_is_claimed() -> None:
    card = shown(unread(), has_coverage=False)
    assert card["summary"] == f"{DRUG}: coverage could not be determined"
    assert card["detail"] == (
        f"**{DRUG}** (MedicationRequest/rx1): **coverage could not be determined**.\n\nNo answer."
    )


def test_a_crd_client_is_told_the_same_of_what_could_not_be_read() -> None:
    card = no_coverage_card(decided_order(unread(), has_coverage=False), context()).to_json()
    assert card["summary"] == f"{DRUG}: nothing was decided, a system did not answer"
    assert card["detail"].endswith("No answer.\n\nNothing was written to the order.")


# ------------------------------------------------------------------------------ what is no order, and what has no name

# type, its words at the start of a card, its words within a summary
THINGS = [
    ("Appointment", "This appointment", "appointment"),
    ("Encounter", "This visit", "encounter"),
    ("ServiceRequest", "This order", "order"),
]


@pytest.mark.parametrize("has_coverage", [True, False])
@pytest.mark.parametrize(("resource_type", "name", "noun"), THINGS)
def test_what_has_no_name_is_named_in_words(resource_type: str, name: str, noun: str, has_coverage: bool) -> None:
    found = decision(Outcome.NO_POLICY, order=ordered(resource_type, resource_type))
    card = shown(found, has_coverage=has_coverage)
    assert card["summary"].startswith(f"{name}: ")
    assert f"no policy loaded for this {noun}" in card["summary"]
    assert card["detail"].startswith(f"**{name}** ({resource_type}/x1): **")


@pytest.mark.parametrize(("resource_type", "name", "noun"), THINGS)
def test_a_crd_client_is_told_of_the_same_thing(resource_type: str, name: str, noun: str) -> None:
    found = decision(Outcome.NO_POLICY, order=ordered(resource_type, resource_type))
    resource = {"resourceType": resource_type, "id": "x1"}
    card = no_coverage_card(decided_order(found, has_coverage=False, resource=resource), context()).to_json()
    assert card["summary"].startswith(f"{name}: no Coverage found; ")
    assert f"**no policy loaded for this {noun}**" in card["detail"]
    assert card["detail"].endswith(f"was assumed and nothing was written to the {noun}.")


@pytest.mark.parametrize(("resource_type", "name", "noun"), THINGS)
def test_a_name_too_long_for_a_summary_gives_way_to_the_kind_of_thing(resource_type: str, name: str, noun: str) -> None:
    found = decision(Outcome.NO_POLICY, order=ordered(resource_type, "x" * SUMMARY_LIMIT))
    assert shown(found)["summary"] == f"This {noun}: coverage not confirmed, no policy loaded for this {noun}"
    card = no_coverage_card(decided_order(found, has_coverage=False), context()).to_json()
    assert card["summary"].startswith(f"No Coverage found for this {noun}; ")


def test_nothing_is_written_to_the_appointment_that_stands_for_an_order() -> None:
    booked = {"resourceType": "Appointment", "id": "a1"}
    decided = decided_order(decision(Outcome.REVIEW), has_coverage=False, target=booked)
    card = no_coverage_card(decided, context()).to_json()
    assert card["summary"].startswith(f"{DRUG}: no Coverage found")
    assert card["detail"].endswith("nothing was written to the appointment.")


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_headline(outcome: Outcome) -> None:
    assert headline(decision(outcome))
    assert "documentation" not in headline(secondary(decision(outcome)))
