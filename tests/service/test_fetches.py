import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Event, Lock

import pytest

from service.fetches import MOST_FETCHES, Fetches


class Jobs:
    """Jobs that last until they are let go; which ones have begun is known."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.let_go = Event()
        self._lock = Lock()
        self._changed = threading.Condition(self._lock)

    def called(self, name: str) -> Callable[[], str]:
        def job() -> str:
            with self._changed:
                self.begun.append(name)
                self._changed.notify_all()
            assert self.let_go.wait(10)
            return name

        return job

    def wait_for(self, count: int) -> list[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.begun) >= count, 10)
            return list(self.begun)


def ended(futures: list[Future[str]]) -> list[str]:
    assert not wait(futures, timeout=10).not_done
    return [each.result() for each in futures]


def test_no_thread_is_there_before_the_first_job() -> None:
    before = threading.active_count()
    fetches = Fetches()
    assert threading.active_count() == before
    assert fetches.submit("a", lambda: 5).result(10) == 5


def test_so_many_jobs_run_at_once_and_then_the_next() -> None:
    fetches, jobs = Fetches(3, 3), Jobs()
    futures = [fetches.submit("a", jobs.called(str(number))) for number in range(5)]
    assert sorted(jobs.wait_for(3)) == ["0", "1", "2"]
    assert fetches.running == 3
    assert [each.running() for each in futures] == [True, True, True, False, False]
    jobs.let_go.set()
    assert ended(futures) == ["0", "1", "2", "3", "4"]


def test_one_server_leaves_threads_to_the_others() -> None:
    fetches, jobs = Fetches(4, 2), Jobs()
    dead = [fetches.submit("dead", jobs.called("dead")) for _ in range(10)]
    assert jobs.wait_for(2) == ["dead", "dead"]
    assert fetches.submit("well", lambda: "well").result(10) == "well"
    assert len(jobs.begun) == 2
    jobs.let_go.set()
    assert ended(dead) == ["dead"] * 10


def test_servers_take_turns() -> None:
    fetches, jobs = Fetches(1, 1), Jobs()
    first = fetches.submit("a", jobs.called("first"))
    jobs.wait_for(1)
    futures = [fetches.submit(server, jobs.called(server)) for server in "aaabbc"]
    jobs.let_go.set()
    ended([first, *futures])
    assert jobs.begun == ["first", "a", "b", "c", "a", "b", "a"]


def test_a_job_that_is_called_off_before_it_began_never_runs() -> None:
    fetches, jobs = Fetches(1, 1), Jobs()
    first = fetches.submit("a", jobs.called("first"))
    jobs.wait_for(1)
    second, third = (fetches.submit("a", jobs.called(name)) for name in ("second", "third"))
    assert second.cancel()
    jobs.let_go.set()
    assert ended([first, third]) == ["first", "third"]
    assert jobs.begun == ["first", "third"]


def test_a_job_that_fails_says_so_to_who_waits_and_frees_its_thread() -> None:
    fetches = Fetches(1, 1)
    with pytest.raises(ZeroDivisionError):
        fetches.submit("a", lambda: 1 // 0).result(10)
    assert fetches.submit("a", lambda: 5).result(10) == 5
    assert fetches.running == 0


def test_a_machine_without_threads_breaks_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    fetches = Fetches(2, 2)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        stranded = fetches.submit("a", lambda: "late")
        assert not stranded.done()
    assert fetches.submit("a", lambda: "well").result(10) == "well"
    assert stranded.result(10) == "late"


def test_what_is_done_leaves_nothing_behind() -> None:
    fetches = Fetches()
    ended([fetches.submit(str(number), lambda: "x") for number in range(100)])
    while fetches.running:
        time.sleep(0.001)
    assert (fetches._waiting, fetches._running, fetches._free) == ({}, {}, MOST_FETCHES)


@pytest.mark.parametrize(("most", "per_server"), [(0, 0), (1, 0), (1, 2)])
def test_numbers_that_leave_a_server_no_thread_are_refused(most: int, per_server: int) -> None:
    with pytest.raises(ValueError, match="every server"):
        Fetches(most, per_server)
