"""What one client does to the others: calls of several registered clients on a real socket, one with a dead server."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from service.app import create_app
from tests.hooks.clients import PUBLIC_URL, SERVICE_URL, TODAY, request_of
from tests.service.builders import FixedClock, development, logged, shipped_data
from tests.service.loopback import ANSWER, Behaviour, Connection, Loopback, loopback
from tests.service.serving import HOST, Serving, gunicorn_loggers, working
from tests.service.signing import ec_key, header, jwk, jwks, signed

NUMBERS = count()
REGISTRY = """
clients:
  - {{id: dead, issuer: "https://dead.example.org", jwks_file: keys.json, fhir_servers: ["{base}"]}}
  - {{id: well, issuer: "https://well.example.org", jwks_file: keys.json}}
"""


@dataclass
class Clinics:
    """Two clients: the FHIR server of one never answers, the other sends everything."""

    serving: Serving
    dead: Loopback
    released: Event

    def send(self, client: str, path: str, body: Any = None) -> int:
        """Call, signed; return the status."""
        moment = int(TODAY.timestamp())
        claims = {"iss": f"https://{client}.example.org", "aud": f"{PUBLIC_URL}{path}", "jti": str(next(NUMBERS))}
        payload = json.dumps(claims | {"iat": moment, "exp": moment + 300}).encode()
        lines = [
            f"{'GET' if body is None else 'POST'} {path} HTTP/1.1",
            f"Authorization: Bearer {signed(json.dumps(header(jku=None)).encode(), payload, ec_key())}",
            "Content-Type: application/json",
            "Connection: close",
        ]
        content = b"" if body is None else json.dumps(body, default=float).encode()
        head = "\r\n".join([*lines, f"Content-Length: {len(content)}", ""]).encode() + HOST
        return int(self.serving.ask(head + b"\r\n" + content).split(maxsplit=2)[1])

    def hang(self) -> int:
        """Sign an order whose record has to be fetched from the server that never answers."""
        body = request_of("mmm-margenza-server-down", without=["observations"], fhir=True)
        return self.send("dead", SERVICE_URL, body | {"fhirServer": f"http://127.0.0.1:{self.dead.port}/fhir"})

    def sign(self) -> int:
        """Sign an order of the other client."""
        return self.send("well", SERVICE_URL, request_of("mmm-margenza-fourth-line"))


def dripping(released: Event) -> Behaviour:
    """Return a behaviour that sends headers without end until it is released."""

    def behave(connection: Connection, _seen: Loopback) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not released.wait(0.05):
            connection.sendall(b"x")
        connection.sendall(b"\r\nContent-Length: 25\r\n\r\n" + ANSWER)

    return behave


@contextmanager
def clinics(folder: Path, dead: Loopback, released: Event) -> Iterator[Clinics]:
    base = f"http://127.0.0.1:{dead.port}/fhir"
    (folder / "keys.json").write_text(json.dumps(jwks(jwk(ec_key(), "k1"))), encoding="utf-8")
    (folder / "clients.yaml").write_text(REGISTRY.format(base=base), encoding="utf-8")
    settings = development(
        public_url=PUBLIC_URL,
        clients=folder / "clients.yaml",
        fhir_servers=(),
        default_payer=None,
        deadline_seconds=4.5,
        calls_per_client=8,
    )
    app = create_app(settings, shipped_data(), FixedClock(TODAY))
    with working(app) as serving:
        yield Clinics(serving, dead, released)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Clinics]:
    released = Event()
    with gunicorn_loggers(), logged(), loopback(dripping(released)) as dead, clinics(tmp_path, dead, released) as both:
        yield both
        released.set()


def test_a_client_whose_server_is_dead_leaves_threads_to_the_others(here: Clinics) -> None:
    path = "/decisions/00000000-0000-0000-0000-000000000000"
    with ThreadPoolExecutor(8) as pool:
        waiting: list[Future[int]] = [pool.submit(here.hang) for _ in range(8)]
        while len(here.dead.requests) < 8:
            time.sleep(0.01)
        # Whatever it asks now is put off: its eight calls are under way.
        assert here.send("dead", SERVICE_URL, request_of("mmm-margenza-fourth-line")) == 429
        assert here.send("dead", f"{SERVICE_URL}/feedback", {"feedback": []}) == 429
        assert here.send("dead", path) == 429
        assert here.send("dead", f"{path}/feedback") == 429
        # The other one notices nothing.
        assert [here.sign() for _ in range(3)] == [200] * 3
        assert here.send("well", path) == 404
        assert not any(each.done() for each in waiting)
        here.released.set()
        assert [each.result() for each in waiting] == [200] * 8
    # All turns were given back, whatever came of the calls.
    assert here.send("dead", path) == 404
