"""gunicorn's worker process, which gives a thread to a request only when the whole of it has arrived."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from socket import SHUT_WR
from types import MappingProxyType
from typing import Any

from gunicorn import util
from gunicorn.http import errors, wsgi
from gunicorn.workers.gthread import ThreadWorker

from service.arrival import arrived
from service.receiving import Incoming, Progress

RECEIVE_SECONDS = 10.0
"""From the begin of a connection, or the first byte of a further request on it, to the end of the request."""

SEND_SECONDS = 10.0
"""Time for a client to take its answer."""

LEAVE_SECONDS = 2.0
"""So long what a client still sends is thrown away, so that it can read the last answer (RFC 9112, section 9.6)."""

MOST_LEAVING = 128
MOST_RECEIVED = 64_000_000
"""Bytes of all requests of this process that have not arrived as a whole."""

REFUSED = "a request was refused: %s"
_CHUNK = 65_536
_BUSY = "503 Service Unavailable"
_LATE = "408 Request Timeout"
_LONG = "431 Request Header Fields Too Large"

# A header of ours that cannot be sent counts among the errors of requests. The type stubs do not know these yet.
_DEFECTS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)  # type: ignore[attr-defined]

_STATUS: Mapping[type[Exception], str] = MappingProxyType(
    {
        errors.ExpectationFailed: "417 Expectation Failed",
        errors.LimitRequestHeaders: _LONG,
        errors.LimitRequestLine: "414 URI Too Long",
        errors.UnsupportedTransferCoding: "501 Not Implemented",
    }
)
"""What is answered to requests that gunicorn cannot read; to others 400."""

_BARE = "HTTP/1.1 {}\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n"
"""An answer that the application does not give. It has no body: there is nothing to say that could be misread."""


class _Arrived:
    """The socket of a request that has arrived: what is not here by now does not come."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock

    def recv(self, size: int) -> bytes:
        """Return what is there; raise NoMoreData when that is nothing."""
        timeout = self._socket.gettimeout()
        self._socket.settimeout(0.0)
        try:
            part: bytes = self._socket.recv(size)
        except BlockingIOError:
            raise errors.NoMoreData from None
        finally:
            self._socket.settimeout(timeout)
        return part


