"""Small valid FHIR R4 resources for tests: deterministic, about Patient/p1, every element open to be overridden."""

from decimal import Decimal
from typing import Any

Json = dict[str, Any]

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
NDC = "http://hl7.org/fhir/sid/ndc"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
UCUM = "http://unitsofmeasure.org"
PAYERS = "http://example.org/payer-identifiers"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"

KADCYLA = (RXNORM, "1371046", "Kadcyla")
HERCEPTIN = (RXNORM, "101306", "Herceptin")
BREAST_CANCER = (ICD10, "C50.911", "Malignant neoplasm of unspecified site of right female breast")

Codes = tuple[str, ...]


def coding(system: str, code: str, display: str | None = None) -> Json:
    return {"system": system, "code": code} | ({} if display is None else {"display": display})


def concept(*codes: Codes, text: str | None = None) -> Json:
    """A CodeableConcept from (system, code) or (system, code, display) and a text."""
    found: Json = {"coding": [coding(*code) for code in codes]} if codes else {}
    return found | ({} if text is None else {"text": text})


def quantity(value: str | int, code: str, *, comparator: str | None = None) -> Json:
    found: Json = {"value": Decimal(value), "unit": code, "system": UCUM, "code": code}
    return found | ({} if comparator is None else {"comparator": comparator})


def reference(name: str, display: str | None = None) -> Json:
    return {"reference": name} | ({} if display is None else {"display": display})


def period(start: str | None = None, end: str | None = None) -> Json:
    return {key: day for key, day in (("start", start), ("end", end)) if day is not None}


def resource(kind: str, identity: str, elements: Json, more: Json) -> Json:
    """A resource of its elements; an element overridden with None is left out."""
    merged = {"resourceType": kind, "id": identity, **elements, **more}
    return {key: value for key, value in merged.items() if value is not None}


def patient(identity: str = "p1", *, birth: str = "1970-05-04", **more: Any) -> Json:
    return resource("Patient", identity, {"gender": "female", "birthDate": birth}, more)


def organization(identity: str = "payer", *, payer: str = "oscar", **more: Any) -> Json:
    elements = {"active": True, "name": "A health plan", "identifier": [{"system": PAYERS, "value": payer}]}
    return resource("Organization", identity, elements, more)


def coverage(identity: str = "c1", *, payor: str = "Organization/payer", **more: Any) -> Json:
    elements = {
        "status": "active",
        "subscriberId": "m-1",
        "beneficiary": reference("Patient/p1"),
        "payor": [reference(payor)],
        "period": period("2026-01-01", "2026-12-31"),
    }
    return resource("Coverage", identity, elements, more)


def dosage(
    value: str | int = "3.6",
    unit: str = "mg/kg",
    *,
    every: int | None = 3,
    period_unit: str = "wk",
    text: str | None = None,
) -> Json:
    """One dosage instruction: the dose, and how often when `every` is given."""
    found: Json = {"doseAndRate": [{"doseQuantity": quantity(value, unit)}]}
    if every is not None:
        found["timing"] = {"repeat": {"frequency": 1, "period": every, "periodUnit": period_unit}}
    return found | ({} if text is None else {"text": text})


def medication_request(identity: str = "mr1", *, drug: Json | None = None, on: str = "2026-06-01", **more: Any) -> Json:
    elements = {
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": concept(KADCYLA) if drug is None else drug,
        "subject": reference("Patient/p1"),
        "authoredOn": on,
        "requester": reference("Practitioner/dr"),
        "insurance": [reference("Coverage/c1")],
    }
    return resource("MedicationRequest", identity, elements, more)


def service_request(identity: str = "sr1", *, code: Json | None = None, **more: Any) -> Json:
    elements = {
        "status": "draft",
        "intent": "order",
        "code": concept(text="HER2 test") if code is None else code,
        "subject": reference("Patient/p1"),
        "authoredOn": "2026-06-01",
    }
    return resource("ServiceRequest", identity, elements, more)


def medication(
    identity: str = "m1", *, code: Json | None = None, ingredients: list[Json] | None = None, **more: Any
) -> Json:
    """A Medication; `ingredients` are the concepts of its parts."""
    parts = None if ingredients is None else [{"itemCodeableConcept": each} for each in ingredients]
    return resource("Medication", identity, {"code": code, "ingredient": parts}, more)


def administration(
    identity: str = "ma1", *, drug: Json | None = None, on: str | None = "2026-05-01", **more: Any
) -> Json:
    elements = {
        "status": "completed",
        "medicationCodeableConcept": concept(KADCYLA) if drug is None else drug,
        "subject": reference("Patient/p1"),
        "effectiveDateTime": on,
    }
    return resource("MedicationAdministration", identity, elements, more)


def statement(
    identity: str = "ms1",
    *,
    drug: Json | None = None,
    start: str | None = "2025-01-10",
    end: str | None = "2025-06-20",
    **more: Any,
) -> Json:
    elements = {
        "status": "completed",
        "medicationCodeableConcept": concept(HERCEPTIN) if drug is None else drug,
        "subject": reference("Patient/p1"),
        "effectivePeriod": period(start, end) or None,
    }
    return resource("MedicationStatement", identity, elements, more)


