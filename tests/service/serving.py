"""gunicorn's worker in a thread of this process, on a real socket: what it does can be watched, and costs no start."""

import logging
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from signal import SIGTERM
from threading import Event, Thread
from typing import Any

from flask import Flask, Response, g, request
from gunicorn.http import RequestParser
from gunicorn.sock import create_sockets

from service.arrival import register_arrival
from service.problems import register_error_handlers
from service.server import THREADS, GunicornLog, Server
from service.settings import Profile, Settings
from service.worker import Worker

HOST = b"Host: crd.example.org\r\n"
LARGEST_BODY = 100_000


def some_settings(**changes: Any) -> Settings:
    """Return settings of the development profile, without what it takes to load the whole service."""
    known: dict[str, Any] = {"profile": Profile.DEVELOPMENT, "database": "sqlite://", "workers": 1}
    known["max_body_bytes"] = LARGEST_BODY
    return Settings(**(known | changes))


@contextmanager
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


def configured(app: Flask | None = None) -> Any:
    return Server(app or Flask("empty"), some_settings()).cfg


def parse(cfg: Any, *lines: bytes) -> Any:
    """Return what gunicorn makes of a request from this machine; raise what it raises."""
    text = b"\r\n".join((*lines, b"", b""))
    return next(RequestParser(cfg, iter([text]), ("127.0.0.1", 40_000)))


@dataclass
class Serving:
    """A worker that serves. `held` lets go of the calls of /held; `begun` says that one has begun."""

    port: int
    worker: Any
    server: Server
    begun: Event = field(default_factory=Event)
    held: Event = field(default_factory=Event)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def ask(self, *parts: bytes) -> bytes:
        """Send a request on a connection of its own, and return all that is answered until that ends."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            return read_all(connection)

    def get(self, path: str) -> bytes:
        return self.ask(f"GET {path} HTTP/1.1\r\nConnection: close\r\n".encode() + HOST + b"\r\n")


def post(body: bytes, *lines: bytes, path: str = "/echo") -> bytes:
    """Return a request with a body of known length."""
    head = f"POST {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n".encode() + HOST
    return head + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def read_all(connection: socket.socket) -> bytes:
    """Return everything until the other end closes, or breaks the connection."""
    received = b""
    while True:
        try:
            part = connection.recv(65_536)
        except ConnectionResetError:
            return received
        if not part:
            return received
        received += part


def read_one(connection: socket.socket) -> bytes:
    """Return the next answer of a connection that stays."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        received += connection.recv(1)
    length = re.search(rb"Content-Length: (\d+)", received)
    left = int(length[1]) if length else 0
    while left:
        part = connection.recv(left)
        received, left = received + part, left - len(part)
    return received


@contextmanager
def serving(*, threads: int = 2, deadline: float = 60.0) -> Iterator[Serving]:
    """Serve a few addresses until the end of the block."""
    app = Flask("serving", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    register_error_handlers(app)
    register_arrival(app, deadline)
    with working(app, threads) as here:
        yield here


@contextmanager
def working(app: Flask, threads: int = THREADS) -> Iterator[Serving]:
    """Serve an application until the end of the block."""
    server = Server(app, some_settings(port=0))
    cfg: Any = server.cfg
    cfg.set("threads", threads)
    log: Any = GunicornLog(cfg)
    (listener,) = create_sockets(cfg, log)
    worker = Worker(1, os.getppid(), [listener], server, 30, cfg, log)
    here = Serving(listener.getsockname()[1], worker, server)
    add_routes(app, here.begun, here.held)
    # Only the main thread of a process has signals.
    worker.init_signals = lambda: None  # type: ignore[method-assign]
    thread = Thread(target=worker.init_process)
    thread.start()
    while not worker.booted:
        time.sleep(0.001)
    try:
        yield here
    finally:
        here.held.set()
        worker.handle_exit(SIGTERM, None)
        thread.join()
        worker.tpool.shutdown()
        worker.tmp.close()


def add_routes(app: Flask, begun: Event, let_go: Event) -> None:
    """Add addresses to an application that has answered nothing yet."""

    def held() -> str:
        begun.set()
        assert let_go.wait(5)
        return "held"

    views: dict[str, Callable[[], Any]] = {
        "/echo": lambda: Response(request.get_data()),
        "/held": held,
        "/left": lambda: str(g.deadline.remaining()),
        "/large": lambda: b"x" * 50_000_000,
        "/livez": lambda: "alive",
        "/plain": lambda: "plain",
    }
    for path in views.keys() - {rule.rule for rule in app.url_map.iter_rules()}:
        app.add_url_rule(path, f"serving{path}", views[path], methods=["GET", "POST"])
