import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, inspect, text

import service.storage.migrations.versions as folder
from service.storage import schema
from service.storage.database import Database, StorageDownError
from service.storage.schema import VERSIONS, SchemaError, State, is_current, prepare, state_of, upgrade
from service.storage.tables import METADATA, USED_TOKENS
from tests.service.storage.postgresql_server import Server

Opened = Callable[[str], Database]


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def differences(connection: Connection, metadata: MetaData = METADATA) -> list[object]:
    """What alembic would change of the tables there are to make those of the metadata; types are compared too."""
    context = MigrationContext.configure(connection, opts={"version_table": "schema_version", "compare_type": True})
    return list(compare_metadata(context, metadata))


def set_version(database: Database, version: str) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE schema_version SET version_num = :version"), {"version": version})


# ------------------------------------------------------------------ what the migrations make


def test_the_migrations_make_the_tables_of_the_code(empty: Database) -> None:
    with empty.write(60) as connection:
        schema.migrate(connection)
        assert differences(connection) == []
        assert state_of(connection) is State.CURRENT
        assert tables(connection) == {*METADATA.tables, "schema_version"}


def test_a_new_database_of_sqlite_gets_what_the_migrations_make(opened: Opened) -> None:
    made, migrated = opened("sqlite://"), opened("sqlite://")
    with made.write() as one, migrated.write(60) as other:
        schema.create(one)
        schema.migrate(other)
        assert described(one) == described(other)


def described(connection: Connection) -> dict[str, object]:
    """Everything SQLAlchemy can tell of the tables, in no order that a statement gave them."""
    found = inspect(connection)
    return {
        name: (
            [{**each, "type": repr(each["type"])} for each in found.get_columns(name)],
            found.get_pk_constraint(name),
            sorted(map(repr, found.get_unique_constraints(name))),
            sorted(map(repr, found.get_indexes(name))),
        )
        for name in found.get_table_names()
    }


@pytest.mark.parametrize(
    "change",
    [
        Column("more", Integer),
        Column("jti", String(10), primary_key=True),
        None,
    ],
    ids=["a column", "a length", "a table"],
)
def test_tables_that_drifted_from_the_migrations_are_seen(
    change: Column[object] | None, postgresql_url: str, opened: Opened
) -> None:
    drifted = MetaData()
    for each in METADATA.tables.values():
        each.to_metadata(drifted)
    if change is None:
        Table("another", drifted, Column("id", Integer))
    else:
        drifted.tables[USED_TOKENS.name].append_column(change, replace_existing=True)
    with opened(postgresql_url).write(60) as connection:
        schema.migrate(connection)
        assert differences(connection, drifted) != []


def test_every_version_has_a_migration() -> None:
    files = sorted(each.stem for each in Path(folder.__path__[0]).glob("v*.py"))
    assert files == [f"v{each}" for each in VERSIONS]


def test_a_migration_that_fails_leaves_nothing_behind(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with empty.write() as connection:
        connection.exec_driver_sql("CREATE TABLE used_tokens (id INTEGER)")

    def migrate() -> None:
        with empty.write(60) as connection:
            schema.migrate(connection)

    with pytest.raises(Exception, match="used_tokens"):
        migrate()
    with empty.read() as connection:
        assert tables(connection) == {"used_tokens"}


# ------------------------------------------------------------------ upgrading


def test_an_upgrade_is_done_once_and_then_changes_nothing(empty: Database) -> None:
    assert not is_current(empty)
    upgrade(empty)
    assert is_current(empty)
    with empty.write() as connection:
        connection.execute(USED_TOKENS.insert().values(issuer="a", jti="1", expires=1))
    upgrade(empty)
    with empty.read() as connection:
        assert len(connection.execute(USED_TOKENS.select()).all()) == 1


def test_tables_of_a_later_version_are_left_alone(empty: Database) -> None:
    upgrade(empty)
    set_version(empty, "9999")
    for each in (upgrade, prepare):
        with pytest.raises(SchemaError) as caught:
            each(empty)
        assert caught.value.state is State.NEWER


def test_tables_of_an_earlier_version_are_seen(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade(empty)
    monkeypatch.setattr(schema, "VERSIONS", (*VERSIONS, "0002"))
    monkeypatch.setattr(schema, "CURRENT", "0002")
    with empty.read() as connection:
        assert state_of(connection) is State.OLDER


@pytest.mark.parametrize("kind", ["sqlite_url", "postgresql_url"])
def test_of_several_that_migrate_at_once_one_does(kind: str, request: pytest.FixtureRequest, opened: Opened) -> None:
    url = request.getfixturevalue(kind)
    code = (
        "from service.storage.database import Database; from service.storage.schema import upgrade;"
        f"upgrade(Database.of({url!r}))"
    )

    def start(_: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(3) as pool:
        assert [(each.returncode, each.stderr) for each in pool.map(start, range(3))] == [(0, "")] * 3
    assert is_current(opened(url))


def test_who_migrates_a_server_waits_for_another_who_does(postgresql_url: str, opened: Opened) -> None:
    with closing(psycopg.connect(postgresql_url)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [schema._LOCK])
        upgrading = pool.submit(upgrade, opened(postgresql_url))
        with pytest.raises(TimeoutError):
            upgrading.result(timeout=1.5)
        other.rollback()
        upgrading.result(timeout=60)
    assert is_current(opened(postgresql_url))


# ------------------------------------------------------------------ starting the service


@pytest.mark.parametrize("url", ["sqlite://", "file"])
def test_sqlite_is_brought_up_to_date_at_start(url: str, sqlite_url: str, opened: Opened) -> None:
    database = opened(sqlite_url if url == "file" else url)
    prepare(database)
    assert is_current(database)


def test_a_server_is_not_changed_at_start(postgresql_url: str, opened: Opened) -> None:
    database = opened(postgresql_url)
    with pytest.raises(SchemaError, match="her2-crd migrate") as caught:
        prepare(database)
    assert caught.value.state is State.MISSING
    upgrade(database)
    prepare(database)
    with database.read() as connection:
        assert differences(connection) == []


def test_a_server_that_is_down_at_start_is_waited_for(postgresql_url: str, postgresql: Server, opened: Opened) -> None:
    database = opened(postgresql_url)
    postgresql.stop()
    prepare(database)
    assert not database.answers()
    postgresql.start()
    assert not database.answers(1.0)
    with pytest.raises(StorageDownError):
        is_current(database)
    upgrade(opened(postgresql_url))
    assert database.answers(1.0)
    assert is_current(database)


def test_a_file_that_cannot_be_opened_at_start_is_an_error(tmp_path: Path, opened: Opened) -> None:
    with pytest.raises(StorageDownError, match="cantopen"):
        prepare(opened(f"sqlite:///{tmp_path}/missing/crd.sqlite3"))


def test_nothing_to_migrate_loads_no_alembic(sqlite_url: str, opened: Opened) -> None:
    upgrade(opened(sqlite_url))
    code = (
        "import sys; from service.storage.database import Database; from service.storage.schema import prepare;"
        f"prepare(Database.of({sqlite_url!r})); print('alembic' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_a_start_leaves_no_connection_open(postgresql_url: str, opened: Opened) -> None:
    database = opened(postgresql_url)
    upgrade(database)
    prepare(database)
    other = opened(postgresql_url)
    with other.read() as connection:
        mine = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        assert connection.exec_driver_sql(mine).scalar() == 1
