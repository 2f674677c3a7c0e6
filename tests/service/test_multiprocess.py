import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.multiprocess import FOLDER, prepare_multiprocess, worker_exited
from service.settings import SettingsError

COUNTING = """
import os
from service.multiprocess import prepare_multiprocess, worker_exited
prepare_multiprocess(2)
from service.clock import SystemClock
from service.metric_page import Found
from service.metrics import Metrics
from service.readiness import Readiness

metrics = Metrics(SystemClock())

def in_child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    os.waitpid(pid, 0)
    return pid

def work():
    metrics.call_began()
    metrics.keys_fetched("ehr", is_had=True)

pids = [in_child(work), in_child(work)]
def shown(name):
    page = metrics.page(Found(Readiness({}, lambda: False), [])).decode()
    return [line for line in page.splitlines() if line.startswith(name)]

print(shown("her2_crd_jwks_fetches_total"))
print(shown("her2_crd_calls_in_progress"))
worker_exited(pids[0])
print(shown("her2_crd_calls_in_progress"))
print(os.environ["PROMETHEUS_MULTIPROC_DIR"])
"""


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set first, so that what a test sets is taken back.
    monkeypatch.setenv(FOLDER, "")
    monkeypatch.delenv(FOLDER)


def run(code: str, **environ: str) -> list[str]:
    known = {name: value for name, value in os.environ.items() if name != FOLDER}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=known | environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_counts_of_several_processes_add_up_and_a_process_that_ended_does_nothing_any_more() -> None:
    fetches, two_under_way, one_under_way, folder = run(COUNTING)
    assert """'her2_crd_jwks_fetches_total{client="ehr",result="ok"} 2.0'""" in fetches
    assert two_under_way == "['her2_crd_calls_in_progress 2.0']"
    assert one_under_way == "['her2_crd_calls_in_progress 1.0']"
    assert "her2-crd-metrics-" in folder
    assert not Path(folder).exists()


def test_the_command_names_the_folder_before_anything_reads_its_name() -> None:
    code = "import sys, service.__main__; print('prometheus_client' in sys.modules)"
    assert run(code) == ["False"]


def test_one_process_counts_for_itself() -> None:
    prepare_multiprocess(1)
    assert FOLDER not in os.environ


def test_an_empty_name_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, "")
    prepare_multiprocess(1)
    assert FOLDER not in os.environ


def test_the_folder_that_is_named_is_made_and_what_an_earlier_run_counted_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "deep" / "metrics"
    monkeypatch.setenv(FOLDER, str(folder))
    prepare_multiprocess(2)
    (folder / "counter_7.db").touch()
    (folder / "notes.txt").touch()
    prepare_multiprocess(2)
    assert [each.name for each in folder.iterdir()] == ["notes.txt"]
    assert os.environ[FOLDER] == str(folder)


def test_a_folder_that_cannot_be_written_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(FOLDER, str(tmp_path / "file" / "metrics"))
    with pytest.raises(SettingsError, match=FOLDER):
        prepare_multiprocess(2)


def test_a_child_leaves_the_folder_to_its_parent() -> None:
    code = """
import os, sys
from service.multiprocess import prepare_multiprocess
prepare_multiprocess(2)
folder = os.environ["PROMETHEUS_MULTIPROC_DIR"]
pid = os.fork()
if pid == 0:
    sys.exit(0)  # runs what was to be done at the end
os.waitpid(pid, 0)
print(os.path.isdir(folder))
"""
    assert run(code) == ["True"]


def test_without_a_folder_a_process_that_ended_is_nothing_to_us() -> None:
    worker_exited(1)


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = {name: tmp_path / f"her2-crd-metrics-{name}-x" for name in (str(ended.pid), str(os.getpid()), "1", "x")}
    for each in left.values():
        each.mkdir()
        (each / "counter_7.db").touch()
    code = f"""
import os
from pathlib import Path
import service.multiprocess as module
module._IN_MEMORY = Path({str(tmp_path)!r})
module.prepare_multiprocess(2)
print(os.environ[module.FOLDER])
"""
    (made,) = run(code)
    assert Path(made).parent == tmp_path
    assert [name for name, each in left.items() if each.exists()] == [str(os.getpid()), "1", "x"]
    assert not Path(made).exists()
