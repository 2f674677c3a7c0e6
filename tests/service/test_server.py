import json
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.glogging import Logger

from service.server import GunicornLog, Server
from service.worker import Worker
from tests.service.builders import development, world
from tests.service.serving import configured, gunicorn_loggers, parse


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with gunicorn_loggers():
        yield


@pytest.mark.parametrize(("host", "bind"), [("127.0.0.1", "127.0.0.1:9090"), ("::1", "[::1]:9090")])
def test_one_process_of_threads_serves_the_loaded_application(host: str, bind: str) -> None:
    app = world().app
    server = Server(app, development(host=host, port=9090))
    config: Any = server.cfg
    assert config.bind == [bind]
    assert (config.workers, config.worker_class, config.threads) == (1, Worker, 16)
    assert (config.graceful_timeout, config.preload_app) == (25, True)
    assert server.load() is app


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
