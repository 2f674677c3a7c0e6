"""Servers on 127.0.0.1 that behave badly on purpose: each test says in a function what is sent."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

import pytest

Connection = socket.socket
Behaviour = Callable[[Connection, "Loopback"], None]
"""Answers one request, which has been read."""

ANSWER = b'{"resourceType":"Bundle"}'


@dataclass
class Loopback:
    """What a server saw. `stopped` is set when the test is over, so that endless behaviour ends."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    names: list[str | None] = field(default_factory=list)
    """Server names that TLS clients asked for."""
    stopped: Event = field(default_factory=Event)

    def url(self, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/fhir/Condition?patient=p1"


def answer(body: bytes = ANSWER, status: str = "200 OK", **headers: str) -> bytes:
    """Return a whole answer; underscores in names of headers are hyphens."""
    named = {"Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def sending(*parts: bytes) -> Behaviour:
    """Return a behaviour that sends these bytes at once and keeps the connection."""

    def behave(connection: Connection, _seen: Loopback) -> None:
        connection.sendall(b"".join(parts))

    return behave


def dripping(start: bytes, piece: bytes, every: float = 0.05) -> Behaviour:
    """Return a behaviour that sends a start and then a small piece now and then, far longer than a test may take."""

    def behave(connection: Connection, seen: Loopback) -> None:
        connection.sendall(start)
        end = time.monotonic() + 10
        while time.monotonic() < end and not seen.stopped.wait(every):
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_RDWR)

    return behave


@contextmanager
def loopback(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Serve on a port of 127.0.0.1 until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        seen = Loopback(listening.getsockname()[1])
        if tls is not None:
            tls.sni_callback = lambda _socket, name, _context: seen.names.append(name)
        threads: list[Thread] = []
        accepting = Thread(target=_accept, args=(listening, seen, behave, tls, threads))
        accepting.start()
        try:
            yield seen
        finally:
            seen.stopped.set()
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


def _accept(
    listening: Connection, seen: Loopback, behave: Behaviour, tls: ssl.SSLContext | None, threads: list[Thread]
) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        seen.connections += 1
        threads.append(Thread(target=_serve, args=(connection, seen, behave, tls)))
        threads[-1].start()


def _serve(connection: Connection, seen: Loopback, behave: Behaviour, tls: ssl.SSLContext | None) -> None:
    # A client that goes away in the middle is what most of these tests are about.
    with connection, suppress(OSError):
        connection.settimeout(5)
        with tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
            while request := _request(stream, seen):
                seen.requests.append(request)
                behave(stream, seen)


def _request(stream: Connection, seen: Loopback) -> bytes:
    received = b""
    stream.settimeout(0.05)
    while not seen.stopped.is_set():
        try:
            part = stream.recv(65_536)
        except TimeoutError:
            continue
        if not part:
            return b""
        received += part
        if received.endswith(b"\r\n\r\n"):
            stream.settimeout(5)
            return received
    return b""


@dataclass
class Resolver:
    """Stands in for the system's: each look-up of a name takes the next answer, the last one again and again."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __call__(self, host: str, port: int, *_args: Any, **_kwargs: Any) -> list[Any]:
        self.asked.append(host)
        time.sleep(self.seconds)
        addresses = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (each, port, 0, 0))
            if ":" in each
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in addresses
        ]


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str], seconds: float = 0.0) -> Resolver:
    """Make every look-up answer from these lists; an empty one means that there is no such name."""
    resolver = Resolver(list(answers), seconds=seconds)
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return resolver
