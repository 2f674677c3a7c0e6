"""The database: transactions that end in bounded time, and one error for everything that is not our doing."""

import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.breaker import Breaker, Circuit
from service.call_report import Waiting, waiting
from service.deadline import Monotonic
from service.in_time import within
from service.logs import log_event
from service.problems import UnavailableError
from service.setting_values import SettingsError
from service.storage.backend import Access, Backend, Failure
from service.storage.sqlite import Sqlite

SECONDS = 1.0
"""How long a transaction of a call may wait for the database."""
REST_SECONDS = 1.0
"""How long a database that failed is left alone."""
READY_SECONDS = 0.2


class StorageDownError(UnavailableError):
    """The database did not do what it was asked: it is down, full, locked or read-only.

    `reason` is a word about the database; nothing here holds SQL or a value.
    """

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(f"the database does not answer ({reason})")
        self.reason = reason


class Database:
    """A database to read from and write to; safe to use from several threads.

    A transaction is not begun within another one. One that raises is rolled back.
    """

    def __init__(self, backend: Backend, monotonic: Monotonic = time.monotonic) -> None:
        """Stand before a database; it is not opened before the first transaction."""
        self._backend = backend
        self._breaker = Breaker(1, REST_SECONDS, monotonic)
        self._check: Callable[[Connection], None] | None = None
        weakref.finalize(self, backend.engine.dispose).atexit = False

    @classmethod
    def of(cls, url: str, *, monotonic: Monotonic = time.monotonic) -> "Database":
        """Return the database of an address; raise SettingsError for one that cannot be used, without repeating it."""
        return cls(_backend(url), monotonic)

    @property
    def dialect(self) -> str:
        """Return what SQLAlchemy calls it: `sqlite` or `postgresql`."""
        return self._backend.engine.dialect.name

    @property
    def is_in_memory(self) -> bool:
        """Say whether it is gone with this process."""
        return self._backend.is_in_memory

    @property
    def circuit(self) -> Circuit:
        """Say whether it is asked at this moment."""
        return self._breaker.circuit

    def read(self, seconds: float = SECONDS) -> AbstractContextManager[Connection]:
        """Return a transaction that sees one state of the database; raise StorageDownError, also from within."""
        return self._transaction(Access.READ, seconds)

    def write(self, seconds: float = SECONDS, *, durable: bool = True) -> AbstractContextManager[Connection]:
        """Return a transaction that is on the disk when it ends; raise StorageDownError, also from within.

        After that error nobody knows whether it was committed: the connection may have broken at that very moment.
        What is not `durable` outlives the process, but not always the power of the machine, and costs half.
        """
        return self._transaction(Access.WRITE if durable else Access.WRITE_SOON, seconds)

    def expect(self, check: Callable[[Connection], None]) -> None:
        """Run a check in the next transaction, and in every further one until it does not raise any more."""
        self._check = check

    def answers(self, seconds: float = READY_SECONDS) -> bool:
        """Say whether it can be written to now, within some seconds; a database that was left alone is used again."""
        try:
            within(seconds, lambda: self._try(seconds))
        except (StorageDownError, TimeoutError):
            return False
        return True

    def dispose(self, *, close: bool = True) -> None:
        """Close what is open; go on with new connections when needed.

        After a fork the child calls this with `close=False`: the open connections belong to the parent. One in memory
        stays with the child then, because its rows are nowhere else.
        """
        if close:
            self._backend.engine.dispose()
            return
        self._backend.forked()
        if not self.is_in_memory:
            self._backend.engine.dispose(close=False)

    @contextmanager
    def _transaction(self, access: Access, seconds: float) -> Iterator[Connection]:
        with waiting(Waiting.STORAGE), self._guarded(access, seconds) as connection:
            yield connection

    @contextmanager
    def _guarded(self, access: Access, seconds: float) -> Iterator[Connection]:
        if not self._breaker.allows():
            raise StorageDownError("left-alone")
        try:
            with self._begun(access, seconds) as connection:
                yield connection
                connection.commit()
        except StorageDownError as down:
            self._failed(Failure(down.reason))
            raise
        except self._backend.errors as error:
            failure = self._failure(error)
            if failure is None:
                self._breaker.succeeded()
                raise
            self._failed(failure)
            raise StorageDownError(failure.reason) from None
        except Exception:
            self._breaker.succeeded()
            raise
        self._breaker.succeeded()

    @contextmanager
    def _begun(self, access: Access, seconds: float) -> Iterator[Connection]:
        """Yield a connection in a transaction, which is rolled back unless it was committed."""
        lock = self._backend.reader if access is Access.READ else self._backend.writer
        if lock is not None and not lock.acquire(timeout=seconds):
            raise StorageDownError("queue")
        try:
            with self._connected(access, seconds) as connection:
                try:
                    if self._check is not None:
                        self._check(connection)
                        self._check = None
                    yield connection
                except BaseException:
                    self._take_back(connection)
                    raise
        finally:
            if lock is not None:
                lock.release()

    def _connected(self, access: Access, seconds: float) -> Connection:
        """Return a connection in a transaction.

        One that ended while nobody used it is replaced, once: nothing was done on it yet, and SQLAlchemy replaces all
        others of its age.
        """
        for is_first in (True, False):
            connection = self._backend.engine.connect()
            try:
                connection.begin()
                self._backend.begin(connection, access, seconds)
            except BaseException as error:
                connection.close()
                if not (is_first and self._backend.is_stale(error)):
                    raise
            else:
                return connection
        raise AssertionError("the second attempt ends the loop")

    def _take_back(self, connection: Connection) -> None:
        """Roll back by the driver: SQLAlchemy does not when it was the commit that failed."""
        if connection.invalidated:
            return
        try:
            connection.connection.rollback()
        except self._backend.errors:
            connection.invalidate()

    def _try(self, seconds: float) -> None:
        """Begin a write, look at the database, and take it back; raise StorageDownError."""
        try:
            with self._begun(Access.WRITE, seconds) as connection:
                failure = self._backend.check(connection)
        except self._backend.errors as error:
            failure = self._failure(error)
            if failure is None:
                raise
        if failure is not None:
            raise StorageDownError(failure.reason) from None
        self._breaker.succeeded()

    def _failure(self, error: Exception) -> Failure | None:
        return Failure("pool") if isinstance(error, PoolTimeoutError) else self._backend.failure(error)

    def _failed(self, failure: Failure) -> None:
        if failure.is_down:
            self._breaker.failed()
            log_event("database-down", level="error", reason=failure.reason)
        else:
            self._breaker.succeeded()


def _backend(url: str) -> Backend:
    try:
        address = make_url(url)
        match address.drivername:
            case "sqlite":
                return Sqlite(address)
            case "postgresql" | "postgres":
                return _postgresql(address)
            case _:
                raise SettingsError("DATABASE_URL", "must begin with sqlite:// or postgresql://")
    except (ArgumentError, ValueError):
        raise SettingsError("DATABASE_URL", "is no address of a database") from None


def _postgresql(address: URL) -> Backend:
    try:
        # Most installations need no driver, and it takes its time to load.
        from service.storage.postgresql import Postgresql  # noqa: PLC0415
    except ImportError:
        raise SettingsError("DATABASE_URL", "needs psycopg: install her2-crd with the extra postgres") from None
    return Postgresql(address)
