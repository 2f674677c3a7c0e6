from typing import Any

import pytest

from fhir_mappers.r4 import validate
from service.draft_orders import ORDER_TYPES, DraftOrder, read_order
from service.problems import RequestProblem
from tests.service.builders import medication_request

PATH = "$.order"
MODIFIER = {"url": "http://x.example/negates", "valueBoolean": True}


def read(order: dict[str, Any], *, strict: bool = False) -> DraftOrder:
    return read_order(order, PATH, "p1", strict=strict, validate=validate)


def refused(order: dict[str, Any], *, strict: bool = False, status: int = 400) -> list[tuple[str, str]]:
    with pytest.raises(RequestProblem) as caught:
        read(order, strict=strict)
    assert caught.value.status == status
    return [(issue.path.removeprefix(f"{PATH}."), issue.code) for issue in caught.value.issues]


def dosage(**quantity: Any) -> list[dict[str, Any]]:
    return [{"doseAndRate": [{"doseQuantity": quantity}]}]


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"id": None}, "id", "required"),
        ({"id": 5}, "id", "value"),
        ({"id": "a b"}, "id", "value"),
        ({"id": "x" * 65}, "id", "value"),
        ({"status": None}, "status", "required"),
        ({"status": 3}, "status", "value"),
        ({"status": "bogus"}, "status", "code-invalid"),
        ({"intent": None}, "intent", "required"),
        ({"intent": "wish"}, "intent", "code-invalid"),
        ({"subject": None}, "subject", "required"),
        ({"subject": {}}, "subject.reference", "value"),
        ({"subject": {"reference": "Patient/p2"}}, "subject.reference", "value"),
        ({"subject": {"reference": "https://ehr.example.org/fhir/Patient/p2"}}, "subject.reference", "value"),
        ({"subject": {"reference": "Group/p1"}}, "subject.reference", "value"),
        ({"subject": {"reference": "#p1"}}, "subject.reference", "value"),
        ({"subject": {"identifier": {"value": "1"}}}, "subject.reference", "value"),
        ({"medicationCodeableConcept": None}, "medication[x]", "required"),
        ({"medicationReference": {"reference": "Medication/1"}}, "medication[x]", "structure"),
        ({"medicationCodeableConcept": {"coding": {"code": "1"}}}, "medicationCodeableConcept.coding", "structure"),
        ({"medicationCodeableConcept": {"coding": [{"system": "x"}]}}, "medicationCodeableConcept", "required"),
        (
            {"medicationCodeableConcept": None, "medicationReference": {"reference": " "}},
            "medicationReference",
            "required",
        ),
        ({"authoredOn": "10/01/2026"}, "authoredOn", "value"),
        ({"authoredOn": "2026-02-30"}, "authoredOn", "value"),
        ({"authoredOn": 1700000000}, "authoredOn", "value"),
        ({"reasonCode": {"text": "x"}}, "reasonCode", "structure"),
        ({"reasonCode": [{"coding": [{"code": 5}]}]}, "reasonCode[0].coding[0].code", "value"),
        ({"reasonReference": "Condition/1"}, "reasonReference", "structure"),
        ({"dosageInstruction": {"text": "x"}}, "dosageInstruction", "structure"),
        (
            {"dosageInstruction": dosage(value="8.1")},
            "dosageInstruction[0].doseAndRate[0].doseQuantity.value",
            "value",
        ),
        (
            {"dosageInstruction": [{"timing": {"repeat": {"periodUnit": "fortnight"}}}]},
            "dosageInstruction[0].timing.repeat.periodUnit",
            "code-invalid",
        ),
        ({"insurance": {"reference": "Coverage/1"}}, "insurance", "structure"),
        ({"insurance": [5]}, "insurance[0]", "structure"),
        ({"doNotPerform": "true"}, "doNotPerform", "value"),
        ({"doNotPerform": 1}, "doNotPerform", "value"),
        (
            {"_doNotPerform": {"extension": [{"url": "http://x.example", "valueCode": "unknown"}]}},
            "doNotPerform",
            "value",
        ),
        ({"implicitRules": "http://x.example/rules"}, "implicitRules", "not-supported"),
        ({"modifierExtension": [MODIFIER]}, "modifierExtension", "not-supported"),
        ({"modifierExtension": [{}]}, "modifierExtension", "not-supported"),
        (
            {"dosageInstruction": [{"text": "x"}, {"modifierExtension": [MODIFIER]}]},
            "dosageInstruction[1].modifierExtension",
            "not-supported",
        ),
        (
            {"contained": [{"resourceType": "Medication", "id": "m", "modifierExtension": [MODIFIER]}]},
            "contained[0].modifierExtension",
            "not-supported",
        ),
    ],
)
@pytest.mark.parametrize("sloppy", [False, True])
def test_an_element_that_decides_and_cannot_be_read_is_refused(
    changes: dict[str, Any], path: str, code: str, sloppy: bool
) -> None:
    order = medication_request(**changes)
    if sloppy:  # a tolerated defect elsewhere must not hide this one
        order |= {"category": {"text": "x"}, "substitution": {}, "extension": [{}]}
    found = refused(order)
    assert (path, code) in found
    assert all(not each.startswith(("category", "substitution", "extension")) for each, _ in found)


