"""How many calls of one client are worked on at once, so that no client takes all threads from the others."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from service.problems import Issue, RequestProblem


class TooManyCalls(RequestProblem):
    """A client has as many calls under way as it may: 429, to be tried again in a moment."""

    def __init__(self) -> None:
        """Name no number: it is the operator's."""
        super().__init__(429, (Issue("", "throttled", "Too many calls at once; try again in a moment."),))


class Turns:
    """Counts the calls that are under way by client; safe to use from several threads."""

    def __init__(self, most: int) -> None:
        """Allow at most `most` calls of one client; raise ValueError when that is none."""
        if most < 1:
            raise ValueError("no call could ever be answered")
        self._most = most
        self._under_way: Counter[str] = Counter()
        self._lock = Lock()

    @contextmanager
    def take(self, client: str | None) -> Iterator[None]:
        """Work on a call of a client; raise TooManyCalls. Anybody, who is no client, is not counted."""
        if client is None:
            yield
            return
        with self._lock:
            if self._under_way[client] >= self._most:
                raise TooManyCalls
            self._under_way[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[client] -= 1
