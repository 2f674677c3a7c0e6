from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks.rig.databases import SqliteFile
from benchmarks.rig.ledger import Ledger
from benchmarks.rig.orders import call
from benchmarks.rig.traffic import Tally, Timed, Traffic
from benchmarks.soak import Effort, Interval, growth, main, observed, verdict
from tests.benchmarks.stub import Stub, serving


def interval(resident: int, *calls: Timed) -> Interval:
    return Interval(begin=0.0, end=3.0, calls=calls, resident=resident, files=40, size=2_000_000, records=7)


@pytest.mark.parametrize(
    ("resident", "expected"),
    [
        ([100, 100], 0.0),
        ([50, 100, 101, 102], 2.0),
        ([50, 80, 100, 100, 100, 100, 120], 20.0),
        ([200, 100, 95, 90], -10),
    ],
)
def test_memory_is_compared_from_the_end_of_the_first_third(resident: list[int], expected: float) -> None:
    assert growth([interval(each) for each in resident]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("slowest", "grown", "good"), [(4.9, 4.9, [True, True]), (5.1, 0.0, [False, True]), (0.1, 5.0, [True, False])]
)
def test_late_answers_and_growing_memory_fail_the_soak(slowest: float, grown: float, good: list[bool]) -> None:
    tally = Tally()
    tally.add(Timed(0.0, slowest, 200))
    assert [row.is_as_expected for row in verdict(tally, grown)] == good


def test_an_interval_says_what_was_seen_in_it() -> None:
    cells = interval(150_000_000, Timed(0.0, 0.010, 200), Timed(0.0, 0.020, 503)).cells()
    assert cells == ("0-3", "2", "1", "10.0", "20.0", "20.0", "150.0", "40", "2.0", "7")


def test_rate_and_minutes_are_read_from_the_environment() -> None:
    assert Effort.of({}) == Effort()
    assert Effort.of({"RATE": "100", "MINUTES": "10", "DATABASE": "postgresql", "WORKERS": "4"}) == Effort(
        rate=100, seconds=600, database="postgresql", workers=4
    )


@pytest.mark.parametrize("environ", [{"RATE": "0"}, {"RATE": "many"}, {"MINUTES": "0.01"}, {"DATABASE": "oracle"}])
def test_an_effort_that_measures_nothing_is_refused(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(environ) == 2
    assert capsys.readouterr().err.startswith("soak: ")


def test_every_call_is_in_one_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.soak.LEAST_INTERVAL", 0.2)
    with serving(Stub()) as stub:
        server: Any = stub
        server.resident, server.files = lambda: 1, lambda: 1
        ledger = Ledger()
        with Traffic(lambda: stub.port, call, ledger.note).flow(100) as traffic:
            effort = Effort(rate=100, seconds=0.65)
            found = list(observed(effort, server, SqliteFile(tmp_path / "none"), traffic, ledger))
            tally = traffic.stop()
    assert len(found) == 3
    assert all(one.end == other.begin for one, other in pairwise(found))
    seen = [each for part in found for each in part.calls]
    assert seen == list(tally.calls()[: len(seen)])
    assert 0 < found[0].records < found[-1].records <= len(tally.calls())
