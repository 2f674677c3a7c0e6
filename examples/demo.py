"""The demonstration: `python -m examples.demo` starts the service and plays every chart of examples/charts against it.

Exit status 0 says that every order got the outcome that its chart's sentence promises.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import requests

from examples.chart import Chart, load_charts
from examples.ehr import FhirServer
from examples.play import Played, play
from examples.report import chart_text, table_text

ROOT = Path(__file__).parent.parent
PUBLIC_URL = "https://crd.payer.example.org"
"""The name under which the clinics of the charts know the service; their questionnaire responses carry it."""

_START_SECONDS = 30
_ANSWER_SECONDS = 10


class RunningService:
    """The service over HTTP; a proxy has no business with loopback."""

    def __init__(self, base: str) -> None:
        """Open no connection yet."""
        self._base = base
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str) -> tuple[int, Any]:
        """Read an address."""
        response = self._session.get(f"{self._base}{path}", timeout=_ANSWER_SECONDS)
        return response.status_code, response.json()

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Send JSON."""
        response = self._session.post(f"{self._base}{path}", json=body, timeout=_ANSWER_SECONDS)
        return response.status_code, response.json()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


@contextmanager
def running_service() -> Iterator[RunningService]:
    """Start the service and stop it again; raise RuntimeError with its last words when it does not start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HER2_CRD_")}
    chosen = {"HER2_CRD_PROFILE": "development", "HER2_CRD_PUBLIC_URL": PUBLIC_URL, "PORT": str(port)}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        # A record of its own: an authorization of an earlier demonstration would still be in force.
        chosen["DATABASE_URL"] = f"sqlite:///{folder}/record.sqlite3"
        command = [sys.executable, "-m", "service"]
        process = subprocess.Popen(command, cwd=ROOT, env=kept | chosen, stdout=log, stderr=log)  # noqa: S603 - our own
        service = RunningService(f"http://127.0.0.1:{port}")
        try:
            _wait_for(service, process, log)
            yield service
        finally:
            service.close()
            process.terminate()
            try:
                process.wait(_ANSWER_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(service: RunningService, process: subprocess.Popen[bytes], log: IO[str]) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            service.get("/livez")
        except requests.ConnectionError:
            if process.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
                continue
            log.seek(0)
            raise RuntimeError(f"the service did not start:\n{log.read()[-2000:]}") from None
        return


def play_at(chart: Chart, service: RunningService) -> Played:
    """Play a chart, its FHIR server in reach while it lasts."""
    if chart.fhir_server == "absent":
        return play(chart, service, None)
    with FhirServer(chart.record, failing=chart.fhir_server == "fails") as server:
        return play(chart, service, server.base)


def main() -> int:
    """Play every chart; return 0 when all came out as promised, 1 when not, 2 when the service did not start."""
    results = []
    try:
        with running_service() as service:
            for chart in load_charts():
                results.append(play_at(chart, service))
                print(chart_text(results[-1]), flush=True)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    print(table_text(results))
    return 1 if not results or any(each.differences for each in results) else 0


if __name__ == "__main__":
    sys.exit(main())