def dispense(identity: str = "md1", *, drug: Json | None = None, on: str | None = "2026-05-01", **more: Any) -> Json:
    elements = {
        "status": "completed",
        "medicationCodeableConcept": concept(KADCYLA) if drug is None else drug,
        "subject": reference("Patient/p1"),
        "whenHandedOver": on,
    }
    return resource("MedicationDispense", identity, elements, more)


def condition(
    identity: str = "dx1", *, code: Json | None = None, onset: str | None = "2024-03-01", **more: Any
) -> Json:
    elements = {
        "clinicalStatus": concept((f"{TERMINOLOGY}/condition-clinical", "active")),
        "verificationStatus": concept((f"{TERMINOLOGY}/condition-ver-status", "confirmed")),
        "code": concept(BREAST_CANCER) if code is None else code,
        "subject": reference("Patient/p1"),
        "onsetDateTime": onset,
    }
    return resource("Condition", identity, elements, more)


def observation(
    identity: str = "o1",
    *,
    code: Json | None = None,
    value: Json | str | int | bool | None = None,
    on: str | None = "2026-04-01",
    **more: Any,
) -> Json:
    """An Observation; the type of the value chooses value[x]: text, number, yes/no, or a Quantity, Ratio or concept."""
    elements: Json = {
        "status": "final",
        "code": concept((LOINC, "85319-2")) if code is None else code,
        "subject": reference("Patient/p1"),
        "effectiveDateTime": on,
    }
    if value is not None:
        elements[_value_key(value)] = value
    return resource("Observation", identity, elements, more)


def _value_key(value: Json | str | int | bool) -> str:
    match value:
        case bool():
            return "valueBoolean"
        case str():
            return "valueString"
        case int():
            return "valueInteger"
        case {"numerator": _}:
            return "valueRatio"
        case {"low": _} | {"high": _}:
            return "valueRange"
        case {"value": _}:
            return "valueQuantity"
        case _:
            return "valueCodeableConcept"


def procedure(identity: str = "pr1", *, code: Json | None = None, on: str | None = "2025-07-15", **more: Any) -> Json:
    elements = {
        "status": "completed",
        "code": concept((SNOMED, "392021009", "Lumpectomy of breast (procedure)")) if code is None else code,
        "subject": reference("Patient/p1"),
        "performedDateTime": on,
    }
    return resource("Procedure", identity, elements, more)


def allergy(
    identity: str = "ai1", *, drug: Json | None = None, effects: tuple[str, ...] = ("Rash",), **more: Any
) -> Json:
    elements = {
        "clinicalStatus": concept((f"{TERMINOLOGY}/allergyintolerance-clinical", "active")),
        "verificationStatus": concept((f"{TERMINOLOGY}/allergyintolerance-verification", "confirmed")),
        "code": concept(HERCEPTIN) if drug is None else drug,
        "patient": reference("Patient/p1"),
        "reaction": [{"manifestation": [concept(text=effect) for effect in effects]}] if effects else None,
    }
    return resource("AllergyIntolerance", identity, elements, more)


def adverse_event(identity: str = "ae1", *, suspect: str = "MedicationAdministration/ma1", **more: Any) -> Json:
    elements = {
        "actuality": "actual",
        "event": concept(text="Infusion related reaction"),
        "subject": reference("Patient/p1"),
        "date": "2026-05-01",
        "suspectEntity": [{"instance": reference(suspect)}],
    }
    return resource("AdverseEvent", identity, elements, more)


def components(*parts: tuple[Json, Json | str | int | bool]) -> list[Json]:
    """Components of an Observation from pairs of code and value."""
    return [{"code": code, _value_key(value): value} for code, value in parts]


def document_reference(identity: str = "dr1", *, kind: Json | None = None, **more: Any) -> Json:
    elements = {
        "status": "current",
        "type": concept((LOINC, "34806-0", "Oncology Note")) if kind is None else kind,
        "subject": reference("Patient/p1"),
        "date": "2026-04-02T09:30:00Z",
        "content": [{"attachment": {"contentType": "text/plain"}}],
    }
    return resource("DocumentReference", identity, elements, more)


def diagnostic_report(identity: str = "rp1", *, code: Json | None = None, **more: Any) -> Json:
    elements = {
        "status": "final",
        "code": concept((LOINC, "18748-4", "Imaging Narrative")) if code is None else code,
        "subject": reference("Patient/p1"),
        "effectiveDateTime": "2026-03-01",
    }
    return resource("DiagnosticReport", identity, elements, more)


def questionnaire_response(identity: str = "qr1", *, items: list[Json] | None = None, **more: Any) -> Json:
    elements = {
        "questionnaire": "http://example.org/Questionnaire/her2|1.0.0",
        "status": "completed",
        "subject": reference("Patient/p1"),
        "authored": "2026-06-01T10:00:00Z",
        "author": reference("Practitioner/dr"),
        "item": [] if items is None else items,
    }
    return resource("QuestionnaireResponse", identity, elements, more)
