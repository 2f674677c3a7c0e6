import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from time import sleep

import pytest

from service.replays import ReplaysInMemory
from tests.service.builders import logged
from tests.service.signing import NOW, MovingClock


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_a_token_is_good_for_one_use() -> None:
    replays = ReplaysInMemory(MovingClock())
    assert [replays.first_use("a", "1", at(NOW + 60)) for _ in range(3)] == [True, False, False]


def test_two_issuers_may_choose_the_same_jti() -> None:
    replays = ReplaysInMemory(MovingClock())
    assert replays.first_use("a", "1", at(NOW + 60))
    assert replays.first_use("b", "1", at(NOW + 60))
    assert replays.first_use("a", "2", at(NOW + 60))


@pytest.mark.parametrize(("later", "good"), [(59.999, False), (60.0, True), (60.001, True)])
def test_a_token_is_remembered_until_the_moment_it_expires(later: float, good: bool) -> None:
    clock = MovingClock()
    replays = ReplaysInMemory(clock)
    assert replays.first_use("a", "1", at(NOW + 60))
    clock.seconds += later
    # The second token of this id lives longer, as a client that counts from one again would make it.
    assert replays.first_use("a", "1", at(NOW + 600)) is good


@pytest.mark.parametrize(("expires", "good"), [(NOW - 1, False), (NOW, False), (NOW + 0.001, True)])
def test_an_expired_token_is_not_good_for_any_use(expires: float, good: bool) -> None:
    assert ReplaysInMemory(MovingClock()).first_use("a", "1", at(expires)) is good


def test_a_clock_that_is_set_back_does_not_make_a_forgotten_token_good_again() -> None:
    clock = MovingClock()
    replays = ReplaysInMemory(clock)
    assert replays.first_use("a", "1", at(NOW + 60))
    clock.seconds = NOW + 61
    assert replays.first_use("a", "2", at(NOW + 120))
    clock.seconds = NOW
    assert not replays.first_use("a", "1", at(NOW + 60))


def test_a_full_memory_refuses_rather_than_forgets_and_says_so_in_the_log() -> None:
    clock = MovingClock()
    replays = ReplaysInMemory(clock, most=2)
    assert replays.first_use("a", "1", at(NOW + 10))
    assert replays.first_use("a", "2", at(NOW + 20))
    with logged() as lines:
        assert not replays.first_use("a", "3", at(NOW + 30))
    assert json.loads(lines.getvalue())["event"] == "memory-of-used-tokens-is-full"
    assert not replays.first_use("a", "1", at(NOW + 10))
    clock.seconds += 10
    assert replays.first_use("a", "3", at(NOW + 30))
    assert not replays.first_use("a", "2", at(NOW + 20))


def test_a_replay_into_a_full_memory_is_not_reported_as_full() -> None:
    replays = ReplaysInMemory(MovingClock(), most=1)
    assert replays.first_use("a", "1", at(NOW + 10))
    with logged() as lines:
        assert not replays.first_use("a", "1", at(NOW + 10))
    assert lines.getvalue() == ""


def test_expired_tokens_take_no_room() -> None:
    clock = MovingClock()
    replays = ReplaysInMemory(clock, most=3)
    for number in range(100):
        assert replays.first_use("a", str(number), at(clock.seconds + 3))
        clock.seconds += 1


class SlowText(str):
    """Text that takes so long to look up that threads come between the question and the answer."""

    __slots__ = ()

    def __hash__(self) -> int:
        sleep(0.001)
        return super().__hash__()


def test_of_eight_threads_exactly_one_is_first() -> None:
    replays = ReplaysInMemory(MovingClock())
    barrier = Barrier(8)

    def use(jti: str) -> bool:
        barrier.wait()
        return replays.first_use("a", jti, at(NOW + 60))

    with ThreadPoolExecutor(8) as pool:
        for number in range(10):
            assert list(pool.map(use, [SlowText(number)] * 8)).count(True) == 1


def test_a_memory_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no tokens"):
        ReplaysInMemory(MovingClock(), most=0)
