"""Tokens that were used: each is good for one call (CDS Hooks, `jti`)."""

import heapq
from datetime import datetime
from threading import Lock
from typing import Protocol

from service.clock import Clock
from service.logs import log_event

MOST = 200_000
"""Tokens live six minutes at most, so this is 550 calls a second. Remembering that many takes about 60 MB."""


class Replays(Protocol):
    """Remembers tokens until they expire. Several processes need one that they share."""

    def first_use(self, issuer: str, jti: str, expires: datetime) -> bool:
        """Say whether this is the first use of a token, and remember it; of several callers at once, one hears yes.

        `expires` is the moment from which the token is refused for its age, and need not be remembered any more.
        """
        ...


class ReplaysInMemory:
    """Remembers the tokens of this process.

    When as many are remembered as fit and none has expired, every further token counts as used: to forget one would
    let it be used again. The log then says why calls are refused. Only tokens with a valid signature come here, so
    only a registered client can fill it.
    """

    def __init__(self, clock: Clock, most: int = MOST) -> None:
        """Remember at most `most` tokens; raise ValueError when that is none."""
        if most < 1:
            raise ValueError("a memory of no tokens refuses all of them")
        self._clock = clock
        self._most = most
        self._used: set[tuple[str, str]] = set()
        self._by_end: list[tuple[datetime, tuple[str, str]]] = []
        self._latest: datetime | None = None
        self._lock = Lock()

    def first_use(self, issuer: str, jti: str, expires: datetime) -> bool:
        """Say whether this is the first use of a token, and remember it."""
        token = (issuer, jti)
        with self._lock:
            now = self._now()
            while self._by_end and self._by_end[0][0] <= now:
                self._used.discard(heapq.heappop(self._by_end)[1])
            if token in self._used or expires <= now:
                return False
            is_full = len(self._used) >= self._most
            if not is_full:
                self._used.add(token)
                heapq.heappush(self._by_end, (expires, token))
        if is_full:
            log_event("memory-of-used-tokens-is-full", level="error")
        return not is_full

    def _now(self) -> datetime:
        """Return the latest moment seen: a clock that is set back must not make a forgotten token good again."""
        now = self._clock.now()
        self._latest = now if self._latest is None else max(self._latest, now)
        return self._latest
