"""Connections that go to a judged address and end in time: what urllib3 opens for the FHIR client.

Three things differ from urllib3's own. The host is resolved here, once, and the address that was judged is the one
connected to; the name stays what TLS and the Host header know the server by. The timeout is that of all reads of an
answer together, headers included, and within it a server may not be silent for long. And nothing is retried,
redirected, remembered or taken from the environment, because requests' adapter does none of that (its Session does).
"""

import io
import socket
import time
from functools import partial
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from service.addresses import Reach
from service.base_url import Address

CONNECT_SECONDS = 0.5
"""Time to connect to one address; the TLS handshake has as much again."""

READ_SECONDS = 1.5
"""So long a server may send nothing, at the beginning of an answer and within it; and so long its name may take."""

_CONNECTIONS = 64
_BUFFER = 16_384


class _TimedReads(io.RawIOBase):
    """A socket's reads, all of them by one moment.

    A socket's own timeout is that of each read: a server that sends a byte now and then never meets it. So each read
    has what is left, and at most READ_SECONDS of it.
    """

    def __init__(self, reads: io.RawIOBase, sock: socket.socket, seconds: float) -> None:
        self._reads, self._socket, self._until = reads, sock, time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(left, READ_SECONDS))
        return self._reads.readinto(buffer)

    def close(self) -> None:
        self._reads.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """Reads status line, headers and body within the timeout that the socket has when reading begins."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        # No timeout would be no limit, so it is no time.
        self.fp = io.BufferedReader(_TimedReads(self.fp.detach(), sock, sock.gettimeout() or 0.0), _BUFFER)


class _Connection(HTTPConnection):
    """Connects to an address that is within reach."""

    response_class = _TimedResponse

    def __init__(self, *args: Any, reach: Reach, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reach = reach

    def _new_conn(self) -> socket.socket:
        """Return an open socket; raise AddressRefused, or urllib3's own errors for what did not come about."""
        seconds = self.timeout or 0.0
        until = time.monotonic() + seconds
        try:
            addresses = self._reach.of(self.host, self.port, min(seconds, READ_SECONDS))
            return _connect(addresses, self.port, until)
        except TimeoutError as error:
            raise ConnectTimeoutError("no connection in time") from error
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(self, "no connection") from error


class _TLSConnection(_Connection, HTTPSConnection):
    """The same with TLS, which checks the certificate against the host's name."""


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def _connect(addresses: tuple[Address, ...], port: int, until: float) -> socket.socket:
    """Return a socket connected to the first address that answers; raise OSError when none does."""
    error: OSError = TimeoutError()
    for address in addresses:
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            opened = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)  # noqa: PLR2004
        except OSError as unsupported:
            error = unsupported
            continue
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.settimeout(min(CONNECT_SECONDS, left))
            opened.connect((str(address), port))
        except OSError as failed:
            opened.close()
            error = failed
        else:
            return opened
    raise error


class ReachAdapter(HTTPAdapter):
    """Sends requests over connections to addresses within a reach, which it shares with no other reach."""

    def __init__(self, reach: Reach) -> None:
        """Open no connection yet."""
        # urllib3's own retries obey Retry-After, which waits for hours.
        super().__init__(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS, max_retries=0)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_HTTPPool, reach=reach),
            "https": partial(_HTTPSPool, reach=reach),
        }
