"""A database that goes away while calls run, and comes back: no number is issued meanwhile, and nothing is lost."""

import json
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks.rig.audit import CLEAN, audited
from benchmarks.rig.databases import Cluster, Database, SqliteFile, retaining
from benchmarks.rig.ledger import RECORDED, Ledger, asserted_in
from benchmarks.rig.orders import PATH, call, order
from benchmarks.rig.processes import group_members
from benchmarks.rig.server import Server, running
from benchmarks.rig.table import Row
from benchmarks.rig.traffic import Traffic
from benchmarks.rig.web import NoAnswerError, post, status_of

_RATE = 10.0
_ASIDE = 500_000
"""Numbers of the orders that are sent beside the traffic."""

_LASTS = 1.5
"""Seconds of calls during the outage, and again after it."""

_UNTIL_DOWN = 5.0
_UNTIL_BACK = 30.0
_OK = 200


@dataclass(frozen=True, slots=True)
class Outage:
    """A way to take the database away, and to give it back."""

    done: str
    begin: Callable[[Server], None]
    end: Callable[[Server], None]


def postgres_rows(folder: Path, cluster: Cluster) -> Iterator[Row]:
    """Yield the rows of a cluster that is stopped and started again."""
    database, server = cluster.new(), cluster.server
    outage = Outage("PostgreSQL stopped while calls run", lambda _: server.stop(), lambda _: server.start())
    yield from _rows(folder, database, outage)


def sqlite_rows(folder: Path) -> Iterator[Row]:
    """Yield the rows of a SQLite file whose disk is full: a small file system, or a limit where none can be mounted."""
    with _small_disk(folder / "disk") as disk:
        outage = _full_disk(disk) if disk else _LIMITED
        place = disk or folder
        yield from _rows(folder, SqliteFile(place / "records.sqlite3"), outage)


def _rows(folder: Path, database: Database, outage: Outage) -> Iterator[Row]:
    settings = {**retaining(folder, database), "HER2_CRD_WORKERS": "2"}
    ledger = Ledger()
    with running(folder / "service", settings) as server:
        with Traffic(lambda: server.port, call, ledger.note, keep=False).flow(_RATE) as traffic:
            yield _say(server, f"{outage.done}: before", _AS_EVER)
            outage.begin(server)
            try:
                _until_down(server)
                yield _say(server, f"{outage.done}: during", _DOWN)
                time.sleep(_LASTS)
            finally:
                outage.end(server)
            back = server.until("/readyz", _OK, _UNTIL_BACK)
            after = _say(server, f"{outage.done}: after", _AS_EVER)
            time.sleep(_LASTS)
            tally = traffic.stop()
        store = audited(server, ledger)
        yield Row(
            after.done,
            f"{after.expected}; all calls: only 200; {CLEAN}; numbers without record 0",
            f"{after.seen}; all calls: {tally.statuses()}; {store.words}; numbers without record {ledger.unbacked}",
            f"ready after {'never' if back is None else f'{back:.1f} s'}, {len(tally.calls())} calls, "
            f"{ledger.count} of them acknowledged, max {max(each.seconds for each in tally.calls()):.1f} s",
            store.lost,
        )


_AS_EVER = "200, covered, satisfied, number, recorded; ready 200, live 200, feedback 200"
_DOWN = "200, covered, auth-needed, no number, not recorded; ready 503, live 200, feedback 503"


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


def _until_down(server: Server) -> None:
    """Wait until an answer is not recorded: a disk that is full may still have room in files that are there."""
    end = time.monotonic() + _UNTIL_DOWN
    number = _ASIDE + 200_000
    while time.monotonic() < end and "not recorded" not in _order_words(server, number):
        number += 1
    server.until("/readyz", 503, _UNTIL_DOWN)


# ---------------------------------------------------------------------------------------------------------- full disks

_DISK = "24m"


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """Give a small file system in memory, None where none may be mounted."""
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={_DISK},mode=0700", "tmpfs"]
    if subprocess.run(["mount", *options, str(folder)], check=False, capture_output=True).returncode != 0:  # noqa: S603, S607
        yield None
        return
    try:
        yield folder
    finally:
        # Lazily: whatever still has a file open there must not keep the folder.
        subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)  # noqa: S603, S607


def _full_disk(disk: Path) -> Outage:
    filler = disk / "filler"

    def fill(_server: Server) -> None:
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return

    return Outage("disk of the SQLite file full", fill, lambda _: filler.unlink())


def limit_files(group: int, size: int) -> None:
    """Let no process of a group write beyond a size of its files; what is there stays."""
    for pid in group_members(group):
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


_LIMITED = Outage(
    "SQLite file at the largest size that is allowed",
    lambda server: limit_files(server.pid, os.sysconf("SC_PAGE_SIZE")),
    lambda server: limit_files(server.pid, resource.RLIM_INFINITY),
)
