"""`make load`: how many calls a second are answered, by workers and database, and whether a restart costs any."""

import os
import signal
import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.rig.audit import VERIFIED, audited
from benchmarks.rig.balancer import Balancer
from benchmarks.rig.clients import Client, registry
from benchmarks.rig.databases import Cluster, Database, SqliteFile, cluster, without_postgres
from benchmarks.rig.harness import guarded, played
from benchmarks.rig.ledger import ALL_BACKED, Ledger
from benchmarks.rig.orders import PATH, call, order
from benchmarks.rig.server import running
from benchmarks.rig.table import Line, Row
from benchmarks.rig.traffic import Call, Traffic, latencies

_WORKERS = (1, 2, 4)
_CONNECTIONS = 16
_WARM_SECONDS = 0.7
_SECONDS = 2.5
_AFTER_WARM = 1_000_000
_CLIENTS = 4

_RESTARTED_WORKERS = 2
_RESTARTS = 2
_RATE = 30.0
_PAUSE = 1.5

_GOOD = f"only 200; {ALL_BACKED}"


@dataclass(frozen=True, slots=True)
class Stores:
    """Where each row gets its fresh database: a file, or one of the cluster when there is one."""

    folder: Path
    cluster: Cluster | str
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def sqlite(self) -> Database:
        """Return a fresh file."""
        folder = self.folder / f"sqlite-{next(self.numbers)}"
        folder.mkdir()
        return SqliteFile(folder / "records.sqlite3")

    def postgresql(self) -> Database | None:
        """Return a fresh database, None where there is no PostgreSQL."""
        return None if isinstance(self.cluster, str) else self.cluster.new()

    def largest(self) -> Database:
        """Return what an operator of several servers would take: PostgreSQL where it can be had."""
        return self.postgresql() or self.sqlite()


def lines(folder: Path, environ: Mapping[str, str]) -> Generator[Line, None, None]:
    """Yield every row."""
    with ExitStack() as stack:
        stores = Stores(folder, stack.enter_context(cluster(folder)))
        for make in (stores.sqlite, stores.postgresql):
            for workers in _WORKERS:
                database = make()
                done = f"{database.name if database else 'PostgreSQL'}, {workers} workers"
                if database is None:
                    yield without_postgres(done, str(stores.cluster), environ)
                else:
                    yield from guarded(done, throughput(folder / done, database, workers))
        clients = [Client(f"clinic-{number}") for number in range(_CLIENTS)]
        yield from guarded("signed calls", throughput(folder / "signed", stores.largest(), 2, clients))
        yield from guarded("SIGHUP", reloaded(folder / "reloaded", stores.sqlite()))
        yield from guarded("a new server", replaced(folder / "replaced", stores.largest()))


def _settings(database: Database, workers: int) -> dict[str, str]:
    return {
        "DATABASE_URL": database.url,
        "HER2_CRD_WORKERS": str(workers),
        "HER2_CRD_RETAIN_INPUTS": "off",
        "HER2_CRD_CALLS_PER_CLIENT": "16",
    }


def throughput(folder: Path, database: Database, workers: int, clients: Sequence[Client] = ()) -> Iterator[Row]:
    """Yield the row of as many calls as some connections can carry, each signed by a client where there are any."""
    settings = _settings(database, workers) | (registry(folder / "registry", clients) if clients else {})
    make, ledger = partial(_call_of, clients), Ledger()
    with running(folder, settings) as server:
        Traffic(lambda: server.port, make, ledger.note).saturate(_CONNECTIONS).run(_WARM_SECONDS)
        begin, cpu = time.monotonic(), time.process_time()
        traffic = Traffic(lambda: server.port, lambda number: make(_AFTER_WARM + number), ledger.note)
        tally = traffic.saturate(_CONNECTIONS).run(_SECONDS)
        took, busy = time.monotonic() - begin, time.process_time() - cpu
        store = audited(server, ledger, read=False, replayed=False)
    who = f"calls signed by {len(clients)} clients" if clients else "calls"
    rate = len(tally.calls()) / took
    yield Row(
        f"{database.name}, {workers} {'worker' if workers == 1 else 'workers'}: {who} on {_CONNECTIONS} connections",
        f"{_GOOD}; {VERIFIED}",
        f"{tally.statuses()}; {ledger.words}; {store.words}",
        f"{rate:.0f}/s, {latencies(tally.calls())}, {ledger.figure}; client {busy / took:.0%} of a processor",
        store.lost,
    )


def _call_of(clients: Sequence[Client], number: int) -> Call:
    if not clients:
        return call(number)
    return Call(PATH, order(number), clients[number % len(clients)].headers(PATH))


def reloaded(folder: Path, database: Database) -> Iterator[Row]:
    """Yield the row of workers that are replaced by SIGHUP, the way to a new registry or new policies."""
    ledger = Ledger()
    with running(folder, _settings(database, _RESTARTED_WORKERS)) as server:
        before = set(server.workers)
        with Traffic(lambda: server.port, call, ledger.note, keep=False).flow(_RATE) as traffic:
            for _ in range(_RESTARTS):
                time.sleep(_PAUSE)
                server.send(signal.SIGHUP)
            time.sleep(_PAUSE)
            tally = traffic.stop()
        anew = "new workers" if not before & set(server.workers) else "old workers"
        store = audited(server, ledger, replayed=False)
    yield Row(
        f"{database.name}: SIGHUP {_RESTARTS} times under {_RATE:.0f} calls/s",
        f"{_GOOD}; new workers; {VERIFIED}",
        f"{tally.statuses()}; {ledger.words}; {anew}; {store.words}",
        f"{latencies(tally.calls())}, {ledger.figure}",
        store.lost,
    )


def replaced(folder: Path, database: Database) -> Iterator[Row]:
    """Yield the row of a server that takes over from another as in a cluster: it is ready, then the old one is stopped.

    Calls go where readiness last said yes. One that is refused a connection goes to the other server, as balancers do.
    """
    settings, ledger = _settings(database, _RESTARTED_WORKERS), Ledger()
    with running(folder / "old", settings) as old, ExitStack() as stack:
        balancer = stack.enter_context(Balancer([old.port]))
        with Traffic(balancer.port, call, ledger.note, keep=False).flow(_RATE) as traffic:
            time.sleep(_PAUSE)
            new = stack.enter_context(running(folder / "new", settings))
            balancer.add(new.port)
            time.sleep(_PAUSE)
            status = old.stop()
            time.sleep(_PAUSE)
            tally = traffic.stop()
        store = audited(new, ledger, replayed=False)
    yield Row(
        f"{database.name}: a new server beside the old one, which gets SIGTERM, under {_RATE:.0f} calls/s",
        f"{_GOOD}; exit status 0; {VERIFIED}",
        f"{tally.statuses()}; {ledger.words}; exit status {status}; {store.words}",
        f"{latencies(tally.calls())}, {ledger.figure}",
        store.lost,
    )


def main(environ: Mapping[str, str] | None = None) -> int:
    """Print the table; return 0 when every row is as expected."""
    environ = os.environ if environ is None else environ
    status = played(lines, environ)
    print(
        f"Each call is another patient, with {len(order(1)):,} bytes of order and chart; nothing is fetched. The calls "
        f"are made on the same {os.cpu_count()} processors that answer them, so the figures are floors."
    )
    return status


if __name__ == "__main__":
    sys.exit(main())
