"""The service as an operator runs it: processes of gunicorn, their lines, counts and traces, and how they end."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from service.logs import ALLOWED_FIELDS
from service.multiprocess import FOLDER
from tests.hooks.canary import HEADERS, mark, marks_in, planted
from tests.hooks.clients import SERVICE_URL, request_of
from tests.service.collector import collector
from tests.service.loopback import Connection, Loopback, answer, loopback
from tests.service.metric_pages import number, samples

MET = "oscar-margenza-after-two"
CALLS = 12
START_SECONDS = 40


@dataclass
class Running:
    """The service in processes of its own."""

    process: subprocess.Popen[str]
    port: int

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Return status and body of a call over a connection of its own."""
        connection = self.connect()
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {**HEADERS, "Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def say(self, content: bytes) -> bytes:
        """Send bytes, and return what is answered until the other end closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as opened:
            opened.sendall(content)
            opened.shutdown(socket.SHUT_WR)
            received = b""
            while part := opened.recv(65_536):
                received += part
            return received


@contextmanager
def running(folder: Path, **environ: str) -> Iterator[Running]:
    """Start the command in a folder, and end it in any case."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    known = {name: value for name, value in os.environ.items() if not name.startswith(("HER2_CRD_", "OTEL_", FOLDER))}
    chosen = {
        "PORT": str(port),
        "HER2_CRD_PROFILE": "development",
        "DATABASE_URL": f"sqlite:///{folder}/her2-crd.sqlite3",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        **environ,
    }
    command = [sys.executable, "-m", "service"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=known | chosen, cwd=folder, **pipes) as process:
        try:
            here = Running(process, port)
            _wait(here)
            yield here
        finally:
            process.kill()


def _wait(here: Running) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and here.process.poll() is None:
        try:
            assert here.ask("GET", "/readyz")[0] == 200
        except OSError:
            time.sleep(0.05)
        else:
            return
    here.process.kill()
    pytest.fail(f"did not start: {here.process.communicate()[0]}")


@dataclass
class SlowServer:
    """A FHIR server that answers when it is told to."""

    asked: Event = field(default_factory=Event)
    told: Event = field(default_factory=Event)

    def __call__(self, connection: Connection, _seen: Loopback) -> None:
        self.asked.set()
        self.told.wait(3)
        connection.sendall(answer(json.dumps({"resourceType": "Bundle", "type": "searchset"}).encode()))


POST = b"POST /cds-services/her2-order-sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
UNREADABLE = [
    b"GET / HTTP/1.1\r\nAuthorization Bearer %s\r\n\r\n",
    b"%s\r\n\r\n",
    b"GET /%s HTTP/9.9\r\n\r\n",
    POST + b"Transfer-Encoding: %s\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n%s\r\n",
    POST + b'Content-Length: 1000\r\n\r\n{"%s',
]


def test_processes_count_together_trace_end_in_order_and_tell_nothing_of_a_patient(tmp_path: Path) -> None:
    slow = SlowServer()
    with collector() as traces, loopback(slow) as ehr:
        environ = {
            "HER2_CRD_OPEN_TELEMETRY": "on",
            "OTEL_EXPORTER_OTLP_ENDPOINT": traces.address,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            FOLDER: str(tmp_path / "metrics"),
        }
        with running(tmp_path, **environ) as here:
            said = _talk(here)
            _end(here, slow, ehr.port)
            output = here.process.communicate(timeout=30)[0]
        assert here.process.returncode == 0
    notice, *lines = output.splitlines()
    assert notice.startswith("DEVELOPMENT PROFILE")
    for line in lines:
        assert json.loads(line).keys() <= {"time", "level", *ALLOWED_FIELDS}
    assert [each for each in lines if '"route":"call"' in each and '"trace_id"' in each]
    assert any(b"POST /cds-services/<service_id>" in each for each in traces.bodies)
    sent = b"".join(traces.bodies).decode("latin-1")
    assert marks_in(output) == marks_in(said) == marks_in(sent) == []


def _talk(here: Running) -> str:
    """Call it in every way; return what it said beside answers to a caller."""
    body = planted(request_of(MET))
    assert [here.ask("POST", SERVICE_URL, body)[0] for _ in range(CALLS)] == [200] * CALLS
    replies = [here.say(each.replace(b"%s", mark("unreadable").encode())) for each in UNREADABLE]
    statuses = [re.match(rb"HTTP/1\.1 (\d+)", each) for each in replies]
    # What does not come to its end is not answered.
    assert [each and int(each[1]) // 100 for each in statuses] == [4, 4, 4, None, 4, None]
    status, page = here.ask("GET", "/metrics")
    assert status == 200
    decided = [value for (name, _), value in samples(page).items() if name == "her2_crd_decisions_total"]
    assert sum(decided) == 2 * CALLS
    assert number(page, "call_seconds_count", service="her2-order-sign") == CALLS
    assert number(page, "calls_in_progress") == 0
    assert number(page, "records_total", result="written") == 2 * CALLS
    assert number(page, "ready") == 1
    return page + b"".join(replies).decode("latin-1")


def _end(here: Running, ehr: SlowServer, port: int) -> None:
    """Tell it to stop while a call is under way: that call is answered, and readiness is off."""
    body = request_of(MET, fhir=True, without=["conditions"])
    body["fhirServer"] = f"http://127.0.0.1:{port}/fhir"
    statuses: list[int] = []
    calling = Thread(target=lambda: statuses.append(here.ask("POST", SERVICE_URL, body)[0]))
    calling.start()
    assert ehr.asked.wait(20)
    kept = here.connect()
    kept.request("GET", "/readyz")
    assert kept.getresponse().read() == b'{"status":"ready"}'
    here.process.send_signal(signal.SIGTERM)
    said = {"status": "ready"}
    while said == {"status": "ready"}:
        kept.request("GET", "/readyz")
        said = json.loads(kept.getresponse().read())
    assert said == {"status": "not-ready", "failing": ["serving"]}
    kept.close()
    ehr.told.set()
    calling.join()
    assert statuses == [200]
