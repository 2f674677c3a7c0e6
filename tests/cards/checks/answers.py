"""A valid answer in every dialect, written by hand and apart from the product."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

from cards.coverage_information import EXTENSION
from cards.dialect import DIALECTS, Dialect

Json = dict[str, Any]

TEMPORARY = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
CARD_TYPES = "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"
DETAIL_CODES = "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"
UCUM = "http://unitsofmeasure.org"

INFORMATION = "systemActions/0/resource/extension/1/extension"
"""Coverage information that we wrote about an authorized order."""
OPEN = "systemActions/1/resource/extension/0/extension"
"""The same about an order that needs documents."""
CONDITIONAL = "systemActions/2/resource/extension/0/extension"
EXCLUDED = "systemActions/3/resource/extension/0/extension"
OURS = frozenset({"assertion-1", "assertion-2", "assertion-3", "assertion-4"})


def answer(name: str = "2.2", *, primary: bool = True) -> Json:
    """Return a valid answer with every kind of card, and coverage information of every kind if the dialect has any."""
    dialect = DIALECTS[name]
    cards = [instructions(dialect), alternatives(dialect), missing_test(dialect), reference(dialect)]
    found: Json = {"cards": cards}
    if dialect.carries_coverage_information:
        found["systemActions"] = [
            update("rx1", authorized(dialect) if primary else authorizable(), beside=anothers()),
            update("rx2", documentation(dialect) if primary else authorizable("assertion-2")),
            update("rx3", conditional()),
            update("rx4", excluded(dialect)),
        ]
    return deepcopy(found)


def uuid(number: int) -> str:
    return f"5b7d5a0e-31a8-4f0c-a2f5-{number:012d}"


def card(dialect: Dialect, number: int, topic: str, **members: Any) -> Json:
    reference: Any = "MedicationRequest/rx1" if dialect.name == "2.0" else {"reference": "MedicationRequest/rx1"}
    until_21 = dialect.name in {"2.0", "2.1"}
    return {
        "uuid": uuid(number),
        "summary": "Documentation needed for prior authorization",
        "detail": "To decide coverage of **Margenza** (MedicationRequest/rx1), send the HER2 result.",
        "indicator": "warning",
        "source": {
            "label": "Example Health Plan",
            "url": "https://payer.example.org",
            "icon": "https://payer.example.org/icon.png",
            "topic": {"system": TEMPORARY if until_21 else CARD_TYPES, "code": topic, "display": "Topic"},
        },
        "extension": {"davinci-crd.associated-resource": [reference]},
        **members,
    }


def instructions(dialect: Dialect) -> Json:
    return card(dialect, 1, "appropriate-use")


def alternatives(dialect: Dialect) -> Json:
    delete = {"type": "delete", "description": "Remove the order", "resourceId": "MedicationRequest/rx1"}
    create = {"type": "create", "description": "Draft an order", "resource": medication_request()}
    other = {**medication_request(), "dosageInstruction": [{"text": "Dose to be entered"}]}
    return card(
        dialect,
        2,
        "therapy-alternatives-req",
        suggestions=[
            {"label": "Order A instead", "uuid": uuid(21), "isRecommended": True, "actions": [delete, create]},
            {"label": "Order B instead", "uuid": uuid(22), "actions": [delete, {**create, "resource": other}]},
        ],
        selectionBehavior="at-most-one",
        overrideReasons=[{"system": "https://payer.example.org/reasons", "code": "other", "display": "Other reason"}],
    )


def missing_test(dialect: Dialect) -> Json:
    create = {"type": "create", "description": "Draft an order", "resource": service_request()}
    suggestion = {"label": "Order HER2 ISH", "uuid": uuid(31), "actions": [create]}
    return card(dialect, 3, "clinical-reminder", suggestions=[suggestion], selectionBehavior="any")


def reference(dialect: Dialect) -> Json:
    link = {
        "label": "Policy",
        "url": "https://payer.example.org/policies/margenza#her2",
        "type": "absolute",
        "autolaunchable": False,
    }
    return card(dialect, 4, "guideline", links=[link])


def medication_request() -> Json:
    dose = {"value": Decimal("378.0"), "unit": "mg", "system": UCUM, "code": "mg"}
    return {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "contained": [{"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}}],
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "2267581", "display": "A"}],
            "text": "Enhertu",
        },
        "subject": {"reference": "Patient/p1", "display": "Example Patient"},
        "encounter": {"reference": "Encounter/e1"},
        "supportingInformation": [{"reference": "Observation/weight"}],
        "authoredOn": "2026-05-05",
        "requester": {"reference": "Practitioner/dr1"},
        "performer": {"reference": "Practitioner/dr2"},
        "reasonCode": [{"text": "Breast cancer"}],
        "reasonReference": [{"reference": "#c1"}],
        "insurance": [{"reference": "Coverage/cov1"}],
        "dosageInstruction": [
            {
                "sequence": 1,
                "text": "Loading dose 378 mg once",
                "timing": {"repeat": {"count": 1}},
                "route": {"text": "intravenous"},
                "doseAndRate": [{"doseQuantity": dose}],
            },
            {
                "text": "Then 378 mg every 3 weeks",
                "timing": {"repeat": {"frequency": 1, "period": 3, "periodUnit": "wk"}},
            },
        ],
        "note": [{"text": "Drafted for clinician review"}],
    }


def service_request() -> Json:
    return {
        "resourceType": "ServiceRequest",
        "id": "draft-2",
        "status": "draft",
        "intent": "order",
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "108252007", "display": "Laboratory"}]}],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "85318-4", "display": "HER2 by FISH"}],
            "text": "HER2 by FISH",
        },
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-05-05",
        "requester": {"reference": "Practitioner/dr1"},
        "note": [{"text": "Drafted for clinician review"}],
    }


def update(name: str, information: list[Json], beside: list[Any] | None = None) -> Json:
    """Return a system action on an order that came with defects of its own, which are none of our business."""
    return {
        "type": "update",
        "description": "Add coverage information to the order",
        "resource": {
            "resourceType": "MedicationRequest",
            "id": name,
            "status": None,
            "category": {},
            "note": [],
            "extension": [*(beside or []), {"url": EXTENSION, "extension": information}],
        },
    }


def anothers() -> list[Any]:
    """Return coverage information that another payer wrote, in a shape of its own."""
    return [{"url": EXTENSION, "extension": [code("covered", "perhaps"), string("coverage-assertion-id", "theirs")]}]


def authorized(dialect: Dialect) -> list[Json]:
    quantity = {"value": Decimal(210), "unit": "units of J9353"}
    limit = [detail(dialect, "allowed-quantity", {"url": "value", "valueQuantity": quantity}, "per administration")]
    if dialect.name == "2.0":
        period = {"start": "2026-05-05", "end": "2027-05-04"}
        last_day = [detail(dialect, "allowed-period", {"url": "value", "valuePeriod": period})]
    else:
        limit.append(detail(dialect, "instructions", {"url": "value", "valueString": "For the label dose"}))
        limit.append(detail(dialect, "policy-link", {"url": "value", "valueUrl": "https://payer.example.org/policy"}))
        last_day = [{"url": "expiry-date", "valueDate": "2027-05-04"}]
    point = {"system": "phone", "value": "1-855-555-0100"}
    contact = (
        {"valueContactDetail": {"name": "Utilization management", "telecom": [point]}}
        if dialect.name == "2.2"
        else {"valueContactPoint": point}
    )
    return [
        *stated("assertion-1", "covered", "satisfied"),
        *limit,
        *last_day,
        string("satisfied-pa-id", "PLAN-0042"),
        {"url": "dependency", "valueReference": {"reference": "MedicationRequest/rx2"}},
        {"url": "contact", **contact},
    ]


def authorizable(name: str = "assertion-1") -> list[Json]:
    return stated(name, "covered", "auth-needed")


def documentation(dialect: Dialect) -> list[Json]:
    purpose = [code("doc-purpose", "withpa")] if dialect.name == "2.0" else []
    return [
        *stated("assertion-2", "covered", "auth-needed"),
        code("doc-needed", "clinical"),
        *purpose,
        {"url": "questionnaire", "valueCanonical": "https://payer.example.org/fhir/Questionnaire/her2|2.0.0"},
    ]


def conditional() -> list[Json]:
    return [*stated("assertion-3", "conditional", "conditional"), code("info-needed", "OTH")]


def excluded(dialect: Dialect) -> list[Json]:
    """Return what is said of an order that is not covered; 2.0.1 wants no-auth with it."""
    return stated("assertion-4", "not-covered", "no-auth" if dialect.name == "2.0" else None)


def stated(name: str, covered: str, authorization: str | None) -> list[Json]:
    hcpcs = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
    return [
        {"url": "coverage", "valueReference": {"reference": "Coverage/cov1"}},
        code("covered", covered),
        *([code("pa-needed", authorization)] if authorization else []),
        {"url": "billingCode", "valueCoding": {"system": hcpcs, "code": "J9353", "display": "Margetuximab, 5 mg"}},
        {"url": "reason", "valueCodeableConcept": {"text": "What was found."}},
        {"url": "date", "valueDate": "2026-05-05"},
        string("coverage-assertion-id", name),
    ]


def code(url: str, value: str) -> Json:
    return {"url": url, "valueCode": value}


def string(url: str, value: str) -> Json:
    return {"url": url, "valueString": value}


def detail(dialect: Dialect, name: str, value: Json, qualification: str | None = None) -> Json:
    """Return a detail with the category of its code (which `instructions` may choose), from 2.2 on."""
    newest = dialect.name == "2.2"
    systems = [DETAIL_CODES, TEMPORARY] if newest else [TEMPORARY]
    category = "cat-limitation" if name.startswith("allowed") else "cat-other"
    return {
        "url": "detail",
        "extension": [
            *([code("category", category)] if newest else []),
            {"url": "code", "valueCodeableConcept": {"coding": [{"system": each, "code": name} for each in systems]}},
            value,
            *([string("qualification", qualification)] if qualification else []),
        ],
    }