@pytest.mark.parametrize(
    "name", ["doNotPerform", "authoredOn", "reasonCode", "dosageInstruction", "insurance", "subject"]
)
def test_json_null_in_an_element_that_decides_is_refused(name: str) -> None:
    assert (name, "value") in refused(medication_request() | {name: None})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subject": {"reference": "https://ehr.example.org/fhir/Patient/p1/_history/2"}},
        {"medicationCodeableConcept": {"coding": [{"display": "Margenza"}]}},
        {"medicationCodeableConcept": None, "medicationReference": {"reference": "Medication/m1"}},
        {"medicationCodeableConcept": None, "medicationReference": {"display": "Margenza"}},
        {"authoredOn": "2026"},
        {"doNotPerform": False},
        {"doNotPerform": True},
        {"authoredOn": "2026-05-04T10:00:00.123-05:00"},
        {"authoredOn": None, "_authoredOn": {"extension": [{"url": "http://x.example", "valueCode": "unknown"}]}},
    ],
)
def test_an_order_that_can_be_read_has_no_notes(changes: dict[str, Any]) -> None:
    assert read(medication_request(**changes)).notes == ()


def test_a_patient_named_by_uuid_is_the_patient_of_that_id() -> None:
    uuid = "3f2c6f3a-4b86-4a58-9d0e-0b2f3f9e6a11"
    order = medication_request(subject={"reference": f"urn:uuid:{uuid}"})
    assert read_order(order, PATH, uuid, strict=False, validate=validate).reference == "MedicationRequest/rx1"
    assert refused(order) == [("subject.reference", "value")]


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"category": {"text": "x"}}, "category should be a list"),
        ({"colour": "red"}, "colour is not an element of this type"),
        ({"reasonCode": [{"text": "x", "colour": 1}]}, "reasonCode[0].colour is not an element of this type"),
        ({"reasonCode": []}, "reasonCode should not be an empty list"),
        ({"contained": [{"resourceType": "Foo"}]}, "contained holds a resource of an unknown type"),
        ({"requester": None}, "requester is missing, and the CRD profile requires it"),
        ({"authoredOn": None}, "authoredOn is missing, and the CRD profile requires it"),
    ],
)
def test_other_defects_are_noted_and_refused_only_when_strict(changes: dict[str, Any], note: str) -> None:
    order = medication_request(**changes)
    assert read(order).notes == (f"{PATH}.{note}",)
    # What FHIR allows and CRD alone does not is a 422 (hook-13).
    status = 422 if "the CRD profile" in note else 400
    assert [path for path, _ in refused(order, strict=True, status=status)] == [note.split(" ", maxsplit=1)[0]]


def test_a_defect_of_fhir_beside_one_of_crd_alone_is_a_400() -> None:
    order = medication_request(requester=None, colour="red")
    assert sorted(refused(order, strict=True)) == [("colour", "structure"), ("requester", "business-rule")]


@pytest.mark.parametrize(
    "order",
    [
        {
            "resourceType": "ServiceRequest",
            "status": "draft",
            "intent": "order",
            "subject": {"reference": "Patient/p1"},
        },
        {"resourceType": "DeviceRequest", "intent": "order", "subject": {"reference": "Patient/p1"}},
        {"resourceType": "CommunicationRequest", "status": "draft"},
        {
            "resourceType": "NutritionOrder",
            "status": "draft",
            "intent": "order",
            "patient": {"reference": "Patient/p1"},
        },
        {"resourceType": "VisionPrescription", "status": "draft", "patient": {"reference": "Patient/p1"}},
    ],
)
def test_the_other_types_of_order_are_read_too(order: dict[str, Any]) -> None:
    whole = order | {"id": "o1"}
    assert read(whole).reference == f"{order['resourceType']}/o1"
    for name in ORDER_TYPES[order["resourceType"]].required:
        lacking = {key: value for key, value in whole.items() if key != name}
        assert (name, "required") in refused(lacking)


def test_every_type_of_order_of_crd_is_known() -> None:
    assert set(ORDER_TYPES) == {
        "CommunicationRequest",
        "DeviceRequest",
        "MedicationRequest",
        "NutritionOrder",
        "ServiceRequest",
        "VisionPrescription",
    }


def test_no_message_repeats_a_value_of_the_order() -> None:
    order = medication_request(
        status="Canary",
        authoredOn="Canary",
        subject={"reference": "Patient/Canary"},
        reasonCode=[{"coding": [{"code": ["Canary"]}]}],
        dosageInstruction=dosage(value="Canary"),
    )
    with pytest.raises(RequestProblem) as caught:
        read(order)
    assert len(caught.value.issues) >= 4
    assert "Canary" not in str(caught.value)
