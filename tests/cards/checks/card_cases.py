"""Cases of the rules about cards and what they propose."""

from tests.cards.checks.answers import CARD_TYPES, TEMPORARY, uuid
from tests.cards.checks.cases import ALL, CRD, Case
from tests.cards.checks.changes import add, both, drop, put

TO_READ = "cards/0"
TO_SWITCH = "cards/1"
TO_TEST = "cards/2"
TO_OPEN = "cards/3"
SWITCH = f"{TO_SWITCH}/suggestions/0"
DELETE = f"{SWITCH}/actions/0"
CREATE = f"{SWITCH}/actions/1"
DRAFT = f"{CREATE}/resource"
DOSAGE = f"{DRAFT}/dosageInstruction/0"
LATER = f"{DRAFT}/dosageInstruction/1/timing/repeat"
ADDED = f"{TO_TEST}/suggestions/0/actions"
TEST = f"{ADDED}/0/resource"
LINK = f"{TO_OPEN}/links/0"
ABOUT = "extension/davinci-crd.associated-resource"

REMARKS = "her2-crd.configuration-remarks"

REMOVAL = {"type": "delete", "description": "Remove it", "resourceId": "MedicationRequest/rx1"}
UPDATE = {
    "type": "update",
    "description": "Change it",
    "resource": {"resourceType": "MedicationRequest", "id": "rx1"},
}
NEW_TEST = {
    "type": "create",
    "description": "Order it",
    "resource": {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "code": {"text": "LVEF"},
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-05-05",
        "requester": {"reference": "Practitioner/dr1"},
    },
}

