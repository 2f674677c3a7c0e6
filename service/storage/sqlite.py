"""SQLite, in a file or in memory."""

import os
import sqlite3
import time
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, StaticPool, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from service.storage.backend import Access, Backend, Failure

CONNECTIONS = 8
BUSY_SECONDS = 1.0
"""How long another process may hold the file before a transaction gives up."""
LEAST_FREE_BYTES = 4_000_000
"""Room on the disk below which the database counts as full."""

# Codes of https://www.sqlite.org/rescode.html that tell of the file, the disk or other processes, not of our SQL.
_OF_THE_DATABASE = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_NOTADB,
    }
)
_PRIMARY_CODE = 0xFF
_ASK_AGAIN_SECONDS = 0.001
_SYNCHRONOUS = MappingProxyType({Access.WRITE: "FULL", Access.WRITE_SOON: "NORMAL"})


class Sqlite(Backend):
    """A file, which several processes may use, or a database in memory with one connection for all threads.

    Writers of this process take turns by a lock, because SQLite itself only tries again and again. There is one file
    lock for each database, so nobody waits longer for it.
    """

    errors = (SQLAlchemyError, sqlite3.Error)

    def __init__(self, url: URL) -> None:
        """Prepare the engine; nothing is opened yet."""
        self._file = None if url.database in (None, "", ":memory:") else Path(str(url.database))
        self.engine = _engine(url) if self._file else _engine_in_memory()
        self.is_in_memory = self._file is None
        self.forked()

    def forked(self) -> None:
        """Take new locks; in memory reading and writing share one."""
        self.writer = Lock()
        self.reader = self.writer if self.is_in_memory else None

    def begin(self, connection: Connection, access: Access, seconds: float) -> None:
        """Begin; a writer takes the file's lock at once, so that it cannot fail half way for another writer."""
        raw: Any = connection.connection.driver_connection
        if access is Access.READ:
            _set(connection.info, raw, "busy_timeout", int(seconds * 1000))
            raw.execute("BEGIN")
            return
        _set(connection.info, raw, "busy_timeout", 0)
        _set(connection.info, raw, "synchronous", _SYNCHRONOUS[access])
        _begin_writing(raw, seconds)

    def check(self, _connection: Connection) -> Failure | None:
        """A write lock is not given on a file that is read-only, so only the disk is left to look at."""
        if self._file is None:
            return None
        try:
            disk = os.statvfs(self._file.absolute().parent)
        except OSError:
            return Failure("no-folder")
        return Failure("disk-full") if disk.f_bavail * disk.f_frsize < LEAST_FREE_BYTES else None

    def failure(self, error: Exception) -> Failure | None:
        """Tell errors by SQLite's own code: its exceptions are the same for a full disk and a missing table."""
        original = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(original, "sqlite_errorcode", None)
        if code is None or code & _PRIMARY_CODE not in _OF_THE_DATABASE:
            return None
        name = str(getattr(original, "sqlite_errorname", "SQLITE_ERROR"))
        return Failure(name.removeprefix("SQLITE_").lower().replace("_", "-"))


def _begin_writing(raw: sqlite3.Connection, seconds: float) -> None:
    """Take the file's lock as soon as another process leaves it for a moment.

    SQLite would ask for it less and less often, ten times a second in the end, and never meet the moment between two
    transactions of a process that writes all the time.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
        else:
            return
        time.sleep(_ASK_AGAIN_SECONDS)


def _set(known: dict[Any, Any], raw: Any, name: str, value: object) -> None:
    """Set what lasts as long as the connection, unless it is so already."""
    if known.get(name) != value:
        raw.execute(f"PRAGMA {name}={value}")
        known[name] = value


def _engine(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        poolclass=QueuePool,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        pool_use_lifo=True,
        # A transaction is ended by whoever began it.
        pool_reset_on_return=None,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _engine_in_memory() -> Engine:
    return create_engine(
        "sqlite+pysqlite://",
        poolclass=StaticPool,
        pool_reset_on_return=None,
        hide_parameters=True,
        connect_args={"isolation_level": None, "check_same_thread": False},
    )


def _prepare(raw: sqlite3.Connection, _record: object) -> None:
    """Let readers and a writer not wait for each other."""
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA foreign_keys=ON")
