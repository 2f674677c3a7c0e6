import io
import json
from pathlib import Path
from typing import Any

import pytest
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize
from werkzeug.test import create_environ
from werkzeug.wrappers import Response

from criteria.facts import SearchState
from service.services import Services
from tests.service.builders import (
    FHIR,
    JSON,
    SERVICE_URL,
    World,
    context,
    development,
    issues,
    logged,
    medication_request,
    ok,
    request_body,
    searchset,
    world,
)

ORDER = "$.context.draftOrders.entry[0].resource"
SLOPPY = (Path(__file__).parent / "sloppy_order_sign.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shared() -> World:
    return world()


# ------------------------------------------------------------------------------------------ the table "Bad input"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{nope",
        '{"hook": NaN}',
        '{"hook": Infinity}',
        "[" * 10_000,
        "[" * 10_000 + "]" * 10_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        '{"a":' * 100 + "1" + "}" * 100,
        b'{"hook": "\xff"}',
        '{"hook": "\\ud800"}',
        "1" * 5000,
    ],
)
def test_what_is_not_json_is_a_400_that_names_the_place(shared: World, body: str | bytes) -> None:
    response = shared.post(body)
    assert response.status_code == 400
    assert issues(response) == [("$", "invalid")]


@pytest.mark.parametrize("body", ["[]", "null", "5", '"text"', "true"])
def test_json_that_is_no_object_is_a_400(shared: World, body: str) -> None:
    response = shared.post(body)
    assert (response.status_code, issues(response)) == (400, [("$", "structure")])


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/fhir+json",
        "",
        "application/json; charset=latin-1",
    ],
)
def test_another_content_type_is_a_415(shared: World, content_type: str) -> None:
    response = shared.post(request_body(), content_type=content_type)
    assert (response.status_code, issues(response)) == (415, [(None, "not-supported")])


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
def test_json_in_utf_8_is_accepted(shared: World, content_type: str) -> None:
    assert shared.post(request_body(), content_type=content_type).status_code == 200


def test_a_compressed_body_is_a_415(shared: World) -> None:
    assert shared.post(request_body(), headers={"Content-Encoding": "gzip"}).status_code == 415


def test_a_body_over_two_megabytes_is_a_413(shared: World) -> None:
    response = shared.post(request_body(padding="x" * 2_000_000))
    assert (response.status_code, issues(response)) == (413, [(None, "too-long")])


class Chunks(io.BytesIO):
    """A body as a server reads it, which may fail."""

    def __init__(self, body: bytes | Exception) -> None:
        super().__init__(body if isinstance(body, bytes) else b"")
        self.error = None if isinstance(body, bytes) else body

    def readinto(self, buffer: Any) -> int:
        if self.error is not None:
            raise self.error
        return super().readinto(buffer)

    def read(self, size: int | None = -1) -> bytes:
        if self.error is not None:
            raise self.error
        return super().read(size)


def chunked(shared: World, body: bytes | Exception) -> Response:
    """Send a body the way servers hand on one that came in chunks: without a length, with an end, or with an error."""
    environ = create_environ(SERVICE_URL, method="POST", content_type=JSON)
    environ.pop("CONTENT_LENGTH", None)
    environ |= {"wsgi.input_terminated": True, "wsgi.input": Chunks(body)}
    return Response.from_app(shared.app, environ, buffered=True)


def test_a_body_without_a_length_is_limited_too(shared: World) -> None:
    assert chunked(shared, json.dumps(request_body()).encode()).status_code == 200
    response = chunked(shared, json.dumps(request_body()).encode() + b" " * 2_000_000)
    assert (response.status_code, issues(response)) == (413, [(None, "too-long")])


@pytest.mark.parametrize("error", [InvalidChunkSize(b"Canary"), ChunkMissingTerminator(b"Canary")])
def test_chunks_that_are_none_are_a_400(shared: World, error: Exception) -> None:
    response = chunked(shared, error)
    assert (response.status_code, issues(response)) == (400, [("$", "invalid")])
    assert b"Canary" not in response.data


@pytest.mark.parametrize(
    ("changes", "issue"),
    [
        ({"hook": None}, ("$.hook", "required")),
        ({"hook": "patient-view"}, ("$.hook", "value")),
        ({"hookInstance": None}, ("$.hookInstance", "required")),
        ({"hookInstance": "x"}, ("$.hookInstance", "value")),
        ({"context": None}, ("$.context", "required")),
        ({"context": context(userId=None)}, ("$.context.userId", "required")),
        ({"context": context(patientId=None)}, ("$.context.patientId", "required")),
        ({"context": context(draftOrders=None)}, ("$.context.draftOrders", "required")),
    ],
)
def test_a_missing_or_wrong_member_is_a_400_with_its_json_path(
    shared: World, changes: dict[str, Any], issue: tuple[str, str]
) -> None:
    response = shared.post(request_body(**changes))
    assert (response.status_code, issues(response)) == (400, [issue])