CARDS = [
    Case("answer", put("prefetch", {"note": 1}), put("cards", []), ALL),
    Case("answer-extension", put("extension", {"note": 1}), put("extension", {REMARKS: ["x"]}), ALL),
    Case("answer-extension", put("extension", {}), dialects=ALL),
    Case("answer-extension", put("extension", {REMARKS: []}), dialects=ALL),
    Case("answer-extension", put("extension", {REMARKS: [""]}), dialects=ALL),
    Case("answer", drop("cards"), dialects=ALL),
    Case("system-actions", put("systemActions", []), drop("systemActions"), CRD),
    Case("card", put(f"{TO_READ}/priority", 1), drop(f"{TO_SWITCH}/overrideReasons"), ALL),
    *[Case("card", drop(f"{TO_READ}/{name}"), dialects=ALL) for name in ("uuid", "summary", "indicator", "source")],
    Case("uuid", put(f"{TO_READ}/uuid", f"urn:uuid:{uuid(1)}"), put(f"{TO_READ}/uuid", uuid(99)), ALL),
    Case("uuid", put(f"{SWITCH}/uuid", "first"), dialects=ALL),
    Case("summary", put(f"{TO_READ}/summary", "x" * 140), put(f"{TO_READ}/summary", "x" * 139), ALL),
    Case("summary", put(f"{TO_READ}/summary", "one\ntwo"), dialects=ALL),
    Case("summary", put(f"{TO_READ}/summary", "  "), dialects=ALL),
    Case("text", put(f"{TO_READ}/detail", ""), put(f"{TO_READ}/detail", "\n\nx"), ALL),
    Case("text", put(f"{SWITCH}/label", " "), dialects=ALL),
    Case("card-detail", drop(f"{TO_READ}/detail"), dialects=ALL),
    Case("card-detail", drop(f"{TO_OPEN}/detail"), dialects=ALL),
    Case("indicator", put(f"{TO_READ}/indicator", "error"), put(f"{TO_READ}/indicator", "critical"), ALL),
    Case(
        "source",
        drop(f"{TO_READ}/source/label"),
        both(drop(f"{TO_READ}/source/url"), drop(f"{TO_READ}/source/icon")),
        ALL,
    ),
    Case("source", put(f"{TO_READ}/source/name", "Plan"), dialects=ALL),
    Case("web-address", put(f"{LINK}/url", "/policies"), put(f"{LINK}/url", "http://payer.example.org"), ALL),
    Case("web-address", put(f"{TO_READ}/source/url", "ftp://payer.example.org"), dialects=ALL),
    Case("suggestions", put(f"{TO_SWITCH}/suggestions", []), dialects=ALL),
    Case(
        "selection-behavior",
        put(f"{TO_SWITCH}/selectionBehavior", "all"),
        put(f"{TO_SWITCH}/selectionBehavior", "any"),
        ALL,
    ),
    Case("override-reasons", put(f"{TO_SWITCH}/overrideReasons", []), dialects=ALL),
    Case("cds-resp-4", drop(f"{TO_SWITCH}/overrideReasons/0/display"), drop(f"{TO_READ}/source/topic/display"), ALL),
    Case("links", put(f"{TO_OPEN}/links", []), dialects=ALL),
    Case("card-extension", put(f"{TO_READ}/extension/note", "x"), dialects=ALL),
    Case("card-extension", put(f"{TO_READ}/extension", {}), dialects=ALL),
    Case("cds-resp-6", drop(f"{TO_SWITCH}/selectionBehavior"), dialects=ALL),
    Case("cds-resp-6", put(f"{TO_READ}/selectionBehavior", "any"), dialects=ALL),
    Case(
        "cds-resp-1",
        put(f"{TO_SWITCH}/suggestions/1/isRecommended", True),
        put(f"{TO_SWITCH}/suggestions/1/isRecommended", False),
        ALL,
    ),
    Case("link", put(f"{LINK}/type", "relative"), put(f"{LINK}/type", "smart"), ("cds-hooks",)),
    *[Case("link", drop(f"{LINK}/{name}"), dialects=ALL) for name in ("label", "url", "type")],
    Case("link", put(f"{LINK}/rel", "help"), drop(f"{LINK}/autolaunchable"), ALL),
    Case(
        "cds-resp-3",
        put(f"{LINK}/appContext", "order=1"),
        both(put(f"{LINK}/type", "smart"), put(f"{LINK}/appContext", "order=1")),
        ("cds-hooks",),
    ),
    Case("suggestion", put(f"{SWITCH}/actionSelectionBehavior", "all"), drop(f"{SWITCH}/isRecommended"), ALL),
    *[Case("suggestion", drop(f"{SWITCH}/{name}"), dialects=ALL) for name in ("label", "uuid", "actions")],
    Case("actions", put(f"{SWITCH}/actions", []), dialects=ALL),
    Case("action", drop(f"{CREATE}/type"), dialects=ALL),
    Case("action", put(f"{CREATE}/type", "upsert"), dialects=("cds-hooks",)),
    Case("action", put(f"{CREATE}/label", "Order"), dialects=ALL),
    Case("cds-resp-5", drop(f"{DELETE}/description"), dialects=ALL),
    Case("cds-resp-2", drop(f"{DELETE}/resourceId"), dialects=ALL),
    Case("cds-resp-2", put(f"{DELETE}/resource", {"resourceType": "MedicationRequest", "id": "rx1"}), dialects=ALL),
    Case("action-resource", drop(f"{CREATE}/resource"), dialects=ALL),
    Case("action-resource", put(f"{CREATE}/resourceId", "MedicationRequest/new"), dialects=ALL),
    Case("relative-reference", put(f"{DELETE}/resourceId", "rx1"), dialects=("cds-hooks",)),
    Case(
        "updated-resource",
        both(put(f"{SWITCH}/actions", [UPDATE]), drop(f"{SWITCH}/actions/0/resource/id")),
        put(f"{SWITCH}/actions", [UPDATE]),
        ALL,
    ),
    Case("coding", drop(f"{TO_READ}/source/topic/code"), dialects=ALL),
    Case("coding", drop(f"{TO_READ}/source/topic/system"), dialects=ALL),
    Case("coding", put(f"{TO_READ}/source/topic/version", "1"), dialects=ALL),
]

