"""`make soak`: so many calls a second for so many minutes, and what becomes of latency, memory, files and records.

`make soak RATE=100 MINUTES=10 DATABASE=postgresql` is the long form. Calls are sent at fixed moments, whatever the
answers take, and latency counts from those moments: a service that stands still is not spared the calls it missed.
"""

import os
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.rig.audit import VERIFIED, audited
from benchmarks.rig.charts import TIME_LIMIT
from benchmarks.rig.databases import Database, SqliteFile, cluster, without_postgres
from benchmarks.rig.harness import guarded, played
from benchmarks.rig.ledger import ALL_BACKED, Ledger
from benchmarks.rig.orders import call
from benchmarks.rig.server import Server, running
from benchmarks.rig.table import Line, Row
from benchmarks.rig.traffic import Tally, Timed, Traffic, latencies, percentile

GROWTH_GOAL = 5.0
"""Per cent by which the memory of the workers may grow after warm-up, in a soak of ten minutes."""

LEAST_INTERVAL = 3.0
_INTERVALS = 10
_WARM, _WARM_SECONDS = 100_000_000, 2.0
_OK = 200
_MEGA = 1e6
_COLUMNS = ("seconds", "calls", "not 200", "p50 ms", "p99 ms", "max ms", "RSS MB", "files", "db MB", "records")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to send: calls a second, for so many seconds."""

    rate: float = 50.0
    seconds: float = 15.0
    database: str = "sqlite"
    workers: int = 2

    def __post_init__(self) -> None:
        """Refuse an effort that measures nothing."""
        if self.rate <= 0 or self.seconds < 2 * LEAST_INTERVAL or self.database not in {"sqlite", "postgresql"}:
            raise ValueError("RATE is above 0, MINUTES at least 0.1, DATABASE sqlite or postgresql")

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Effort":
        """Read RATE, MINUTES, DATABASE and WORKERS; raise ValueError."""
        own = cls()
        return cls(
            rate=float(environ.get("RATE", own.rate)),
            seconds=float(environ.get("MINUTES", own.seconds / 60)) * 60,
            database=environ.get("DATABASE", own.database),
            workers=int(environ.get("WORKERS", own.workers)),
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """What was seen in a part of the run, and the state of the service at its end."""

    begin: float
    end: float
    calls: tuple[Timed, ...]
    resident: int
    files: int
    size: int
    records: int

    def cells(self) -> tuple[str, ...]:
        """Return the line of the table."""
        times = [each.seconds * 1000 for each in self.calls] or [0.0]
        bad = sum(each.status != _OK for each in self.calls)
        return (
            f"{self.begin:.0f}-{self.end:.0f}",
            str(len(self.calls)),
            str(bad),
            f"{percentile(times, 50):.1f}",
            f"{percentile(times, 99):.1f}",
            f"{max(times):.1f}",
            f"{self.resident / _MEGA:.1f}",
            str(self.files),
            f"{self.size / _MEGA:.1f}",
            str(self.records),
        )


def growth(intervals: list[Interval]) -> float:
    """Return by how many per cent memory grew from the end of warm-up, the first third, to the end."""
    warm_end = intervals[(len(intervals) - 1) // 3]
    return (intervals[-1].resident / warm_end.resident - 1) * 100


def observed(
    effort: Effort, server: Server, database: Database, traffic: Traffic, ledger: Ledger
) -> Iterator[Interval]:
    """Yield each interval as it ends."""
    parts = max(2, min(_INTERVALS, int(effort.seconds / LEAST_INTERVAL)))
    length, start, seen = effort.seconds / parts, time.monotonic(), 0
    for number in range(parts):
        time.sleep(max(0.0, start + (number + 1) * length - time.monotonic()))
        calls = traffic.tally.calls(after=seen)
        seen += len(calls)
        yield Interval(
            begin=number * length,
            end=(number + 1) * length,
            calls=calls,
            resident=server.resident(),
            files=server.files(),
            size=database.size(),
            records=ledger.count,
        )


def soak(effort: Effort, folder: Path, database: Database) -> Iterator[Line]:
    """Play the run, print its intervals, and yield the rows of the verdict."""
    settings = {"DATABASE_URL": database.url, "HER2_CRD_WORKERS": str(effort.workers), "HER2_CRD_RETAIN_INPUTS": "off"}
    ledger, intervals = Ledger(), []
    with running(folder / "service", settings) as server:
        Traffic(lambda: server.port, lambda number: call(_WARM + number), ledger.note).saturate(8).run(_WARM_SECONDS)
        print("  ".join(name.rjust(8) for name in _COLUMNS), flush=True)
        with Traffic(lambda: server.port, call, ledger.note).flow(effort.rate) as traffic:
            for each in observed(effort, server, database, traffic, ledger):
                intervals.append(each)
                print("  ".join(cell.rjust(8) for cell in each.cells()), flush=True)
            tally = traffic.stop()
        print()
        store = audited(server, ledger, replayed=False)
    done = f"{database.name}, {effort.workers} workers: {effort.rate:.0f} calls/s for {effort.seconds:.0f} s"
    yield Row(
        done,
        f"only 200; {ALL_BACKED}; {VERIFIED}",
        f"{tally.statuses()}; {ledger.words}; {store.words}",
        f"{latencies(tally.calls())}, {ledger.figure}, {store.records} records",
        store.lost,
    )
    yield from verdict(tally, growth(intervals))


def verdict(tally: Tally, grown: float) -> Iterator[Row]:
    """Yield what must hold of latency and memory."""
    late = sum(each.seconds > TIME_LIMIT for each in tally.calls())
    yield Row("answers that took more than 5 s", "0", str(late))
    limit = f"less than {GROWTH_GOAL:.0f} %"
    seen = limit if grown < GROWTH_GOAL else f"{grown:.1f} %"
    yield Row("growth of the workers' memory after warm-up", limit, seen, f"{grown:+.1f} %")


def lines(effort: Effort, folder: Path, environ: Mapping[str, str]) -> Generator[Line, None, None]:
    """Yield the verdict's rows, on the database that was asked for."""
    if effort.database == "sqlite":
        yield from guarded("soak on SQLite", soak(effort, folder, SqliteFile(folder / "records.sqlite3")))
        return
    with ExitStack() as stack:
        found = stack.enter_context(cluster(folder))
        if isinstance(found, str):
            yield without_postgres("soak on PostgreSQL", found, environ)
        else:
            yield from guarded("soak on PostgreSQL", soak(effort, folder, found.new()))


def main(environ: Mapping[str, str] | None = None) -> int:
    """Print the tables; return 0 when every row is as expected."""
    environ = os.environ if environ is None else environ
    try:
        effort = Effort.of(environ)
    except ValueError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    status = played(partial(lines, effort), environ)
    print(f"The calls are made on the same {os.cpu_count()} processors that answer them.")
    return status


if __name__ == "__main__":
    sys.exit(main())
