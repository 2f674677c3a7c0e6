"""PgBouncer in front of PostgreSQL, which gives every transaction whichever session of the server is free."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, create_engine, select

from service.storage.database import Database
from service.storage.schema import create, migrate, prepare
from service.storage.tables import USED_TOKENS
from service.storage.used_tokens import UsedTokens
from tests.service.signing import NOW, MovingClock
from tests.service.storage.postgresql_server import Server
from tests.service.storage.test_used_tokens import at
from tests.service.storage.things import THINGS, furnished, kept, put

Opened = Callable[[str], Database]


@pytest.fixture
def behind_proxy(proxy: Server, postgresql_url: str, opened: Opened) -> Database:
    """The test's database as it is reached through the proxy."""
    return opened(proxy.url(postgresql_url.rpartition("/")[2]))


def test_threads_write_through_a_proxy(behind_proxy: Database) -> None:
    database = furnished(behind_proxy)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(database, number), range(400)))
    assert kept(database) == 400


def test_tables_are_migrated_and_tokens_used_through_a_proxy(behind_proxy: Database) -> None:
    with behind_proxy.write(60) as connection:
        migrate(connection)
    prepare(behind_proxy)
    tokens = [UsedTokens(behind_proxy, MovingClock()) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        used = pool.map(lambda number: tokens[number % 4].first_use("a", str(number // 4), at(NOW + 60)), range(200))
        assert sum(used) == 50


def test_a_limit_of_one_transaction_is_not_one_of_the_next(behind_proxy: Database) -> None:
    def limits(seconds: float) -> str | None:
        with behind_proxy.write(seconds) as connection:
            return str(connection.exec_driver_sql("SHOW statement_timeout").scalar())

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(limits, [0.5] * 20)) == {"500ms"}
        assert set(pool.map(limits, [0.9] * 20)) == {"900ms"}


def prepared(connection: Connection) -> int:
    """Run a statement often and return how many the session of the server has prepared by then."""
    for _ in range(20):
        connection.execute(select(THINGS.c.id).where(THINGS.c.id == 1))
    return int(connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one())


def test_no_statement_is_prepared(postgresql_url: str, opened: Opened) -> None:
    with furnished(opened(postgresql_url)).read() as connection:
        assert prepared(connection) == 0


def test_a_driver_that_prepares_statements_is_seen(postgresql_url: str, opened: Opened) -> None:
    furnished(opened(postgresql_url))
    engine = create_engine(postgresql_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        assert prepared(connection) > 0
    engine.dispose()


def test_a_server_that_was_restarted_behind_the_proxy_is_used_again(behind_proxy: Database, postgresql: Server) -> None:
    with behind_proxy.write(60) as connection:
        create(connection)
    postgresql.stop()
    postgresql.start()
    assert behind_proxy.answers(3.0)
    with behind_proxy.read() as connection:
        assert connection.execute(USED_TOKENS.select()).all() == []
