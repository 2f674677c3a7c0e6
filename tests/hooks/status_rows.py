"""The rows of the status table: each kind of call with its status, and what its answer says."""

from typing import Any

from tests.hooks import calls
from tests.hooks.calls import DOWN, HELD_BACK, Call
from tests.hooks.clients import request_of

BUNDLE = "$.context.draftOrders"
ORDER = f"{BUNDLE}.entry[0].resource"
VERSION = "$.extension['davinci-crd.requestedVersion']"
COVERAGE = "$.prefetch.coverage"
STRICT = {"strict_orders": True}
DEFAULT_PAYER = {"default_payer": "mmm"}
OTHER_PAYER = [{"system": "http://example.org/payer-identifiers", "value": "somebody-else"}]

Issue = tuple[str, str | None]
"""Code and JSON path; None where a path would say nothing."""

Refusal = tuple[str, Call, int, list[Issue]]

NOT_A_CALL: list[Refusal] = [
    ("no JSON", Call("{nope"), 400, [("invalid", "$")]),
    ("no body", Call(b""), 400, [("invalid", "$")]),
    ("a number that JSON does not have", Call('{"hook": NaN}'), 400, [("invalid", "$")]),
    ("JSON, no object", Call("[]"), 400, [("structure", "$")]),
    ("no hook", Call(calls.member(hook=None)), 400, [("required", "$.hook")]),
    ("the hook of another address", Call(calls.member(hook="order-select")), 400, [("value", "$.hook")]),
    ("an instance that is no UUID", Call(calls.member(hookInstance="1")), 400, [("value", "$.hookInstance")]),
    ("no context", Call(calls.member(context=None)), 400, [("required", "$.context")]),
    ("no patient", Call(calls.context(patientId=None)), 400, [("required", "$.context.patientId")]),
    ("no user", Call(calls.context(userId=None)), 400, [("required", "$.context.userId")]),
    ("no draft orders", Call(calls.context(draftOrders=None)), 400, [("required", BUNDLE)]),
    ("prefetch that is a list", Call(calls.member(prefetch=[])), 400, [("structure", "$.prefetch")]),
    ("a FHIR server that is no URL", Call(calls.member(fhirServer="ehr")), 400, [("value", "$.fhirServer")]),
    ("more orders than one call may have", Call(calls.many_orders()), 400, [("too-costly", f"{BUNDLE}.entry")]),
]
NOT_FHIR: list[Refusal] = [
    (
        "drafts that are no Bundle",
        Call(calls.context(draftOrders={"a": 1})),
        400,
        [("value", f"{BUNDLE}.resourceType")],
    ),
    ("an order without status", Call(calls.order(status=None)), 400, [("required", f"{ORDER}.status")]),
    ("an order without id", Call(calls.order(id=None)), 400, [("required", f"{ORDER}.id")]),
    ("no order", Call(calls.order(resourceType="Goal")), 400, [("not-supported", f"{ORDER}.resourceType")]),
    ("a date that is none", Call(calls.order(authoredOn="yesterday")), 400, [("value", f"{ORDER}.authoredOn")]),
    (
        "another patient's order",
        Call(calls.order(subject={"reference": "Patient/other"})),
        400,
        [("value", f"{ORDER}.subject.reference")],
    ),
    (
        "strict: an element of the wrong type",
        Call(calls.profiled(category={"text": "x"}), settings=STRICT),
        400,
        [("structure", f"{ORDER}.category")],
    ),
]
CRD_ALONE: list[Refusal] = [
    ("a CRD version to come", Call(calls.asking("3.0")), 422, [("not-supported", VERSION)]),
    ("a CRD version of the past", Call(calls.asking("1.0.0")), 422, [("not-supported", VERSION)]),
    (
        "strict: a Bundle of another type",
        Call(calls.profiled("searchset"), settings=STRICT),
        422,
        [("business-rule", f"{BUNDLE}.type")],
    ),
    (
        "strict: an entry without fullUrl",
        Call(calls.nameless(), settings=STRICT),
        422,
        [("business-rule", f"{BUNDLE}.entry[1].fullUrl")],
    ),
    (
        "strict: an order of nobody",
        Call(calls.profiled(requester=None), settings=STRICT),
        422,
        [("business-rule", f"{ORDER}.requester")],
    ),
]
NO_PAYER: list[Refusal] = [
    ("no Coverage and nobody to ask", Call(calls.lacking("coverage")), 400, [("not-found", COVERAGE)]),
    (
        "no Coverage on the FHIR server",
        Call(calls.lacking("coverage", fhir=True), answers=True),
        400,
        [("not-found", COVERAGE)],
    ),
    ("several Coverages of ours", Call(calls.two_coverages()), 400, [("multiple-matches", COVERAGE)]),
    ("a payer without identifier", Call(calls.payer(identifier=None)), 400, [("required", f"{COVERAGE}.payor")]),
    ("a payer that is not here", Call(calls.lacking("payors")), 400, [("required", f"{COVERAGE}.payor")]),
    (
        "a payer whose FHIR server is down",
        Call(calls.lacking("payors", fhir=True)),
        412,
        [("not-found", f"{COVERAGE}.payor")],
    ),
    ("a foreign payer", Call(calls.payer(identifier=OTHER_PAYER)), 400, [("not-supported", f"{COVERAGE}.payor")]),
    (
        "a foreign payer beside a default payer",
        Call(calls.payer(identifier=OTHER_PAYER), settings=DEFAULT_PAYER),
        400,
        [("not-supported", f"{COVERAGE}.payor")],
    ),
]
DISPATCH = "/cds-services/her2-order-dispatch"
OUT_OF_REACH: list[Issue] = [("not-found", f"$.context.dispatchedOrders[{place}]") for place in (0, 1)]
PREFETCH: list[Refusal] = [
    (
        "no Coverage, the FHIR server is down",
        Call(calls.lacking("coverage", fhir=True)),
        412,
        [("not-found", COVERAGE)],
    ),
    ("dispatched orders and nobody to ask", Call(calls.dispatched(), DISPATCH), 412, OUT_OF_REACH),
    ("dispatched orders, the FHIR server is down", Call(calls.dispatched(fhir=True), DISPATCH), 412, OUT_OF_REACH),
]
HTTP: list[Refusal] = [
    ("no such service", Call(url="/cds-services/nobody"), 404, [("not-found", None)]),
    ("feedback on no such service", Call({}, "/cds-services/nobody/feedback"), 404, [("not-found", None)]),
    ("no such address", Call(url="/nothing/here"), 404, [("not-found", None)]),
    ("a service that is read", Call(b"", method="GET"), 405, [("not-supported", None)]),
    ("discovery that is written to", Call(url="/cds-services"), 405, [("not-supported", None)]),
    ("another content type", Call(headers={"Content-Type": "text/plain"}), 415, [("not-supported", None)]),
    ("FHIR's content type", Call(headers={"Content-Type": "application/fhir+json"}), 415, [("not-supported", None)]),
    ("a packed body", Call(headers={"Content-Encoding": "gzip"}), 415, [("not-supported", None)]),
    ("a body over the limit", Call(settings={"max_body_bytes": 1000}), 413, [("too-long", None)]),
]


