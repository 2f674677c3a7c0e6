"""The databases that the service is played with, and how large they are."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg
from cryptography.fernet import Fernet

from benchmarks.rig.postgres import NoPostgresError, Postgres, is_required, postgres
from benchmarks.rig.server import NotStartedError, Server
from benchmarks.rig.table import Line, Row, Skip


class Database(Protocol):
    """A database of one service."""

    @property
    def name(self) -> str:
        """Return what it is called in a table."""
        ...

    @property
    def url(self) -> str:
        """Return its address as the service takes it."""
        ...

    def size(self) -> int:
        """Return how many bytes it takes."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A file on this machine, which the service makes."""

    path: Path
    name: str = "SQLite"

    @property
    def url(self) -> str:
        """Return its address."""
        return f"sqlite:///{self.path}"

    def size(self) -> int:
        """Return the size of the file and of the log beside it."""
        return sum(each.stat().st_size for each in self.path.parent.glob(f"{self.path.name}*") if each.is_file())


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database of a cluster."""

    url: str
    name: str = "PostgreSQL"

    def size(self) -> int:
        """Return what the server says of it."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(found[0]) if found else 0


def retaining(folder: Path, database: Database) -> dict[str, str]:
    """Return the settings of a service that keeps what it read and sent, so that it can be replayed."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = folder / "retain.keys"
    if not keys.exists():
        keys.write_bytes(Fernet.generate_key() + b"\n")
        keys.chmod(0o600)
    return {"DATABASE_URL": database.url, "HER2_CRD_RETAIN_INPUTS": "on", "HER2_CRD_RETAIN_KEYS": str(keys)}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running PostgreSQL of our own, whose databases have the tables of the service."""

    server: Postgres
    template: str

    def new(self) -> PostgresDatabase:
        """Return a fresh database."""
        return PostgresDatabase(self.server.new_database(self.template))


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster | str]:
    """Give a running PostgreSQL, or the reason why there is none here."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres(folder))
        except NoPostgresError as error:
            yield str(error)
            return
        template = server.new_database()
        migrated = Server(folder / "migration", {"DATABASE_URL": template}).command("migrate")
        if migrated.returncode != 0:
            raise NotStartedError(f"her2-crd migrate: {migrated.stderr.strip()}")
        yield Cluster(server, template.rpartition("/")[2])


def without_postgres(done: str, why: str, environ: Mapping[str, str]) -> Line:
    """Return the line of what needs PostgreSQL where there is none: an error where it is required."""
    if is_required(environ):
        return Row(done, "PostgreSQL", f"none: {why}")
    return Skip(done, why)
