"""Processes that are killed with -9 while they answer: nothing that was acknowledged is lost, and the rest goes on."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rig.audit import CLEAN, audited
from benchmarks.rig.databases import Database, retaining
from benchmarks.rig.ledger import Ledger
from benchmarks.rig.orders import call
from benchmarks.rig.server import Server, running
from benchmarks.rig.table import Row
from benchmarks.rig.traffic import REFUSED, Tally, Traffic

CONNECTIONS = 4
"""Each calls as soon as it was answered, so that at any moment so many calls are in flight."""

_WORKERS = 2
_SECONDS = 0.7
"""Before a kill, and again after it."""

_SECOND_RUN = 100_000


def rows(folder: Path, database: Database) -> Iterator[Row]:
    """Yield the rows for a fresh database; the service is started for them and stopped again."""
    settings = {**retaining(folder, database), "HER2_CRD_WORKERS": str(_WORKERS)}
    with running(folder / "service", settings) as server:
        ledger = Ledger()
        yield _worker_killed(server, database, ledger)
        yield _all_killed(server, database, ledger)


def _worker_killed(server: Server, database: Database, ledger: Ledger) -> Row:
    """Kill both workers, one after the other: what is in flight there is dropped, and never anything else."""
    with Traffic(lambda: server.port, call, ledger.note, keep=False).saturate(CONNECTIONS) as traffic:
        victims = server.workers
        for victim in victims:
            time.sleep(_SECONDS)
            os.kill(victim, signal.SIGKILL)
        time.sleep(_SECONDS)
        tally = traffic.stop()
    store = audited(server, ledger)
    anew = len(server.workers) == _WORKERS and not set(server.workers) & set(victims)
    return Row(
        f"{database.name}: both workers killed -9 under load",
        f"no 5xx; new workers serve; {CLEAN}",
        f"{_failures(tally)}; {'new workers serve' if anew else 'workers missing'}; {store.words}",
        f"{_counts(tally)}, {store.records} records",
        store.lost,
    )


def _all_killed(server: Server, database: Database, ledger: Ledger) -> Row:
    with Traffic(lambda: server.port, lambda number: call(_SECOND_RUN + number), ledger.note, keep=False) as traffic:
        traffic.saturate(CONNECTIONS)
        time.sleep(_SECONDS)
        server.kill()
        begin = time.monotonic()
        server.start()
        ready = server.until("/readyz", 200, 10)
        took = time.monotonic() - begin
        time.sleep(_SECONDS)
        tally = traffic.stop()
    served = any(each.status == 200 and each.begun > begin + took for each in tally.calls())  # noqa: PLR2004 - HTTP
    went_on = "ready and serves" if ready is not None and served else "does not serve"
    store = audited(server, ledger)
    return Row(
        f"{database.name}: all processes killed -9 under load, started again",
        f"no 5xx; ready and serves; {CLEAN}",
        f"{_failures(tally)}; {went_on}; {store.words}",
        f"ready after {took:.1f} s, {_counts(tally)}, {store.records} records",
        store.lost,
    )


def _failures(tally: Tally) -> str:
    bad = sorted({each.status for each in tally.calls() if each.status >= 500})  # noqa: PLR2004 - HTTP
    return f"answered {', '.join(map(str, bad))}" if bad else "no 5xx"


def _counts(tally: Tally) -> str:
    calls = tally.calls()
    refused = sum(each.failure == REFUSED for each in calls)
    dropped = sum(each.status == 0 for each in calls) - refused
    return f"{len(calls) - refused} calls, {dropped} dropped" + (f", {refused} refused meanwhile" if refused else "")