RESPONSE_TYPES = [
    Case("resp-5", drop(f"{TO_READ}/source/topic"), dialects=CRD),
    Case(
        "resp-5",
        put(f"{TO_READ}/source/topic/code", "coverage-info"),
        put(f"{TO_READ}/source/topic/code", "insurance"),
        CRD,
    ),
    Case("topic-temp", put(f"{TO_READ}/source/topic/system", CARD_TYPES), dialects=("2.0", "2.1")),
    Case("topic-card-type", put(f"{TO_READ}/source/topic/system", TEMPORARY), dialects=("2.2", "cds-hooks")),
    Case(
        "hooks-topic",
        put(f"{TO_READ}/source/topic/code", "news"),
        put(f"{TO_READ}/source/topic/code", "coverage-info"),
        ("cds-hooks",),
    ),
    Case("hooks-topic", put(f"{TO_READ}/source/topic/code", "news"), drop(f"{TO_READ}/source/topic"), ("cds-hooks",)),
    Case("cards-only", put("systemActions", [UPDATE]), dialects=("cds-hooks",)),
    Case("dev-25", drop(f"{TO_READ}/extension"), dialects=CRD),
    Case("associated-text", put(f"{TO_READ}/{ABOUT}", []), dialects=("2.0",)),
    Case("relative-reference", put(f"{TO_READ}/{ABOUT}/0", {"reference": "MedicationRequest/rx1"}), dialects=("2.0",)),
    Case("associated-reference", put(f"{TO_READ}/{ABOUT}", []), dialects=("2.1", "2.2", "cds-hooks")),
    Case("associated-reference", put(f"{TO_READ}/{ABOUT}/0", "MedicationRequest/rx1"), dialects=("2.1", "2.2")),
    Case(
        "associated-reference",
        put(f"{TO_READ}/{ABOUT}/0/display", "Order"),
        drop(f"{TO_READ}/extension"),
        ("cds-hooks",),
    ),
    Case("relative-reference", put(f"{TO_READ}/{ABOUT}/0/reference", "https://ehr.example.org/x"), dialects=("2.2",)),
    Case(
        "links-alone",
        put(f"{TO_TEST}/links", [{"label": "Policy", "url": "https://payer.example.org", "type": "absolute"}]),
        dialects=CRD,
    ),
    Case("external-reference", put(f"{LINK}/type", "smart"), dialects=CRD),
    Case("guideline-links", drop(f"{TO_OPEN}/links"), dialects=CRD),
    Case("crd-respar-1", drop(DELETE), put(f"{SWITCH}/actions", [UPDATE]), CRD),
    Case("crd-respar-1", drop(CREATE), dialects=CRD),
    Case("crd-respar-1", add(f"{SWITCH}/actions", NEW_TEST), dialects=CRD),
    Case("crd-respar-1", add(f"{SWITCH}/actions", UPDATE), dialects=CRD),
    Case("crd-respar-1", put(f"{SWITCH}/actions", [UPDATE, UPDATE]), dialects=CRD),
    Case("crd-respar-1", put(f"{SWITCH}/actions", [REMOVAL, REMOVAL]), dialects=CRD),
    Case("crd-respar-1", put(CREATE, NEW_TEST), dialects=CRD),
    Case(
        "crd-respar-1",
        put(f"{DELETE}/resourceId", "ServiceRequest/rx1"),
        both(
            put(f"{SWITCH}/actions", [NEW_TEST, {**REMOVAL, "resourceId": "ServiceRequest/rx1"}]),
            put(f"{TO_SWITCH}/{ABOUT}", [{"reference": "ServiceRequest/rx1"}, {"reference": "MedicationRequest/rx1"}]),
        ),
    ),
    Case("additional-orders", add(ADDED, REMOVAL), add(ADDED, NEW_TEST), CRD),
    Case("additional-orders", put(ADDED, [UPDATE]), dialects=CRD),
]

