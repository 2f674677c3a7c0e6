"""What the service makes of the data it gets, could not get, or should not use."""

import threading
import time
from collections.abc import Iterator

import pytest

from criteria.facts import SearchState
from service.deadline import Deadline
from service.fhir_client import Fetched
from tests.hooks.clients import Called, Json, add, api, named, nodes, orders_of, record_of, request_of, verdict_of

HUNG = ["observations", "medicationAdministrations", "medicationStatements", "medicationDispenses"]
BESIDE = ["allergies", "adverseEvents", "documents"]


def failure(reason: str, state: SearchState = SearchState.FAILED) -> Fetched:
    return Fetched(state, reason=reason, unreachable=reason == "could not be reached")


FAILURES = {
    "down": failure("could not be reached"),
    "401": failure("answered 401"),
    "500": failure("answered 500"),
    "garbage": failure("answered something that is not JSON"),
    "wrong type": Fetched(SearchState.ANSWERED, body={"resourceType": "Patient", "id": "x"}),
    "no resource": Fetched(SearchState.ANSWERED, body={"error": "teapot"}),
}
REFUSALS = {code: failure(f"answered {code}", SearchState.DENIED) for code in ("403", "404", "501")}


class Answering:
    """A FHIR server that always says the same."""

    def __init__(self, fetched: Fetched) -> None:
        self.fetched = fetched

    def __call__(self, url: str, token: str | None, deadline: Deadline) -> Fetched:
        return self.fetched


def outcome(fetched: Fetched, name: str, order: str, without: list[str]) -> tuple[Called, Json]:
    service = api(Answering(fetched))
    called = service.sign(request_of(name, without=without, fhir=True))
    assert called.status == 200, called.text
    return called, service.decision(called, f"MedicationRequest/{order}")


# ------------------------------------------------------------------ the FHIR server (last rows of the bad-input table)


@pytest.mark.parametrize("kind", sorted(FAILURES))
def test_a_server_that_fails_is_technical_when_the_decision_hangs_on_it(kind: str) -> None:
    called, decision = outcome(FAILURES[kind], "mmm-margenza-server-down", "order-11", HUNG)
    assert decision["outcome"] == "technical"
    information = called.information("MedicationRequest/order-11")
    assert (information["covered"], information["pa-needed"]) == ("indeterminate", "indeterminate")
    assert information["reason"]["coding"][0]["code"] == "technical"
    assert information["reason"]["text"]
    assert "doc-needed" not in information


@pytest.mark.parametrize("kind", sorted(FAILURES))
@pytest.mark.parametrize(
    ("name", "order", "without"),
    [
        ("mmm-margenza-her2-low", "order-10", HUNG[1:]),  # not met whatever was given before
        ("mmm-margenza-fourth-line", "order-06", BESIDE),  # met without what is missing
        ("oscar-enhertu", "order-01", HUNG),  # no criteria are read
        ("mmm-two-drugs-in-one", "order-18", HUNG),
    ],
)
def test_a_server_that_fails_changes_nothing_when_the_decision_does_not_hang_on_it(
    kind: str, name: str, order: str, without: list[str]
) -> None:
    service = api()
    whole = service.decision(service.sign(request_of(name)), f"MedicationRequest/{order}")
    _, decision = outcome(FAILURES[kind], name, order, without)
    assert decision["outcome"] == whole["outcome"]


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_a_refusal_is_something_a_clinician_can_make_up_for(code: str) -> None:
    _, decision = outcome(REFUSALS[code], "mmm-margenza-server-down", "order-11", HUNG)
    assert decision["outcome"] == "documentation"
    kinds = {need["kind"] for node in nodes(decision["criteria"]) for need in node["needs"] if need["open"]}
    assert "source" not in kinds


# "Nothing else is given" is a claim about the whole record: one search that was not answered takes it away.
@pytest.mark.parametrize("fetched", [FAILURES["down"], REFUSALS["403"]], ids=["down", "403"])
def test_a_missing_search_closes_no_world(fetched: Fetched) -> None:
    _, decision = outcome(fetched, "mmm-kadcyla-early", "order-12", ["medicationStatements"])
    assert verdict_of(decision, "single-agent") == "unknown"


@pytest.fixture
def hanging() -> Iterator[Answering]:
    released = threading.Event()

    class Hanging(Answering):
        def __call__(self, url: str, token: str | None, deadline: Deadline) -> Fetched:
            released.wait(10)
            return self.fetched

    yield Hanging(FAILURES["down"])
    released.set()


def test_a_server_that_never_answers_costs_no_more_than_the_deadline(hanging: Answering) -> None:
    service = api(hanging, deadline_seconds=0.2)
    begun = time.monotonic()
    called = service.sign(request_of("mmm-margenza-server-down", without=HUNG, fhir=True))
    assert time.monotonic() - begun < 2
    assert service.decision(called, "MedicationRequest/order-11")["outcome"] == "technical"


