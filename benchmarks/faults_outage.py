"""A database that goes away while calls run, and comes back: no number is issued meanwhile, and nothing is lost."""

import json
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks.rig.ledger import ALL_BACKED, RECORDED, Ledger, asserted_in, lost_when_read
from benchmarks.rig.orders import PATH, call, order
from benchmarks.rig.processes import group_members
from benchmarks.rig.server import Server
from benchmarks.rig.table import Row
from benchmarks.rig.traffic import Traffic
from benchmarks.rig.web import NoAnswerError, post, status_of

_RATE = 10.0
_FIRST = 300_000
_ASIDE = 500_000
"""Numbers of the orders that are sent beside the traffic."""

_LASTS = 1.5
"""Seconds of calls during the outage, and again after it."""

_UNTIL_DOWN = 5.0
_UNTIL_BACK = 30.0
_OK = 200


@dataclass(frozen=True, slots=True)
class Outage:
    """A way to take the database away, and to give it back. `readiness` is what /readyz answers meanwhile."""

    done: str
    begin: Callable[[Server], None]
    end: Callable[[Server], None]
    readiness: int = 503


def rows(server: Server, outage: Outage, ledger: Ledger) -> Iterator[Row]:
    """Yield the rows before, during and after an outage of the database of a running service."""
    traffic = Traffic(lambda: server.port, lambda number: call(_FIRST + number), ledger.note, keep=False)
    with traffic.flow(_RATE):
        yield _say(server, f"{outage.done}: before", _AS_EVER)
        outage.begin(server)
        try:
            _until_down(server, outage.readiness)
            # Each process looks for itself, and tells for a second what it saw.
            time.sleep(_LASTS)
            yield _say(server, f"{outage.done}: during", down(outage.readiness))
        finally:
            outage.end(server)
        back = server.until("/readyz", _OK, _UNTIL_BACK)
        time.sleep(_LASTS)
        after = _say(server, f"{outage.done}: after", _AS_EVER)
        tally = traffic.stop()
    yield Row(
        after.done,
        f"{after.expected}; all calls: only 200; {ALL_BACKED}",
        f"{after.seen}; all calls: {tally.statuses()}; {ledger.words}",
        f"ready after {'never' if back is None else f'{back:.1f} s'}, {len(tally.calls())} calls, "
        f"max {max(each.seconds for each in tally.calls()):.1f} s",
        len(lost_when_read(ledger.acknowledged(), server.port, server.operator)),
    )


_AS_EVER = "200, covered, satisfied, number, recorded; ready 200, live 200, feedback 200"


def down(readiness: int = 503) -> str:
    """Return what is expected of a service whose database is away."""
    return f"200, covered, auth-needed, no number, not recorded; ready {readiness}, live 200, feedback 503"


def _say(server: Server, done: str, expected: str) -> Row:
    """Return the row of a new order, the two addresses of health, and a report of a card, at this moment."""
    begin = time.monotonic()
    words = _order_words(server, _ASIDE + int(begin * 10) % 100_000)
    took = time.monotonic() - begin
    health = f"ready {status_of(server.port, '/readyz')}, live {status_of(server.port, '/livez')}"
    return Row(done, expected, f"{words}; {health}, feedback {_feedback(server)}", f"answered after {took:.2f} s")


def _order_words(server: Server, number: int) -> str:
    try:
        answer = post(server.port, PATH, order(number))
    except NoAnswerError as error:
        return f"no answer ({error})"
    if answer.status != _OK:
        return str(answer.status)
    (found,) = asserted_in(answer.json())
    recorded = "recorded" if answer.headers.get(RECORDED) == "true" else "not recorded"
    return f"200, {found.covered}, {found.pa_needed}, {'number' if found.number else 'no number'}, {recorded}"


def _feedback(server: Server) -> int:
    report = {"card": str(uuid4()), "outcome": "overridden", "outcomeTimestamp": "2026-10-02T12:00:00Z"}
    try:
        return post(server.port, f"{PATH}/feedback", json.dumps({"feedback": [report]}).encode()).status
    except NoAnswerError:
        return 0


def _until_down(server: Server, readiness: int) -> None:
    """Wait until an answer is not recorded: a disk that is full may still have room in files that are there."""
    end = time.monotonic() + _UNTIL_DOWN
    number = _ASIDE + 200_000
    while time.monotonic() < end and "not recorded" not in _order_words(server, number):
        number += 1
    server.until("/readyz", readiness, _UNTIL_DOWN)


# ---------------------------------------------------------------------------------------------------------- full disks

_DISK = "24m"


@contextmanager
def small_disk(folder: Path) -> Iterator[tuple[Path, Outage]]:
    """Give a folder for a SQLite file, and the way to fill its disk.

    It is a small file system in memory; where none may be mounted, a limit on the size of files has to do.
    """
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={_DISK},mode=0700", "tmpfs"]
    mounted = subprocess.run(["mount", *options, str(folder)], check=False, capture_output=True)  # noqa: S603, S607
    if mounted.returncode != 0:
        yield folder, LIMITED
        return
    try:
        yield folder, _full_disk(folder)
    finally:
        # Lazily: whatever still has a file open there must not keep the folder.
        subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)  # noqa: S603, S607


def _full_disk(disk: Path) -> Outage:
    filler = disk / "filler"

    def fill(_server: Server) -> None:
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    return Outage("SQLite: disk full", fill, lambda _: filler.unlink())


def limit_files(group: int, size: int) -> None:
    """Let no process of a group write beyond a size of its files; what is there stays."""
    for pid in group_members(group):
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


# Readiness looks for free space on the disk, and there is some: only writing fails.
LIMITED = Outage(
    "SQLite: file at the largest size allowed",
    lambda server: limit_files(server.pid, os.sysconf("SC_PAGE_SIZE")),
    lambda server: limit_files(server.pid, resource.RLIM_INFINITY),
    readiness=200,
)
