"""Cases of the rules about coverage information and the orders that carry it."""

from typing import Any

from cards.coverage_information import EXTENSION
from tests.cards.checks.answers import (
    CONDITIONAL,
    DETAIL_CODES,
    EXCLUDED,
    INFORMATION,
    OPEN,
    TEMPORARY,
    Json,
    code,
    stated,
    string,
)
from tests.cards.checks.cases import CRD, Case
from tests.cards.checks.changes import Change, add, drop, put

UNTIL_21 = ("2.0", "2.1")
FROM_21 = ("2.1", "2.2")
ACTION = "systemActions/0"
RESOURCE = f"{ACTION}/resource"
WRITTEN = f"{RESOURCE}/extension/1"
LIMIT = f"{INFORMATION}/7/extension"
"""The detail of an authorization that limits the quantity."""
ADVICE = f"{INFORMATION}/8/extension"
POLICY = f"{INFORMATION}/9/extension"


def named(text: str, value: str, content: Any) -> Json:
    """Return a detail whose code is a text only, in the shape of 2.0 and 2.1."""
    concept = {"url": "code", "valueCodeableConcept": {"text": text}}
    return {"url": "detail", "extension": [concept, {"url": "value", value: content}]}


def coded(system: str, name: str, value: str, content: Any) -> Json:
    found = named(name, value, content)
    found["extension"][0]["valueCodeableConcept"]["coding"] = [{"system": system, "code": name}]
    return found


def reason(place: str, name: str, system: str = TEMPORARY) -> Change:
    return put(f"{place}/@reason/valueCodeableConcept/coding", [{"system": system, "code": name}])


def written(extensions: list[list[Json]]) -> Change:
    """Let the first order carry these and nothing else."""
    return put(f"{RESOURCE}/extension", [{"url": EXTENSION, "extension": each} for each in extensions])


def assertion(name: str, coverage: str = "Coverage/cov1", number: str | None = None) -> list[Json]:
    members = stated(name, "covered", "satisfied" if number else "auth-needed")
    members[0] = {"url": "coverage", "valueReference": {"reference": coverage}}
    issued = [string("satisfied-pa-id", number), {"url": "expiry-date", "valueDate": "2027-05-04"}] if number else []
    return [*members, *issued]


ACTIONS = [
    Case("system-action", put(f"{ACTION}/type", "create"), dialects=CRD),
    Case("system-action", drop(f"{ACTION}/description"), dialects=CRD),
    Case("system-action", drop(RESOURCE), dialects=CRD),
    Case("system-action", put(f"{ACTION}/resourceId", "MedicationRequest/rx1"), dialects=CRD),
    Case("updated-order", drop(f"{RESOURCE}/id"), dialects=CRD),
    Case("updated-order", drop(f"{RESOURCE}/resourceType"), dialects=CRD),
    Case("ci-context", put(f"{RESOURCE}/resourceType", "Task"), put(f"{RESOURCE}/resourceType", "Appointment"), CRD),
    # The extension of 2.0.1 does not list it as a context, the profile of 2.0.1 has a slice for it: the profile holds.
    Case(
        "ci-context",
        put(f"{RESOURCE}/resourceType", "Claim"),
        put(f"{RESOURCE}/resourceType", "VisionPrescription"),
        CRD,
    ),
    Case("crd-respci1", drop(WRITTEN), drop(f"{RESOURCE}/extension/0"), CRD),
    Case("crd-respci1", drop(f"{RESOURCE}/extension"), dialects=CRD),
    Case("crd-respci1", put(f"{INFORMATION}/@coverage-assertion-id/valueString", "theirs"), dialects=CRD),
    Case("coverage-information", put(f"{WRITTEN}/id", "x"), dialects=CRD),
    Case("updated-once", put("systemActions/1/resource/id", "rx1"), dialects=CRD),
    Case(
        "resp-32",
        written([assertion("assertion-1"), assertion("assertion-1", "Coverage/cov2")]),
        written([assertion("assertion-1"), assertion("assertion-2", "Coverage/cov2")]),
        CRD,
    ),
    Case(
        "resp-32",
        written([assertion("assertion-1", number="P1"), assertion("assertion-2", "Coverage/cov2", "P1")]),
        written([assertion("assertion-1", number="P1"), assertion("assertion-2", "Coverage/cov2", "P2")]),
        FROM_21,
    ),
    Case(
        "shared-assertion",
        written([assertion("assertion-1"), assertion("assertion-2")]),
        written([assertion("assertion-1"), assertion("assertion-1")]),
        UNTIL_21,
    ),
    Case(
        "shared-assertion",
        written([assertion("assertion-1", number="P1"), assertion("assertion-1", number="P2")]),
        written([assertion("assertion-1", number="P1"), assertion("assertion-1")]),
        ("2.1",),
    ),
    Case(
        "resp-32",
        written([assertion("assertion-1"), assertion("assertion-1", "Coverage/cov2")]),
        written([assertion("assertion-1"), assertion("assertion-2")]),
    ),
]

