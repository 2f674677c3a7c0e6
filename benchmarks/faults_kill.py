"""Processes that are killed with -9 while they answer: nothing that was acknowledged is lost, and the rest goes on."""

import os
import signal
import time
from collections.abc import Iterator

from benchmarks.rig.ledger import Ledger, lost_when_read
from benchmarks.rig.orders import call
from benchmarks.rig.server import Server
from benchmarks.rig.table import Row
from benchmarks.rig.traffic import REFUSED, Tally, Traffic

CONNECTIONS = 8
"""Each calls as soon as it was answered, so that at any moment so many calls are in flight."""

_OK = 200
_UNTIL_READY = 10.0
_SECONDS = 0.7
"""Before a kill, and again after it."""

_FIRST, _SECOND = 10_000, 100_000
"""Where the numbers of the calls begin, so that each is another patient's."""


def rows(name: str, server: Server, ledger: Ledger) -> Iterator[Row]:
    """Yield the rows for a service of several processes on a database that the name tells."""
    yield _workers_killed(name, server, ledger)
    yield _all_killed(name, server, ledger)


def _workers_killed(name: str, server: Server, ledger: Ledger) -> Row:
    """Kill every worker, one after the other: what is in flight there is dropped, and never anything else."""
    victims = server.workers
    with _load(server, ledger, _FIRST) as traffic:
        for victim in victims:
            time.sleep(_SECONDS)
            os.kill(victim, signal.SIGKILL)
        time.sleep(_SECONDS)
        tally = traffic.stop()
    anew = len(server.workers) == len(victims) and not set(server.workers) & set(victims)
    return Row(
        f"{name}: all {len(victims)} workers killed -9, one by one, under load",
        "no 5xx; new workers serve",
        f"{_failures(tally)}; {'new workers serve' if anew else 'workers missing'}",
        _counts(tally),
        _lost(server, ledger),
    )


def _all_killed(name: str, server: Server, ledger: Ledger) -> Row:
    with _load(server, ledger, _SECOND) as traffic:
        time.sleep(_SECONDS)
        server.kill()
        begin = time.monotonic()
        server.start()
        ready = server.until("/readyz", _OK, _UNTIL_READY)
        back = time.monotonic()
        time.sleep(_SECONDS)
        tally = traffic.stop()
    served = any(each.status == _OK and each.begun > back for each in tally.calls())
    return Row(
        f"{name}: master and workers killed -9 under load, started again",
        "no 5xx; ready and serves",
        f"{_failures(tally)}; {'ready and serves' if ready is not None and served else 'does not serve'}",
        f"ready after {back - begin:.1f} s, {_counts(tally)}",
        _lost(server, ledger),
    )


def _load(server: Server, ledger: Ledger, first: int) -> Traffic:
    traffic = Traffic(lambda: server.port, lambda number: call(first + number), ledger.note, keep=False)
    return traffic.saturate(CONNECTIONS)


def _lost(server: Server, ledger: Ledger) -> int:
    return len(lost_when_read(ledger.acknowledged(), server.port, server.operator))


def _failures(tally: Tally) -> str:
    bad = sorted({each.status for each in tally.calls() if each.status >= 500})  # noqa: PLR2004 - HTTP
    return f"answered {', '.join(map(str, bad))}" if bad else "no 5xx"


def _counts(tally: Tally) -> str:
    calls = tally.calls()
    refused = sum(each.failure == REFUSED for each in calls)
    dropped = sum(each.status == 0 for each in calls) - refused
    return f"{len(calls) - refused} calls, {dropped} dropped" + (f", {refused} refused meanwhile" if refused else "")
