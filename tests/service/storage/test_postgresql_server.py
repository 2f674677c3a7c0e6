import pytest

from tests.service.storage.postgresql_server import REQUIRED, Server, missing


def test_a_missing_server_is_a_reason_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="PostgreSQL"):
        missing("PostgreSQL")


def test_a_missing_server_is_a_failure_where_one_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED, "required")
    with pytest.raises(pytest.fail.Exception, match="PostgreSQL"):
        missing("PostgreSQL")


def test_a_server_is_stopped_and_started_again(postgresql: Server) -> None:
    postgresql.stop()
    assert not postgresql._accepts()
    postgresql.start()
    assert postgresql._accepts()
