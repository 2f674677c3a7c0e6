"""The outcome table of the decision contract, member by member, and what happens to the client's order."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from msgspec import structs

from cards.coverage_information import EXTENSION, annotate, emit
from criteria.decision import Decision
from criteria.finding import unknown
from criteria.outcome import Approval, Authority, Outcome
from criteria.policy import Contact
from tests.cards.builders import (
    ASK_HER2,
    LINKS,
    WITHOUT_CRITERIA,
    decision,
    dose,
    drugs,
    excessive_dose,
    judged,
    no,
    order,
    order_resource,
    secondary,
)

COVERAGE = "Coverage/cov1"
ALWAYS = {"coverage", "covered", "reason", "date", "coverage-assertion-id"}
POSSIBLE = ALWAYS | {
    "pa-needed",
    "doc-needed",
    "doc-purpose",
    "info-needed",
    "billingCode",
    "detail",
    "dependency",
    "questionnaire",
    "satisfied-pa-id",
    "contact",
    "expiry-date",
}
DIGEST_ORDER = [
    "coverage",
    "covered",
    "pa-needed",
    "doc-needed",
    "doc-purpose",
    "info-needed",
    "billingCode",
    "reason",
    "detail",
    "dependency",
    "questionnaire",
    "date",
    "coverage-assertion-id",
    "satisfied-pa-id",
    "contact",
    "expiry-date",
]

# outcome, coded members, other members beyond those every coverage information has
TABLE: list[tuple[Outcome, dict[str, str], set[str]]] = [
    (Outcome.NO_MEMBER_FOUND, {"covered": "not-covered"}, {"billingCode"}),
    (Outcome.NO_ACTIVE_COVERAGE, {"covered": "not-covered"}, {"billingCode"}),
    (Outcome.COVERAGE_NOT_FOUND, {"covered": "not-covered"}, {"billingCode"}),
    (
        Outcome.NO_POLICY,
        {"covered": "conditional", "pa-needed": "conditional", "info-needed": "OTH"},
        {"billingCode"},
    ),
    (
        Outcome.DRUG_UNCLEAR,
        {"covered": "conditional", "pa-needed": "conditional", "info-needed": "detail-code"},
        {"billingCode"},
    ),
    (
        Outcome.PREFERRED,
        {"covered": "conditional", "pa-needed": "conditional", "info-needed": "OTH"},
        {"billingCode", "contact"},
    ),
    (
        Outcome.AUTHORIZED,
        {"covered": "covered", "pa-needed": "satisfied"},
        {"billingCode", "contact", "detail", "satisfied-pa-id", "expiry-date"},
    ),
    (Outcome.AUTHORIZABLE, {"covered": "covered", "pa-needed": "auth-needed"}, {"billingCode", "contact"}),
    (Outcome.NOT_MET, {"covered": "not-covered"}, {"billingCode", "contact"}),
    (Outcome.TECHNICAL, {"covered": "indeterminate", "pa-needed": "indeterminate"}, {"billingCode", "contact"}),
    (
        Outcome.DOCUMENTATION,
        {"covered": "covered", "pa-needed": "auth-needed", "doc-needed": "clinical"},
        {"billingCode", "contact", "questionnaire"},
    ),
    (Outcome.REVIEW, {"covered": "covered", "pa-needed": "auth-needed"}, {"billingCode", "contact"}),
]
REASON_CODES = {
    Outcome.NO_MEMBER_FOUND: "no-member-found",
    Outcome.NO_ACTIVE_COVERAGE: "no-active-coverage",
    Outcome.COVERAGE_NOT_FOUND: "coverage-not-found",
    Outcome.TECHNICAL: "technical",
}


def emitted(found: Decision) -> dict[str, Any]:
    return emit(found, COVERAGE, LINKS, drugs()["margetuximab"])


def members(extension: Mapping[str, Any], url: str) -> list[Any]:
    """Return the values of all members with this url."""
    found = [each for each in extension["extension"] if each["url"] == url]
    return [next(value for name, value in each.items() if name != "url") for each in found]


def member(extension: Mapping[str, Any], url: str) -> Any:
    (value,) = members(extension, url)
    return value


def detail_values(extension: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details by code, each as (category, value, qualification)."""
    found = {}
    for detail in members(extension, "detail"):
        inner = {"extension": detail}
        codings = member(inner, "code")["coding"]
        assert [each["system"] for each in codings] == [
            "http://terminology.hl7.org/CodeSystem/crd-coverage-detail",
            "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp",
        ]
        assert codings[0]["code"] == codings[1]["code"]
        found[codings[0]["code"]] = (
            member(inner, "category"),
            member(inner, "value"),
            (members(inner, "qualification") or [None])[0],
        )
    return found