SUB_EXTENSIONS = [
    *[Case("ci-members", drop(f"{OPEN}/@{name}"), dialects=CRD) for name in ("coverage", "covered", "date")],
    Case("ci-members", add(INFORMATION, string("colour", "red")), dialects=CRD),
    Case(
        "ci-members",
        add(INFORMATION, {"url": "response", "valueReference": {"reference": "QuestionnaireResponse/q1"}}),
        dialects=CRD,
    ),
    Case("ci-members", add(INFORMATION, {"valueString": "x"}), dialects=CRD),
    Case("ci-once", add(OPEN, code("covered", "covered")), dialects=CRD),
    Case("ci-once", add(OPEN, code("pa-needed", "auth-needed")), dialects=CRD),
    Case("ci-once", add(OPEN, {"url": "coverage", "valueReference": {"reference": "Coverage/cov1"}}), dialects=CRD),
    Case("ci-once", add(OPEN, {"url": "date", "valueDate": "2026-05-05"}), dialects=CRD),
    Case("ci-once", add(OPEN, string("coverage-assertion-id", "assertion-2")), dialects=CRD),
    Case("ci-once", add(INFORMATION, string("satisfied-pa-id", "PLAN-0042")), dialects=CRD),
    Case("ci-once", add(INFORMATION, {"url": "expiry-date", "valueDate": "2027-05-04"}), dialects=FROM_21),
    Case(
        "ci-repeated",
        add(CONDITIONAL, code("info-needed", "OTH")),
        add(CONDITIONAL, code("info-needed", "performer")),
        CRD,
    ),
    Case("ci-repeated", add(OPEN, code("doc-needed", "clinical")), add(OPEN, code("doc-needed", "admin")), FROM_21),
    Case("doc-needed-once", add(OPEN, code("doc-needed", "admin")), dialects=("2.0",)),
    Case("ci-code", put(f"{OPEN}/@covered/valueString", "covered"), dialects=CRD),
    Case(
        "ci-string", put(f"{INFORMATION}/@satisfied-pa-id", {"url": "satisfied-pa-id", "valueInteger": 7}), dialects=CRD
    ),
    Case("ci-day", put(f"{OPEN}/@date", {"url": "date", "valueDateTime": "2026-05-05T10:00:00Z"}), dialects=CRD),
    Case(
        "ci-coverage",
        put(f"{OPEN}/@coverage/valueReference/reference", "#cov1"),
        put(f"{OPEN}/@coverage/valueReference/reference", "https://ehr.example.org/fhir/Coverage/cov1"),
        CRD,
    ),
    Case("ci-coverage", put(f"{OPEN}/@coverage/valueReference/reference", "Patient/p1"), dialects=CRD),
    Case("ci-coverage", put(f"{OPEN}/@coverage/valueReference/display", "Plan"), dialects=CRD),
    Case(
        "ci-billing-code",
        put(f"{OPEN}/@billingCode", string("billingCode", "J9353")),
        drop(f"{OPEN}/@billingCode"),
        CRD,
    ),
    Case("ci-reason", put(f"{OPEN}/@reason", string("reason", "Missing")), dialects=CRD),
    Case(
        "crd-ci-q7",
        put(f"{EXCLUDED}/@reason/valueCodeableConcept", {"coding": [{"system": "https://x.example.org", "code": "1"}]}),
        dialects=CRD,
    ),
    Case(
        "ci-dependency",
        put(f"{INFORMATION}/@dependency", string("dependency", "rx2")),
        drop(f"{INFORMATION}/@dependency"),
        CRD,
    ),
    Case(
        "ci-questionnaire",
        put(f"{OPEN}/@questionnaire/valueCanonical", "https://payer.example.org/q"),
        drop(f"{OPEN}/@questionnaire"),
        CRD,
    ),
    Case(
        "ci-questionnaire",
        put(f"{OPEN}/@questionnaire", {"url": "questionnaire", "valueUri": "https://x.example.org/q|1"}),
        dialects=CRD,
    ),
    Case(
        "contact-point-type",
        put(f"{INFORMATION}/@contact", {"url": "contact", "valueContactDetail": {"name": "Desk"}}),
        drop(f"{INFORMATION}/@contact"),
        UNTIL_21,
    ),
    Case(
        "contact-detail-type",
        put(f"{INFORMATION}/@contact", {"url": "contact", "valueContactPoint": {"system": "phone", "value": "1"}}),
        put(f"{INFORMATION}/@contact/valueContactDetail", {"name": "Desk"}),
    ),
    Case("contact-detail-type", drop(f"{INFORMATION}/@contact/valueContactDetail/name")),
    Case(
        "contact-point",
        put(f"{INFORMATION}/@contact/valueContactPoint/system", "telephone"),
        put(f"{INFORMATION}/@contact/valueContactPoint/system", "email"),
        UNTIL_21,
    ),
    Case("contact-point", drop(f"{INFORMATION}/@contact/valueContactDetail/telecom/0/value")),
]

