from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock
from time import sleep
from typing import Any

import pytest

from service.clients import Client
from service.deadline import Deadline
from service.jwks import BETWEEN_FETCHES_SECONDS, FRESH_SECONDS, MOST_WAITING, STALE_SECONDS, KeySource
from service.key_set import read_key_set
from tests.service.signing import FakeFetch, MovingClock, client, ec_key, jwk, jwks, rsa_key

EHR = client()
OLD = jwks(jwk(ec_key(), "old"))
BOTH = jwks(jwk(ec_key(), "old"), jwk(rsa_key(), "new"))
NEW = jwks(jwk(rsa_key(), "new"))


def soon() -> Deadline:
    return Deadline.after(60)


class Source:
    """A key source with the clock and the fetch that it was given."""

    def __init__(self, document: Any = None) -> None:
        self.clock = MovingClock(0.0)
        self.fetch = FakeFetch({} if document is None else {"ehr": document})
        self.keys = KeySource(self.fetch, self.clock)

    def has(self, kid: str) -> bool | None:
        """Say whether the keys hold this one, None when there are no keys."""
        found = self.keys.keys_for(EHR, kid, soon())
        return None if found is None else kid in found

    @property
    def fetches(self) -> int:
        return len(self.fetch.asked)


def test_keys_are_fetched_when_they_are_needed_and_then_kept() -> None:
    source = Source(OLD)
    assert source.fetches == 0
    assert [source.has("old") for _ in range(3)] == [True] * 3
    assert source.fetches == 1


def test_parsed_keys_are_kept_not_parsed_for_each_call() -> None:
    source = Source(OLD)
    first, second = (source.keys.keys_for(EHR, "old", soon()) for _ in range(2))
    assert first is second


def test_keys_that_were_given_to_us_are_never_fetched() -> None:
    source, given = Source(OLD), read_key_set(OLD)
    assert source.keys.keys_for(client(jku=None, keys=given), "unknown", soon()) is given
    assert source.fetches == 0


def test_each_client_has_its_own_keys() -> None:
    fetch = FakeFetch({"a": OLD, "b": NEW})
    keys = KeySource(fetch, MovingClock(0.0))
    a, b = keys.keys_for(client(id="a"), "old", soon()), keys.keys_for(client(id="b"), "old", soon())
    assert a is not None
    assert b is not None
    assert ("old" in a, "old" in b) == (True, False)
    assert fetch.asked == ["a", "b"]


@pytest.mark.parametrize(("age", "fetches"), [(FRESH_SECONDS - 0.001, 1), (FRESH_SECONDS, 2), (FRESH_SECONDS + 1, 2)])
def test_keys_are_fresh_for_ten_minutes(age: float, fetches: int) -> None:
    source = Source(OLD)
    source.has("old")
    source.clock.seconds += age
    assert source.has("old") is True
    assert source.fetches == fetches


def test_a_key_that_was_withdrawn_passes_until_the_keys_are_looked_up_again() -> None:
    source = Source(BOTH)
    source.has("old")
    source.fetch.documents["ehr"] = NEW
    source.clock.seconds += FRESH_SECONDS - 1
    assert source.has("old") is True
    source.clock.seconds += 1
    assert source.has("old") is False


def test_a_client_that_publishes_no_keys_withdrew_all_of_them() -> None:
    source = Source(OLD)
    source.has("old")
    source.fetch.documents["ehr"] = jwks()
    source.clock.seconds += FRESH_SECONDS
    assert source.has("old") is False


@pytest.mark.parametrize(("wait", "found"), [(BETWEEN_FETCHES_SECONDS - 0.001, False), (BETWEEN_FETCHES_SECONDS, True)])
def test_an_unknown_key_has_the_keys_looked_up_again_twice_a_minute(wait: float, found: bool) -> None:
    source = Source(OLD)
    source.has("old")
    source.fetch.documents["ehr"] = BOTH
    source.clock.seconds += wait
    assert source.has("new") is found
    assert source.has("old") is True
    assert source.fetches == 1 + found