# ------------------------------------------------------------------------------------------------------ the table


def test_the_table_has_every_outcome_once() -> None:
    assert [row[0] for row in TABLE] == list(Outcome)


@pytest.mark.parametrize(("outcome", "coded", "others"), TABLE, ids=[row[0].value for row in TABLE])
def test_an_outcome_has_exactly_its_members(outcome: Outcome, coded: dict[str, str], others: set[str]) -> None:
    extension = emitted(decision(outcome))
    present = {each["url"] for each in extension["extension"]}
    assert extension["url"] == EXTENSION
    assert present == ALWAYS | set(coded) | others
    assert present <= POSSIBLE
    assert {url: member(extension, url) for url in coded} == coded


@pytest.mark.parametrize("outcome", list(Outcome))
def test_members_stand_in_the_order_of_the_specification(outcome: Outcome) -> None:
    places = [DIGEST_ORDER.index(each["url"]) for each in emitted(decision(outcome))["extension"]]
    assert places == sorted(places)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_reason_has_text_and_a_code_only_where_the_table_names_one(outcome: Outcome) -> None:
    reason = member(emitted(decision(outcome)), "reason")
    assert reason["text"]
    coding = (
        [{"system": "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp", "code": REASON_CODES[outcome]}]
        if outcome in REASON_CODES
        else None
    )
    assert reason.get("coding") == coding


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_assertion_names_coverage_day_and_decision(outcome: Outcome) -> None:
    found = decision(outcome)
    extension = emitted(found)
    assert member(extension, "coverage") == {"reference": COVERAGE}
    assert member(extension, "date") == "2026-05-05"
    assert member(extension, "coverage-assertion-id") == found.id


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_annotated_order_is_valid_fhir(outcome: Outcome) -> None:
    annotated = annotate(order_resource(), emitted(decision(outcome)))
    assert annotated is not None
    assert MedicationRequest.model_validate(annotated).id == "rx1"


# ------------------------------------------------------------------------------------------------------ invariants
# Intents of crd-ci-q1 to q9 of CRD 2.2.1, both directions where the intent says "if and only if".

EVERY = [
    *[decision(outcome) for outcome in Outcome],
    *[secondary(decision(outcome)) for outcome in Outcome],
    decision(Outcome.AUTHORIZED, dose=None),
    decision(Outcome.AUTHORIZABLE, dose=excessive_dose()),
    decision(Outcome.REVIEW, judgements={"her2": no()}),
]


def values(extension: Mapping[str, Any], *urls: str) -> set[str]:
    return {value for url in urls for value in members(extension, url)}


@pytest.mark.parametrize("found", EVERY)
def test_q1_a_questionnaire_only_with_doc_needed(found: Decision) -> None:
    extension = emitted(found)
    assert not members(extension, "questionnaire") or members(extension, "doc-needed")


@pytest.mark.parametrize("found", EVERY)
def test_q2_not_covered_has_no_pa_needed(found: Decision) -> None:
    extension = emitted(found)
    assert (member(extension, "covered") == "not-covered") == (not members(extension, "pa-needed"))


