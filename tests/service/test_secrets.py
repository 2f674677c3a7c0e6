"""Secrets of the operator: what is configured shows in nothing that is printed, logged or raised."""

import re
from pathlib import Path
from typing import Any

import pytest

from service import __main__ as entry
from service.command_line import run
from service.settings import Profile, Settings
from service.storage.database import Database
from tests.service.builders import logged

SECRET = "Canary-Zebulon"

# Addresses that are wrong in one way each; whatever part of them an error quotes, none may be the password.
WRONG = (
    f"postgresql://crd:{SECRET}@127.0.0.1:port/crd",
    f"postgresql://crd:{SECRET}@[::1/crd",
    f"postgresql://crd:{SECRET}@127.0.0.1:1/crd",
    f"postgresql://crd:{SECRET}@127.0.0.1:99999/crd",
    f"postgresql://crd:{SECRET}@127.0.0.1:1/crd?connect_timeout={SECRET}",
    f"postgresql://crd:{SECRET}@127.0.0.1:1/crd?sslmode={SECRET}",
    f"postgresql://crd:{SECRET}@127.0.0.1:1/crd?{SECRET}=1",
    f"postgresql://crd:{SECRET}@crd.invalid/crd",
    f"sqlite://crd:{SECRET}@host/crd",
    f"mysql://crd:{SECRET}@host/crd",
)


@pytest.mark.parametrize("arguments", [["migrate"], ["audit", "verify"]])
@pytest.mark.parametrize("url", WRONG)
def test_a_wrong_address_of_a_database_ends_a_command_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], url: str, arguments: list[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr("sys.argv", ["her2-crd", *arguments])
    with logged() as lines:
        assert entry.command() in {1, 2}
    printed = capfd.readouterr()
    assert SECRET not in f"{lines.getvalue()}{printed.out}{printed.err}"
    assert "her2-crd" in printed.err


def test_a_defect_ends_a_command_with_its_type_and_place_and_without_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> int:
        raise RuntimeError(SECRET) from KeyError(SECRET)

    monkeypatch.setattr(entry, "run", fail)
    assert entry.command() == 1
    error = capsys.readouterr().err
    assert SECRET not in error
    assert "RuntimeError" in error
    assert f"{Path(__file__).name}" in error


def test_settings_and_what_is_made_of_them_show_no_secret() -> None:
    url = f"postgresql://crd:{SECRET}@db.invalid/crd"
    settings = Settings(profile=Profile.DEVELOPMENT, database=url, operator_tokens=frozenset({SECRET}))
    database = Database.of(url)
    assert SECRET not in f"{settings!r}{settings}{database!r}{vars(database)}"


@pytest.mark.parametrize(("command", "options"), [("migrate", set()), ("audit", {"--heads"})])
def test_no_secret_is_an_argument_of_a_command(
    capsys: pytest.CaptureFixture[str], command: str, options: set[str]
) -> None:
    """Arguments show in every list of processes; secrets come in variables and files."""
    with pytest.raises(SystemExit):
        run([command, "--help"], {}, serve=lambda: 0)
    assert set(re.findall(r"--\w+", capsys.readouterr().out)) == options | {"--help"}
