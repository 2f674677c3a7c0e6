import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from gunicorn.glogging import Logger

from service.lifecycle import lifecycle
from service.server import GunicornLog, Server
from service.worker import Worker
from tests.service.builders import development, world
from tests.service.serving import configured, gunicorn_loggers, parse


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with gunicorn_loggers():
        yield


@pytest.mark.parametrize(("host", "bind"), [("127.0.0.1", "127.0.0.1:9090"), ("::1", "[::1]:9090")])
def test_processes_of_threads_serve_the_loaded_application(host: str, bind: str) -> None:
    app = world().app
    server = Server(app, development(host=host, port=9090))
    config: Any = server.cfg
    assert config.bind == [bind]
    assert (config.workers, config.worker_class, config.threads) == (1, Worker, 16)
    assert (config.graceful_timeout, config.preload_app) == (25, True)
    assert config.max_requests == 0
    assert server.load() is app


def test_there_are_as_many_processes_as_the_settings_say() -> None:
    server = Server(world().app, development(workers=3, max_body_bytes=5))
    config: Any = server.cfg
    assert (config.workers, server.largest_body) == (3, 5)


@pytest.mark.parametrize("there", [True, False])
def test_signs_of_life_are_files_in_memory_where_there_is_a_place_for_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: bool
) -> None:
    folder = tmp_path if there else tmp_path / "none"
    monkeypatch.setattr("service.server._MEMORY", folder)
    assert configured().worker_tmp_dir == (str(folder) if there else None)


def test_other_parts_are_told_when_processes_come_and_go() -> None:
    app = Flask("told")
    told: list[object] = []
    lifecycle(app).forked += [lambda: told.append("first"), lambda: told.append("second")]
    lifecycle(app).ended.append(told.append)
    config = configured(app)
    config.post_fork(None, None)
    config.child_exit(None, SimpleNamespace(pid=77))
    assert told == ["first", "second", 77]
    assert lifecycle(app).stopping is False


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