class Worker(ThreadWorker):
    """gunicorn's worker of threads, with four differences.

    It takes a thread for a request only when all of it is here: gunicorn's own thread reads it, without any limit of
    time, and 16 slow senders are the end of a process. It waits for no client to close its end: gunicorn's own does,
    for two seconds, in which it accepts nothing. Questions how the process is have a thread of their own. And it does
    not quote a request that it cannot read.

    Methods run on the thread of the event loop, but for those that begin with `handle_` and take a connection.
    """

    app: Any
    """The Server, which has more to say than gunicorn asks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._incoming: dict[Any, Incoming] = {}
        self._leaving: dict[Any, float] = {}
        self._received = 0

    def init_process(self) -> None:
        """Add the thread for probes, and keep gunicorn's name out of the answers: it has no setting for that."""
        wsgi.SERVER = "her2-crd"  # type: ignore[attr-defined] # the type stubs do not know it
        self._probes = ThreadPoolExecutor(1, "probe")
        super().init_process()

    def run(self) -> None:
        """Serve until told to stop, and until what is under way has ended."""
        super().run()
        for sock in (*self._leaving, *(conn.sock for conn in self._incoming)):
            util.close(sock)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Say that the process stops, when it is told to."""
        self.app.lifecycle.stopping = True
        super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool | None) -> None:  # noqa: FBT001 - gunicorn's
        """Close the door when stopping: who comes later is refused at once, and can go elsewhere."""
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            connected = -1
            while connected != self.nr_conns:
                connected = self.nr_conns
                self.accept(listener)
            listener.close()
        for incoming in self._incoming.values():
            if not incoming.received:
                incoming.until = min(incoming.until, time.monotonic() + LEAVE_SECONDS)

    def enqueue_req(self, conn: Any) -> None:
        """Begin to receive a request, of which a part may be here already."""
        conn.sock.settimeout(0.0)
        self._incoming[conn] = Incoming(time.monotonic() + RECEIVE_SECONDS, self.app.largest_body)
        self.poller.register(conn.sock, EVENT_READ, partial(self._receive, conn))
        early = conn.parser.unreader.take_buffered() if conn.parser else b""
        if early:
            self._take(conn, early)
        else:
            self._receive(conn, conn.sock)

    def _receive(self, conn: Any, sock: Any) -> None:
        try:
            part = sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if part:
            self._take(conn, part)
        else:
            self._forget(conn)
            self._leave(conn)

    def _take(self, conn: Any, part: bytes) -> None:
        """Add to a request what came, and go on with it when that was the last of it."""
        self._received += len(part)
        progress = self._incoming[conn].add(part)
        if progress is Progress.WHOLE:
            self._submit(conn)
        elif progress is Progress.TOO_LONG:
            self._refuse(conn, _LONG)
        elif self._received > MOST_RECEIVED:
            self._refuse(conn, _BUSY)
        elif progress is Progress.WAITING:
            with suppress(OSError):
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _submit(self, conn: Any) -> None:
        """Give a request to a thread, as gunicorn does with a connection."""
        incoming = self._forget(conn)
        conn.init()
        conn.parser.unreader.unread(bytes(incoming.received))
        conn.parser.unreader.sock = _Arrived(conn.sock)
        conn.arrived = time.monotonic()
        future = (self._probes if incoming.is_probe else self.tpool).submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def _forget(self, conn: Any) -> Incoming:
        self.poller.unregister(conn.sock)
        incoming = self._incoming.pop(conn)
        self._received -= len(incoming.received)
        return incoming

    def _refuse(self, conn: Any, status: str) -> None:
        """Answer a request that did not arrive; nobody waits for the answer of one that never began."""
        if self._forget(conn).received:
            self.log.warning(REFUSED, status)
            with suppress(OSError):
                conn.sock.send(_BARE.format(status).encode())
        self._leave(conn)

    def _leave(self, conn: Any) -> None:
        self.nr_conns -= 1
        self._close(conn.sock, graceful=True)

    def _close(self, sock: Any, *, graceful: bool = False) -> None:
        """Close a connection; gracefully when its client has closed its end too, or a moment later."""
        if graceful and len(self._leaving) < MOST_LEAVING:
            with suppress(OSError):
                sock.shutdown(SHUT_WR)
                sock.settimeout(0.0)
                self.poller.register(sock, EVENT_READ, self._discard)
                self._leaving[sock] = time.monotonic() + LEAVE_SECONDS
                return
        util.close(sock)

    def _discard(self, sock: Any) -> None:
        try:
            if sock.recv(_CHUNK):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._end(sock)

    def _end(self, sock: Any) -> None:
        del self._leaving[sock]
        self.poller.unregister(sock)
        util.close(sock)

    def murder_pending(self) -> None:
        """Let go whose time is up; gunicorn calls this every second at least."""
        now = time.monotonic()
        for conn in [each for each, incoming in self._incoming.items() if incoming.until <= now]:
            self._refuse(conn, _LATE)
        for sock in [each for each, until in self._leaving.items() if until <= now]:
            self._end(sock)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Keep a connection or close it, without waiting for the client."""
        conn.close = partial(self._close, conn.sock)
        super().finish_request(conn, fs)

    def handle(self, conn: Any) -> Any:
        """Work on a request; its time has run since it arrived, not since there is a thread for it."""
        arrived(conn.arrived)
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Let the application answer, within a limit for the client to take it."""
        conn.sock.settimeout(SEND_SECONDS)
        # It was sent, when the body was waited for.
        req._expected_100_continue = False  # noqa: SLF001 - gunicorn has no other way to say so
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 - gunicorn's
        """Answer a request that cannot be read, or that failed outside of the application; quote nothing of it."""
        if isinstance(exc, errors.ParseException) and not isinstance(exc, _DEFECTS):
            self.log.warning("a request that cannot be read")
            status = _STATUS.get(type(exc), "400 Bad Request")
        else:
            self.log.exception("a request that failed")  # noqa: LOG004 - gunicorn calls this while it handles one
            status = "500 Internal Server Error"
        try:
            util.write_nonblock(client, _BARE.format(status).encode())
        except OSError:
            self.log.debug("nobody waits for the answer")
