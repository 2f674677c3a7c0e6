import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from service.breaker import Circuit
from service.setting_values import SettingsError
from service.storage.database import Database
from tests.service.storage.things import SECRET, THINGS, furnished, kept, put


@pytest.fixture
def database(empty: Database) -> Database:
    return furnished(empty)


# ------------------------------------------------------------------ transactions


def test_what_was_written_is_read(database: Database) -> None:
    put(database, 1, 2)
    assert kept(database) == 2


def test_a_transaction_that_raises_is_taken_back_and_the_next_one_works(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.execute(insert(THINGS), {"id": 1})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert kept(database) == 0
    put(database, 1)
    assert kept(database) == 1


def test_a_reader_sees_one_state_all_the_time(sqlite_url: str, opened: Callable[[str], Database]) -> None:
    check_one_state(opened(sqlite_url))


def test_a_reader_of_postgresql_sees_one_state_all_the_time(
    postgresql_url: str, opened: Callable[[str], Database]
) -> None:
    check_one_state(opened(postgresql_url))


def check_one_state(database: Database) -> None:
    furnished(database)
    number = select(func.count()).select_from(THINGS)
    with database.read() as connection:
        before = connection.execute(number).scalar_one()
        put(database, 1)
        assert connection.execute(number).scalar_one() == before == 0
    assert kept(database) == 1


def test_a_defect_of_ours_is_no_failure_of_the_database_and_shows_no_value(database: Database) -> None:
    put(database, 1)
    with pytest.raises(IntegrityError) as caught:
        put(database, 1)
    assert SECRET not in str(caught.value)
    with pytest.raises(SQLAlchemyError), database.read() as connection:
        connection.execute(text("SELECT missing FROM things"))
    assert database.circuit is Circuit.CLOSED
    assert kept(database) == 1


def test_a_commit_that_fails_is_taken_back_and_the_next_one_works(
    sqlite_url: str, opened: Callable[[str], Database]
) -> None:
    """SQLite leaves such a transaction open, on a connection that others will use."""
    database = opened(sqlite_url)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql(
            "CREATE TABLE children (id INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED)"
        )

    def write(statement: str) -> None:
        with database.write() as connection:
            connection.exec_driver_sql(statement)

    with pytest.raises(IntegrityError):
        write("INSERT INTO children VALUES (1)")
    write("INSERT INTO parents VALUES (2)")
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM children").scalar() == 0


def test_threads_write_at_the_same_time(database: Database) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: put(database, number), range(200)))
    assert kept(database) == 200


def test_a_database_is_opened_by_the_first_transaction_only(tmp_path: Path, opened: Callable[[str], Database]) -> None:
    file = tmp_path / "late.sqlite3"
    database = opened(f"sqlite:///{file}")
    assert not file.exists()
    assert database.answers()
    assert file.exists()


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_written_ahead_and_synchronised(
    durable: bool, sqlite_url: str, opened: Callable[[str], Database]
) -> None:
    database = opened(sqlite_url)
    for each in (durable, not durable, durable):
        with database.write(durable=each) as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == (2 if each else 1)


@pytest.mark.parametrize(("durable", "found"), [(True, "on"), (False, "off")])
def test_a_server_commits_when_it_is_on_the_disk(
    durable: bool, found: str, postgresql_url: str, opened: Callable[[str], Database]
) -> None:
    with opened(postgresql_url).write(durable=durable) as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == found


def test_a_transaction_of_postgresql_has_limits_that_do_not_outlive_it(
    postgresql_url: str, opened: Callable[[str], Database]
) -> None:
    database = opened(postgresql_url)
    with database.write(seconds=0.7) as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "700ms"
        raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor:
        assert cursor.execute("SHOW statement_timeout").fetchone() == ("0",)


# ------------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    "url",
    [f"postgresql:crd:{SECRET}@db/crd", f"mysql://crd:{SECRET}@db/crd", f"postgresql+asyncpg://{SECRET}@db/crd"],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL") as caught:
        Database.of(url)
    assert SECRET not in str(caught.value)


def test_a_server_without_a_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "service.storage.postgresql", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match="extra postgres"):
        Database.of("postgresql://crd@db/crd")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_both_names_of_postgresql_are_known(scheme: str) -> None:
    database = Database.of(f"{scheme}://crd@db.example/crd?sslmode=require")
    assert (database.dialect, database.is_in_memory) == ("postgresql", False)


def test_sqlite_loads_no_driver_of_others() -> None:
    code = (
        "import sys; from service.storage.database import Database; d = Database.of('sqlite://'); assert d.answers();"
        "d.dispose(); print([n for n in ('psycopg', 'alembic', 'sqlalchemy.orm') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
