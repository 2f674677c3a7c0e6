"""`make faults`: pull out every cable once, and see that nothing acknowledged is lost and nothing wrong is answered.

Everything runs on loopback and is put away afterwards: the service as an operator starts it, FHIR servers that
misbehave, a SQLite file, and a PostgreSQL of its own where one is installed.
"""

import os
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event

from benchmarks import faults_calls, faults_ehr, faults_kill, faults_outage, faults_same, faults_ssrf
from benchmarks.faults_outage import Outage
from benchmarks.rig.audit import CLEAN, audited
from benchmarks.rig.databases import Database, SqliteFile, cluster, retaining, without_postgres
from benchmarks.rig.harness import guarded, played
from benchmarks.rig.ledger import Ledger
from benchmarks.rig.postgres import Postgres
from benchmarks.rig.server import Server, running, several
from benchmarks.rig.table import Line, Row

_OF_POSTGRES = (
    "PostgreSQL: the same request from many threads",
    "PostgreSQL: processes killed -9",
    "PostgreSQL: stopped while calls run",
)


def lines(folder: Path, environ: Mapping[str, str]) -> Generator[Line, None, None]:
    """Yield every row. A circuit stays open for half a minute, so its rows are played beside the others."""
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        settings = {"DATABASE_URL": SqliteFile(folder / "ehr.sqlite3").url, "HER2_CRD_WORKERS": "1"}
        server = stack.enter_context(running(folder / "ehr", settings))
        stopped = Event()
        stack.callback(stopped.set)
        circuit = pool.submit(faults_ehr.circuit_rows, server, stopped)
        yield from guarded("FHIR servers that misbehave", faults_ehr.rows(server))
        yield from guarded("forged addresses", faults_ssrf.rows(folder / "ssrf"))
        yield from guarded("calls too large and too many", faults_calls.rows(folder / "calls"))
        yield from guarded("SQLite", _records(folder / "sqlite", SqliteFile(folder / "records.sqlite3"), None))
        yield from guarded("SQLite: disk full", _disk_full(folder / "disk"))
        found = stack.enter_context(cluster(folder))
        if isinstance(found, str):
            yield from (without_postgres(each, found, environ) for each in _OF_POSTGRES)
        else:
            yield from guarded("PostgreSQL", _records(folder / "postgresql", found.new(), _stopping(found.server)))
        yield from guarded("a FHIR server that fails for long", iter(circuit.result()))


def _stopping(server: Postgres) -> Outage:
    return Outage("PostgreSQL: stopped while calls run", lambda _: server.stop(), lambda _: server.start())


def _records(folder: Path, database: Database, outage: Outage | None) -> Iterator[Line]:
    """Yield what must hold of records in a fresh database, with two services on it and then with one."""
    retained = retaining(folder, database)
    with several(folder, [retained | {"HER2_CRD_WORKERS": "2"}, retained | {"HER2_CRD_WORKERS": "1"}]) as servers:
        yield from faults_same.rows(database.name, servers)
        server, other = servers
        other.stop()
        ledger = Ledger()
        yield from faults_kill.rows(database.name, server, ledger)
        if outage is not None:
            yield from faults_outage.rows(server, outage, ledger)
        yield _store(database.name, server, ledger)


def _disk_full(folder: Path) -> Iterator[Line]:
    with faults_outage.small_disk(folder / "small") as (disk, outage):
        retained = retaining(folder, SqliteFile(disk / "records.sqlite3"))
        with running(folder, retained, {"HER2_CRD_WORKERS": "2"}) as server:
            ledger = Ledger()
            yield from faults_outage.rows(server, outage, ledger)
            yield _store(outage.done, server, ledger)


def _store(name: str, server: Server, ledger: Ledger) -> Row:
    """Return the row of everything that was acknowledged in the rows before it."""
    begin = time.monotonic()
    store = audited(server, ledger)
    return Row(
        f"{name}, afterwards: {ledger.count} acknowledged calls exported, verified and decided again",
        CLEAN,
        store.words,
        f"{store.records} records, took {time.monotonic() - begin:.1f} s",
        store.lost,
    )


def main(environ: Mapping[str, str] | None = None) -> int:
    """Print the table; return 0 when every row is as expected."""
    return played(lines, os.environ if environ is None else environ)


if __name__ == "__main__":
    sys.exit(main())