@pytest.mark.parametrize("found", EVERY)
def test_q3_info_needed_exactly_when_something_is_conditional(found: Decision) -> None:
    extension = emitted(found)
    conditional = "conditional" in values(extension, "covered", "pa-needed", "doc-needed")
    assert conditional == bool(members(extension, "info-needed"))


@pytest.mark.parametrize("found", EVERY)
def test_q4_no_documents_with_a_prior_authorization_that_is_not_needed(found: Decision) -> None:
    assert not members(emitted(found), "doc-purpose")


@pytest.mark.parametrize("found", EVERY)
def test_q5_a_number_exactly_when_satisfied(found: Decision) -> None:
    extension = emitted(found)
    assert ("satisfied" in values(extension, "pa-needed")) == bool(members(extension, "satisfied-pa-id"))


@pytest.mark.parametrize("found", EVERY)
def test_q6_other_information_needed_has_a_reason(found: Decision) -> None:
    extension = emitted(found)
    assert "OTH" not in values(extension, "info-needed") or member(extension, "reason")["text"]


@pytest.mark.parametrize("found", EVERY)
def test_q7_every_reason_has_text(found: Decision) -> None:
    assert all(each["text"].strip() for each in members(emitted(found), "reason"))


@pytest.mark.parametrize("found", EVERY)
def test_q8_a_document_purpose_has_a_reason(found: Decision) -> None:
    extension = emitted(found)
    assert not members(extension, "doc-purpose") or members(extension, "reason")


@pytest.mark.parametrize("found", EVERY)
def test_q9_indeterminate_has_a_reason(found: Decision) -> None:
    extension = emitted(found)
    assert "indeterminate" not in values(extension, "covered", "pa-needed") or member(extension, "reason")["text"]


# --------------------------------------------------------------------------------------------------- single members


def test_authorized_says_number_last_day_and_label_dose() -> None:
    extension = emitted(decision(Outcome.AUTHORIZED))
    assert member(extension, "satisfied-pa-id") == "PA-0042"
    assert member(extension, "expiry-date") == "2027-05-04"
    assert detail_values(extension) == {
        "instructions": (
            "cat-limitation",
            "Label dose 15 mg/kg every 3 weeks; 1,050 mg at 70 kg (2026-05-01) = 210 units of J9353.",
            None,
        ),
        "allowed-quantity": (
            "cat-limitation",
            {"value": 210, "unit": "units of J9353"},
            "per administration, every 3 weeks",
        ),
    }


def test_authorized_without_a_weight_states_no_quantity() -> None:
    found = decision(
        Outcome.AUTHORIZED, dose=dose(weight_kg=None, label_dose_mg=None, label_units=None, weight_source=None)
    )
    assert detail_values(emitted(found)) == {
        "instructions": (
            "cat-limitation",
            "Label dose 15 mg/kg every 3 weeks; no usable body weight on record, so no quantity is stated.",
            None,
        )
    }


def test_units_without_a_billing_code_are_billing_units() -> None:
    found = decision(Outcome.AUTHORIZED, dose=dose(billing_code=None))
    assert detail_values(emitted(found))["allowed-quantity"][1] == {"value": 210, "unit": "billing units"}


def test_authorized_by_a_policy_without_a_dose_limit_has_no_detail() -> None:
    assert not members(emitted(decision(Outcome.AUTHORIZED, dose=None)), "detail")


def test_an_excessive_dose_shows_its_arithmetic_in_detail_and_reason() -> None:
    authority = Authority(real_time=True, unsolicited=True, primary_hook=True)
    extension = emitted(decision(Outcome.AUTHORIZABLE, dose=excessive_dose(), authority=authority))
    arithmetic = (
        "The ordered dose is above 15 mg/kg plus 10 % tolerance. "
        "Ordered 1,400 mg = 280 units of J9353 (MedicationRequest/rx1). "
        "Label dose 15 mg/kg every 3 weeks; 1,050 mg at 70 kg (2026-05-01) = 210 units of J9353; "
        "weight from Observation/weight; up to 1,155 mg is accepted for vial rounding."
    )
    assert detail_values(extension)["instructions"] == ("cat-limitation", arithmetic, None)
    assert detail_values(extension)["allowed-quantity"][1]["value"] == 210
    assert arithmetic in member(extension, "reason")["text"]
    assert not members(extension, "satisfied-pa-id")


