import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.rig.processes import (
    ROOT,
    Child,
    child,
    children_of,
    ended_cleanly,
    group_members,
    open_files,
    resident_bytes,
    scratch,
)

# A parent with one child; both ignore what a polite end begins with, as a server does that hangs.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
print("ready", flush=True)
time.sleep(60)
"""
# What a harness does around its processes; it says where they are and then waits to be interrupted.
HARNESS = """
import sys, time
from pathlib import Path
from benchmarks.rig.processes import child, ended_cleanly, scratch
with ended_cleanly(), scratch() as folder:
    with child([sys.executable, "-c", "import time; time.sleep(60)"], {}, folder / "log") as started:
        print(started.pid, folder, flush=True)
        time.sleep(60)
"""


def stubborn(folder: Path) -> Child:
    started = Child([sys.executable, "-c", STUBBORN], {}, folder / "log")
    end = time.monotonic() + 5
    while (folder / "log").read_text().count("ready") < 2 and time.monotonic() < end:
        time.sleep(0.01)
    return started


def test_nothing_of_a_group_outlives_its_end_however_stubborn(tmp_path: Path) -> None:
    started = stubborn(tmp_path)
    assert len(children_of(started.pid)) == 1
    assert len(group_members(started.pid)) == 2
    assert started.end(seconds=0.1) is None
    assert group_members(started.pid) == ()
    assert started.status == -signal.SIGKILL


def test_a_process_that_ends_when_asked_says_how(tmp_path: Path) -> None:
    with child([sys.executable, "-c", "print('said'); raise SystemExit(3)"], {}, tmp_path / "log") as started:
        assert started.wait(5) == 3
    assert started.last_words() == "said\n"
    assert started.end() == 3


def test_memory_and_files_of_a_process_are_seen_and_those_of_none_are_nothing(tmp_path: Path) -> None:
    assert resident_bytes(os.getpid()) > 1_000_000
    before = open_files(os.getpid())
    with (tmp_path / "file").open("w"):
        assert open_files(os.getpid()) == before + 1
    gone = 2**22 + 1
    assert (resident_bytes(gone), open_files(gone)) == (0, 0)


def test_a_scratch_folder_is_gone_after_an_error_too() -> None:
    seen: list[Path] = []

    def fail() -> None:
        with scratch() as folder:
            seen.append(folder)
            (folder / "file").touch()
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert not seen[0].exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_harness_that_is_interrupted_twice_leaves_neither_processes_nor_files(number: signal.Signals) -> None:
    command = [sys.executable, "-c", HARNESS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout is not None
        pid, folder = harness.stdout.readline().split()
        assert group_members(int(pid)) == (int(pid),)
        harness.send_signal(number)
        harness.send_signal(number)
        assert harness.wait(10) == 128 + number
    assert group_members(int(pid)) == ()
    assert not Path(folder).exists()


def test_the_handlers_of_signals_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with ended_cleanly():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