Members = tuple[str, str | None, str | None, str | None, str | None]
"""covered, pa-needed, doc-needed, info-needed and the code of the reason."""

MEMBERS = ("covered", "pa-needed", "doc-needed", "info-needed")


def alike(*members: str | None) -> dict[str, Any]:
    """The same members in every version."""
    return dict.fromkeys(("2.0", "2.1", "2.2"), members)


MET = alike("covered", "satisfied", None, None, None)
WANTING = alike("covered", "auth-needed", "clinical", None, None)
UNDECIDED = alike("conditional", "conditional", None, "OTH", None)
UNCLEAR = UNDECIDED | {"2.2": ("conditional", "conditional", None, "detail-code", None)}
NOT_MET = alike("not-covered", None, None, None, None) | {"2.0": ("not-covered", "no-auth", None, None, None)}
NOT_IN_FORCE = NOT_MET | {"2.2": ("not-covered", None, None, None, "no-active-coverage")}
TECHNICAL = UNDECIDED | {"2.2": ("indeterminate", "indeterminate", None, None, "technical")}

ANSWERED: list[tuple[str, Call, dict[str, Members], str]] = [
    ("the policy is met", Call(), MET, "Prior authorization MMM-"),
    ("the policy is not met", Call(request_of("mmm-margenza-her2-low")), NOT_MET, "does not meet"),
    ("a coverage that has ended", Call(request_of("mmm-coverage-ended")), NOT_IN_FORCE, "not in force"),
    ("a coverage that has not begun", Call(calls.coverage(period={"start": "2027"})), NOT_IN_FORCE, "not in force"),
    ("a coverage that was cancelled", Call(calls.coverage(status="cancelled")), NOT_IN_FORCE, "not in force"),
    ("the FHIR server is down", Call(calls.lacking(*HELD_BACK, name=DOWN, fhir=True)), TECHNICAL, "did not give"),
    ("the FHIR server rejects the token", Call(calls.rejected(), answers=True), TECHNICAL, "did not give"),
    ("the drug cannot be fetched", Call(calls.unread_drug()), TECHNICAL, "drug could not be read"),
    (
        "the payer cannot be fetched, there is a default payer",
        Call(calls.lacking("payors", fhir=True), settings=DEFAULT_PAYER),
        TECHNICAL,
        "payer could not be read",
    ),
    ("no chart", Call(calls.nothing_but("patient", "coverage", "payors")), WANTING, "Not yet documented: HER2"),
    ("no patient", Call(calls.lacking("patient")), WANTING, "Not yet documented: Adult"),
    ("no date of birth", Call(calls.patient(birthDate=None)), WANTING, "Not yet documented: Adult"),
    ("diagnoses in words", Call(calls.told_in_words()), WANTING, "Not yet documented: Recurrent"),
    ("an order of nobody", Call(calls.order(requester=None)), MET, "Prior authorization MMM-"),
    ("a drug in words", Call(calls.order(medicationCodeableConcept={"text": "chemo"})), UNDECIDED, "not recognized"),
    ("codes of two drugs", Call(request_of("mmm-two-drugs-in-one")), UNCLEAR, "different drugs"),
]

REFUSED = [*NOT_A_CALL, *NOT_FHIR, *CRD_ALONE, *NO_PAYER, *PREFETCH, *HTTP]
