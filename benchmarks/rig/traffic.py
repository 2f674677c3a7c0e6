"""Calls in numbers: as many as a few connections can carry, or so many a second whatever the answers take."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Lock, Thread
from typing import Self

from benchmarks.rig.web import Answer, Connection, NoAnswerError

REFUSED = "ConnectionRefusedError"
_REDIAL = 0.02
_OVERTIME = 5.0
"""Seconds after the end in which calls that were due are still made."""


@dataclass(frozen=True, slots=True)
class Call:
    """What to send."""

    path: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


Make = Callable[[int], Call]
"""Returns the call with a number; no number comes twice in a run."""
Watch = Callable[[Answer], None]
"""Is told of every answer, on the thread that got it."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A call that was made. `begun` is when it was to be sent, and `seconds` run from there to the end of the answer.

    So a server that stands still for a second is seen by all calls that would have been made in it, not by the one
    that happened to wait. `status` is 0 where no answer came; `failure` then says what came in its place.
    """

    begun: float
    seconds: float
    status: int
    failure: str = ""


class Tally:
    """The calls of a run; safe to use from several threads."""

    def __init__(self) -> None:
        """Start with none."""
        self._calls: list[Timed] = []
        self._lock = Lock()

    def add(self, call: Timed) -> None:
        """Take note of a call."""
        with self._lock:
            self._calls.append(call)

    def calls(self, after: int = 0) -> tuple[Timed, ...]:
        """Return the calls in the order in which they ended, without the first so many."""
        with self._lock:
            return tuple(self._calls[after:])

    def statuses(self) -> str:
        """Return how often each status came, in words: `only 200`, or `3 no answer, 120 x 200`."""
        return statuses(self.calls())


def statuses(calls: Sequence[Timed]) -> str:
    """Return how often each status came, in words."""
    found = Counter(str(each.status) if each.status else f"no answer ({each.failure})" for each in calls)
    if len(found) == 1:
        return f"only {next(iter(found))}"
    return ", ".join(f"{times} x {status}" for status, times in sorted(found.items())) or "no calls"


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent of the values do not exceed; raise ValueError for no values."""
    if not values or not 0 < percent <= 100:  # noqa: PLR2004 - per cent
        raise ValueError("a percentile is of some values, and between 0 and 100")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def latencies(calls: Sequence[Timed]) -> str:
    """Return median, 99th percentile and largest latency in words."""
    if not calls:
        return "no calls"
    taken = [each.seconds * 1000 for each in calls]
    return f"p50 {percentile(taken, 50):.0f} ms, p99 {percentile(taken, 99):.0f} ms, max {max(taken):.0f} ms"


class Traffic:
    """Calls that run until they are stopped, on threads of their own; `with` ends them in any case."""

    def __init__(self, ports: Callable[[], int], make: Make, watch: Watch, *, keep: bool = True) -> None:
        """`ports` says where each new connection goes; `keep` keeps connections open from call to call."""
        self.tally = Tally()
        self._ports, self._make, self._watch, self._keep = ports, make, watch, keep
        self._stopped = Event()
        self._end = math.inf
        self._threads: list[Thread] = []
        self._numbers = count()
        self._lock = Lock()

    def saturate(self, connections: int) -> "Traffic":
        """Begin to call on so many connections, each as soon as its last call was answered."""
        return self._start(connections, self._next_to_call)

    def flow(self, rate: float, connections: int = 32) -> "Traffic":
        """Begin to call so many times a second, at fixed moments, as long as a connection is free."""
        begin = time.monotonic()

        def turn() -> tuple[int, float]:
            number = self._take()
            return number, begin + number / rate

        return self._start(connections, turn)

    def stop(self) -> Tally:
        """Send no calls that are due later, wait for the answers to the others, and return all.

        Calls that were due and waited for a connection are made now: left out, they would be the slow ones.
        """
        self._end = min(self._end, time.monotonic())
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        return self.tally

    def run(self, seconds: float) -> Tally:
        """Let the calls go on for a while, then stop."""
        self._stopped.wait(seconds)
        return self.stop()

    def __enter__(self) -> Self:
        """Return the traffic, which runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def _start(self, connections: int, turn: Callable[[], tuple[int, float]]) -> "Traffic":
        self._threads = [
            Thread(target=self._call_on, args=(turn,), name="calls", daemon=True) for _ in range(connections)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def _take(self) -> int:
        with self._lock:
            return next(self._numbers)

    def _next_to_call(self) -> tuple[int, float]:
        return self._take(), time.monotonic()

    def _call_on(self, turn: Callable[[], tuple[int, float]]) -> None:
        connection = Connection(self._ports(), keep=self._keep)
        while True:
            number, begun = turn()
            self._stopped.wait(max(0.0, min(begun, self._end) - time.monotonic()))
            if begun > self._end:
                break
            if time.monotonic() > self._end + _OVERTIME:
                self.tally.add(Timed(begun, time.monotonic() - begun, 0, "never sent"))
                continue
            self._call(connection, self._make(number), begun)
        connection.close()

    def _call(self, connection: Connection, call: Call, begun: float) -> None:
        try:
            answer = self._answer(connection, call)
        except NoAnswerError as error:
            self.tally.add(Timed(begun, time.monotonic() - begun, 0, str(error)))
            # Nobody dials a server that is gone as fast as it can.
            self._stopped.wait(_REDIAL)
        else:
            self.tally.add(Timed(begun, time.monotonic() - begun, answer.status))
            self._watch(answer)

    def _answer(self, connection: Connection, call: Call) -> Answer:
        """Return the answer. A call whose connection is refused goes to another server where there is one."""
        if not self._keep:
            connection.port = self._ports()
        refused: set[int] = set()
        while True:
            try:
                return connection.call("POST", call.path, call.body, call.headers)
            except NoAnswerError as error:
                if str(error) != REFUSED:
                    raise
                refused.add(connection.port)
                connection.port = self._ports()
                if connection.port in refused:
                    raise
