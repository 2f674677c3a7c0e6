"""The outcome table of the decision contract, member by member, in every version of CRD."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from msgspec import structs

from cards.coverage_information import EXTENSION, emit
from cards.dialect import CRD_VERSIONS, DIALECTS, PLAIN
from criteria.decision import Decision
from criteria.finding import unknown
from criteria.outcome import Approval, Authority, Outcome
from criteria.policy import Contact
from tests.cards.builders import (
    ASK_HER2,
    COVERAGE,
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
from tests.cards.outcome_table import ON_SECONDARY_HOOKS, ROWS, Row, name_of

TEMPORARY = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
DETAILS = "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"


def emitted(found: Decision, version: str = "2.2") -> dict[str, Any]:
    return emit(found, COVERAGE, LINKS, drugs()["margetuximab"], dialect=DIALECTS[version])


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
        assert [each["system"] for each in codings] == [DETAILS, TEMPORARY]
        assert codings[0]["code"] == codings[1]["code"]
        found[codings[0]["code"]] = (
            member(inner, "category"),
            member(inner, "value"),
            (members(inner, "qualification") or [None])[0],
        )
    return found


# ------------------------------------------------------------------------------------------------------ the table


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_an_outcome_has_exactly_its_members_in_the_order_of_the_specification(row: Row) -> None:
    extension = emitted(decision(row.outcome), row.dialect)
    assert extension["url"] == EXTENSION
    assert [each["url"] for each in extension["extension"]] == row.members
    assert {name: member(extension, name) for name in row.codes} == row.codes


@pytest.mark.parametrize("row", ON_SECONDARY_HOOKS, ids=name_of)
def test_a_secondary_hook_gives_no_number_asks_for_no_documents_and_refuses_nothing(row: Row) -> None:
    extension = emitted(secondary(decision(row.outcome)), row.dialect)
    assert [each["url"] for each in extension["extension"]] == row.members
    assert {name: member(extension, name) for name in row.codes} == row.codes


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_every_reason_has_text_and_a_code_only_where_the_version_has_one(row: Row) -> None:
    reason = member(emitted(decision(row.outcome), row.dialect), "reason")
    assert reason["text"]
    assert reason.get("coding") == ([{"system": TEMPORARY, "code": row.reason}] if row.reason else None)


@pytest.mark.parametrize("version", CRD_VERSIONS)
@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_assertion_names_coverage_day_and_decision(outcome: Outcome, version: str) -> None:
    found = decision(outcome)
    extension = emitted(found, version)
    assert member(extension, "coverage") == {"reference": COVERAGE}
    assert member(extension, "date") == "2026-05-05"
    assert member(extension, "coverage-assertion-id") == found.id


@pytest.mark.parametrize("version", CRD_VERSIONS)
@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_annotated_order_is_valid_fhir(outcome: Outcome, version: str) -> None:
    annotated = order_resource(extension=[emitted(decision(outcome), version)])
    assert MedicationRequest.model_validate(annotated).id == "rx1"


def test_without_crd_there_is_no_coverage_information() -> None:
    with pytest.raises(ValueError, match="cds-hooks has no coverage information"):
        emitted(decision(Outcome.AUTHORIZED), PLAIN)


# ---------------------------------------------------------------------------------------------- whole extensions

LABEL_DOSE = "Label dose 15 mg/kg every 3 weeks; 1,050 mg at 70 kg (2026-05-01) = 210 units of J9353."
QUANTITY = {"url": "value", "valueQuantity": {"value": 210, "unit": "units of J9353"}}
PER_DOSE = {"url": "qualification", "valueString": "per administration, every 3 weeks"}
LIMITATION = {"url": "category", "valueCode": "cat-limitation"}
PHONE = {"system": "phone", "value": "1-855-252-1118"}
FAX = {"system": "fax", "value": "1-800-540-2406"}
AUTHORIZED_REASON = (
    "Prior authorization PA-0042 is issued for Margenza 250 mg/10 mL, valid through 2027-05-04. "
    "Found met: Adult; HER2-positive; Recurrent; Metastatic; Shortage."
)


def coded(*systems: str, code: str) -> dict[str, Any]:
    return {"url": "code", "valueCodeableConcept": {"coding": [{"system": each, "code": code} for each in systems]}}


AUTHORIZED_TAIL = {
    "2.0": [
        {
            "url": "detail",
            "extension": [
                {"url": "code", "valueCodeableConcept": {"text": "Dose limit"}},
                {"url": "value", "valueString": LABEL_DOSE},
            ],
        },
        {"url": "detail", "extension": [coded(TEMPORARY, code="allowed-quantity"), QUANTITY, PER_DOSE]},
        {
            "url": "detail",
            "extension": [
                coded(TEMPORARY, code="allowed-period"),
                {"url": "value", "valuePeriod": {"end": "2027-05-04"}},
                {"url": "qualification", "valueString": "last day of the prior authorization"},
            ],
        },
        {"url": "date", "valueDate": "2026-05-05"},
        {"url": "coverage-assertion-id", "valueString": "5b7d5a0e-31a8-4f0c-a2f5-3df4b8a1c001"},
        {"url": "satisfied-pa-id", "valueString": "PA-0042"},
        {"url": "contact", "valueContactPoint": PHONE},
        {"url": "contact", "valueContactPoint": FAX},
    ],
    "2.1": [
        {
            "url": "detail",
            "extension": [coded(TEMPORARY, code="instructions"), {"url": "value", "valueString": LABEL_DOSE}],
        },
        {"url": "detail", "extension": [coded(TEMPORARY, code="allowed-quantity"), QUANTITY, PER_DOSE]},
        {"url": "date", "valueDate": "2026-05-05"},
        {"url": "coverage-assertion-id", "valueString": "5b7d5a0e-31a8-4f0c-a2f5-3df4b8a1c001"},
        {"url": "satisfied-pa-id", "valueString": "PA-0042"},
        {"url": "contact", "valueContactPoint": PHONE},
        {"url": "contact", "valueContactPoint": FAX},
        {"url": "expiry-date", "valueDate": "2027-05-04"},
    ],
    "2.2": [
        {
            "url": "detail",
            "extension": [
                LIMITATION,
                coded(DETAILS, TEMPORARY, code="instructions"),
                {"url": "value", "valueString": LABEL_DOSE},
            ],
        },
        {
            "url": "detail",
            "extension": [LIMITATION, coded(DETAILS, TEMPORARY, code="allowed-quantity"), QUANTITY, PER_DOSE],
        },
        {"url": "date", "valueDate": "2026-05-05"},
        {"url": "coverage-assertion-id", "valueString": "5b7d5a0e-31a8-4f0c-a2f5-3df4b8a1c001"},
        {"url": "satisfied-pa-id", "valueString": "PA-0042"},
        {"url": "contact", "valueContactDetail": {"name": "EviCore", "telecom": [PHONE, FAX]}},
        {"url": "expiry-date", "valueDate": "2027-05-04"},
    ],
}


@pytest.mark.parametrize("version", CRD_VERSIONS)
def test_an_authorization_reads_in_each_version(version: str) -> None:
    assert emitted(decision(Outcome.AUTHORIZED), version)["extension"] == [
        {"url": "coverage", "valueReference": {"reference": "Coverage/cov1"}},
        {"url": "covered", "valueCode": "covered"},
        {"url": "pa-needed", "valueCode": "satisfied"},
        {
            "url": "billingCode",
            "valueCoding": {"system": HCPCS, "code": "J9353", "display": "Injection, margetuximab-cmkb, 5 mg"},
        },
        {"url": "reason", "valueCodeableConcept": {"text": AUTHORIZED_REASON}},
        *AUTHORIZED_TAIL[version],
    ]


# ------------------------------------------------------------------------------------------------------ invariants
# Intents of crd-ci-q1 to q9 of CRD 2.2.1, both directions where the intent says "if and only if", in every version
# that could say the same; where 2.0.1 published something else, that.

EVERY = [
    (version, found)
    for version in CRD_VERSIONS
    for found in [
        *[decision(outcome) for outcome in Outcome],
        *[secondary(decision(outcome)) for outcome in Outcome],
        decision(Outcome.AUTHORIZED, dose=None),
        decision(Outcome.AUTHORIZABLE, dose=excessive_dose()),
        decision(Outcome.REVIEW, judgements={"her2": no()}),
    ]
]
each_one = pytest.mark.parametrize(("version", "found"), EVERY)


def values(extension: Mapping[str, Any], *urls: str) -> set[str]:
    return {value for url in urls for value in members(extension, url)}


@each_one
def test_q1_a_questionnaire_only_with_doc_needed(version: str, found: Decision) -> None:
    extension = emitted(found, version)
    assert not members(extension, "questionnaire") or members(extension, "doc-needed")


@each_one
def test_q2_not_covered_has_no_pa_needed_but_in_2_0_every_assertion_has_one(version: str, found: Decision) -> None:
    extension = emitted(found, version)
    is_covered = member(extension, "covered") != "not-covered"
    assert bool(members(extension, "pa-needed")) == (is_covered or version == "2.0")
    if not is_covered:
        assert values(extension, "pa-needed") == ({"no-auth"} if version == "2.0" else set())


@each_one
def test_q3_info_needed_exactly_when_something_is_conditional(version: str, found: Decision) -> None:
    extension = emitted(found, version)
    conditional = "conditional" in values(extension, "covered", "pa-needed", "doc-needed")
    assert conditional == bool(members(extension, "info-needed"))


@each_one
def test_q4_documents_for_a_prior_authorization_only_where_one_is_needed(version: str, found: Decision) -> None:
    extension = emitted(found, version)
    expected = {"withpa"} if version == "2.0" and members(extension, "doc-needed") else set()
    assert values(extension, "doc-purpose") == expected
    assert not expected or values(extension, "pa-needed") == {"auth-needed"}


@each_one
def test_q5_a_number_exactly_when_satisfied(version: str, found: Decision) -> None:
    extension = emitted(found, version)
    assert ("satisfied" in values(extension, "pa-needed")) == bool(members(extension, "satisfied-pa-id"))


@each_one
def test_q6_to_q9_every_assertion_has_one_reason_with_text(version: str, found: Decision) -> None:
    assert member(emitted(found, version), "reason")["text"].strip()


@each_one
def test_codes_of_later_versions_are_not_sent_to_older_ones(version: str, found: Decision) -> None:
    extension = emitted(found, version)
    if version != "2.2":
        assert "indeterminate" not in values(extension, "covered", "pa-needed", "doc-needed")
        assert values(extension, "info-needed") <= {"OTH"}
        assert "category" not in str(extension)
        assert DETAILS not in str(extension)
    if version == "2.0":
        assert "'instructions'" not in str(extension)
        assert len(members(extension, "doc-needed")) <= 1


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


def test_in_2_0_an_excessive_dose_is_a_detail_in_words() -> None:
    extension = emitted(decision(Outcome.AUTHORIZABLE, dose=excessive_dose()), "2.0")
    limit, quantity = members(extension, "detail")
    assert limit[0] == {"url": "code", "valueCodeableConcept": {"text": "Dose limit"}}
    assert limit[1]["valueString"].startswith("The ordered dose is above 15 mg/kg plus 10 % tolerance.")
    assert quantity == [coded(TEMPORARY, code="allowed-quantity"), QUANTITY, PER_DOSE]


def test_in_2_0_the_last_day_of_an_earlier_authorization_is_said_too() -> None:
    earlier = decision(Outcome.AUTHORIZED, dose=None, approval=Approval(12, date(2026, 12, 31)))
    (period,) = members(emitted(earlier, "2.0"), "detail")
    assert period[1] == {"url": "value", "valuePeriod": {"end": "2026-12-31"}}


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


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_before_2_2_each_address_of_the_contact_is_a_member_and_a_name_alone_is_none(version: str) -> None:
    found = decision(Outcome.REVIEW)
    assert found.policy is not None
    web = Contact("Pharmacy desk", phone="1-800-555-0100", url="https://plan.example/pharmacy")
    reachable = structs.replace(found, policy=replace(found.policy, contact=web))
    assert members(emitted(reachable, version), "contact") == [
        {"system": "phone", "value": "1-800-555-0100"},
        {"system": "url", "value": "https://plan.example/pharmacy"},
    ]
    named = structs.replace(found, policy=replace(found.policy, contact=Contact("Pharmacy desk")))
    assert not members(emitted(named, version), "contact")


@pytest.mark.parametrize("version", CRD_VERSIONS)
def test_without_a_contact_of_the_policy_the_payers_is_named(version: str) -> None:
    found = decision(Outcome.NO_POLICY)
    named = structs.replace(found, payer=replace(found.payer, contact=Contact("Plan", phone="1-800-555-0101")))
    (contact,) = members(emitted(named, version), "contact")
    assert "1-800-555-0101" in str(contact)


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


@pytest.mark.parametrize("version", CRD_VERSIONS)
def test_a_secondary_hook_words_not_met_as_review(version: str) -> None:
    assert "clinical review" in member(emitted(secondary(decision(Outcome.NOT_MET)), version), "reason")["text"]


@pytest.mark.parametrize("version", CRD_VERSIONS)
def test_a_secondary_hook_names_no_missing_document(version: str) -> None:
    assert member(emitted(secondary(decision(Outcome.DOCUMENTATION)), version), "reason")["text"] == (
        "Margenza 250 mg/10 mL needs prior authorization under Margenza policy <A & B>. "
        "What the authorization takes is said when the order is signed."
    )


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


# ------------------------------------------------------------------------------------------------------------ wording


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
    assert text.startswith("The ordered drug under")
