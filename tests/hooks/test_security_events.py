"""What the log says of those who try what they may not, and of servers that are not to be trusted."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from criteria.facts import SearchState
from service.app import create_app
from service.deadline import Deadline
from service.fhir_client import Distrust, Fetched
from tests.hooks.clients import Json, request_of
from tests.hooks.test_registered import HOOK, MARGENZA, MET, NOW, Registered, registered, written
from tests.service.builders import FixedClock, logged, shipped_data

OPERATOR = "an-operator-with-a-long-token"
HASH = sha256(OPERATOR.encode()).hexdigest()
OLD = "https://old.example.org"


@contextmanager
def watched_log(folder: Path, **settings: Any) -> Iterator[tuple[Registered, list[Json]]]:
    """The service with its registry; the lines are there at the end of the block."""
    found: list[Json] = []
    with logged() as lines:
        with registered(folder, **settings) as here:
            yield here, found
        found += [json.loads(line) for line in lines.getvalue().splitlines()]


def named(lines: list[Json], event: str) -> list[Json]:
    return [each for each in lines if each["event"] == event]


def test_who_asks_for_the_decision_of_another_is_logged_under_the_number_of_the_call(tmp_path: Path) -> None:
    with watched_log(tmp_path) as (here, lines):
        decision = written(here.post(HOOK, request_of(MET)))[MARGENZA]["coverage-assertion-id"]
        refused = here.get(f"/decisions/{decision}", issuer=OLD)
        unknown = here.get("/decisions/none", issuer=OLD)
    # The caller cannot tell the two apart; the log can.
    assert (refused.status_code, refused.data) == (unknown.status_code, unknown.data)
    (line,) = named(lines, "forbidden")
    assert (line["level"], line["client"], line["reason"]) == ("warning", "old-ehr", "decision-of-another-client")
    assert line["correlation_id"] == refused.headers["X-Correlation-Id"]
    assert decision not in str(line)


@pytest.mark.parametrize(
    ("issuer", "level"), [("https://new.example.org", "warning"), (OLD, "info")], ids=["with servers", "without"]
)
def test_a_server_that_is_not_the_clients_own_is_logged_and_not_named(tmp_path: Path, issuer: str, level: str) -> None:
    body = request_of(MET, without=["conditions"], fhir=True)
    body["fhirServer"] = "http://169.254.169.254/Canary"
    with watched_log(tmp_path) as (here, lines):
        assert here.post(HOOK, body, issuer=issuer).status_code == 200
    (line,) = named(lines, "server-not-allowed")
    assert line["level"] == level
    assert line["correlation_id"] == named(lines, "answered")[0]["correlation_id"]
    assert "Canary" not in str(lines)


@pytest.mark.parametrize("why", Distrust)
def test_a_server_that_cannot_be_trusted_is_logged_with_its_client_and_call(tmp_path: Path, why: Distrust) -> None:
    def distrusted(_url: str, _token: str | None, _deadline: Deadline) -> Fetched:
        return Fetched(SearchState.FAILED, reason="could not be reached", unreachable=True, distrust=why)

    with watched_log(tmp_path) as (here, lines):
        here.app = create_app(here.settings, shipped_data(), FixedClock(NOW), distrusted)
        assert here.post(HOOK, request_of(MET, without=["conditions"], fhir=True)).status_code == 200
    events = named(lines, "server-not-trusted")
    assert {(each["level"], each["client"], each["reason"]) for each in events} == {("warning", "new-ehr", why.value)}
    assert {each["correlation_id"] for each in events} == {named(lines, "answered")[0]["correlation_id"]}


def test_a_host_of_keys_that_cannot_be_trusted_is_logged_with_its_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def distrusted(*_: Any) -> Fetched:
        return Fetched(SearchState.FAILED, unreachable=True, distrust=Distrust.TLS)

    monkeypatch.setattr("service.fhir_client.FhirClient.key_sets", lambda _self, _networks: distrusted)
    with watched_log(tmp_path) as (here, lines):
        assert here.post(HOOK, request_of(MET), issuer="https://kit.example.org").status_code == 401
    (line,) = named(lines, "server-not-trusted")
    assert (line["client"], line["reason"]) == ("kit", "tls")
    assert named(lines, "unauthenticated")[0]["reason"] == "no-keys"


def test_what_is_tried_against_a_check_is_logged_with_the_reason_or_the_status(tmp_path: Path) -> None:
    with watched_log(tmp_path) as (here, lines):
        used = here.headers(f"https://crd.payer.example.org{HOOK}")
        here.post(HOOK, request_of(MET), headers=used)
        here.post(HOOK, request_of(MET), headers=used)
        here.post(HOOK, request_of(MET), headers={"Authorization": "Bearer Canary"})
        here.post(HOOK, {"hook": "Canary"})
    assert [each["reason"] for each in named(lines, "unauthenticated")] == ["replayed", "malformed"]
    answered = [(each["status"], each.get("client")) for each in named(lines, "answered")]
    assert answered == [(200, "new-ehr"), (401, None), (401, None), (400, "new-ehr")]
    assert "Canary" not in str(lines)


def test_every_call_says_who_made_it_and_no_line_holds_a_token(tmp_path: Path) -> None:
    tokens = frozenset({HASH})
    with watched_log(tmp_path, operator_tokens=tokens) as (here, lines):
        headers = here.headers(f"https://crd.payer.example.org{HOOK}")
        decision = written(here.post(HOOK, request_of(MET), headers=headers))[MARGENZA]["coverage-assertion-id"]
        for token in (OPERATOR, "Canary-Zebulon"):
            here.get(f"/decisions/{decision}", {"Authorization": f"Bearer {token}"})
    answered = named(lines, "answered")
    assert [(each.get("client"), each.get("operator")) for each in answered] == [
        ("new-ehr", None),
        (None, HASH[:8]),
        (None, None),
    ]
    assert [each["status"] for each in answered] == [200, 200, 401]
    text = str(lines)
    for secret in (headers["Authorization"].removeprefix("Bearer "), OPERATOR, HASH, "Canary-Zebulon"):
        assert secret not in text


def test_every_line_says_when_in_utc_what_and_in_which_call(tmp_path: Path) -> None:
    with watched_log(tmp_path) as (here, lines):
        here.post(HOOK, request_of(MET))
        here.post(HOOK, request_of(MET), aud="https://other.example.org")
    assert len(lines) > 2
    for line in lines:
        assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
        assert line["level"] in {"info", "warning", "error"}
        assert line["event"]
        assert len(line["correlation_id"]) == 36