DRAFTS = [
    Case("draft", put(f"{ADDED}/0/resource", {"resourceType": "Task"}), dialects=ALL),
    Case("draft", drop(f"{TEST}/resourceType"), dialects=ALL),
    *[
        Case("draft-medication-request", drop(f"{DRAFT}/{name}"), dialects=ALL)
        for name in (
            "status",
            "intent",
            "medicationCodeableConcept",
            "subject",
            "authoredOn",
            "requester",
            "dosageInstruction",
        )
    ],
    Case(
        "draft-medication-request",
        put(f"{DRAFT}/medicationReference", {"reference": "#m1"}),
        both(drop(f"{DRAFT}/medicationCodeableConcept"), put(f"{DRAFT}/medicationReference", {"reference": "#m1"})),
        ALL,
    ),
    Case("draft-medication-request", put(f"{DRAFT}/substitution", {"allowedBoolean": False}), dialects=ALL),
    *[
        Case("draft-service-request", drop(f"{TEST}/{name}"), dialects=ALL)
        for name in ("status", "intent", "code", "subject", "authoredOn", "requester")
    ],
    Case(
        "draft-service-request",
        put(f"{TEST}/priority", "stat"),
        both(drop(f"{TEST}/category"), drop(f"{TEST}/note")),
        ALL,
    ),
    Case("draft-status", put(f"{DRAFT}/status", "active"), dialects=ALL),
    Case("draft-intent", put(f"{TEST}/intent", "plan"), dialects=ALL),
    Case("draft-subject", drop(f"{DRAFT}/subject/reference"), drop(f"{DRAFT}/subject/display"), ALL),
    Case("draft-taken", put(f"{DRAFT}/requester", {}), put(f"{DRAFT}/requester", {"display": "Dr"}), ALL),
    Case("draft-taken", put(f"{DRAFT}/subject/display", None), dialects=ALL),
    Case("draft-taken", put(f"{DRAFT}/insurance", []), drop(f"{DRAFT}/insurance"), ALL),
    Case("draft-taken", put(f"{DRAFT}/reasonCode", [{"coding": [{}], "text": "Breast cancer"}]), dialects=ALL),
    Case(
        "draft-taken",
        put(f"{DRAFT}/contained/0/code", {"text": ""}),
        put(f"{DRAFT}/contained/0/given", [None, "Jane"]),
        ALL,
    ),
    Case("draft-taken-element", put(f"{DRAFT}/encounter", "Encounter/e1"), drop(f"{DRAFT}/encounter"), ALL),
    Case("draft-taken-list", put(f"{DRAFT}/insurance", {"reference": "Coverage/cov1"}), dialects=ALL),
    Case("draft-dosages", put(f"{DRAFT}/dosageInstruction", []), drop(f"{DRAFT}/dosageInstruction/1"), ALL),
    Case("draft-dosage", drop(f"{DOSAGE}/text"), dialects=ALL),
    Case("draft-dosage", put(f"{DOSAGE}/asNeededBoolean", True), drop(f"{DOSAGE}/sequence"), ALL),
    Case("draft-dosage", put(f"{DOSAGE}/sequence", 0), put(f"{DOSAGE}/sequence", 2), ALL),
    Case("draft-dosage", put(f"{DOSAGE}/route", {}), drop(f"{DOSAGE}/route"), ALL),
    Case("draft-dosage", put(f"{DOSAGE}/timing", {}), drop(f"{DOSAGE}/timing"), ALL),
    Case("draft-dosage", put(f"{DOSAGE}/doseAndRate", []), drop(f"{DOSAGE}/doseAndRate"), ALL),
    Case("draft-timing", put(f"{DOSAGE}/timing/repeat", {}), dialects=ALL),
    *[Case("draft-timing", drop(f"{LATER}/{name}"), dialects=ALL) for name in ("frequency", "period", "periodUnit")],
    Case("draft-timing", put(f"{LATER}/period", 0), put(f"{LATER}/period", 21), ALL),
    Case("draft-timing", put(f"{LATER}/periodUnit", "week"), put(f"{LATER}/periodUnit", "d"), ALL),
    Case("draft-dose", put(f"{DOSAGE}/doseAndRate/0/doseQuantity/value", 0), dialects=ALL),
    Case(
        "draft-dose",
        both(drop(f"{DOSAGE}/doseAndRate/0/doseQuantity/system"), drop(f"{DOSAGE}/doseAndRate/0/doseQuantity/code")),
        dialects=ALL,
    ),
    Case("draft-support", put(f"{DRAFT}/supportingInformation", []), drop(f"{DRAFT}/supportingInformation"), ALL),
    Case("draft-notes", put(f"{DRAFT}/note", [{}]), drop(f"{DRAFT}/note"), ALL),
    Case("draft-categories", put(f"{TEST}/category", [{}]), dialects=ALL),
    Case("concept", put(f"{TEST}/code", {}), put(f"{TEST}/code", {"text": "HER2 ISH"}), ALL),
    Case("codings", put(f"{TEST}/code/coding", []), drop(f"{TEST}/code/text"), ALL),
    Case("reference", put(f"{DRAFT}/supportingInformation/0", {"display": "Weight"}), dialects=ALL),
    Case("date", put(f"{DRAFT}/authoredOn", "2026-05"), put(f"{DRAFT}/authoredOn", "2028-02-29"), ALL),
    Case("date", put(f"{DRAFT}/authoredOn", "2026-02-29"), dialects=ALL),
    Case("date", put(f"{DRAFT}/authoredOn", "2026-05-05T10:00:00Z"), dialects=ALL),
    Case("quantity", drop(f"{DOSAGE}/doseAndRate/0/doseQuantity/unit"), dialects=ALL),
    Case("quantity", put(f"{DOSAGE}/doseAndRate/0/doseQuantity/comparator", "<"), dialects=ALL),
]

BETWEEN_CARDS = [
    Case("named-once", put(f"{TO_TEST}/uuid", uuid(1)), put(f"{TO_TEST}/uuid", uuid(98)), ALL),
    Case("named-once", put(f"{TO_SWITCH}/suggestions/1/uuid", uuid(21)), dialects=ALL),
    Case("deletes-its-own", put(f"{DELETE}/resourceId", "MedicationRequest/rx9"), dialects=CRD),
]

CARD_CASES = [*CARDS, *RESPONSE_TYPES, *DRAFTS, *BETWEEN_CARDS]
