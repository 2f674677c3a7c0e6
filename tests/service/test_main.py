import pytest

from criteria.errors import Defect, LibraryError
from service import __main__ as command
from service.__main__ import development_notice, main
from service.server import Server
from service.settings import Profile, SettingsError
from tests.service.builders import development, world


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Server]:
    """Servers that were told to run; none of them opens a socket."""
    started: list[Server] = []
    for name in ("HER2_CRD_DEFAULT_PAYER", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HER2_CRD_PROFILE", "development")
    # Several would share their counts by a variable, which other tests would find.
    monkeypatch.setenv("HER2_CRD_WORKERS", "1")
    monkeypatch.setattr(command, "create_app", lambda _settings: world().app)

    def run(self: Server) -> None:
        started.append(self)

    monkeypatch.setattr(Server, "run", run)
    return started


def test_the_first_line_says_what_development_does_not_do(
    served: list[Server], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main() == 0
    first = capsys.readouterr().out.splitlines()[0]
    for words in ("DEVELOPMENT", "http://127.0.0.1:8080", "NOT authenticated", "loopback", "default payer oscar"):
        assert words in first
    assert len(served) == 1


def test_the_notice_says_when_other_machines_can_call() -> None:
    assert "OTHER MACHINES" not in development_notice(development())
    assert "OTHER MACHINES CAN CALL IT (listening on 0.0.0.0)" in development_notice(development(host="0.0.0.0"))  # noqa: S104
    assert "no default payer" in development_notice(development(default_payer=None))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SettingsError("HER2_CRD_PORT", "is not a setting"), "HER2_CRD_PORT: is not a setting"),
        (LibraryError((Defect("a.yaml", 3, 1, "$.id", "is missing"),)), "a.yaml:3:1: $.id: is missing"),
    ],
)
def test_what_cannot_run_is_said_and_ends_with_status_two(
    served: list[Server],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    words: str,
) -> None:
    def fail(_settings: object) -> None:
        raise error

    monkeypatch.setattr(command, "create_app", fail)
    assert main() == 2
    assert words in capsys.readouterr().err
    assert served == []


def test_only_development_needs_a_notice(
    served: list[Server], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "read_settings", lambda _environ: development(profile=Profile.PRODUCTION))
    assert main() == 0
    assert capsys.readouterr().out == ""
    assert len(served) == 1


def test_production_is_refused_without_a_notice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HER2_CRD_PROFILE", "production")
    assert main() == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "registry of clients" in captured.err