CODES = [
    Case(
        "codes-2.0",
        put(f"{OPEN}/@doc-needed/valueCode", "patient"),
        put(f"{OPEN}/@doc-needed/valueCode", "both"),
        ("2.0",),
    ),
    Case(
        "codes-2.1",
        put(f"{OPEN}/@doc-needed/valueCode", "both"),
        put(f"{OPEN}/@doc-needed/valueCode", "patient"),
        ("2.1",),
    ),
    Case("codes-2.2", put(f"{OPEN}/@doc-needed/valueCode", "both"), put(f"{OPEN}/@doc-needed/valueCode", "patient")),
    Case("reason-code-2.1", reason(EXCLUDED, "no-member-found"), reason(EXCLUDED, "gold-card"), UNTIL_21),
    Case(
        "reason-code-2.1",
        reason(EXCLUDED, "technical"),
        reason(EXCLUDED, "technical", "https://payer.example.org/cs"),
        UNTIL_21,
    ),
    Case("reason-code-2.2", reason(EXCLUDED, "detail-code"), reason(EXCLUDED, "auth-out-network")),
    Case(
        "detail-code-2.0",
        add(INFORMATION, coded(TEMPORARY, "instructions", "valueString", "Send it")),
        add(INFORMATION, named("instructions", "valueString", "Send it")),
        ("2.0",),
    ),
    Case(
        "detail-code-2.0", put(f"{LIMIT}/@code/valueCodeableConcept/coding/0/system", DETAIL_CODES), dialects=("2.0",)
    ),
    Case(
        "detail-code-2.1", put(f"{LIMIT}/@code/valueCodeableConcept/coding/0/system", DETAIL_CODES), dialects=("2.1",)
    ),
    Case(
        "detail-code-2.1",
        add(INFORMATION, coded(TEMPORARY, "dose", "valueString", "x")),
        add(INFORMATION, coded(TEMPORARY, "instructions-admin", "valueString", "x")),
        ("2.1",),
    ),
    Case("detail-code-2.2", put(f"{ADVICE}/@code/valueCodeableConcept/coding/0/code", "dose")),
    Case("detail-code-2.2", put(f"{ADVICE}/@code/valueCodeableConcept/coding/1/code", "instructions-admin")),
]

INFORMATION_CASES = [*ACTIONS, *SUB_EXTENSIONS, *CODES]
