import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks.rig.harness import complaints, guarded, played
from benchmarks.rig.processes import ROOT, group_members
from benchmarks.rig.server import NotStartedError
from benchmarks.rig.table import Line, Row

# A harness between two of its rows: its processes belong to a generator that waits to be asked for the next one.
HARNESS = """
import sys, time
from benchmarks.rig.harness import played
from benchmarks.rig.processes import child
from benchmarks.rig.table import Row
def lines(folder, environ):
    with child([sys.executable, "-c", "import time; time.sleep(60)"], {}, folder / "log") as started:
        print(started.pid, folder, flush=True)
        try:
            yield Row("one", "1", "1")
            time.sleep(60)
        finally:
            print("there" if folder.exists() else "gone", flush=True)
sys.exit(played(lines, {}))
"""


def lines(folder: Path, environ: Mapping[str, str]) -> Generator[Line, None, None]:
    (folder / "file").touch()
    yield Row("files", "1", str(len(list(folder.iterdir()))))
    yield Row("rate", "5", environ["RATE"])


def test_when_a_row_is_not_as_expected_the_last_errors_of_the_service_are_shown(tmp_path: Path) -> None:
    (tmp_path / "ehr" / "service-1").mkdir(parents=True)
    told = [f'{{"level":"{level}","event":"{number}"}}' for number in range(9) for level in ("info", "error")]
    (tmp_path / "ehr" / "service-1" / "service.log").write_text("\n".join([*told, "Traceback"]), encoding="utf-8")
    found = list(complaints(tmp_path))
    assert found[0] == 'ehr/service-1: {"level":"error","event":"5"}'
    assert found[-1] == "ehr/service-1: Traceback"
    assert len(found) == 5


@pytest.mark.parametrize(("rate", "status"), [("5", 0), ("6", 1)])
def test_the_exit_status_says_whether_every_row_is_as_expected(
    rate: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert played(lines, {"RATE": rate}) == status
    assert f"\n2 rows, {2 - status} as expected; lost records: 0\n" in capsys.readouterr().out


def test_rows_that_break_off_are_a_row_that_is_not_as_expected() -> None:
    def breaking() -> Iterator[Line]:
        yield Row("one", "1", "1")
        raise NotStartedError("the service did not start")

    one, other = guarded("a group", breaking())
    assert isinstance(one, Row)
    assert isinstance(other, Row)
    assert (one.is_as_expected, other.is_as_expected) == (True, False)
    assert other.seen == "NotStartedError: the service did not start"


def test_a_mistake_of_the_harness_itself_is_not_hidden() -> None:
    def mistaken(words: Mapping[str, str]) -> Iterator[Line]:
        yield Row("one", "1", words["seen"])

    with pytest.raises(KeyError):
        list(guarded("a group", mistaken({})))


def test_an_interrupted_harness_puts_everything_away_in_order() -> None:
    with subprocess.Popen([sys.executable, "-c", HARNESS], cwd=ROOT, stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout is not None
        words = [harness.stdout.readline() for _ in range(4)]
        pid, folder = next(line.split() for line in words if line.partition(" ")[0].isdecimal())
        harness.send_signal(signal.SIGINT)
        rest = harness.stdout.read()
        assert harness.wait(10) == 128 + signal.SIGINT
    assert "there" in rest
    assert group_members(int(pid)) == ()
    assert not Path(folder).exists()