def test_what_prefetch_lacks_is_fetched_with_the_token_of_the_call_page_by_page() -> None:
    service = api()
    service.server.record = record_of("mmm-kadcyla-early")
    called = service.sign(request_of("mmm-kadcyla-early", without=HUNG, fhir=True))
    assert service.decision(called, "MedicationRequest/order-12")["outcome"] == "authorized"
    assert any("_page=2" in each for each in service.server.asked)
    assert not any(each.startswith("Condition") for each in service.server.asked)


@pytest.mark.parametrize("value", [None, {"resourceType": "OperationOutcome", "issue": []}])
def test_a_key_that_is_null_or_an_error_is_fetched_too(value: Json | None) -> None:
    service = api()
    service.server.record = record_of("mmm-margenza-fourth-line")
    body = request_of("mmm-margenza-fourth-line", fhir=True)
    body["prefetch"]["observations"] = value
    called = service.sign(body)
    assert service.decision(called, "MedicationRequest/order-06")["outcome"] == "authorized"


# ------------------------------------------------------------------ whose data it is


def test_a_resource_of_another_patient_does_not_exist_and_is_named() -> None:
    body, service = request_of("mmm-margenza-her2-low"), api()
    theirs = {**named(body, "Observation/her2-10"), "id": "theirs", "subject": {"reference": "Patient/somebody-else"}}
    theirs["valueCodeableConcept"] = {"coding": [{"system": "http://loinc.org", "code": "LA11843-2"}]}
    add(body, "observations", theirs)
    called = service.sign(body)
    decision = service.decision(called, "MedicationRequest/order-10")
    assert decision["outcome"] == "not-met"
    assert "Observation/theirs is about another patient: set aside" in decision["notes"]
    cited = {each["reference"] for node in nodes(decision["criteria"]) for each in node["evidence"]}
    assert "Observation/theirs" not in cited


def test_an_order_for_another_patient_is_refused() -> None:
    body = request_of("mmm-margenza-her2-low")
    orders_of(body)[0]["subject"] = {"reference": "Patient/somebody-else"}
    called = api().sign(body)
    assert called.status == 400
    assert "entry[0].resource.subject" in called.text


# ------------------------------------------------------------------ which payer


def test_without_coverage_the_default_payer_gives_cards_only_and_they_say_so() -> None:
    body, service = request_of("oscar-margenza-first"), api(default_payer="oscar")
    body["prefetch"]["coverage"] = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    called = service.sign(body)
    assert called.status == 200
    assert called.cards
    assert "systemActions" not in called.body
    said = [each for each in called.cards if "no Coverage found" in each["summary"]]
    assert len(said) == 1
    assert "Oscar was assumed" in said[0]["detail"]


def test_without_coverage_and_without_a_default_payer_the_call_is_refused() -> None:
    body = request_of("oscar-margenza-first")
    body["prefetch"]["coverage"] = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    called = api(default_payer=None).sign(body)
    assert called.status == 400
    assert called.body["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("default", ["oscar", None])
def test_a_payer_that_is_not_ours_is_refused_whatever_its_name(default: str | None) -> None:
    body = request_of("oscar-margenza-first")
    payor = named(body, "Organization/payer-oscar")
    payor["identifier"] = [{"system": "http://example.org/payer-identifiers", "value": "somebody-else"}]
    payor["name"] = "Oscar"
    called = api(default_payer=default).sign(body)
    assert called.status == 400
    assert called.body["resourceType"] == "OperationOutcome"


def test_of_several_coverages_the_only_one_that_is_ours_decides() -> None:
    body, service = request_of("mmm-margenza-fourth-line"), api()
    other = {**named(body, "Coverage/cov-06"), "id": "first", "payor": [{"reference": "Organization/another"}]}
    add(body, "coverage", other)
    add(body, "payors", {"resourceType": "Organization", "id": "another", "identifier": [{"value": "x"}]})
    called = service.sign(body)
    assert called.information("MedicationRequest/order-06")["coverage"] == {"reference": "Coverage/cov-06"}


def test_of_two_of_our_coverages_the_order_names_one_or_the_call_is_refused() -> None:
    body, service = request_of("mmm-margenza-fourth-line"), api()
    add(body, "coverage", {**named(body, "Coverage/cov-06"), "id": "second"})
    called = service.sign(body)
    assert called.information("MedicationRequest/order-06")["coverage"] == {"reference": "Coverage/cov-06"}
    for order in orders_of(body):
        order.pop("insurance", None)
    assert service.sign(body).status == 400
