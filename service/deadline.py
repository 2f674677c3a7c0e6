"""One deadline for everything that a call does over the network."""

import time
from collections.abc import Callable
from dataclasses import dataclass

Monotonic = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a clock that never jumps; `monotonic` is a parameter for tests."""

    at: float
    monotonic: Monotonic = time.monotonic

    @classmethod
    def after(cls, seconds: float, monotonic: Monotonic = time.monotonic) -> "Deadline":
        """Return the deadline that many seconds from now."""
        return cls(monotonic() + seconds, monotonic)

    def remaining(self) -> float:
        """Return the seconds left, never below zero."""
        return max(0.0, self.at - self.monotonic())

    @property
    def passed(self) -> bool:
        """Say whether no time is left."""
        return self.remaining() <= 0.0
