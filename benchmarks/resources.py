"""FHIR resources as one EHR writes them: with everything that real ones carry besides the facts, about 1.4 KB each."""

from datetime import date
from typing import Any

Json = dict[str, Any]
Code = tuple[str, str, str]

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
NDC = "http://hl7.org/fhir/sid/ndc"
HL7 = "http://terminology.hl7.org/CodeSystem"

PATIENT = {"reference": "Patient/e63wRTbPfr1p8UW81d8Seiw3", "display": "Example, Ana Maria"}
CLINICIAN = {
    "reference": "Practitioner/eM5CWtq15N0WJeuCet5bJlQ3",
    "type": "Practitioner",
    "identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1999999984"},
    "display": "Rivera, Carmen, MD",
}
VISIT = {
    "reference": "Encounter/elMz2mwjsRvKnZiR.0ceTUg3",
    "display": "Hospital outpatient infusion",
}


def identity(reference: Json) -> str:
    return str(reference["reference"]).split("/")[1]


def concept(*codes: Code, text: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": name} for system, code, name in codes], "text": text}


def quantity(value: float, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def resource(kind: str, name: str, updated: str, /, **elements: Any) -> Json:
    """Return a resource with what every one from this server carries."""
    return {
        "resourceType": kind,
        "id": f"e{name}.wVQ7ZkP3",
        "meta": {
            "versionId": "2",
            "lastUpdated": f"{updated}T17:42:08.311Z",
            "profile": [f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{kind.lower()}|6.1.0"],
        },
        "identifier": [
            {
                "use": "usual",
                "system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.798268",
                "value": f"{kind[:3].upper()}-{name}-{updated}",
            }
        ],
        **elements,
    }


def infusion(milligrams: float) -> Json:
    return {
        "text": f"{milligrams} mg IV every 3 weeks over 120 minutes, first dose; observe for infusion reactions",
        "timing": {"repeat": {"frequency": 1, "period": 3, "periodUnit": "wk"}, "code": {"text": "Every 21 days"}},
        "route": concept((SNOMED, "47625008", "Intravenous route"), text="Intravenous"),
        "doseAndRate": [
            {
                "type": {"coding": [{"system": f"{HL7}/dose-rate-type", "code": "ordered", "display": "Ordered"}]},
                "doseQuantity": quantity(milligrams, "mg"),
            }
        ],
    }


def patient() -> Json:
    person = resource(
        "Patient",
        "pat",
        "2026-08-03",
        active=True,
        name=[{"use": "official", "text": "Ana Maria Example", "family": "Example", "given": ["Ana", "Maria"]}],
        telecom=[{"system": "phone", "value": "787-555-0100", "use": "home"}],
        gender="female",
        birthDate="1968-11-23",
        address=[{"use": "home", "line": ["1 Calle Ejemplo"], "city": "San Juan", "state": "PR", "country": "US"}],
        maritalStatus=concept((f"{HL7}/v3-MaritalStatus", "M", "Married"), text="Married"),
        communication=[{"language": concept(("urn:ietf:bcp:47", "es", "Spanish"), text="Spanish"), "preferred": True}],
        generalPractitioner=[CLINICIAN],
        managingOrganization={"reference": "Organization/ecancer1", "display": "Example Regional Cancer Center"},
    )
    return person | {"id": identity(PATIENT)}


def encounter() -> Json:
    visit = resource(
        "Encounter",
        "enc",
        "2026-10-01",
        status="in-progress",
        subject=PATIENT,
        type=[concept((SNOMED, "185349003", "Encounter for check up"), text="Oncology visit")],
        participant=[{"individual": CLINICIAN, "period": {"start": "2026-10-01T14:00:00Z"}}],
        period={"start": "2026-10-01T14:00:00Z"},
        location=[{"location": {"reference": "Location/einf1", "display": "Infusion room 3"}, "status": "active"}],
        **{"class": {"system": f"{HL7}/v3-ActCode", "code": "AMB", "display": "ambulatory"}},
    )
    return visit | {"id": identity(VISIT)}


def condition(name: str, code: Code, onset: str) -> Json:
    active = concept((f"{HL7}/condition-clinical", "active", "Active"), text="Active")
    confirmed = concept((f"{HL7}/condition-ver-status", "confirmed", "Confirmed"), text="Confirmed")
    kind = concept((f"{HL7}/condition-category", "problem-list-item", "Problem List Item"), text="Problem List Item")
    return resource(
        "Condition",
        name,
        onset,
        clinicalStatus=active,
        verificationStatus=confirmed,
        category=[kind],
        code=concept(code, text=code[2]),
        subject=PATIENT,
        onsetDateTime=onset,
        recordedDate=onset,
        recorder=CLINICIAN,
    )


def observation(name: str, code: Code, day: str, category: str, **value: Any) -> Json:
    kind = concept((f"{HL7}/observation-category", category, category.title()), text=category.title())
    return resource(
        "Observation",
        name,
        day,
        status="final",
        category=[kind],
        code=concept(code, ("urn:oid:1.2.840.114350.1.13.0.1.7.2.768282", f"L-{name}", code[2]), text=code[2]),
        subject=PATIENT,
        encounter=VISIT,
        effectiveDateTime=day,
        issued=f"{day}T18:05:00Z",
        performer=[CLINICIAN],
        **value,
    )


def request(name: str, drug: Code, day: str, status: str, milligrams: float) -> Json:
    return resource(
        "MedicationRequest",
        name,
        day,
        status=status,
        intent="order",
        medicationCodeableConcept=concept(drug, text=drug[2]),
        subject=PATIENT,
        encounter=VISIT,
        authoredOn=day,
        requester=CLINICIAN,
        dosageInstruction=[{"text": f"{milligrams} mg by mouth", "doseAndRate": infusion(milligrams)["doseAndRate"]}],
    )


def administration(name: str, drug: Code, day: date) -> Json:
    text = day.isoformat()
    return resource(
        "MedicationAdministration",
        name,
        text,
        status="completed",
        category=concept((f"{HL7}/medication-admin-category", "outpatient", "Outpatient"), text="Outpatient"),
        medicationCodeableConcept=concept(drug, text=f"{drug[2]} infusion"),
        subject=PATIENT,
        context=VISIT,
        effectivePeriod={"start": f"{text}T14:10:00-04:00", "end": f"{text}T15:40:00-04:00"},
        performer=[{"actor": {"reference": "Practitioner/enurse1", "display": "Santos, Luis, RN"}}],
        dosage={"text": "per protocol", "dose": quantity(420, "mg")},
    )


def procedure(name: str, code: Code, day: str) -> Json:
    kind = concept((SNOMED, "387713003", "Surgical procedure"), text="Surgery")
    site = concept((SNOMED, "73056007", "Right breast structure"), text="Right breast")
    return resource(
        "Procedure",
        name,
        day,
        status="completed",
        category=kind,
        code=concept(code, text=code[2]),
        subject=PATIENT,
        encounter=VISIT,
        performedDateTime=day,
        performer=[{"actor": CLINICIAN}],
        bodySite=[site],
    )


def report(name: str, day: str) -> Json:
    imaging = concept(("http://loinc.org", "LP29684-5", "Radiology"), text="Radiology")
    return resource(
        "DiagnosticReport",
        name,
        day,
        status="final",
        category=[imaging],
        code=concept((LOINC, "18748-4", "Diagnostic imaging study"), text="CT chest, abdomen and pelvis"),
        subject=PATIENT,
        encounter=VISIT,
        effectiveDateTime=day,
        issued=f"{day}T20:11:00Z",
        performer=[CLINICIAN],
        presentedForm=[{"contentType": "application/pdf", "url": f"Binary/e{name}", "title": "CT report"}],
    )


def note(name: str, day: str) -> Json:
    return resource(
        "DocumentReference",
        name,
        day,
        status="current",
        docStatus="final",
        type=concept((LOINC, "34806-0", "Oncology Evaluation and management note"), text="Oncology note"),
        subject=PATIENT,
        date=f"{day}T16:20:00Z",
        author=[CLINICIAN],
        content=[{"attachment": {"contentType": "text/html", "url": f"Binary/e{name}"}}],
        context={"encounter": [VISIT], "period": {"start": f"{day}T14:00:00Z", "end": f"{day}T14:40:00Z"}},
    )
