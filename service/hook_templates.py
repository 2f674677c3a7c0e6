"""Prefetch templates of every hook.

Standard expressions are verbatim those of CRD 2.2.1 (CRDServices.json); a server that wants an element of the
standard set must use them (found-29). The names of the keys are ours (found-30). Keys that refer to earlier keys
stand after them. The clinical record is no part of the standard set.
"""

from collections.abc import Iterable, Mapping

from service.draft_orders import ORDER_TYPES
from service.templates import Template

OBSERVATION_CODES = "<observation codes>"
"""Stands in a template for the codes of the vocabulary, which is data and not known here."""

_PATIENT = {"patient": "Patient/{{context.patientId}}"}
_ENCOUNTER = {"encounter": "Encounter/{{context.encounterId}}"}
_COVERAGE = {"coverage": "Coverage?patient={{context.patientId}}&status=active"}
_DRAFTED_MEDICATIONS = {
    "medications": (
        "Medication?_id={{context.draftOrders.entry.resource.ofType(MedicationRequest).medication.resolve().id}}"
    ),
}

_DISPATCHED = {
    f"{name[0].lower()}{name[1:]}s": f"{name}?_id={{{{context.dispatchedOrders.resolve().ofType({name}).id}}}}"
    for name in sorted(ORDER_TYPES)
}

# R4 lets an appointment be based on a ServiceRequest only; other orders are named by this extension.
_ALTERNATE = "extension('http://hl7.org/fhir/StructureDefinition/alternate-reference').value"
_BOOKED = {
    "deviceRequests": (
        f"DeviceRequest?_id={{{{context.appointments.entry.resource.basedOn.{_ALTERNATE}"
        ".resolve().ofType(DeviceRequest).id}}"
    ),
    "serviceRequests": (
        "ServiceRequest?_id={{context.appointments.entry.resource.basedOn.resolve().ofType(ServiceRequest).id}}"
    ),
    "medicationRequests": (
        f"MedicationRequest?_id={{{{context.appointments.entry.resource.basedOn.{_ALTERNATE}"
        ".resolve().ofType(MedicationRequest).id}}"
    ),
}

_ORDERED_MEDICATIONS = {"medications": "Medication?_id={{%medicationRequests.entry.resource.medication.resolve().id}}"}

_CHART = {
    "payors": "Organization?_id={{%coverage.entry.resource.payor.resolve().ofType(Organization).id}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "observations": "Observation?patient={{context.patientId}}&code=" + OBSERVATION_CODES,
    "medicationRequests": "MedicationRequest?patient={{context.patientId}}",
    "medicationAdministrations": "MedicationAdministration?patient={{context.patientId}}",
    "medicationStatements": "MedicationStatement?patient={{context.patientId}}",
    "medicationDispenses": "MedicationDispense?patient={{context.patientId}}",
    "procedures": "Procedure?patient={{context.patientId}}",
    "allergies": "AllergyIntolerance?patient={{context.patientId}}",
    # AdverseEvent has no `patient` parameter in R4.
    "adverseEvents": "AdverseEvent?subject=Patient/{{context.patientId}}",
    "diagnosticReports": "DiagnosticReport?patient={{context.patientId}}",
    "documents": "DocumentReference?patient={{context.patientId}}",
    "questionnaireResponses": "QuestionnaireResponse?patient={{context.patientId}}",
}


# Where the standard set has the key `medicationRequests` for the orders of the call, those on record get another.
_CHART_BESIDE_ORDERS = {"medicationHistory" if key == "medicationRequests" else key: _CHART[key] for key in _CHART}


def templates(texts: Mapping[str, str]) -> tuple[Template, ...]:
    """Return the templates in the order given; raise ValueError for one outside the grammar."""
    return tuple(Template.of(key, text) for key, text in texts.items())


DRAFTS = templates(_PATIENT | _ENCOUNTER | _COVERAGE | _DRAFTED_MEDICATIONS | _CHART)
# order-dispatch has no encounter in its context.
DISPATCH = templates(_PATIENT | _COVERAGE | _DISPATCHED | _ORDERED_MEDICATIONS | _CHART_BESIDE_ORDERS)
APPOINTMENT = templates(_PATIENT | _ENCOUNTER | _COVERAGE | _BOOKED | _ORDERED_MEDICATIONS | _CHART_BESIDE_ORDERS)
ENCOUNTER = templates(_PATIENT | _ENCOUNTER | _COVERAGE | _CHART | _ORDERED_MEDICATIONS)


def with_codes(given: Iterable[Template], codes: str) -> tuple[Template, ...]:
    """Return the templates with the codes of observations filled in."""
    return templates({each.key: each.text.replace(OBSERVATION_CODES, codes) for each in given})
