"""One deadline, and one allowance of bytes and resources, for everything that a call does over the network."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

Monotonic = Callable[[], float]


MOST_BYTES = 32_000_000
"""What all answers to one call may hold. Parsed it is several times that, and several calls run at once."""
MOST_RESOURCES = 10_000
"""How many entries all answers to one call may hold.

Reading and judging one takes 30 to 150 microseconds, whatever its size, and in 32 MB there is room for 800 000.
"""


class Allowance:
    """What the searches of one call may still read; they run in several threads.

    What was too much is used up all the same.
    """

    def __init__(self, size: int = MOST_BYTES, resources: int = MOST_RESOURCES) -> None:
        """Begin with all of it."""
        self._size, self._resources = size, resources
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Use up so many bytes; say whether there were as many."""
        with self._lock:
            self._size -= size
            return self._size >= 0

    def take_resources(self, count: int) -> bool:
        """Use up so many resources; say whether there were as many."""
        with self._lock:
            self._resources -= count
            return self._resources >= 0


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a clock that never jumps; `monotonic` is a parameter for tests.

    It comes with the allowance because both belong to one call and bound what a server may cost.
    """

    at: float
    monotonic: Monotonic = time.monotonic
    allowance: Allowance = field(default_factory=Allowance, compare=False)

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
