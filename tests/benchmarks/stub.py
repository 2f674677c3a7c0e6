"""A service that answers whatever a test wants, in this process: what a harness must not be fooled by."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import CompletedProcess
from threading import Thread
from typing import Any, cast
from uuid import uuid4

from benchmarks.rig.orders import SERVICE
from benchmarks.rig.server import Server
from examples.play import COVERAGE_INFORMATION

ORDER = "MedicationRequest/order-06"


def coverage_information(assertion: str, number: str | None = "MMM-1", pa_needed: str = "satisfied") -> dict[str, Any]:
    parts = [
        {"url": "covered", "valueCode": "covered"},
        {"url": "pa-needed", "valueCode": pa_needed},
        {"url": "coverage-assertion-id", "valueString": assertion},
    ]
    if number is not None:
        parts.append({"url": "satisfied-pa-id", "valueString": number})
    return {"url": COVERAGE_INFORMATION, "extension": parts}


@dataclass
class Stub:
    """Authorizes every order, under an id of its own each time, and says that it is recorded."""

    port: int = 0
    operator: dict[str, str] = field(default_factory=dict)
    name: Callable[[], str] = lambda: str(uuid4())
    number: str | None = "MMM-1"
    recorded: str = "true"
    outcome: str = "authorized"
    statuses: dict[str, int] = field(default_factory=dict)
    """By path; 200 where nothing is said."""
    bodies: list[bytes] = field(default_factory=list)

    @property
    def server(self) -> Server:
        return cast("Server", self)

    def get(self, path: str) -> Any:
        if path == "/cds-services":
            return {"services": [{"id": SERVICE, "prefetch": {"patient": "Patient/{{context.patientId}}"}}]}
        return {"order": {"reference": ORDER}, "outcome": self.outcome, "approval": {"number": self.number}}

    def post(self, body: bytes) -> Any:
        self.bodies.append(body)
        return {"systemActions": [{"resource": {"extension": [coverage_information(self.name(), self.number)]}}]}

    def command(self, *words: str) -> CompletedProcess[str]:
        return CompletedProcess(words, 0, "", "")


@contextmanager
def serving(stub: Stub) -> Iterator[Stub]:
    """Answer as the stub says, on a port that it is told."""

    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1

        def do_GET(self) -> None:
            self._send(stub.get(self.path))

        def do_POST(self) -> None:
            self._send(stub.post(self.rfile.read(int(self.headers["Content-Length"]))))

        def _send(self, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(stub.statuses.get(self.path, 200))
            self.send_header("Her2-Crd-Recorded", stub.recorded)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in http.server
            pass

    class Listening(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    with Listening(("127.0.0.1", 0), Handler) as server:
        stub.port = server.server_port
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()