def test_documentation_names_the_questionnaire_with_its_version() -> None:
    assert member(emitted(decision(Outcome.DOCUMENTATION)), "questionnaire") == (
        "https://plan.example/crd/fhir/Questionnaire/plan-margenza-initial|2.0.0"
    )


def test_the_contact_has_telephone_and_fax() -> None:
    assert member(emitted(decision(Outcome.REVIEW)), "contact") == {
        "name": "EviCore",
        "telecom": [{"system": "phone", "value": "1-855-252-1118"}, {"system": "fax", "value": "1-800-540-2406"}],
    }


def test_a_contact_may_be_a_name_only() -> None:
    found = decision(Outcome.REVIEW)
    assert found.policy is not None
    named = structs.replace(found, policy=replace(found.policy, contact=Contact("Pharmacy desk")))
    assert member(emitted(named), "contact") == {"name": "Pharmacy desk"}
    silent = structs.replace(found, policy=replace(found.policy, contact=None))
    assert not members(emitted(silent), "contact")


def test_the_billing_code_is_the_one_the_dose_is_counted_in() -> None:
    assert member(emitted(decision(Outcome.AUTHORIZED)), "billingCode") == {
        "system": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
        "code": "J9353",
        "display": "Injection, margetuximab-cmkb, 5 mg",
    }


def test_without_a_dose_every_billing_code_of_the_product_is_named() -> None:
    extension = emit(decision(Outcome.NO_POLICY), COVERAGE, LINKS, drugs()["trastuzumab"])
    assert [each["code"] for each in members(extension, "billingCode")] == ["J9355", "Q5112"]


def test_a_product_without_a_billing_code_has_none() -> None:
    assert not members(emit(decision(Outcome.NO_POLICY), COVERAGE, LINKS), "billingCode")
    counted = emit(decision(Outcome.AUTHORIZED), COVERAGE, LINKS)
    assert member(counted, "billingCode") == {
        "system": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
        "code": "J9353",
    }


# -------------------------------------------------------------------------------------------------- secondary hooks


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_secondary_hook_asks_for_no_documents_and_gives_no_number(outcome: Outcome) -> None:
    extension = emitted(secondary(decision(outcome)))
    forbidden = {"doc-needed", "questionnaire", "satisfied-pa-id", "expiry-date"}
    assert forbidden.isdisjoint(each["url"] for each in extension["extension"])


def test_a_secondary_hook_words_not_met_as_review() -> None:
    extension = emitted(secondary(decision(Outcome.NOT_MET)))
    assert member(extension, "covered") == "covered"
    assert member(extension, "pa-needed") == "auth-needed"
    assert "clinical review" in member(extension, "reason")["text"]


# ------------------------------------------------------------------------------------------------ bugs are not hidden


@pytest.mark.parametrize("outcome", [each for each in WITHOUT_CRITERIA if each is not Outcome.PREFERRED])
def test_an_outcome_without_criteria_needs_its_sentence(outcome: Outcome) -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        emitted(decision(outcome, reason=" "))


@pytest.mark.parametrize("missing", [{"authorization": None}, {"approval": None}])
def test_authorized_without_number_or_approval_is_a_bug(missing: dict[str, None]) -> None:
    with pytest.raises(ValueError, match="a number and an approval"):
        emitted(decision(Outcome.AUTHORIZED, **missing))


def test_a_judged_outcome_without_a_determination_is_a_bug() -> None:
    with pytest.raises(ValueError, match="needs a policy and a determination"):
        emitted(decision(Outcome.REVIEW, determination=None))


# ---------------------------------------------------------------------------------------------------------- annotate


def earlier(name: str, coverage: str = COVERAGE, day: date = date(2026, 4, 1)) -> dict[str, Any]:
    return emit(decision(Outcome.REVIEW, id=name, called=day), coverage, LINKS)


