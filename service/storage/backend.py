"""What differs between the databases: how a transaction begins, and what their errors mean."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, auto
from threading import Lock

from sqlalchemy import Connection, Engine


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a database did not do what it was asked, in a word without any value."""

    reason: str
    is_down: bool = True
    """False: it works, but not now, because somebody else is at the same rows."""


class Access(Enum):
    """What a transaction is for."""

    READ = auto()
    """It sees one state of the database."""
    WRITE = auto()
    """It is on the disk when it ends."""
    WRITE_SOON = auto()
    """It is on the disk a moment later: a machine that loses its power may lose it, a process that is killed not."""


class Backend(ABC):
    """A database of one kind."""

    engine: Engine
    errors: tuple[type[Exception], ...]
    """What it raises, wrapped by SQLAlchemy or not."""
    is_in_memory: bool = False
    """Whether all is lost when the connection closes."""
    writer: "Lock | None" = None
    """Held by whoever writes, where only one can."""
    reader: "Lock | None" = None
    """Held by whoever reads, where all share one connection."""

    @abstractmethod
    def begin(self, connection: Connection, access: Access, seconds: float) -> None:
        """Begin a transaction on a connection that has none; it may take so many seconds."""

    @abstractmethod
    def check(self, connection: Connection) -> Failure | None:
        """Say why a transaction that has begun could not write; None when it probably can."""

    @abstractmethod
    def failure(self, error: Exception) -> Failure | None:
        """Return what an error says about the database; None when the error is a defect of ours."""

    def is_stale(self, _error: BaseException) -> bool:
        """Say whether an error only means that a connection ended while nobody used it, and others of its age too."""
        return False

    def forked(self) -> None:  # noqa: B027 - most have no locks
        """Take new locks: another thread of the parent may have held the old ones."""
