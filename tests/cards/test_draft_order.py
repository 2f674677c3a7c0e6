"""Drafts are complete, valid FHIR, and never carry the old drug's dose."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest

from cards.draft_order import dosage_text, draft_medication_request, draft_service_request
from criteria.decision import Alternative
from criteria.outcome import Outcome
from fhir_mappers.r4 import validate
from service.draft_orders import defective_elements
from tests.cards.builders import alternatives, context, decision, order_resource, policy

ENHERTU = alternatives().offered[0]
FOUND = decision(Outcome.DOCUMENTATION)


def medication_draft(alternative: Alternative = ENHERTU, **changes: Any) -> dict[str, Any]:
    return draft_medication_request(FOUND, alternative, order_resource(**changes), context())


def test_a_drug_draft_is_complete() -> None:
    draft = medication_draft()
    assert draft == {
        "resourceType": "MedicationRequest",
        "id": draft["id"],
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {
            "coding": [
                {
                    "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                    "code": "2267581",
                    "display": "Enhertu 100 MG Injection",
                },
                {"system": "http://hl7.org/fhir/sid/ndc", "code": "65597040601"},
                {
                    "system": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
                    "code": "J9358",
                    "display": "Injection, fam-trastuzumab deruxtecan-nxki, 1 mg",
                },
            ],
            "text": "Enhertu (fam-trastuzumab deruxtecan-nxki)",
        },
        "contained": [{"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}}],
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "requester": {"reference": "Practitioner/dr1"},
        "performer": {"reference": "Organization/clinic"},
        "reasonReference": [{"reference": "#c1"}],
        "insurance": [{"reference": "Coverage/cov1"}],
        "supportingInformation": [{"reference": "Observation/weight"}],
        "authoredOn": "2026-05-05",
        "dosageInstruction": [
            {
                "text": "378 mg, intravenous, every 3 weeks",
                "timing": {"repeat": {"frequency": 1, "period": 3, "periodUnit": "wk"}},
                "route": {"text": "intravenous"},
                "doseAndRate": [
                    {
                        "doseQuantity": {
                            "value": Decimal(378),
                            "unit": "mg",
                            "system": "http://unitsofmeasure.org",
                            "code": "mg",
                        }
                    }
                ],
            }
        ],
        "note": [{"text": "Drafted from the payer's preferred list for clinician review. 5.4 mg/kg x 70 kg."}],
    }


@pytest.mark.parametrize("alternative", [*alternatives().offered, replace(ENHERTU, dose_mg=None, dose_ml="15.0")])
def test_every_drug_draft_is_valid_fhir(alternative: Alternative) -> None:
    assert MedicationRequest.model_validate(medication_draft(alternative)).status == "draft"


def test_a_dose_that_cannot_be_computed_is_left_out() -> None:
    draft = medication_draft(alternatives().offered[1])
    assert draft["dosageInstruction"] == [
        {
            "text": "Dose to be entered, subcutaneous, every 3 weeks",
            "timing": {"repeat": {"frequency": 1, "period": 3, "periodUnit": "wk"}},
            "route": {"text": "subcutaneous"},
        }
    ]
    assert draft["medicationCodeableConcept"] == {"text": "Phesgo (pertuzumab, trastuzumab, and hyaluronidase-zzxf)"}
    assert "supportingInformation" not in draft


# The amounts are those of Perjeta; which product it is makes no difference here.
PERJETA = Alternative(
    "trastuzumab_deruxtecan",
    "420",
    None,
    21,
    "intravenous",
    "Label loading and maintenance dose, fixed",
    loading_mg="840",
)
PHESGO = Alternative(
    "phesgo", None, "10", 21, "subcutaneous", "Label loading and maintenance dose, fixed", loading_ml="15"
)


# Labels of Perjeta and Phesgo: 840 mg, then 420 mg every 3 weeks; 15 mL, then 10 mL every 3 weeks.
@pytest.mark.parametrize(("alternative", "amounts"), [(PERJETA, [840, 420]), (PHESGO, [15, 10])])
def test_a_loading_dose_is_given_once_and_the_maintenance_dose_repeats(
    alternative: Alternative, amounts: list[int]
) -> None:
    draft = medication_draft(alternative)
    assert MedicationRequest.model_validate(draft).status == "draft"
    first, then = draft["dosageInstruction"]
    assert [each["sequence"] for each in (first, then)] == [1, 2]
    assert [each["doseAndRate"][0]["doseQuantity"]["value"] for each in (first, then)] == amounts
    assert first["timing"] == {"repeat": {"count": 1}}
    assert then["timing"] == {"repeat": {"frequency": 1, "period": 3, "periodUnit": "wk"}}


def test_a_loading_dose_is_told_from_the_maintenance_dose_in_words() -> None:
    assert dosage_text(PERJETA) == "Loading dose 840 mg once, then 420 mg every 3 weeks, intravenous"
    assert dosage_text(PHESGO) == "Loading dose 15 mL once, then 10 mL every 3 weeks, subcutaneous"
    assert [each["text"] for each in medication_draft(PERJETA)["dosageInstruction"]] == [
        "Loading dose 840 mg once, intravenous",
        "Then maintenance dose 420 mg, intravenous, every 3 weeks",
    ]


def test_a_maintenance_dose_that_is_not_known_is_left_to_the_clinician() -> None:
    bare = replace(PERJETA, dose_mg=None, interval_days=None)
    assert dosage_text(bare) == "Loading dose 840 mg once, then a dose to be entered, intravenous"
    _, then = medication_draft(bare)["dosageInstruction"]
    assert then["text"] == "Then maintenance dose to be entered, intravenous"
    assert not {"doseAndRate", "timing"} & set(then)


def test_a_volume_is_ordered_in_millilitres() -> None:
    draft = medication_draft(replace(ENHERTU, dose_mg=None, dose_ml="15.0", interval_days=10, route=None))
    (dosage,) = draft["dosageInstruction"]
    assert dosage["text"] == "15 mL, every 10 days"
    assert dosage["doseAndRate"][0]["doseQuantity"]["code"] == "mL"
    assert dosage["timing"]["repeat"] == {"frequency": 1, "period": 10, "periodUnit": "d"}


def test_an_unknown_interval_is_left_out() -> None:
    (dosage,) = medication_draft(replace(ENHERTU, interval_days=None))["dosageInstruction"]
    assert "timing" not in dosage
    assert dosage["text"] == "378 mg, intravenous"


def test_several_billing_codes_are_not_sent() -> None:
    draft = medication_draft(replace(ENHERTU, drug="trastuzumab"))
    assert draft["medicationCodeableConcept"] == {"text": "trastuzumab"}


def test_nothing_of_the_old_order_but_its_context_is_copied() -> None:
    draft = medication_draft(dispenseRequest={"quantity": {"value": 5}}, note=[{"text": "old"}])
    assert "1050" not in str(draft)
    assert not {"dispenseRequest", "substitution", "medicationReference"} & set(draft)


def test_contained_resources_that_nothing_points_to_stay_behind() -> None:
    assert "contained" not in medication_draft(reasonReference=[{"reference": "Condition/c9"}])


def test_without_a_requester_the_signing_user_is_it() -> None:
    order = order_resource()
    del order["requester"]
    signed = draft_medication_request(FOUND, ENHERTU, order, context(user="Practitioner/dr9"))
    assert signed["requester"] == {"reference": "Practitioner/dr9"}
    assert "requester" not in draft_medication_request(FOUND, ENHERTU, order, context())
    named = draft_medication_request(FOUND, ENHERTU, order_resource(), context(user="Practitioner/dr9"))
    assert named["requester"] == {"reference": "Practitioner/dr1"}


# Each is tolerated in an order of the client; a resource of ours is to be valid (CDS Hooks: no empty arrays).
@pytest.mark.parametrize(
    "defect",
    [
        {"requester": "x"},
        {"encounter": 5},
        {"reasonCode": []},
        {"insurance": []},
        {"performer": []},
        {"encounter": {"reference": "Encounter/1", "unknown": 1}},
        {"reasonReference": [{"reference": 5}], "encounter": "x"},
        {"contained": [{"resourceType": "Condition", "id": "c1"}]},
        {"contained": [{"resourceType": "Unheard", "id": "c1"}]},
        {"contained": [7]},
        {"subject": {"reference": "Patient/p1", "unknown": 1}},
    ],
    ids=str,
)
def test_defects_of_the_clients_order_are_not_copied(defect: dict[str, Any]) -> None:
    checked = replace(context(user="Practitioner/dr9"), defects=defective_elements)
    drug = draft_medication_request(FOUND, ENHERTU, order_resource(**defect), checked)
    test = policy().reflex_tests["her2-ish"]
    for draft in (drug, draft_service_request(FOUND, "her2-ish", test, order_resource(**defect), checked)):
        assert validate(draft) == ()
        assert draft["subject"] == {"reference": "Patient/p1"}
        assert "insurance" in defect or draft["insurance"] == [{"reference": "Coverage/cov1"}]
    if "requester" in defect:
        assert drug["requester"] == {"reference": "Practitioner/dr9"}


def test_ids_are_stable_and_differ_by_product() -> None:
    assert medication_draft()["id"] == medication_draft()["id"]
    assert medication_draft()["id"] != medication_draft(alternatives().offered[1])["id"]


def test_a_test_draft_is_complete_and_valid() -> None:
    test = policy().reflex_tests["her2-ish"]
    draft = draft_service_request(FOUND, "her2-ish", test, order_resource(), context())
    assert ServiceRequest.model_validate(draft).intent == "order"
    assert {name: draft[name] for name in ("status", "intent", "subject", "encounter", "requester", "authoredOn")} == {
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "requester": {"reference": "Practitioner/dr1"},
        "authoredOn": "2026-05-05",
    }
    assert draft["code"]["coding"] == [
        {"system": "http://loinc.org", "code": "85318-4", "display": "HER2 gene amplification by FISH"}
    ]
    assert draft["reasonReference"] == [{"reference": "#c1"}]
    assert draft["contained"][0]["id"] == "c1"
    assert "performer" not in draft
