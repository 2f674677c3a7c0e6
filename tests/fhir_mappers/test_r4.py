import subprocess
import sys
from typing import Any

import pytest

from fhir_mappers.r4 import MODELS, Problem, validate
from tests.builders import LOINC, concept, coverage, dosage, medication_request, reference, service_request

SECRET = "Eleonora-Marie"


def order(**more: Any) -> dict[str, Any]:
    return medication_request(**more)


def places(sent: Any) -> set[str]:
    return {f"{each.path} {each.code}" for each in validate(sent)}


@pytest.mark.parametrize(
    "sent",
    [
        order(),
        order(on="2026-06"),
        order(dosageInstruction=[dosage("3.60")]),
        order(_authoredOn={"extension": [{"url": "http://x", "valueCode": "unknown"}]}, authoredOn=None),
        order(contained=[{"resourceType": "Practitioner", "id": "dr"}]),
        order(reportedBoolean=False),
        service_request(),
        coverage(),
        {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid"}]},
        {
            "resourceType": "Questionnaire",
            "status": "active",
            "item": [{"linkId": "1", "text": "HER2?", "type": "choice", "answerOption": [{"valueString": "3+"}]}],
        },
        {
            "resourceType": "DeviceRequest",
            "intent": "order",
            "subject": reference("Patient/p1"),
            "codeCodeableConcept": {"text": "x"},
        },
        {"resourceType": "CommunicationRequest", "status": "draft", "subject": reference("Patient/p1")},
        {
            "resourceType": "NutritionOrder",
            "status": "draft",
            "intent": "order",
            "patient": reference("Patient/p1"),
            "dateTime": "2026-06-01",
        },
        {
            "resourceType": "VisionPrescription",
            "status": "draft",
            "created": "2026-06-01",
            "patient": reference("Patient/p1"),
            "dateWritten": "2026-06-01",
            "prescriber": reference("Practitioner/dr"),
            "lensSpecification": [{"product": concept((LOINC, "x")), "eye": "left"}],
        },
    ],
    ids=lambda sent: str(sent["resourceType"]),
)
def test_a_conforming_resource_has_no_problems(sent: dict[str, Any]) -> None:
    assert validate(sent) == ()


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (order(subject=None), {"MedicationRequest.subject required"}),
        (order(status=None), {"MedicationRequest.status required"}),
        (order(medicationCodeableConcept=None), {"MedicationRequest.medication[x] required"}),
        (order(status=None, subject=None), {"MedicationRequest.status required", "MedicationRequest.subject required"}),
        (order(medicationReference=reference("Medication/1")), {"MedicationRequest.medication[x] structure"}),
        (order(zz=1), {"MedicationRequest.zz structure"}),
        (order(**{SECRET: 1}), {"MedicationRequest.? structure"}),
        (order(category=concept(text="x")), {"MedicationRequest.category structure"}),
        (order(subject="Patient/p1"), {"MedicationRequest.subject structure"}),
        (
            order(priorPrescription=[]),
            {"MedicationRequest.priorPrescription structure"},
        ),
        (order(on="10/01/2026"), {"MedicationRequest.authoredOn value"}),
        (
            order(dosageInstruction=[{"timing": {"zz": 1}}]),
            {"MedicationRequest.dosageInstruction[0].timing.zz structure"},
        ),
        (order(extension=[{"valueCode": "x"}]), {"MedicationRequest.extension[0].url required"}),
        (order(contained=[{"resourceType": "Foo"}]), {"MedicationRequest.contained structure"}),
        (order(contained=[{"resourceType": "Patient", "zz": 1}]), {"MedicationRequest.contained[0].zz structure"}),
        (
            order(contained=[{"resourceType": "Foo"}], zz=1),
            {"MedicationRequest.contained structure", "MedicationRequest.zz structure"},
        ),
        (
            order(extension=[{"url": "x", "valueReference": {"resourceType": "Foo"}}]),
            {"MedicationRequest.extension[0].valueReference.resourceType value"},
        ),
    ],
)
def test_what_the_models_refuse_is_a_problem_with_its_path(sent: dict[str, Any], found: set[str]) -> None:
    assert places(sent) >= found


