"""`make faults`: pull out every cable once, and see that nothing acknowledged is lost and nothing wrong is answered.

Everything runs on loopback and is put away afterwards: the service as an operator starts it, FHIR servers that
misbehave, a SQLite file, and a PostgreSQL of its own where one is installed.
"""

import os
import sys
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event

from benchmarks import faults_calls, faults_ehr, faults_kill, faults_outage, faults_same, faults_ssrf
from benchmarks.rig.databases import Cluster, SqliteFile, cluster, without_postgres
from benchmarks.rig.harness import guarded, played
from benchmarks.rig.server import running
from benchmarks.rig.table import Line

_OF_POSTGRES = (
    "PostgreSQL: the same request from many threads",
    "PostgreSQL: processes killed -9",
    "PostgreSQL stopped while calls run",
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
        yield from _sqlite(folder / "sqlite")
        found = stack.enter_context(cluster(folder))
        if isinstance(found, str):
            yield from (without_postgres(each, found, environ) for each in _OF_POSTGRES)
        else:
            yield from _postgresql(folder / "postgresql", found)
        yield from guarded("a FHIR server that fails for long", iter(circuit.result()))


def _sqlite(folder: Path) -> Generator[Line, None, None]:
    folder.mkdir()
    same, kill = SqliteFile(folder / "same.sqlite3"), SqliteFile(folder / "kill.sqlite3")
    yield from guarded("SQLite: the same request", faults_same.rows(folder / "same", same))
    yield from guarded("SQLite: processes killed", faults_kill.rows(folder / "kill", kill))
    yield from guarded("SQLite: disk full", faults_outage.sqlite_rows(folder / "outage"))


def _postgresql(folder: Path, found: Cluster) -> Generator[Line, None, None]:
    yield from guarded("PostgreSQL: the same request", faults_same.rows(folder / "same", found.new()))
    yield from guarded("PostgreSQL: processes killed", faults_kill.rows(folder / "kill", found.new()))
    yield from guarded("PostgreSQL: stopped", faults_outage.postgres_rows(folder / "outage", found))


def main(environ: Mapping[str, str] | None = None) -> int:
    """Print the table; return 0 when every row is as expected."""
    return played(lines, os.environ if environ is None else environ)


if __name__ == "__main__":
    sys.exit(main())
