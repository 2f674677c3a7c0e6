"""A marked patient while servers misbehave, the database is down and the service has defects."""

import json
import time
from contextvars import copy_context
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import pytest
from sqlalchemy.exc import IntegrityError

from service.arrival import arrived
from service.lifecycle import lifecycle
from service.storage.database import StorageDownError
from tests.hooks.canary import (
    Watch,
    feedback,
    mark,
    planted,
)
from tests.hooks.clients import SERVICE_URL, request_of
from tests.service.loopback import Behaviour, answer, dripping, loopback, sending

_WORDS = json.dumps({"resourceType": "Bundle", "entry": [mark("answer")], mark("key"): mark("value")}).encode()
_OUTCOME = json.dumps(
    {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": mark("outcome")}]}
).encode()

BEHAVIOURS: dict[str, Behaviour] = {
    "words": sending(answer(_WORDS, X_Mark=mark("reply-header"), Set_Cookie=mark("reply-cookie"))),
    "an outcome": sending(answer(_OUTCOME)),
    "no JSON": sending(answer(mark("garbage").encode())),
    "another type": sending(answer(json.dumps({"resourceType": mark("kind")}).encode())),
    "a list": sending(answer(json.dumps([mark("list")]).encode())),
    "500": sending(answer(_OUTCOME, f"500 {mark('reason')}")),
    "503": sending(answer(_OUTCOME, "503 Service Unavailable", Retry_After=mark("retry"))),
    "401": sending(answer(_OUTCOME, "401 Unauthorized", WWW_Authenticate=f"Bearer realm={mark('realm')}")),
    "404": sending(answer(_OUTCOME, "404 Not Found")),
    "a redirect": sending(answer(b"", "302 Found", Location=f"http://127.0.0.1:1/{mark('location')}")),
    "no HTTP": sending(mark("line").encode() + b"\r\n\r\n"),
    "an encoding": sending(answer(_WORDS, Content_Encoding=mark("encoding"))),
    "no gzip": sending(answer(_WORDS, Content_Encoding="gzip")),
    "a drip": dripping(answer(_WORDS)[:60], b" "),
    "nothing": sending(b""),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_fhir_server_that_misbehaves_leaves_no_mark(watch: Watch, clean: Any, behaviour: str) -> None:
    body = request_of("mmm-margenza-fourth-line", fhir=True, without=["observations", "conditions"])
    with loopback(BEHAVIOURS[behaviour]) as server:
        marked = planted(body)
        marked["fhirServer"] = f"http://127.0.0.1:{server.port}/{mark('fhir-server')}"
        client = watch.client(deadline_seconds=0.4)
        assert watch.send(client, SERVICE_URL, marked).status_code == 200
        assert any(mark("fhir-server").encode() in each for each in server.requests)
    assert clean() == []


def test_a_fhir_server_that_is_not_there_or_not_allowed_leaves_no_mark(watch: Watch, clean: Any) -> None:
    body = request_of("mmm-margenza-fourth-line", fhir=True, without=["observations"])
    for host in ("127.0.0.1:1", f"{mark('host')}.example.org", "169.254.169.254", f"[::1]:1/{mark('path')}"):
        marked = planted(body)
        marked["fhirServer"] = f"http://{host}/{mark('fhir-server')}"
        assert watch.send(watch.client(deadline_seconds=0.4), SERVICE_URL, marked).status_code == 200
    assert clean() == []


def explode(*_: Any, **__: Any) -> Any:
    """A defect whose words are the whole patient."""
    body = planted(request_of("mmm-margenza-fourth-line"))
    raise ValueError(json.dumps(body))


@pytest.mark.parametrize(
    "place",
    [
        "service.answer.map_record",
        "service.answer.subjects_of",
        "service.answer.compose_answer",
        "service.deciding.evaluate",
        "service.hook_routes.read_request",
        "service.hook_routes.complete",
        "service.hook_routes.report_searches",
        "service.prefetch.read_whole",
        "service.storage.ledger.Ledger.past",
        "service.storage.ledger.Ledger.record",
    ],
)
def test_a_defect_of_ours_leaves_no_mark(watch: Watch, clean: Any, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = watch.client()
    monkeypatch.setattr(place, explode)
    response = watch.send(client, SERVICE_URL, planted(request_of("mmm-margenza-fourth-line")))
    assert response.status_code == 500
    assert response.headers["X-Correlation-Id"] in response.text
    assert response.headers["X-Correlation-Id"] in watch.lines.getvalue()
    assert clean() == []


def test_a_defect_while_fetching_leaves_no_mark(watch: Watch, clean: Any) -> None:
    body = planted(request_of("mmm-margenza-fourth-line", fhir=True, without=["observations"]))
    assert watch.send(watch.client(explode), SERVICE_URL, body).status_code == 500
    assert clean() == []


def test_a_defect_while_feedback_is_taken_leaves_no_mark(
    watch: Watch, clean: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = watch.client()
    monkeypatch.setattr("service.hook_routes.take_feedback", explode)
    assert watch.send(client, f"{SERVICE_URL}/feedback", feedback(card=mark("card"))).status_code == 500
    assert clean() == []


# Flask itself logs what goes wrong after an answer is made: the address, and a traceback with its words.
@pytest.mark.parametrize("place", ["service.reporting._ended", "service.headers._allow_origin"])
def test_a_defect_after_the_answer_leaves_no_mark(
    watch: Watch, clean: Any, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = watch.client()
    monkeypatch.setattr(place, explode)
    body = planted(request_of("mmm-margenza-fourth-line"))
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    assert watch.send(client, f"{SERVICE_URL}?patient={mark('query')}", body).status_code == 500
    monkeypatch.undo()
    assert clean() == []


def test_an_answer_that_breaks_a_rule_leaves_no_mark(watch: Watch, clean: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = watch.client()
    monkeypatch.setattr("service.answer.CONFIGURATION_REMARKS", mark("remarks"))
    body = planted(request_of("mmm-margenza-fourth-line"))
    body["extension"] = {"davinci-crd.configuration": {"max-cards": mark("number")}}
    assert watch.send(client, SERVICE_URL, body).status_code == 500
    assert '"rules"' in watch.lines.getvalue()
    assert clean() == []


def down(*_: Any, **__: Any) -> Any:
    raise StorageDownError("closed")


def test_a_database_that_is_down_leaves_no_mark(watch: Watch, clean: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = watch.client()
    body = planted(request_of("oscar-margenza-after-two"))
    monkeypatch.setattr("service.storage.database.Database._begun", down)
    called = watch.send(client, SERVICE_URL, body)
    decision = f"/decisions/{uuid5(NAMESPACE_URL, 'x')}?{mark('query')}"
    assert (called.status_code, called.headers["Her2-Crd-Recorded"]) == (200, "false")
    assert watch.send(client, f"{SERVICE_URL}/feedback", feedback(card=str(uuid4()))).status_code == 503
    assert watch.send(client, decision, method="GET").status_code == 503
    assert watch.send(client, "/readyz", method="GET").status_code == 503
    assert clean() == []


def test_a_database_that_refuses_a_value_leaves_no_mark(
    watch: Watch, clean: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of such an error has the statement and every value of it."""

    def refuse(*_: Any) -> Any:
        raise IntegrityError("INSERT INTO decisions", {"patient": mark("name")}, ValueError(mark("value")))

    client = watch.client()
    monkeypatch.setattr("service.storage.ledger.Ledger.record", refuse)
    assert watch.send(client, SERVICE_URL, planted(request_of("oscar-margenza-after-two"))).status_code == 500
    assert clean() == []


def test_a_call_that_waited_too_long_leaves_no_mark(watch: Watch, clean: Any) -> None:
    def late() -> int:
        arrived(time.monotonic() - 60)
        return watch.send(client, SERVICE_URL, planted(request_of("oscar-margenza-after-two"))).status_code

    client = watch.client()
    assert copy_context().run(late) == 503
    assert '"queue_milliseconds":6' in watch.lines.getvalue()
    assert clean() == []


def test_a_process_that_is_not_ready_leaves_no_mark(watch: Watch, clean: Any) -> None:
    client = watch.client()
    lifecycle(client.application).stopping = True
    assert watch.send(client, f"/readyz?patient={mark('query')}", method="GET").status_code == 503
    assert clean() == []
