"""A circuit breaker: what failed several times in a row is left alone for a while, and then tried by one caller."""

import time
from enum import Enum
from threading import Lock

from service.deadline import Monotonic


class Circuit(Enum):
    """Whether a server is asked."""

    CLOSED = "closed"
    """It answers: everybody may ask."""
    OPEN = "open"
    """It failed: nobody asks."""
    HALF_OPEN = "half-open"
    """Its time is up: one caller is trying, the others wait for how that ends."""


class Breaker:
    """Counts failures in a row; safe to use from several threads.

    Whoever is told that it may ask reports how that went, by `succeeded`, `failed` or `abandoned`.
    """

    def __init__(self, failures: int, open_seconds: float, monotonic: Monotonic = time.monotonic) -> None:
        """Open after so many failures in a row, for so many seconds; raise ValueError when that is none."""
        if failures < 1 or open_seconds <= 0:
            raise ValueError("a breaker opens after some failures, for some time")
        self._most, self._open_seconds, self._monotonic = failures, open_seconds, monotonic
        self._failures = 0
        self._opened: float | None = None
        self._tried: float | None = None
        self._lock = Lock()

    def allows(self) -> bool:
        """Say whether the server may be asked now. A trial that never reports back gives way to another in time."""
        with self._lock:
            if self._opened is None:
                return True
            now = self._monotonic()
            since = self._opened if self._tried is None else self._tried
            if now - since < self._open_seconds:
                return False
            self._tried = now
            return True

    def succeeded(self) -> None:
        """Take note that the server answered."""
        with self._lock:
            self._failures, self._opened, self._tried = 0, None, None

    def failed(self) -> None:
        """Take note that the server failed."""
        with self._lock:
            self._failures += 1
            if self._opened is not None or self._failures >= self._most:
                self._opened, self._tried = self._monotonic(), None

    def abandoned(self) -> None:
        """Take note that asking taught nothing of the server: if this was the trial, another may try at once."""
        with self._lock:
            self._tried = None

    @property
    def circuit(self) -> Circuit:
        """Return the state at this moment."""
        with self._lock:
            if self._opened is None:
                return Circuit.CLOSED
            return Circuit.OPEN if self._tried is None else Circuit.HALF_OPEN
