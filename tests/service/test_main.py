import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.glogging import Logger
from gunicorn.http import RequestParser, errors

from criteria.errors import Defect, LibraryError
from service import __main__ as command
from service.__main__ import GunicornLog, Server, Worker, development_notice, main
from service.settings import Profile, SettingsError
from tests.service.builders import development, world


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Server]:
    """Servers that were told to run; none of them opens a socket."""
    started: list[Server] = []
    for name in ("HER2_CRD_DEFAULT_PAYER", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HER2_CRD_PROFILE", "development")
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


@pytest.mark.parametrize(("host", "bind"), [("127.0.0.1", "127.0.0.1:9090"), ("::1", "[::1]:9090")])
def test_one_process_of_threads_serves_the_loaded_application(host: str, bind: str) -> None:
    app = world().app
    server = Server(app, development(host=host, port=9090))
    config: Any = server.cfg
    assert config.bind == [bind]
    assert (config.workers, config.worker_class, config.threads) == (1, Worker, 16)
    assert (config.graceful_timeout, config.preload_app) == (25, True)
    assert server.load() is app


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


# ------------------------------------------------------------------------------------------------ what gunicorn does

SECRET = b"SECRETTOKEN"


@pytest.fixture(autouse=True)
def gunicorn_loggers() -> Iterator[None]:
    """gunicorn's loggers without the handlers of another test, put back afterwards."""
    loggers = [logging.getLogger(name) for name in ("gunicorn.error", "gunicorn.access")]
    kept = [(each, list(each.handlers), each.level, each.propagate) for each in loggers]
    for each in loggers:
        each.handlers = []
    yield
    for each, handlers, level, propagate in kept:
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)


def configured() -> Any:
    return Server(world().app, development()).cfg


def parse(cfg: Any, *lines: bytes) -> Any:
    """Return what gunicorn makes of a request from this machine; raise what it raises."""
    text = b"\r\n".join((*lines, b"", b""))
    return next(RequestParser(cfg, iter([text]), ("127.0.0.1", 40_000)))


def answered_to(error: Exception) -> bytes:
    """Raise an error as gunicorn does while it reads a request; return what the caller is sent."""
    server = Server(world().app, development())
    worker = Worker(0, 0, [], server, 30, server.cfg, GunicornLog(server.cfg))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            raise error  # noqa: TRY301 - the log asks for the error that is being handled
        except Exception as raised:  # noqa: BLE001
            worker.handle_error(None, ours, ("127.0.0.1", 40_000), raised)
        worker.tmp.close()
        ours.shutdown(socket.SHUT_RDWR)
        return theirs.recv(65_536)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((b"GET / HTTP/1.1", b"Authorization Bearer " + SECRET), b"400 Bad Request"),
        ((b"GET / HTTP/1.1", b"Bad Name: " + SECRET, SECRET + b" x: 1"), b"400 Bad Request"),
        ((b"GET /?patient=" + SECRET + b" HTTP/1.1 more",), b"400 Bad Request"),
        ((SECRET.lower() + b" / HTTP/1.1",), b"400 Bad Request"),
        ((b"GET / HTTP/9." + SECRET,), b"400 Bad Request"),
        ((b"GET /" + SECRET * 1000 + b" HTTP/1.1",), b"414 URI Too Long"),
        ((b"GET / HTTP/1.1", b"X: " + SECRET * 1000), b"431 Request Header Fields Too Large"),
        ((b"GET / HTTP/1.1", b"Expect: " + SECRET), b"417 Expectation Failed"),
        ((b"POST / HTTP/1.1", b"Transfer-Encoding: " + SECRET), b"501 Not Implemented"),
    ],
)
def test_a_request_that_cannot_be_read_is_quoted_nowhere(
    capsys: pytest.CaptureFixture[str], lines: tuple[bytes, ...], status: bytes
) -> None:
    with pytest.raises(errors.ParseException) as caught:
        parse(configured(), *lines)
    answer = answered_to(caught.value)
    assert answer.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert SECRET.lower() not in answer.lower()
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"]) == ("message of gunicorn.error", "warning")
    assert (line["exception"], line["correlation_id"]) == (type(caught.value).__name__, "none")
    assert SECRET.decode().lower() not in str(line).lower()


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("SECRETTOKEN"),
        errors.InvalidResponseHeader("SECRETTOKEN"),  # type: ignore[attr-defined]
        errors.InvalidResponseHeaderName("SECRETTOKEN"),  # type: ignore[attr-defined]
    ],
)
def test_a_failure_of_the_server_is_a_500_that_says_nothing(
    capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    answer = answered_to(error)
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["exception"]) == ("error", type(error).__name__)
    assert "SECRETTOKEN" not in f"{answer!r}{line}"


def test_a_caller_who_is_gone_is_no_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("gunicorn.util.write_error", gone)
    assert answered_to(errors.InvalidHeader("x")) == b""
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_gunicorn_says_of_the_process_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    log: Logger = GunicornLog(configured())
    log.error("Connection in use: %s", "('127.0.0.1', 8080)")
    log.error("anything else: %s", "SECRETTOKEN")
    log.error(ValueError("SECRETTOKEN"))
    log.info("below the level")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.get("reason") for line in lines] == ["Connection in use: ('127.0.0.1', 8080)", None, None]
    assert "SECRETTOKEN" not in str(lines)


def test_headers_of_a_proxy_change_nothing() -> None:
    request = parse(
        configured(),
        b"GET /x HTTP/1.1",
        b"Host: example.org",
        b"SCRIPT_NAME: /x",
        b"PATH_INFO: /y",
        b"X-Forwarded-Proto: https",
    )
    assert [name for name, _ in request.headers] == ["HOST", "X-FORWARDED-PROTO"]
    assert request.scheme == "http"
