"""Cables pulled out of a database: every failure is one error in bounded time, and what is back is used again."""

import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
from sqlalchemy import insert, select, update

from service.breaker import Circuit
from service.storage import sqlite
from service.storage.database import REST_SECONDS, Database, StorageDownError
from tests.service.builders import logged
from tests.service.storage.postgresql_server import Server, free_port
from tests.service.storage.things import SECRET, THINGS, furnished, kept, put

Opened = Callable[[str], Database]


@pytest.fixture
def on_server(postgresql: Server, postgresql_url: str, opened: Opened) -> Iterator[Database]:
    """A database of a server that the test may stop."""
    yield furnished(opened(postgresql_url))
    postgresql.stop()
    postgresql.start()


@pytest.fixture
def in_file(sqlite_url: str, opened: Opened) -> Database:
    return furnished(opened(sqlite_url))


@contextmanager
def seconds(most: float) -> Iterator[None]:
    """Fail when what is done takes longer."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < most


def reason(call: Callable[[], object]) -> str:
    """Return why the database did not do what it was asked."""
    with pytest.raises(StorageDownError) as caught:
        call()
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"
    return caught.value.reason


# ------------------------------------------------------------------ a server


def test_a_server_that_refuses_is_down_and_then_left_alone(opened: Opened) -> None:
    database = opened(f"postgresql://crd@127.0.0.1:{free_port()}/crd")
    with logged() as lines:
        assert reason(lambda: kept(database)) == "no-connection"
    assert '"event":"database-down"' in lines.getvalue()
    with seconds(0.5):
        assert reason(lambda: kept(database)) == "left-alone"
    assert database.circuit is Circuit.OPEN
    assert not database.answers()


def test_a_server_that_never_answers_costs_a_second(opened: Opened) -> None:
    with socket.create_server(("127.0.0.1", 0)) as black_hole:
        database = opened(f"postgresql://crd@127.0.0.1:{black_hole.getsockname()[1]}/crd")
        with seconds(1.0):
            assert not database.answers(0.2)
        with seconds(1.9):
            assert reason(lambda: kept(database)) == "no-answer"
        time.sleep(1.5)  # psycopg gives up a connection after two seconds, in a thread of its own


def test_a_server_that_falls_silent_costs_little_more_than_a_second(on_server: Database, postgresql: Server) -> None:
    put(on_server, 1)
    with stopped_sessions(postgresql), seconds(2.5):
        assert reason(lambda: put(on_server, 2)) == "no-answer"
    assert on_server.answers(1.0)
    put(on_server, 3)


def test_a_server_that_falls_silent_is_not_ready(on_server: Database, postgresql: Server) -> None:
    put(on_server, 1)
    with stopped_sessions(postgresql), seconds(1.0):
        assert not on_server.answers(0.2)


@contextmanager
def stopped_sessions(postgresql: Server) -> Iterator[None]:
    """Freeze the processes that serve the connections of the test; new ones are served."""
    with closing(psycopg.connect(postgresql.url("postgres"), autocommit=True)) as other:
        sessions = [each for (each,) in other.execute("SELECT pid FROM pg_stat_activity WHERE datname LIKE 'crd_%'")]
    assert sessions
    for each in sessions:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in sessions:
            os.kill(each, signal.SIGCONT)


def test_a_server_that_was_restarted_is_used_again_at_once(on_server: Database, postgresql: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(on_server, number), range(40)))
    postgresql.stop()
    postgresql.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(on_server, number), range(40, 80)))
    assert kept(on_server) == 80


def test_what_was_committed_survives_a_server_that_stops_in_the_middle(on_server: Database, postgresql: Server) -> None:
    """Every write that ended without an error is there afterwards."""
    written: list[int] = []
    stop = Event()

    def write() -> None:
        for number in range(100_000):
            if stop.is_set():
                return
            try:
                put(on_server, number)
            except StorageDownError:
                time.sleep(0.01)
            else:
                written.append(number)

    writer = Thread(target=write)
    writer.start()
    time.sleep(0.3)
    postgresql.stop()
    time.sleep(0.3)
    before = len(written)
    assert before
    postgresql.start()
    end = time.monotonic() + 10
    while len(written) == before and time.monotonic() < end:
        time.sleep(0.05)
    stop.set()
    writer.join()
    assert len(written) > before
    with on_server.read() as connection:
        assert set(written) <= set(connection.execute(select(THINGS.c.id)).scalars())


def test_readiness_sees_a_server_that_is_back_before_its_rest_is_over(on_server: Database, postgresql: Server) -> None:
    postgresql.stop()
    reason(lambda: kept(on_server))
    postgresql.start()
    assert on_server.answers(1.0)
    assert on_server.circuit is Circuit.CLOSED


def test_who_waits_for_a_row_does_not_make_the_server_down(on_server: Database, postgresql_url: str) -> None:
    put(on_server, 1)
    with closing(psycopg.connect(postgresql_url)) as other:
        other.execute("SELECT * FROM things FOR UPDATE")
        with seconds(2.5), on_server.read():
            pass
        with seconds(2.5):
            assert reason(lambda: _rename(on_server)) == "55P03"
        other.rollback()
    assert on_server.circuit is Circuit.CLOSED
    _rename(on_server)


def _rename(database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(THINGS).values(name="x"))


def test_a_server_that_is_slow_gives_up_itself(on_server: Database) -> None:
    def sleep() -> None:
        with on_server.write() as connection:
            connection.exec_driver_sql("SELECT pg_sleep(5)")

    with seconds(2.5):
        assert reason(sleep) == "57014"
    # Who waits for several rows one after the other ends like this too: no reason to leave the server alone.
    assert on_server.circuit is Circuit.CLOSED
    assert kept(on_server) == 0


def test_a_server_that_may_only_be_read_is_not_ready(on_server: Database, postgresql_url: str) -> None:
    name = postgresql_url.rpartition("/")[2]
    with closing(psycopg.connect(postgresql_url, autocommit=True)) as other:
        other.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    on_server.dispose()
    assert not on_server.answers(1.0)
    assert reason(lambda: put(on_server, 1)) == "25006"


def test_more_threads_than_connections_wait_and_then_give_up(on_server: Database) -> None:
    def sleep(_: int) -> str:
        try:
            with on_server.write(seconds=3) as connection:
                connection.exec_driver_sql("SELECT pg_sleep(1.5)")
        except StorageDownError as down:
            return down.reason
        return "done"

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(sleep, range(12)))
    assert sorted(found) == ["done"] * 8 + ["pool"] * 4


# ------------------------------------------------------------------ a file


def test_a_full_disk_takes_nothing_back_and_is_used_again_when_there_is_room(in_file: Database) -> None:
    put(in_file, 1)
    with in_file.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    assert reason(lambda: put(in_file, *range(100, 5000))) == "full"
    assert in_file.answers()
    assert kept(in_file) == 1
    in_file.dispose()
    put(in_file, *range(100, 5000))
    assert kept(in_file) == 4901


def test_a_disk_that_is_nearly_full_is_not_ready(in_file: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_file.answers()
    monkeypatch.setattr(sqlite, "LEAST_FREE_BYTES", 1 << 60)
    assert not in_file.answers()


def test_a_file_that_another_program_holds_is_busy_after_a_second(in_file: Database, sqlite_url: str) -> None:
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with seconds(2.5):
            assert reason(lambda: put(in_file, 1)) == "busy"
        with seconds(1.0):
            assert not in_file.answers(0.2)
        other.execute("ROLLBACK")
    assert in_file.answers(1.0)
    put(in_file, 1)


def test_a_writer_that_does_not_end_keeps_others_waiting_for_a_second(in_file: Database) -> None:
    with in_file.write() as connection:
        connection.execute(insert(THINGS), {"id": 1})
        with ThreadPoolExecutor(1) as pool, seconds(2.5):
            assert pool.submit(reason, lambda: put(in_file, 2)).result() == "queue"
    assert kept(in_file) == 1


def test_a_file_in_no_folder_cannot_be_opened(tmp_path: Path, opened: Opened) -> None:
    database = opened(f"sqlite:///{tmp_path}/missing/crd.sqlite3")
    assert reason(lambda: kept(database)) == "cantopen"
    assert not database.answers()


def test_a_file_that_is_no_database_is_down(tmp_path: Path, opened: Opened) -> None:
    (tmp_path / "crd.sqlite3").write_bytes(b"no database" * 100)
    database = opened(f"sqlite:///{tmp_path}/crd.sqlite3")
    assert reason(lambda: kept(database)) == "notadb"


def test_a_file_that_may_only_be_read_is_not_ready(in_file: Database, sqlite_url: str, opened: Opened) -> None:
    put(in_file, 1)
    only_read = opened(f"sqlite:///file:{sqlite_url.removeprefix('sqlite:///')}?mode=ro&uri=true")
    assert kept(only_read) == 1
    assert not only_read.answers()
    assert reason(lambda: put(only_read, 2)) == "readonly"


# ------------------------------------------------------------------ coming back


def test_after_its_rest_a_database_is_tried_by_one_caller(opened: Opened, tmp_path: Path) -> None:
    now = [0.0]
    folder = tmp_path / "late"
    database = Database.of(f"sqlite:///{folder}/crd.sqlite3", monotonic=lambda: now[0])
    reason(lambda: kept(database))
    folder.mkdir()
    assert reason(lambda: kept(database)) == "left-alone"
    now[0] += REST_SECONDS
    furnished(database)
    assert database.circuit is Circuit.CLOSED
    database.dispose()


def test_a_child_of_a_fork_does_not_use_the_connections_of_its_parent(in_file: Database) -> None:
    put(in_file, 1)
    with in_file.write() as connection:
        connection.execute(insert(THINGS), {"id": 2})
        child = os.fork()
        if child == 0:
            in_file.dispose(close=False)
            os._exit(0 if kept(in_file) == 1 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert kept(in_file) == 2
