"""Whole calls against FHIR servers and servers of keys that misbehave, on real sockets."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from service import fhir_client
from service.app import create_app
from service.circuits import FAILURES
from tests.hooks.clients import PUBLIC_URL, SERVICE_URL, TODAY, Api, RecordServer, nodes, request_of
from tests.service.builders import FixedClock, development, issues, shipped_data
from tests.service.loopback import Behaviour, Connection, Loopback, answer, dripping, loopback, sending
from tests.service.signing import ec_key, header, signed

ORDER = "MedicationRequest/order-11"
HUNG = ["observations", "medicationAdministrations", "medicationStatements", "medicationDispenses"]
SECONDS = 0.8
MARGIN = 4.0
"""For deciding, on a machine that does other things too; a server that drips goes on for ten seconds."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"


def breaking(connection: Connection, _seen: Loopback) -> None:
    connection.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"resourceType":')
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def pouring(connection: Connection, seen: Loopback) -> None:
    connection.sendall(HEAD + b"Content-Length: 200000000\r\n\r\n")
    while not seen.stopped.is_set():
        connection.sendall(b" " * 100_000)


FAILS: dict[str, Behaviour] = {
    "slow headers": dripping(HEAD + b"X: ", b"x"),
    "a body that drips": dripping(HEAD + b"Content-Length: 1000\r\n\r\n{", b" "),
    "silence": dripping(b"", b"", 5.0),
    "200 MB": pouring,
    "503, come back in an hour": sending(answer(status="503 Service Unavailable", Retry_After="3600")),
    "429": sending(answer(status="429 Too Many Requests", Retry_After="3600")),
    "a redirect": sending(answer(status="302 Found", Location="http://169.254.169.254/latest/meta-data")),
    "a resource of another type": sending(answer(b'{"resourceType":"Patient","id":"x"}')),
    "a web page": sending(answer(b"<html><body>Sign in</body></html>", Content_Type="text/html")),
    "401": sending(answer(status="401 Unauthorized")),
    "another protocol": sending(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a connection that breaks": breaking,
}
REFUSES: dict[str, Behaviour] = {
    status: sending(answer(b'{"resourceType":"OperationOutcome","issue":[]}', status=status))
    for status in ("403 Forbidden", "404 Not Found", "501 Not Implemented")
}


def service(**settings: Any) -> Api:
    chosen = development(public_url=PUBLIC_URL, **({"deadline_seconds": SECONDS} | settings))
    return Api(create_app(chosen, shipped_data(), FixedClock(TODAY)).test_client(), RecordServer())


def call(api: Api, server: Loopback) -> tuple[str, list[str], float]:
    """Return the outcome of a call that hangs on what this server says, what is noted, and the seconds it took."""
    body = request_of("mmm-margenza-server-down", without=HUNG, fhir=True)
    body["fhirServer"] = f"http://127.0.0.1:{server.port}/fhir"
    begun = time.monotonic()
    called = api.sign(body)
    took = time.monotonic() - begun
    assert called.status == 200, called.text
    decision = api.decision(called, ORDER)
    assert "source" in {need["kind"] for node in nodes(decision["criteria"]) for need in node["needs"]} or (
        decision["outcome"] != "technical"
    )
    return decision["outcome"], decision["notes"], took


@pytest.mark.parametrize("behave", FAILS.values(), ids=FAILS.keys())
def test_a_server_that_fails_costs_no_more_than_the_deadline_and_is_said_to_be_down(behave: Behaviour) -> None:
    with loopback(behave) as server:
        outcome, notes, took = call(service(), server)
    assert outcome == "technical"
    assert server.requests
    assert any("the FHIR server" in note or "no answer in time" in note for note in notes)
    assert took < SECONDS + MARGIN


@pytest.mark.parametrize("behave", REFUSES.values(), ids=REFUSES.keys())
def test_a_server_that_refuses_leaves_it_to_a_clinician(behave: Behaviour) -> None:
    with loopback(behave) as server:
        outcome, _, took = call(service(), server)
    assert outcome == "documentation"
    assert took < SECONDS + MARGIN


def test_a_server_that_keeps_failing_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # Silence counts only when it lasted as long as a server may be silent.
    monkeypatch.setattr("service.connections.READ_SECONDS", 0.2)
    monkeypatch.setattr(fhir_client, "READ_SECONDS", 0.2)
    api = service(deadline_seconds=2.0)
    with loopback(FAILS["silence"]) as server:
        calls = [call(api, server) for _ in range(2)]
        asked = len(server.requests)
        calls.append(call(api, server))
        assert len(server.requests) == asked
    assert [outcome for outcome, _, _ in calls] == ["technical"] * 3
    assert FAILURES <= asked <= 2 * len(HUNG)
    assert "observations: the FHIR server is left alone after several failures" in calls[-1][1]
    assert calls[0][2] > 0.2


@pytest.mark.parametrize("kind", ["401", "a redirect", "200 MB"])
def test_a_server_that_only_refuses_or_sends_too_much_is_asked_again(kind: str) -> None:
    api = service()
    with loopback(FAILS[kind]) as server:
        for _ in range(FAILURES):
            _, notes, _ = call(api, server)
            assert not any("left alone" in note for note in notes)


# ------------------------------------------------------------------------------------------------------ keys

REGISTRY = """
clients:
  - id: ehr
    issuer: https://ehr.example.org
    jku: {jku}
"""


def authorization() -> str:
    moment = int(TODAY.timestamp())
    claims = {"iss": "https://ehr.example.org", "aud": f"{PUBLIC_URL}{SERVICE_URL}", "jti": "1"}
    payload = json.dumps(claims | {"iat": moment, "exp": moment + 300}).encode()
    return f"Bearer {signed(json.dumps(header(jku=None)).encode(), payload, ec_key())}"


@pytest.mark.parametrize("behave", FAILS.values(), ids=FAILS.keys())
def test_keys_that_cannot_be_had_cost_no_more_than_the_deadline_of_the_call(tmp_path: Path, behave: Behaviour) -> None:
    with loopback(behave) as server:
        file = tmp_path / "clients.yaml"
        file.write_text(REGISTRY.format(jku=f"http://127.0.0.1:{server.port}/jwks"), encoding="utf-8")
        api = service(clients=file, fhir_servers=(), default_payer=None)
        times = []
        for _ in range(2):
            begun = time.monotonic()
            response = api.client.post(
                SERVICE_URL, json=request_of("mmm-margenza-server-down"), headers={"Authorization": authorization()}
            )
            times.append(time.monotonic() - begun)
            assert (response.status_code, issues(response)) == (401, [(None, "login")])
    assert times[0] < SECONDS + MARGIN
    assert times[1] < MARGIN
    assert len(server.requests) <= 2
