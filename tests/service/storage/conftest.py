"""Databases to test on: SQLite in a file and in memory, and a real PostgreSQL where one can be started."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from service.storage import schema
from service.storage.database import Database
from tests.service.storage.postgresql_server import (
    Server,
    missing,
    pgbouncer,
    programs,
    running_pgbouncer,
    running_postgresql,
)

DATABASE: LiteralString = "crd_test"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server for all tests of this process."""
    found = programs()
    if found is None:
        missing("PostgreSQL")
        return
    with running_postgresql(found) as server:
        yield server


@pytest.fixture(scope="session")
def _own_database(postgresql: Server) -> str:
    with closing(psycopg.connect(postgresql.url("postgres"), autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    return postgresql.url(DATABASE)


@pytest.fixture
def postgresql_url(_own_database: str) -> str:
    """The address of an empty database: emptying one is much quicker than making one."""
    with closing(psycopg.connect(_own_database, autocommit=True)) as connection:
        # A test may have left the database read-only.
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER DATABASE {DATABASE} RESET ALL")
        connection.execute("SET lock_timeout = '10s'")
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return _own_database


@pytest.fixture
def proxy(postgresql: Server) -> Iterator[Server]:
    """PgBouncer in front of the server."""
    program = pgbouncer()
    if program is None:
        missing("PgBouncer")
        return
    with running_pgbouncer(program, postgresql) as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a file that is not there yet."""
    return f"sqlite:///{tmp_path / 'crd.sqlite3'}"


@pytest.fixture
def opened() -> Iterator[Callable[[str], Database]]:
    """Opens databases, and closes them after the test."""
    known: list[Database] = []

    def open_one(url: str) -> Database:
        known.append(Database.of(url))
        return known[-1]

    yield open_one
    for each in known:
        each.dispose()


@pytest.fixture(params=["file", "memory", "postgresql"])
def empty(request: pytest.FixtureRequest, opened: Callable[[str], Database]) -> Database:
    """A database without tables, one of each kind."""
    names = {"file": "sqlite_url", "postgresql": "postgresql_url"}
    url = request.getfixturevalue(names[request.param]) if request.param in names else "sqlite://"
    return opened(url)


@pytest.fixture
def stored(empty: Database) -> Database:
    """A database with the tables of the service, one of each kind."""
    with empty.write(60) as connection:
        schema.create(connection)
    return empty