def test_forgers_cannot_make_us_ask_more_often() -> None:
    source = Source(OLD)
    for number in range(1000):
        source.has(f"forged-{number}")
        source.clock.seconds += 0.1
    assert source.fetches == 4  # at 0, 30, 60 and 90 of 100 seconds


def test_a_client_without_reachable_keys_is_not_asked_more_often_either() -> None:
    source = Source()
    for _ in range(1000):
        assert source.has("old") is None
        source.clock.seconds += 0.1
    assert source.fetches == 4


def test_keys_that_could_not_be_had_are_looked_up_again_after_half_a_minute() -> None:
    source = Source()
    assert source.has("old") is None
    source.fetch.documents["ehr"] = OLD
    source.clock.seconds += BETWEEN_FETCHES_SECONDS - 0.001
    assert source.has("old") is None
    source.clock.seconds += 0.001
    assert source.has("old") is True


@pytest.mark.parametrize("broken", [None, {}, {"keys": 5}, jwks(jwk(ec_key("b"), "old"), jwk(rsa_key(), "old"))])
@pytest.mark.parametrize(("beyond", "found"), [(-1.0, True), (0.0, True), (1.0, None)])
def test_keys_that_cannot_be_had_anew_are_used_for_an_hour(broken: Any, beyond: float, found: bool | None) -> None:
    source = Source(OLD)
    source.has("old")
    source.fetch.documents["ehr"] = broken
    source.clock.seconds += FRESH_SECONDS
    assert source.has("old") is True
    source.clock.seconds += STALE_SECONDS + beyond - FRESH_SECONDS
    assert source.has("old") is found
    assert source.fetches == 3


def test_a_failed_fetch_for_an_unknown_key_leaves_the_known_ones() -> None:
    source = Source(OLD)
    source.has("old")
    source.fetch.documents.clear()
    source.clock.seconds += BETWEEN_FETCHES_SECONDS
    assert source.has("new") is False
    assert source.has("old") is True


def test_a_defect_of_the_fetch_is_raised_and_does_not_lock_the_client_out() -> None:
    clock = MovingClock(0.0)
    documents: list[Any] = [RuntimeError("defect"), OLD]

    def fetch(_client: Client, _deadline: Deadline) -> Mapping[str, Any] | None:
        document = documents.pop(0)
        if isinstance(document, Exception):
            raise document
        found: Mapping[str, Any] = document
        return found

    keys = KeySource(fetch, clock)
    with pytest.raises(RuntimeError, match="defect"):
        keys.keys_for(EHR, "old", soon())
    assert keys.keys_for(EHR, "old", soon()) is None
    clock.seconds += BETWEEN_FETCHES_SECONDS
    assert keys.keys_for(EHR, "old", soon()) is not None


# ------------------------------------------------------------------------------------------------ several calls at once


