import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from service.storage import used_tokens
from service.storage.database import Database
from service.storage.schema import create
from service.storage.tables import USED_TOKENS
from service.storage.used_tokens import UsedTokens
from tests.service.builders import logged
from tests.service.signing import NOW, MovingClock
from tests.service.storage.postgresql_server import Server

Opened = Callable[[str], Database]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def kept(database: Database) -> set[str]:
    with database.read() as connection:
        return {row.jti for row in connection.execute(USED_TOKENS.select())}


def test_a_token_is_good_for_one_use_in_all_processes(stored: Database) -> None:
    one, other = UsedTokens(stored, MovingClock()), UsedTokens(stored, MovingClock())
    assert one.first_use("a", "1", at(NOW + 60))
    assert not one.first_use("a", "1", at(NOW + 60))
    assert not other.first_use("a", "1", at(NOW + 60))
    assert other.first_use("b", "1", at(NOW + 60))
    assert not one.first_use("b", "1", at(NOW + 60))


@pytest.mark.parametrize(("later", "good"), [(59.0, False), (60.0, True), (61.0, True)])
def test_a_token_is_remembered_until_the_moment_it_expires(stored: Database, later: float, good: bool) -> None:
    clock = MovingClock()
    assert UsedTokens(stored, clock).first_use("a", "1", at(NOW + 60))
    clock.seconds += later
    # The second token of this id lives longer, as a client that counts from one again would make it.
    assert UsedTokens(stored, clock).first_use("a", "1", at(NOW + 600)) is good
    assert not UsedTokens(stored, clock).first_use("a", "1", at(NOW + 600))


def test_expired_tokens_are_forgotten_a_while_later(stored: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(used_tokens, "TIDY_EVERY", 2)
    clock = MovingClock()
    tokens = UsedTokens(stored, clock)
    for jti in ("1", "2"):
        assert tokens.first_use("a", jti, at(NOW + 60))
    clock.seconds += timedelta(minutes=12).total_seconds()
    assert tokens.first_use("a", "3", at(clock.seconds + 60))
    assert kept(stored) == {"1", "2", "3"}
    assert tokens.first_use("a", "4", at(clock.seconds + 60))
    assert kept(stored) == {"3", "4"}


def test_of_eight_threads_exactly_one_is_first(stored: Database) -> None:
    processes = [UsedTokens(stored, MovingClock()) for _ in range(4)]
    barrier = Barrier(8)

    def use(number: int, jti: str) -> bool:
        barrier.wait()
        return processes[number % 4].first_use("a", jti, at(NOW + 60))

    with ThreadPoolExecutor(8) as pool:
        for jti in map(str, range(10)):
            assert list(pool.map(use, range(8), [jti] * 8)).count(True) == 1


PROCESS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from service.clock import SystemClock
from service.storage.database import Database
from service.storage.used_tokens import UsedTokens
database, end = Database.of(sys.argv[1]), SystemClock().now() + timedelta(minutes=5)
tokens = UsedTokens(database, SystemClock())
tokens.first_use("ready", sys.argv[2], end)
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(8) as pool:
    for number in range(50):
        print(*map(int, pool.map(lambda _: tokens.first_use("a", str(number), end), range(8))))
database.dispose()
"""


@pytest.mark.parametrize("kind", ["sqlite_url", "postgresql_url"])
def test_of_eight_threads_in_each_of_two_processes_exactly_one_is_first(
    kind: str, request: pytest.FixtureRequest, opened: Opened
) -> None:
    url = request.getfixturevalue(kind)
    with opened(url).write(60) as connection:
        create(connection)
    firsts = together([[sys.executable, "-c", PROCESS, url, name] for name in ("1", "2")])
    assert [len(each) for each in firsts] == [400, 400]
    for number in range(50):
        assert sum(sum(each[8 * number : 8 * number + 8]) for each in firsts) == 1


def together(commands: list[list[str]]) -> list[list[int]]:
    """Run processes that wait for each other to be ready, and return the numbers that each prints."""
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(each, text=True, stdin=pipe, stdout=pipe) for each in commands]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    printed = [each.communicate(timeout=60)[0] for each in processes]
    assert [each.returncode for each in processes] == [0] * len(processes)
    return [[int(digit) for digit in each.split()] for each in printed]


def test_without_the_database_each_process_remembers_its_own_tokens(
    postgresql: Server, postgresql_url: str, opened: Opened
) -> None:
    """Calls are answered; the log says once that the tokens are not shared, and once that they are again."""
    database = opened(postgresql_url)
    with database.write(60) as connection:
        create(connection)
    tokens = UsedTokens(database, MovingClock())
    assert tokens.first_use("a", "1", at(NOW + 60))
    postgresql.stop()
    try:
        with logged() as lines:
            assert not tokens.first_use("a", "1", at(NOW + 60))
            assert tokens.first_use("a", "2", at(NOW + 60))
            assert not tokens.first_use("a", "2", at(NOW + 60))
            assert tokens.first_use("a", "3", at(NOW + 60))
        assert events(lines.getvalue()) == ["database-down", "used-tokens-not-shared"]
    finally:
        postgresql.start()
    assert database.answers(1.0)
    with logged() as lines:
        assert tokens.first_use("a", "4", at(NOW + 60))
        assert tokens.first_use("a", "5", at(NOW + 60))
    assert events(lines.getvalue()) == ["used-tokens-shared-again"]
    assert kept(database) == {"1", "4", "5"}


def events(lines: str) -> list[str]:
    return [json.loads(line)["event"] for line in lines.splitlines()]