def test_an_unknown_service_is_a_404(shared: World) -> None:
    response = shared.client.post("/cds-services/none", json=request_body())
    assert (response.status_code, issues(response)) == (404, [(None, "not-found")])


@pytest.mark.parametrize(
    ("method", "url", "allowed"),
    [
        ("GET", SERVICE_URL, "POST"),
        ("PUT", SERVICE_URL, "POST"),
        ("POST", "/cds-services", "GET"),
        ("DELETE", "/decisions/x", "GET"),
        ("TRACE", "/cds-services", "GET"),
    ],
)
def test_a_wrong_method_is_a_405_that_names_the_right_ones(shared: World, method: str, url: str, allowed: str) -> None:
    response = shared.client.open(url, method=method)
    assert (response.status_code, issues(response)) == (405, [(None, "not-supported")])
    assert allowed in response.headers["Allow"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"resourceType": 5}, "resourceType"),
        ({"id": None}, "id"),
        ({"status": "bogus"}, "status"),
        ({"intent": 5}, "intent"),
        ({"subject": "Patient/p1"}, "subject"),
        ({"medicationCodeableConcept": None}, "medication[x]"),
        ({"authoredOn": "yesterday"}, "authoredOn"),
        ({"reasonCode": "C50"}, "reasonCode"),
        ({"dosageInstruction": "weekly"}, "dosageInstruction"),
        ({"insurance": "Coverage/1"}, "insurance"),
    ],
)
def test_an_order_that_cannot_be_read_is_a_400_with_the_element_path(
    shared: World, changes: dict[str, Any], path: str
) -> None:
    response = shared.post(request_body(medication_request(**changes)))
    assert response.status_code == 400
    assert f"{ORDER}.{path}" in [place for place, _ in issues(response)]
    outcome = json.loads(response.data)
    assert outcome["issue"][0]["expression"][0].startswith("context.draftOrders.entry[0].resource")
    assert "yesterday" not in response.text


def test_an_order_about_another_patient_is_a_400(shared: World) -> None:
    response = shared.post(request_body(medication_request(subject={"reference": "Patient/other"})))
    assert (response.status_code, issues(response)) == (400, [(f"{ORDER}.subject.reference", "value")])


def test_sloppy_orders_are_answered_and_their_defects_reach_the_decision() -> None:
    sloppy = world(default_payer=None)
    assert sloppy.post(SLOPPY).status_code == 200
    request = sloppy.answer.calls[0][0]
    assert (len(request.notes), len(request.context.orders[0].notes)) == (1, 2)


def test_a_setting_makes_sloppy_orders_a_400() -> None:
    strict = world(strict_orders=True)
    assert strict.post(SLOPPY).status_code == 400
    body = request_body()
    assert strict.post(body).status_code == 422
    body["context"]["draftOrders"]["entry"][0]["fullUrl"] = f"{FHIR}/MedicationRequest/rx1"
    assert strict.post(body).status_code == 200


def test_an_internal_error_is_a_500_without_patient_data() -> None:
    broken = world()
    broken.answer.error = RuntimeError("Canary")
    with logged() as stream:
        response = broken.post(request_body())
    assert (response.status_code, issues(response)) == (500, [(None, "exception")])
    correlation = response.headers["X-Correlation-Id"]
    assert correlation in response.text
    assert "Canary" not in response.text + stream.getvalue()
    line = next(json.loads(line) for line in stream.getvalue().splitlines() if "internal-error" in line)
    assert (line["exception"], line["correlation_id"], line["level"]) == ("RuntimeError", correlation, "error")
    assert line["location"].startswith("builders.py:")


def test_running_out_of_stack_in_a_decision_is_a_500() -> None:
    broken = world()
    broken.answer.error = RecursionError()
    assert broken.post(request_body()).status_code == 500


# -------------------------------------------------------------------------------------------------------- the call


def test_a_call_is_read_completed_and_decided() -> None:
    here = world()
    here.answer.answer = {"cards": [], "systemActions": [{"z": 1, "a": 2}]}
    here.server.answers["Condition"] = ok(searchset({"resourceType": "Condition", "id": "c1"}))
    body = request_body(fhirServer=FHIR, fhirAuthorization={"access_token": "t", "token_type": "Bearer"})
    response = here.post(body)
    assert (response.status_code, response.content_type) == (200, JSON)
    assert response.data == b'{"cards":[],"systemActions":[{"z":1,"a":2}]}'
    request, gathered, services = here.answer.calls[0]
    assert request.patient_id == "p1"
    assert gathered.searches["Condition"] is SearchState.ANSWERED
    assert [given.where for given in gathered.resources] == ["fetched.conditions.entry[0]"]
    assert isinstance(services, Services)
    assert here.server.tokens == {"t"}