# What fhir.resources accepts and FHIR does not.
@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (order(status="bogus"), "MedicationRequest.status code-invalid"),
        (order(intent="bogus"), "MedicationRequest.intent code-invalid"),
        (order(status=[]), "MedicationRequest.status value"),
        (order(authoredOn=1700000000), "MedicationRequest.authoredOn value"),
        (order(reportedBoolean="true"), "MedicationRequest.reportedBoolean value"),
        (
            order(dispenseRequest={"numberOfRepeatsAllowed": "3"}),
            "MedicationRequest.dispenseRequest.numberOfRepeatsAllowed value",
        ),
        (
            order(dispenseRequest={"numberOfRepeatsAllowed": True}),
            "MedicationRequest.dispenseRequest.numberOfRepeatsAllowed value",
        ),
        (
            order(dosageInstruction=[{"doseAndRate": [{"doseQuantity": {"value": "8.1"}}]}]),
            "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity.value value",
        ),
        (
            order(dosageInstruction=[{"doseAndRate": [{"doseQuantity": {"value": True}}]}]),
            "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity.value value",
        ),
        (
            order(dosageInstruction=[{"doseAndRate": [{"doseQuantity": {"value": 8, "comparator": "~"}}]}]),
            "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity.comparator code-invalid",
        ),
        (order(category=[]), "MedicationRequest.category invariant"),
        (order(identity="x" * 65), "MedicationRequest.id value"),
        (order(identity="x y"), "MedicationRequest.id value"),
        (order(note=[{"text": "  "}]), "MedicationRequest.note[0].text invariant"),
        (coverage(status="bogus"), "Coverage.status code-invalid"),
        (
            {"resourceType": "Questionnaire", "status": "active", "item": [{"linkId": "1", "type": "question"}]},
            "Questionnaire.item[0].type code-invalid",
        ),
        (
            {"resourceType": "OperationOutcome", "issue": [{"severity": "bad", "code": "invalid"}]},
            "OperationOutcome.issue[0].severity code-invalid",
        ),
    ],
)
def test_what_the_models_let_pass_is_a_problem_too(sent: dict[str, Any], found: str) -> None:
    assert found in places(sent)


def test_a_gap_beside_an_extension_of_a_primitive_is_no_second_problem() -> None:
    sent = order(instantiatesUri=[None], _instantiatesUri=[{"extension": [{"url": "x", "valueCode": "y"}]}])
    assert not any("whole" in each.message for each in validate(sent))


@pytest.mark.parametrize(
    "sent", [{}, {"resourceType": "Patient"}, {"resourceType": 7}, {"resourceType": "Foo"}, [], "x", None]
)
def test_another_type_is_not_judged(sent: Any) -> None:
    assert [(each.path, each.code) for each in validate(sent)] == [("resourceType", "not-supported")]


def test_nesting_without_end_is_one_problem() -> None:
    top: dict[str, Any] = {"url": "x"}
    deepest = top
    for _ in range(3000):
        deepest["extension"] = [{"url": "x"}]
        deepest = deepest["extension"][0]
    assert Problem("MedicationRequest", "is nested too deeply", "structure") in validate(order(extension=[top]))


def test_a_model_that_fails_in_another_way_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr(MODELS["Coverage"], "model_validate", fail)
    assert validate(coverage(zz=1)) == (Problem("Coverage", "is not valid", "value"),)


def test_an_unknown_type_outside_contained_is_no_endless_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise KeyError(SECRET)

    monkeypatch.setattr(MODELS["Coverage"], "model_validate", fail)
    assert [each.code for each in validate(coverage(zz=1))] == ["structure"]


@pytest.mark.parametrize(
    "more",
    [
        {"status": SECRET},
        {"authoredOn": SECRET},
        {"note": SECRET},
        {"note": [SECRET]},
        {"identity": SECRET + " x"},
        {"subject": SECRET},
        {"dosageInstruction": [{"sequence": SECRET}]},
        {"contained": [{"resourceType": SECRET}]},
        {"contained": [{"resourceType": "Patient", "birthDate": SECRET}]},
        {"resourceType": "MedicationRequest", SECRET: {SECRET: SECRET}},
    ],
)
def test_no_problem_repeats_a_value(more: dict[str, Any]) -> None:
    found = validate(order(**more))
    assert found
    assert SECRET not in str(found)


def test_only_this_module_imports_the_models() -> None:
    code = "import sys, fhir_mappers.record; print('fhir' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert answer.strip() == "False"