def test_the_extension_is_added_and_nothing_else_changes() -> None:
    sent = order_resource(_status={"id": "x"}, unknown=[1, Decimal("1.10")])
    annotated = annotate(sent, emitted(decision(Outcome.REVIEW)))
    assert annotated is not None
    assert list(annotated) == [*sent, "extension"]
    assert {name: value for name, value in annotated.items() if name != "extension"} == sent
    assert "extension" not in sent


def test_extensions_of_others_stay_where_they_are() -> None:
    theirs = {"url": "http://example.org/other", "valueString": "x"}
    other_payer = earlier("other", coverage="Coverage/other")
    not_ours = earlier("not-ours")
    odd: list[Any] = [
        None,
        {"url": EXTENSION},
        {"url": EXTENSION, "extension": [None, {"url": "coverage", "valueReference": "Coverage/cov1"}]},
    ]
    sent = order_resource(extension=[theirs, other_payer, not_ours, *odd])
    added = emitted(decision(Outcome.REVIEW))
    annotated = annotate(sent, added, ours={"mine"})
    assert annotated is not None
    assert annotated["extension"] == [theirs, other_payer, not_ours, *odd, added]
    assert list(annotated) == list(sent)


def test_an_earlier_assertion_of_ours_is_replaced_in_its_place() -> None:
    theirs = {"url": "http://example.org/other", "valueString": "x"}
    now = emitted(decision(Outcome.NOT_MET, id="now"))
    sent = order_resource(extension=[earlier("before"), theirs, earlier("now")])
    annotated = annotate(sent, now, ours=["before"])
    assert annotated is not None
    assert annotated["extension"] == [now, theirs]


def test_the_same_id_with_other_content_is_replaced() -> None:
    now = emitted(decision(Outcome.NOT_MET, id="now"))
    annotated = annotate(order_resource(extension=[earlier("now")]), now)
    assert annotated is not None
    assert annotated["extension"] == [now]


def test_nothing_new_apart_from_the_date_is_no_update() -> None:
    shown = earlier("now")
    shown["extension"].reverse()
    now = earlier("now", day=date(2026, 5, 5))
    assert annotate(order_resource(extension=[shown]), now) is None


def test_one_more_member_on_the_order_is_something_new() -> None:
    shown = earlier("now")
    shown["extension"].append({"url": "doc-needed", "valueCode": "admin"})
    assert annotate(order_resource(extension=[shown]), earlier("now")) is not None


def test_a_single_extension_that_is_no_array_is_kept() -> None:
    theirs = {"url": "http://example.org/other", "valueString": "x"}
    added = earlier("now")
    annotated = annotate(order_resource(extension=theirs), added)
    assert annotated is not None
    assert annotated["extension"] == [theirs, added]


def test_only_coverage_information_is_written_to_an_order() -> None:
    with pytest.raises(ValueError, match="not a coverage-information extension"):
        annotate(order_resource(), {"url": "http://example.org/other"})


def test_an_earlier_authorization_covers_an_order_whose_record_is_silent() -> None:
    policy, determination = judged(her2=unknown(ASK_HER2))
    found = decision(
        Outcome.AUTHORIZED,
        policy=policy,
        determination=determination,
        reason="Decided on 2026-04-01 as decision 17",
        approval=Approval(12, date(2026, 12, 31)),
    )
    text = member(emitted(found), "reason")["text"]
    assert text == (
        "Prior authorization PA-0042, issued earlier for this treatment, is valid to 2026-12-31. "
        "Decided on 2026-04-01 as decision 17."
    )
    assert "An earlier prior authorization covers this treatment" in member(emitted(secondary(found)), "reason")["text"]


def test_an_order_without_a_label_still_has_a_name() -> None:
    text = member(emitted(decision(Outcome.REVIEW, order=order(label=" "))), "reason")["text"]
    assert text.startswith("the ordered drug")
