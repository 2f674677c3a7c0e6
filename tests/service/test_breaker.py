from collections.abc import Callable

import pytest

from service.breaker import Breaker, Circuit


class Watch:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def opened(watch: Watch, failures: int = 3) -> Breaker:
    breaker = Breaker(failures, 30, watch)
    for _ in range(failures):
        assert breaker.allows()
        breaker.failed()
    return breaker


@pytest.mark.parametrize(("failures", "circuit"), [(2, Circuit.CLOSED), (3, Circuit.OPEN), (4, Circuit.OPEN)])
def test_it_opens_after_so_many_failures_in_a_row(failures: int, circuit: Circuit) -> None:
    breaker = Breaker(3, 30, Watch())
    for _ in range(failures):
        breaker.failed()
    assert (breaker.circuit, breaker.allows()) == (circuit, circuit is Circuit.CLOSED)


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    breaker = Breaker(2, 30, Watch())
    for report in (breaker.failed, breaker.succeeded, breaker.failed):
        report()
    assert breaker.circuit is Circuit.CLOSED


@pytest.mark.parametrize(("seconds", "allowed"), [(29.9, False), (30, True), (30.1, True)])
def test_after_its_time_one_caller_tries(seconds: float, allowed: bool) -> None:
    watch = Watch()
    breaker = opened(watch)
    watch.at = seconds
    assert [breaker.allows(), breaker.allows()] == [allowed, False]
    assert breaker.circuit is (Circuit.HALF_OPEN if allowed else Circuit.OPEN)


@pytest.mark.parametrize(("report", "circuit"), [(Breaker.succeeded, Circuit.CLOSED), (Breaker.failed, Circuit.OPEN)])
def test_the_trial_decides(report: Callable[[Breaker], None], circuit: Circuit) -> None:
    watch = Watch()
    breaker = opened(watch)
    watch.at = 30
    assert breaker.allows()
    report(breaker)
    assert breaker.circuit is circuit
    watch.at = 59.9
    assert breaker.allows() is (circuit is Circuit.CLOSED)


def test_a_trial_that_never_reports_gives_way_to_another() -> None:
    watch = Watch()
    breaker = opened(watch)
    watch.at = 30
    assert breaker.allows()
    watch.at = 60
    assert breaker.allows()


def test_a_trial_that_taught_nothing_leaves_it_to_the_next() -> None:
    watch = Watch()
    breaker = opened(watch)
    watch.at = 30
    assert breaker.allows()
    breaker.abandoned()
    assert breaker.circuit is Circuit.OPEN
    assert [breaker.allows(), breaker.allows()] == [True, False]


@pytest.mark.parametrize("before", [0, 2])
def test_what_taught_nothing_neither_counts_nor_ends_the_count(before: int) -> None:
    breaker = Breaker(3, 30, Watch())
    for _ in range(before):
        breaker.failed()
    breaker.abandoned()
    states = [breaker.circuit]
    for _ in range(3 - before):
        breaker.failed()
    assert [*states, breaker.circuit] == [Circuit.CLOSED, Circuit.OPEN]


@pytest.mark.parametrize(("failures", "seconds"), [(0, 1), (1, 0)])
def test_a_breaker_that_never_opens_is_none(failures: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="a breaker opens"):
        Breaker(failures, seconds)
