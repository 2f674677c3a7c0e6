"""What happens to calls when processes of the server are killed, replaced or told to stop."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from service.app import create_app
from service.server import Server
from tests.service.builders import RecordingAnswer, development, shipped_data

ROOT = Path(__file__).parents[2]


def eventually(holds: Callable[[], object], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@dataclass
class Processes:
    """A server that runs, and what it left in its folder."""

    master: subprocess.Popen[bytes]
    port: int
    folder: Path

    def get(self, path: str) -> str:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def outcome(self, path: str) -> str:
        """Return what was answered, or how the connection ended."""
        try:
            return self.get(path)
        except OSError as error:
            return type(error).__name__

    def is_up(self) -> bool:
        return self.outcome("/plain") == "plain"

    def noted(self, event: str) -> set[int]:
        """Return the processes of which an event was noted."""
        return {int(each.name.rpartition("-")[2]) for each in self.folder.glob(f"{event}-*")}


@contextmanager
def processes(folder: Path, workers: int = 2) -> Iterator[Processes]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.service.served", str(port), str(workers), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE) as master:
        here = Processes(master, port, folder)
        try:
            eventually(here.is_up)
            eventually(lambda: len(here.noted("forked")) == workers)
            yield here
        finally:
            master.terminate()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Processes]:
    with processes(tmp_path) as running:
        yield running


def test_a_process_that_is_killed_takes_its_own_calls_with_it_and_is_replaced(here: Processes) -> None:
    first = here.noted("forked")
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(here.outcome, "/slow") for _ in range(8)]
        eventually(lambda: here.noted("slow"))
        killed = min(here.noted("slow"))
        os.kill(killed, signal.SIGKILL)
        outcomes = {each.result() for each in calls}
    # How many calls each process had is the system's to say.
    assert outcomes <= {"slow", "RemoteDisconnected", "ConnectionResetError"}
    assert len(outcomes - {"slow"}) > 0
    eventually(lambda: here.noted("ended") == {killed})
    eventually(lambda: len(here.noted("forked")) == 3)
    survivors = here.noted("forked") - {killed}
    assert len(survivors & first) == 1
    assert {int(here.get("/process")) for _ in range(20)} <= survivors


def test_when_all_processes_are_replaced_no_call_is_lost(here: Processes) -> None:
    seen: list[str] = []
    over = False

    def ask() -> None:
        while not over:
            seen.append(here.outcome("/plain"))

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        slow = pool.submit(here.outcome, "/slow")
        for generation in (4, 6):
            here.master.send_signal(signal.SIGHUP)
            eventually(lambda: len(here.noted("forked")) == generation)  # noqa: B023 - called in this turn only
            eventually(lambda: len(here.noted("ended")) == generation - 2)  # noqa: B023 - called in this turn only
        over = True
        for each in asking:
            each.result()
        assert slow.result() == "slow"
    assert set(seen) == {"plain"}
    assert len(here.noted("ended") & here.noted("forked")) == 4


def test_a_server_that_is_told_to_stop_ends_its_calls_and_takes_no_more(here: Processes) -> None:
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(here.outcome, "/slow") for _ in range(4)]
        eventually(lambda: here.noted("slow"))
        time.sleep(0.2)
        here.master.terminate()
        eventually(lambda: here.outcome("/plain") == "ConnectionRefusedError")
        assert not any(each.done() for each in calls)
        assert [each.result() for each in calls] == ["slow"] * 4
    assert here.master.wait(10) == 0


def test_loading_the_application_starts_no_thread() -> None:
    # A thread that exists before a process is copied is missing in the copy, with the locks it held.
    before = set(threading.enumerate())
    app = create_app(development(), shipped_data(), answer_hook=RecordingAnswer())
    Server(app, development()).wsgi()
    assert set(threading.enumerate()) == before
