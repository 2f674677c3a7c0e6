"""The request that is measured: one Margenza order of a payer whose policy its chart meets, as an EHR would send it.

Everything is made up and the same in every run. The chart is complete, so that nothing is fetched.
"""

import json
from itertools import chain, islice

from benchmarks.chart import chart, further_visits
from benchmarks.resources import (
    CLINICIAN,
    HCPCS,
    HL7,
    ICD10,
    NDC,
    PATIENT,
    VISIT,
    Json,
    concept,
    encounter,
    identity,
    infusion,
    patient,
    resource,
)

SMALLEST = 31
"""Resources of the smallest chart: the ones that the decision needs, and what stands beside them in a real chart."""

SERVER = "https://ehr.example.org/fhir/R4"

# Resource type -> the prefetch key under which its search results are sent.
_PREFETCH = {
    "Coverage": "coverage",
    "Organization": "payors",
    "Condition": "conditions",
    "Observation": "observations",
    "MedicationRequest": "medicationRequests",
    "MedicationAdministration": "medicationAdministrations",
    "MedicationStatement": "medicationStatements",
    "MedicationDispense": "medicationDispenses",
    "Procedure": "procedures",
    "AllergyIntolerance": "allergies",
    "AdverseEvent": "adverseEvents",
    "DiagnosticReport": "diagnosticReports",
    "DocumentReference": "documents",
    "QuestionnaireResponse": "questionnaireResponses",
}


def order_sign(resources: int = SMALLEST) -> bytes:
    """Return the body of an order-sign call whose chart holds this many resources (at least SMALLEST)."""
    extra = islice(further_visits(), resources - SMALLEST)
    prefetch: Json = {"patient": patient(), "encounter": encounter()}
    found: dict[str, list[Json]] = {kind: [] for kind in _PREFETCH}
    for each in chain(chart(), extra):
        found[each["resourceType"]].append(each)
    prefetch |= {_PREFETCH[kind]: _searchset(each) for kind, each in found.items()}
    body = {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": CLINICIAN["reference"],
            "patientId": identity(PATIENT),
            "encounterId": identity(VISIT),
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": _order()}]},
        },
        "prefetch": prefetch,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _searchset(resources: list[Json]) -> Json:
    entries = [
        {
            "fullUrl": f"{SERVER}/{each['resourceType']}/{each['id']}",
            "resource": each,
            "search": {"mode": "match"},
        }
        for each in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


def _order() -> Json:
    return resource(
        "MedicationRequest",
        "rx1",
        "2026-10-01",
        status="draft",
        intent="order",
        category=[concept((f"{HL7}/medicationrequest-category", "outpatient", "Outpatient"), text="Outpatient")],
        medicationCodeableConcept=concept(
            (HCPCS, "J9353", "Injection, margetuximab-cmkb, 5 mg"),
            (NDC, "70720-022-02", "Margenza 250 mg/10 mL"),
            text="margetuximab-cmkb (MARGENZA) IV infusion",
        ),
        subject=PATIENT,
        encounter=VISIT,
        authoredOn="2026-10-01",
        requester=CLINICIAN,
        reasonCode=[concept((ICD10, "C50.911", "Malignant neoplasm of right female breast"), text="Breast cancer")],
        insurance=[{"reference": "Coverage/ecov1.wVQ7ZkP3", "display": "MMM Medicare"}],
        dosageInstruction=[infusion(15 * 70)],
    )
