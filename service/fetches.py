"""The threads that fetch, of all calls of this process together: so many, and not all of them for one server.

A call waits for nobody else's thread beyond its deadline: what has not begun by then is never begun. What has begun
ends by the timeouts of service.connections, so that threads that wait for a dead server do not add up.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

MOST_FETCHES = 64
"""At once in this process: four for each of its 16 calls."""

MOST_PER_SERVER = 32
"""At once on one server, so that one that does not answer leaves half of the threads to the others."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Callable[[], Any]
    ends: Future[Any]


class Fetches:
    """Runs the searches of calls side by side; safe to use from several threads. Starts no thread before the first."""

    def __init__(self, most: int = MOST_FETCHES, most_per_server: int = MOST_PER_SERVER) -> None:
        """Run at most `most` at once and `most_per_server` of them on one server; raise ValueError for none."""
        if not 0 < most_per_server <= most:
            raise ValueError("some thread must be there for every server")
        self._threads = ThreadPoolExecutor(most, "fhir")
        self._most_per_server = most_per_server
        self._free = most
        self._running: Counter[Hashable] = Counter()
        self._waiting: OrderedDict[Hashable, deque[_Waiting]] = OrderedDict()
        self._lock = Lock()

    def submit(self, server: Hashable, job: Callable[[], Result]) -> Future[Result]:
        """Return the future of a job that runs when there is room for it; never waits. A future may be cancelled."""
        ends: Future[Result] = Future()
        with self._lock:
            self._waiting.setdefault(server, deque()).append(_Waiting(job, ends))
        self._start()
        return ends

    @property
    def running(self) -> int:
        """Return how many jobs run at this moment."""
        with self._lock:
            return self._running.total()

    def _start(self) -> None:
        """Start what there is room for."""
        while (chosen := self._next()) is not None:
            # When the machine has no thread to give, the job stays in the pool's queue, and its call does not wait
            # beyond its deadline: a search that failed, not a call that broke.
            with suppress(RuntimeError):
                self._threads.submit(self._run, *chosen)

    def _next(self) -> tuple[Hashable, _Waiting] | None:
        """Take a job whose server has room, servers in turn; None when there is none."""
        with self._lock:
            if self._free == 0:
                return None
            for server, jobs in self._waiting.items():
                if self._running[server] == self._most_per_server:
                    continue
                waiting = jobs.popleft()
                if jobs:
                    self._waiting.move_to_end(server)
                else:
                    del self._waiting[server]
                self._running[server] += 1
                self._free -= 1
                return server, waiting
            return None

    def _run(self, server: Hashable, waiting: _Waiting) -> None:
        try:
            if waiting.ends.set_running_or_notify_cancel():
                try:
                    found = waiting.job()
                except BaseException as error:  # noqa: BLE001 - whoever waits for it is who raises it
                    waiting.ends.set_exception(error)
                else:
                    waiting.ends.set_result(found)
        finally:
            with self._lock:
                self._free += 1
                self._running[server] -= 1
                if not self._running[server]:
                    del self._running[server]
            self._start()