class SlowFetch:
    """Holds every fetch until it is let go, and counts them."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.asked = 0
        self.started = Event()
        self.let_go = Event()
        self._lock = Lock()

    def __call__(self, _client: Client, _deadline: Deadline) -> Any:
        with self._lock:
            self.asked += 1
        self.started.set()
        assert self.let_go.wait(10)
        return self.document


def test_of_eight_calls_that_need_keys_one_fetches_and_all_get_them() -> None:
    fetch = SlowFetch(OLD)
    keys = KeySource(fetch, MovingClock(0.0), wait_seconds=10)
    barrier = Barrier(9)

    def call(_number: int) -> bool:
        barrier.wait()
        found = keys.keys_for(EHR, "old", soon())
        return found is not None and "old" in found

    with ThreadPoolExecutor(8) as pool:
        calls = pool.map(call, range(8))
        barrier.wait()
        assert fetch.started.wait(10)
        sleep(0.05)  # time for the others to fetch too, if nothing kept them
        fetch.let_go.set()
        assert list(calls) == [True] * 8
    assert fetch.asked == 1


def test_eight_calls_with_unknown_keys_make_one_fetch() -> None:
    source = Source(OLD)
    source.has("old")
    source.clock.seconds += BETWEEN_FETCHES_SECONDS
    barrier = Barrier(8)

    def call(number: int) -> bool | None:
        barrier.wait()
        return source.has(f"forged-{number}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, range(8))) == [False] * 8
    assert source.fetches == 2


def test_a_call_waits_for_anothers_fetch_only_so_long() -> None:
    fetch = SlowFetch(OLD)
    keys = KeySource(fetch, MovingClock(0.0), wait_seconds=0.01)
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(keys.keys_for, EHR, "old", soon())
        assert fetch.started.wait(10)
        assert keys.keys_for(EHR, "old", soon()) is None
        fetch.let_go.set()
        assert fetching.result() is not None
    assert keys.keys_for(EHR, "old", soon()) is not None


def test_a_call_that_has_its_key_does_not_wait_for_anothers_fetch() -> None:
    clock = MovingClock(0.0)
    fetch = SlowFetch(OLD)
    fetch.let_go.set()
    keys = KeySource(fetch, clock, wait_seconds=60)
    keys.keys_for(EHR, "old", soon())
    fetch.let_go.clear()
    fetch.started.clear()
    clock.seconds += FRESH_SECONDS
    with ThreadPoolExecutor(2) as pool:
        fetching = pool.submit(keys.keys_for, EHR, "old", soon())
        assert fetch.started.wait(10)
        try:
            assert pool.submit(keys.keys_for, EHR, "old", soon()).result(timeout=5) is not None
            assert not fetching.done()
        finally:
            fetch.let_go.set()
    assert fetch.asked == 2


# ------------------------------------------------------------------------------------------------ the time of a call


def test_keys_are_fetched_within_the_deadline_of_the_call() -> None:
    given: list[Deadline] = []

    def fetch(_client: Client, deadline: Deadline) -> Mapping[str, Any] | None:
        given.append(deadline)
        return OLD

    deadline = soon()
    KeySource(fetch, MovingClock(0.0)).keys_for(EHR, "old", deadline)
    assert given == [deadline]


def test_a_call_whose_time_is_up_fetches_nothing_and_keeps_nobody_else_from_it() -> None:
    source = Source(OLD)
    assert source.keys.keys_for(EHR, "old", Deadline.after(0)) is None
    assert source.fetches == 0
    assert source.has("old") is True


def test_a_call_waits_for_anothers_fetch_no_longer_than_it_may_itself() -> None:
    fetch = SlowFetch(OLD)
    keys = KeySource(fetch, MovingClock(0.0), wait_seconds=60)
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(keys.keys_for, EHR, "old", soon())
        assert fetch.started.wait(10)
        deadline = Deadline.after(0.1)
        assert keys.keys_for(EHR, "old", deadline) is None
        assert -1 < deadline.at - deadline.monotonic() <= 0
        fetch.let_go.set()
        assert fetching.result() is not None


def test_only_so_many_calls_wait_for_the_keys_of_a_client() -> None:
    fetch = SlowFetch(OLD)
    keys = KeySource(fetch, MovingClock(0.0), wait_seconds=60)
    with ThreadPoolExecutor(MOST_WAITING) as pool:
        waiting = [pool.submit(keys.keys_for, EHR, "old", soon()) for _ in range(MOST_WAITING)]
        assert fetch.started.wait(10)
        sleep(0.05)  # time for the others to begin to wait
        assert keys.keys_for(EHR, "old", soon()) is None
        fetch.let_go.set()
        assert all(each.result() is not None for each in waiting)
    assert keys.keys_for(EHR, "old", soon()) is not None
