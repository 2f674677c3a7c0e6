"""PostgreSQL, by psycopg; also behind a proxy that gives each transaction another session (PgBouncer).

So nothing is left in a session: no prepared statements, no start-up options, and what is set is set for one
transaction. Every wait has an end on this side too, because a server that is cut off says nothing at all.
"""

import time
from collections.abc import Generator
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from service.in_time import within
from service.storage.backend import Access, Backend, Failure

CONNECTIONS = 8
"""Of each process. A transaction takes milliseconds, so sixteen threads need fewer connections than they are."""
CONNECT_SECONDS = 1.0
SPARE_SECONDS = 0.3
"""So much longer than the server may take is waited for its own answer that it gave up."""

# Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html that tell of the server.
_DOWN = ("08", "28", "3D", "53", "57", "58", "F0", "XX", "25006", "25P03", "25P04")
_BUSY = ("40", "55P03", "57014")
"""Of these the last is a statement that took too long, mostly because it waited for two locks one after the other."""

_NETWORK = {
    "connect_timeout": "2",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "2",
    "tcp_user_timeout": "3000",
}
"""What an address may say otherwise. Two seconds is the least that the library takes for a connection."""


class SilentServerError(psycopg.OperationalError):
    """The server did not answer in time."""


class TimedConnection(psycopg.Connection[Any]):
    """A connection that waits until a moment and closes then."""

    until: float = float("inf")

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        """Wait for the server; raise SilentServerError when the time is over."""
        return super().wait(_timed(gen, self), *args, **kwargs)


def _timed(gen: Generator[Any, Any, Any], connection: TimedConnection) -> Generator[Any, Any, Any]:
    """Pass a conversation of psycopg on, which is woken ten times a second while nothing comes."""
    try:
        state = next(gen)
        while True:
            ready = yield state
            if not ready and time.monotonic() > connection.until:
                connection.close()
                raise SilentServerError("no answer in time")
            state = gen.send(ready)
    except StopIteration as end:
        return end.value


class Postgresql(Backend):
    """A PostgreSQL server."""

    errors = (SQLAlchemyError, psycopg.Error)

    def __init__(self, url: URL) -> None:
        """Prepare the engine; nothing is connected yet."""
        self.engine = _engine(url)

    def begin(self, connection: Connection, access: Access, seconds: float) -> None:
        """Begin; a reader sees one state of the database all the time, as with SQLite."""
        raw = connection.connection.driver_connection
        if not isinstance(raw, TimedConnection):
            raise TypeError("the engine makes no other connections")
        raw.until = time.monotonic() + seconds + SPARE_SECONDS
        connection.exec_driver_sql(_begin_text(access, seconds))

    def check(self, connection: Connection) -> Failure | None:
        """Say whether this is a standby, or a server that was made read-only."""
        answer = connection.exec_driver_sql("SELECT current_setting('transaction_read_only')").scalar_one()
        return Failure("read-only") if answer == "on" else None

    def failure(self, error: Exception) -> Failure | None:
        """Tell errors by SQLSTATE; there is none when it was the connection that failed."""
        original = error.orig if isinstance(error, DBAPIError) else error
        state = getattr(original, "sqlstate", None)
        if isinstance(state, str):
            if state.startswith(_BUSY):
                return Failure(state, is_down=False)
            return Failure(state) if state.startswith(_DOWN) else None
        if isinstance(original, SilentServerError):
            return Failure("no-answer")
        return Failure("no-connection") if isinstance(original, psycopg.OperationalError) else None

    def is_stale(self, error: BaseException) -> bool:
        """Say whether the server, or a proxy, ended the connection: it restarted, or nobody used it for long."""
        original = error.orig if isinstance(error, DBAPIError) else error
        state = getattr(original, "sqlstate", None)
        if isinstance(original, SilentServerError) or not isinstance(original, psycopg.OperationalError):
            return False
        return state is None or state.startswith(("08", "57P"))


@cache
def _begin_text(access: Access, seconds: float) -> str:
    """One message to the server. Who waits for a row gives up a little earlier than who is worked on."""
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if access is Access.READ else "BEGIN"
    milliseconds = int(seconds * 1000)
    waiting = int(seconds * 800)
    soon = "; SET LOCAL synchronous_commit = off" if access is Access.WRITE_SOON else ""
    return f"{begin}; SET LOCAL statement_timeout = {milliseconds}; SET LOCAL lock_timeout = {waiting}{soon}"


def _engine(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        poolclass=QueuePool,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        pool_use_lifo=True,
        # A transaction is ended by whoever began it.
        pool_reset_on_return=None,
        hide_parameters=True,
        use_native_hstore=False,
    )
    event.listen(engine, "do_connect", _connect)
    return engine


def _connect(_dialect: object, _record: object, _args: object, given: dict[str, Any]) -> TimedConnection:
    """Connect as the address says. `autocommit` only means that we begin transactions ourselves."""
    wanted: dict[str, Any] = {**_NETWORK, **given, "autocommit": True, "prepare_threshold": None}
    try:
        made = within(CONNECT_SECONDS, lambda: TimedConnection.connect(**wanted), late=TimedConnection.close)
    except TimeoutError:
        raise SilentServerError("no connection in time") from None
    # The first connection is asked for the server's version.
    made.until = time.monotonic() + CONNECT_SECONDS
    return made
