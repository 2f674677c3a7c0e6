"""The service as an operator runs it: its own processes, real HTTP on loopback, its settings and nothing of ours."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from benchmarks.rig.processes import ROOT, Child, children_of, open_files, resident_bytes
from benchmarks.rig.web import HOST, status_of

START_SECONDS = 30
DRAIN_SECONDS = 30
_COMMAND_SECONDS = 120
_OK = 200

# What the shell that starts a harness has set must not change what is measured.
_FOREIGN = ("HER2_CRD_", "OTEL_", "PROMETHEUS_", "GUNICORN_", "PG")
_FOREIGN_NAMES = frozenset({"PORT", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE", "WEB_CONCURRENCY"})

DEVELOPMENT = {"HER2_CRD_PROFILE": "development"}


class NotStartedError(Exception):
    """The service did not start, or a command of it failed; the text is what it said last."""


def free_port() -> int:
    """Return a port of loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Server:
    """One master with its workers, which can be started again after it was stopped or killed."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        """Take a port; files that the service makes go into the folder, and its log."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_FOREIGN) and name not in _FOREIGN_NAMES
        }
        token = secrets.token_urlsafe(32)
        self.operator = {"Authorization": f"Bearer {token}"}
        """The header with which every decision and the metrics may be read."""
        own = {
            "PORT": str(self.port),
            "TMPDIR": str(folder),
            "HER2_CRD_OPERATOR_TOKENS": sha256(token.encode()).hexdigest(),
        }
        self.environ = {**kept, **DEVELOPMENT, **own, **settings}
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """Return the number of the master, which is that of the group; raise NotStartedError when it does not run."""
        return self._running().pid

    @property
    def workers(self) -> tuple[int, ...]:
        """Return the processes that answer."""
        return children_of(self.pid)

    def launch(self) -> None:
        """Start, without waiting for it."""
        self._child = Child([sys.executable, "-m", "service"], self.environ, self.folder / "service.log")

    def wait_started(self) -> None:
        """Wait until it answers; raise NotStartedError."""
        child, end = self._running(), time.monotonic() + START_SECONDS
        while status_of(self.port, "/livez") != _OK:
            if child.status is not None or time.monotonic() > end:
                words = child.last_words()
                self.kill()
                raise NotStartedError(f"the service did not start:\n{words}")
            time.sleep(0.05)

    def start(self) -> None:
        """Start and wait until it answers; raise NotStartedError."""
        self.launch()
        self.wait_started()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the master."""
        self._running().send(number)

    def wait(self, seconds: float = DRAIN_SECONDS) -> int | None:
        """Return the exit status, None when the master still runs after so long."""
        return self._running().wait(seconds)

    def stop(self) -> int | None:
        """Stop as an operator does; return the exit status, None when it had to be killed."""
        status = None if self._child is None else self._child.end(seconds=DRAIN_SECONDS)
        self._child = None
        return status

    def kill(self) -> None:
        """End all processes at once, as a power cut does."""
        if self._child is not None:
            self._child.kill()
        self._child = None

    def command(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the service with its settings and return how it ended."""
        return subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "service", *words],
            cwd=ROOT,
            env=self.environ | settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )

    def until(self, path: str, status: int, seconds: float) -> float | None:
        """Return after how many seconds an address answered with a status, None when it did not in this time."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            if status_of(self.port, path) == status:
                return time.monotonic() - begin
            time.sleep(0.05)
        return None

    def resident(self) -> int:
        """Return the memory that all workers have in use together, in bytes."""
        return sum(map(resident_bytes, self.workers))

    def files(self) -> int:
        """Return how many files and sockets all workers have open."""
        return sum(map(open_files, self.workers))

    def _running(self) -> Child:
        if self._child is None:
            raise NotStartedError("the service does not run")
        return self._child


@contextmanager
def running(folder: Path, *settings: Mapping[str, str]) -> Iterator[Server]:
    """Give the running service, which ends with the block; of several mappings of settings the later ones count."""
    with several(folder, [{name: value for each in settings for name, value in each.items()}]) as (server,):
        yield server


@contextmanager
def several(folder: Path, settings: Sequence[Mapping[str, str]]) -> Iterator[tuple[Server, ...]]:
    """Give services that run beside each other, started at the same time; they end with the block."""
    servers = tuple(Server(folder / f"service-{number}", each) for number, each in enumerate(settings, start=1))
    try:
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_started()
        yield servers
    finally:
        for server in servers:
            server.kill()
