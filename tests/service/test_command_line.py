import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service import __main__ as entry
from service.command_line import COMMANDS, run
from service.storage.database import Database
from service.storage.schema import is_current
from tests.service.builders import logged


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """A command sends log lines to standard error; put back what other tests have."""
    with logged():
        yield


def served() -> int:
    return 17


def not_served() -> int:
    raise AssertionError("nobody asked for it")


def test_without_a_command_it_serves() -> None:
    assert run([], {}, serve=served) == 17


def test_migrate_needs_no_setting_but_the_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/crd.sqlite3"
    for _ in range(2):
        assert run(["migrate"], {"DATABASE_URL": url}, serve=not_served) == 0
        assert "up to date" in capsys.readouterr().out
    database = Database.of(url)
    assert is_current(database)
    database.dispose()


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [("mysql://db", 2, "DATABASE_URL"), ("sqlite:////proc/none/crd.sqlite3", 1, "cantopen")],
)
def test_a_database_that_cannot_be_migrated_is_no_success(
    url: str, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["migrate"], {"DATABASE_URL": url}, serve=not_served) == code
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["serve-all"], ["migrate", "--now"]])
def test_what_is_no_command_ends_with_status_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(arguments, {}, serve=not_served)
    assert caught.value.code == 2
    assert "usage: her2-crd" in capsys.readouterr().err


def test_every_command_says_what_it_does() -> None:
    assert all(each.name and each.help for each in COMMANDS)


def test_the_module_takes_the_same_commands(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/crd.sqlite3"}
    ran = subprocess.run(
        [sys.executable, "-m", "service", "migrate"], env=environ, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_command_hands_on_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_it(arguments: list[str], _environ: object, serve: Callable[[], int]) -> int:
        assert serve is entry.main
        return len(arguments)

    monkeypatch.setattr(entry, "run", run_it)
    monkeypatch.setattr(sys, "argv", ["her2-crd", "migrate", "x"])
    assert entry.command() == 2
