"""TEMPORARY."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from service.problems import ServiceError
from service.storage.tables import METADATA


class StorageDownError(ServiceError):
    """Down."""


class Database:
    def __init__(self, url: str) -> None:
        kw = {"poolclass": StaticPool} if url == "sqlite://" else {}
        self._engine = create_engine(url, connect_args={"check_same_thread": False}, **kw)
        self._lock = RLock()
        self.dialect = "sqlite"
        METADATA.create_all(self._engine)

    @classmethod
    def of(cls, url: str) -> "Database":
        return cls(url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._lock, self._engine.begin() as c:
            yield c

    write = read
