"""HTTP to a server on this machine, with as little work as possible: the caller shares the processors with it."""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"
PATIENCE = 15.0
"""Seconds until a call without an answer counts as not answered; what is expected of the service is 5."""

_JSON = {"Content-Type": "application/json"}


class NoAnswerError(Exception):
    """No whole answer came; the text says in a word what came in its place."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; the names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    seconds: float

    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.body)


class Connection:
    """Calls one after the other over a connection that is kept open, or over a new one for each."""

    def __init__(self, port: int, *, keep: bool = True) -> None:
        """Open nothing yet."""
        self.port, self._keep = port, keep
        self._open: http.client.HTTPConnection | None = None

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer; raise NoAnswerError.

        A kept connection that the server closed meanwhile is opened anew, once, as every client does. Whoever counts
        calls that were dropped takes a new connection for each.
        """
        begin = time.monotonic()
        reused = self._open is not None
        try:
            return self._call(method, path, body, headers or {}, begin)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            self.close()
            if not reused:
                raise NoAnswerError(type(error).__name__) from None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswerError(type(error).__name__) from None
        return self.call(method, path, body, headers)

    def _call(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], begin: float) -> Answer:
        connection = self._open or http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE)
        self._open = connection
        sent = {**(_JSON if body is not None else {}), **headers}
        connection.request(method, path, body, sent if self._keep else {**sent, "Connection": "close"})
        response = connection.getresponse()
        content = response.read()
        named = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close or not self._keep:
            self.close()
        return Answer(response.status, named, content, time.monotonic() - begin)

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._open is not None:
            self._open.close()
        self._open = None


def get(port: int, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the answer to a GET over a connection of its own; raise NoAnswerError."""
    return Connection(port, keep=False).call("GET", path, headers=headers)


def post(port: int, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the answer to a POST over a connection of its own; raise NoAnswerError."""
    return Connection(port, keep=False).call("POST", path, body, headers)


def status_of(port: int, path: str) -> int:
    """Return the status of a GET, 0 when nothing answers."""
    try:
        return get(port, path).status
    except NoAnswerError:
        return 0
