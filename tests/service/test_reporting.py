import json
from time import sleep
from typing import Any

import pytest

from criteria.facts import SearchState
from service.deadline import Deadline
from service.fhir_client import Fetched
from service.storage.database import StorageDownError
from tests.hooks.clients import FHIR, RecordServer, api, request_of
from tests.service.builders import SERVICE_URL, logged, request_body, world
from tests.service.metric_pages import number

MET = "oscar-margenza-after-two"
FEEDBACK = {
    "card": "0d3a4f3e-8a0b-4f0f-8a56-5f4f7f0c9b10",
    "outcome": "overridden",
    "outcomeTimestamp": "2026-09-15T08:00:00Z",
}


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def page(client: Any) -> str:
    response = client.get("/metrics")
    assert response.status_code == 200
    return str(response.text)


def test_a_decided_call_is_one_line_that_says_what_was_decided_by_which_policy() -> None:
    here, body = api(), request_of(MET)
    with logged() as stream:
        assert here.sign(body).status == 200
    (line,) = lines(stream.getvalue())
    assert (line["event"], line["route"], line["service_id"], line["status"]) == (
        "answered",
        "call",
        "her2-order-sign",
        200,
    )
    assert line["outcomes"] == ["authorized", "no-policy"]
    assert line["policies"] == ["oscar/cg101", "none"]
    assert 0 < line["own_milliseconds"] <= line["milliseconds"]
    assert "fhir_milliseconds" not in line
    shown = page(here.client)
    decided = {"service": "her2-order-sign", "policy": "oscar/cg101", "outcome": "authorized"}
    assert number(shown, "decisions_total", **decided) == 1
    assert number(shown, "call_seconds_count", service="her2-order-sign") == 1


class SlowServer(RecordServer):
    """Takes its time for every request."""

    def __call__(self, url: str, token: str | None, deadline: Deadline) -> Fetched:
        sleep(0.05)
        return super().__call__(url, token, deadline)


def test_fetches_beside_each_other_count_once_as_time_of_fhir_servers() -> None:
    server = SlowServer(state=SearchState.FAILED)
    here = api(server)
    body = request_of(MET, without=["conditions", "observations", "procedures"], fhir=True)
    with logged() as stream:
        assert here.sign(body).status == 200
    (line,) = lines(stream.getvalue())
    assert len(server.asked) >= 3
    assert 50 <= line["fhir_milliseconds"] < 45 * len(server.asked)
    parts = sum(line[f"{each}_milliseconds"] for each in ("own", "fhir", "storage"))
    assert parts == pytest.approx(line["milliseconds"], abs=0.01)
    assert set(line["searches"].values()) == {"failed"}
    shown = page(here.client)
    assert number(shown, "fhir_requests_total", client="anybody", result="failed") == len(server.asked)
    assert FHIR not in shown


def test_feedback_is_logged_and_counted_by_how_the_card_was_taken() -> None:
    here = world()
    with logged() as stream:
        assert here.client.post(f"{SERVICE_URL}/feedback", json={"feedback": [FEEDBACK]}).status_code == 200
    (line,) = lines(stream.getvalue())
    assert (line["route"], line["feedback"]) == ("feedback", ["overridden"])
    counted = number(page(here.client), "feedback_total", service="her2-order-sign", outcome="overridden")
    assert counted == 1


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_what_machines_ask_all_day_is_neither_logged_nor_counted(path: str) -> None:
    here = world()
    with logged() as stream:
        assert here.client.get(path).status_code == 200
    assert stream.getvalue() == ""
    assert "her2_crd_calls_total{" not in page(here.client)


@pytest.mark.parametrize("path", ["/metrics/", "/livez/x", "/readyz?x=1/", "//metrics"])
def test_what_only_looks_like_it_is_logged_as_any_address(path: str) -> None:
    here = world()
    with logged() as stream:
        status = here.client.get(path).status_code
    assert len(lines(stream.getvalue())) == (0 if status == 200 else 1)


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/nothing/Canary", "none"),
        ("GET", "/decisions/Canary", "decision"),
        ("GET", "/policies/Canary", "policy"),
        ("POST", "/cds-services/Canary", "call"),
        ("POST", "/cds-services/Canary/feedback", "feedback"),
        ("CANARY", "/cds-services/her2-order-sign", "none"),
    ],
)
def test_a_route_is_named_as_ours_whatever_the_address_says(method: str, path: str, route: str) -> None:
    here = world()
    with logged() as stream:
        here.client.open(path, method=method)
    (line,) = lines(stream.getvalue())
    assert line["route"] == route
    shown = page(here.client)
    assert number(shown, "calls_total", route=route, service="none", status=str(line["status"])) == 1
    assert "canary" not in f"{line}{shown}".lower()


def test_a_call_that_ends_in_a_defect_is_under_way_no_more() -> None:
    here = world()
    here.answer.error = RuntimeError("Canary")
    with logged():
        assert here.post(request_body()).status_code == 500
    shown = page(here.client)
    assert number(shown, "calls_in_progress") == 0
    assert number(shown, "calls_total", route="call", service="her2-order-sign", status="500") == 1


@pytest.mark.parametrize("recorded", [True, False])
def test_the_line_and_the_metrics_say_whether_the_decisions_were_recorded(
    monkeypatch: pytest.MonkeyPatch, recorded: bool
) -> None:
    here, body = api(), request_of(MET)
    if not recorded:
        monkeypatch.setattr("service.storage.ledger.Ledger.record", down)
    with logged() as stream:
        assert here.sign(body).status == 200
    line = lines(stream.getvalue())[-1]
    assert line["recorded"] is recorded
    assert line["storage_milliseconds"] > 0
    shown = page(here.client)
    written, lost = (number(shown, "records_total", result=each) for each in ("written", "not-written"))
    assert (written, lost) == ((2, 0) if recorded else (0, 2))


def down(*_: Any) -> None:
    raise StorageDownError("closed")


def test_where_nothing_is_decided_nothing_is_said_of_records() -> None:
    here = world()
    with logged() as stream:
        here.client.get("/policies")
    assert "recorded" not in stream.getvalue()
