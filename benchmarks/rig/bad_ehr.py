"""FHIR servers on loopback that misbehave in one way each, and servers that must never be called."""

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from benchmarks.rig.web import HOST
from examples.ehr import Record, respond, searchset

_LONGEST = 30.0
"""Seconds after which a server that keeps its callers waiting lets them go."""

Answer = Callable[["Exchange"], None]
"""Answers one request."""


class Exchange(BaseHTTPRequestHandler):
    """One request that has been read, and the means to answer it well or badly."""

    protocol_version = "HTTP/1.1"
    server: "BadEhr"

    def do_GET(self) -> None:
        """Behave as this server does. A caller that hangs up is what most of these ways are about."""
        self.server.count()
        with suppress(OSError):
            self.server.behave(self)

    def raw(self, *parts: bytes) -> None:
        """Send bytes as they are, and no more on this connection."""
        self.close_connection = True
        for part in parts:
            self.connection.sendall(part)

    def pause(self, seconds: float) -> bool:
        """Wait; say whether the server is still there."""
        return not self.server.closing.wait(seconds)

    def whole(self, status: int, body: bytes, **headers: str) -> None:
        """Send a whole answer; underscores in names of headers are hyphens."""
        self.send_response(status)
        named = {"Content-Type": "application/fhir+json", "Content-Length": str(len(body))}
        for name, value in (named | {name.replace("_", "-"): value for name, value in headers.items()}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has in http.server
        """Say nothing: the harness prints a table."""


class BadEhr(ThreadingHTTPServer):
    """A server on a free port that answers as it is told, from `with` to its end; `behave` may be changed meanwhile."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, behave: Answer) -> None:
        """Take the port."""
        super().__init__((HOST, 0), Exchange)
        self.behave = behave
        self.closing = threading.Event()
        self.requests = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def base(self) -> str:
        """Return the FHIR base."""
        return f"http://{HOST}:{self.server_port}/fhir"

    def count(self) -> None:
        """Take note of a request."""
        with self._lock:
            self.requests += 1

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let everybody go who still waits, and give the port back."""
        self.closing.set()
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up; anything else is a mistake of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


# ------------------------------------------------------------------------------------------------------- good answers


def answering(record: Record, after: float = 0.0) -> Answer:
    """Answer well from a record, after a while."""

    def behave(exchange: Exchange) -> None:
        if after and not exchange.pause(after):
            return
        status, body = respond(record, exchange.path, f"http://{exchange.headers['Host']}/fhir")
        exchange.whole(status, json.dumps(body).encode())

    return behave


# -------------------------------------------------------------------------------------------------------- bad answers


def silent(exchange: Exchange) -> None:
    """Read the request and say nothing."""
    exchange.close_connection = True
    exchange.pause(_LONGEST)


def slow_headers(exchange: Exchange) -> None:
    """Send the headers a line a second."""
    exchange.raw(b"HTTP/1.1 200 OK\r\n")
    for number in range(int(_LONGEST)):
        if not exchange.pause(1.0):
            return
        exchange.raw(b"X-Line-%d: slow\r\n" % number)


def dripping(exchange: Exchange) -> None:
    """Send a body a byte every 0.3 s: no read waits long, and the answer never ends."""
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: 100000\r\n\r\n")
    end = time.monotonic() + _LONGEST
    while time.monotonic() < end and exchange.pause(0.3):
        exchange.raw(b" ")


def flooding(exchange: Exchange) -> None:
    """Send 200 MB of a Bundle that does not end."""
    size, piece = 200_000_000, b" " * 1_000_000
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: %d\r\n\r\n" % size)
    exchange.raw(b'{"resourceType":"Bundle","type":"searchset"')
    for _ in range(size // len(piece)):
        exchange.raw(piece)


def overloaded(exchange: Exchange) -> None:
    """Answer 503 and ask to be left alone for an hour."""
    exchange.whole(503, b'{"resourceType":"OperationOutcome"}', Retry_After="3600")


def redirecting(target: str) -> Answer:
    """Answer 302 to an address."""
    return lambda exchange: exchange.whole(302, b"", Location=target)


def hypertext(exchange: Exchange) -> None:
    """Answer with a page for people, as a proxy's sign-in does."""
    exchange.whole(200, b"<!DOCTYPE html><title>Sign in</title>", Content_Type="text/html")


def other_resource(exchange: Exchange) -> None:
    """Answer every search and read with a Basic resource."""
    exchange.whole(200, b'{"resourceType":"Basic","id":"b1","code":{"text":"no answer to that"}}')


def refusing_token(exchange: Exchange) -> None:
    """Answer 401, as for an access token that has expired."""
    exchange.whole(401, b'{"resourceType":"OperationOutcome"}', WWW_Authenticate="Bearer")


def forbidding(exchange: Exchange) -> None:
    """Answer 403: understood, and not given."""
    exchange.whole(403, b'{"resourceType":"OperationOutcome"}')


def garbage(exchange: Exchange) -> None:
    """Send what is no HTTP."""
    exchange.raw(b"\x16\x03\x01\x02\x00SSH-2.0-\x00\xff\r\n" * 20)


def broken_json(exchange: Exchange) -> None:
    """Send headers of JSON and a body that is none."""
    exchange.whole(200, b'{"resourceType":"Bundle","entry":[{"resource":\xff\x00')


def closing_early(exchange: Exchange) -> None:
    """Promise a body and close in the middle of it."""
    exchange.raw(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"resourceType":"Bundle"')
    exchange.connection.shutdown(socket.SHUT_RDWR)


def empty(exchange: Exchange) -> None:
    """Answer every search as if there were nothing on record."""
    exchange.whole(200, json.dumps(searchset(())).encode())


# ------------------------------------------------------------------------------------------------- nobody may come here


class Canary:
    """Listens on 127.0.0.1 and ::1 at one port and counts who connects; nobody should."""

    def __init__(self) -> None:
        """Take the port."""
        self._listening = [socket.create_server((HOST, 0))]
        self.port: int = self._listening[0].getsockname()[1]
        with suppress(OSError):  # a machine without IPv6
            self._listening.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        self.connections = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._accept, args=(each,), daemon=True) for each in self._listening]

    def __enter__(self) -> Self:
        """Begin to listen."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        for each in self._listening:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
            connection.close()


def unused_base() -> str:
    """Return the base of a server that is not there: connections to it are refused."""
    with socket.create_server((HOST, 0)) as listening:
        return f"http://{HOST}:{listening.getsockname()[1]}/fhir"


FAULTS: Mapping[str, Answer] = {
    "says nothing": silent,
    "sends its headers a line a second": slow_headers,
    "drips a byte every 0.3 s": dripping,
    "sends 200 MB": flooding,
    "answers 503 with Retry-After: 3600": overloaded,
    "answers with a web page": hypertext,
    "answers with resources of another type": other_resource,
    "answers 401": refusing_token,
    "sends garbage in place of HTTP": garbage,
    "sends garbage in place of JSON": broken_json,
    "closes in the middle of a body": closing_early,
}
"""What a FHIR server may do -> how. In each case a system that should have answered did not."""