def test_a_call_without_orders_says_nothing_and_asks_nobody() -> None:
    here = world()
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": []}
    response = here.post(request_body(fhirServer=FHIR, context=context(draftOrders=bundle)))
    assert (response.status_code, response.data) == (200, b'{"cards":[]}')
    assert here.answer.calls == []
    assert here.server.asked == []


def test_a_server_that_is_not_allowed_is_never_called() -> None:
    here = world()
    assert here.post(request_body(fhirServer="https://evil.example/fhir")).status_code == 200
    assert here.server.asked == []
    gathered = here.answer.calls[0][1]
    assert gathered.searches["Condition"] is SearchState.NOT_OFFERED
    assert gathered.notes == ("the FHIR server is not one this service may call: nothing was fetched",)


def test_numbers_of_the_order_keep_their_digits() -> None:
    here = world()
    body = json.dumps(request_body()).replace('"margetuximab"', '"x"}, "dispenseRequest": {"quantity": {"value": 1.10}')
    assert here.post(body).status_code == 200
    assert str(here.answer.calls[0][0].context.orders[0].resource["dispenseRequest"]["quantity"]["value"]) == "1.10"


# ------------------------------------------------------------------------------------------------- the other pages


@pytest.mark.parametrize(
    "url", ["/decisions/none", "/policies/none", "/policies/none.json", "/fhir/Questionnaire/none", "/", "/cds-service"]
)
def test_what_does_not_exist_is_a_404(shared: World, url: str) -> None:
    response = shared.client.get(url)
    assert (response.status_code, issues(response)) == (404, [(None, "not-found")])


def test_policies_are_listed_as_a_page_and_as_json(shared: World) -> None:
    page = shared.client.get("/policies", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.content_type == "text/html; charset=utf-8"
    assert '<a href="http://127.0.0.1:8080/policies/oscar/cg101">' in page.text
    listed = json.loads(shared.client.get("/policies", headers={"Accept": JSON}).data)["policies"]
    (entry,) = [each for each in listed if each["id"] == "oscar/cg101"]
    assert entry["url"] == "http://127.0.0.1:8080/policies/oscar/cg101"


@pytest.mark.parametrize(
    ("url", "accept", "content_type"),
    [
        ("/policies/oscar/cg101", "*/*", "text/html; charset=utf-8"),
        ("/policies/oscar/cg101", "text/html", "text/html; charset=utf-8"),
        ("/policies/oscar/cg101", JSON, JSON),
        ("/policies/oscar/cg101.json", "text/html", JSON),
        ("/policies/oscar/cg101?format=json", "text/html", JSON),
        ("/policies?format=json", "text/html", JSON),
    ],
)
def test_a_policy_is_served_in_the_form_that_is_asked_for(
    shared: World, url: str, accept: str, content_type: str
) -> None:
    response = shared.client.get(url, headers={"Accept": accept})
    assert (response.status_code, response.content_type) == (200, content_type)


def test_a_policy_page_has_an_anchor_per_criterion(shared: World) -> None:
    assert 'id="supporting-documentation"' in shared.client.get("/policies/oscar/cg101").text
    policy = json.loads(shared.client.get("/policies/oscar/cg101.json").data)
    assert (policy["id"], policy["payer"]) == ("oscar/cg101", "oscar")


def test_every_questionnaire_is_served_under_its_canonical(shared: World) -> None:
    shared.post(request_body())
    library = shared.answer.calls[-1][2].library
    identifiers = [path.questionnaire_id for policy in library.policies.values() for path in policy.paths.values()]
    assert identifiers
    for identifier in identifiers:
        response = shared.client.get(f"/fhir/Questionnaire/{identifier}")
        assert (response.status_code, response.content_type) == (200, "application/fhir+json")
        form = json.loads(response.data)
        assert (form["resourceType"], form["id"]) == ("Questionnaire", identifier)
        assert form["url"] == f"{development().public_url}/fhir/Questionnaire/{identifier}"


def test_the_process_says_that_it_lives(shared: World) -> None:
    assert shared.client.get("/livez").data == b'{"status":"alive"}'


def test_an_address_with_doubled_slashes_is_none_and_leads_nowhere(shared: World) -> None:
    for path in ("/fhir//Questionnaire/x", "/cds-services//her2-order-sign", "//livez", "/livez/"):
        response = shared.client.open(create_environ("/") | {"PATH_INFO": path})
        assert response.status_code == 404
        assert "Location" not in response.headers
