"""What stands before several servers: it sends calls to those that say they are ready."""

from collections.abc import Iterable
from itertools import count
from threading import Event, Thread
from typing import Self

from benchmarks.rig.web import status_of

WATCH_SECONDS = 0.1
_OK = 200


class Balancer:
    """Gives the ports of the servers that were ready when last asked, in turn."""

    def __init__(self, ports: Iterable[int]) -> None:
        """Begin with these, which are ready."""
        self._ports = list(ports)
        self._ready = list(self._ports)
        self._turns = count()
        self._closing = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def port(self) -> int:
        """Return where the next call goes."""
        ready = self._ready
        return ready[next(self._turns) % len(ready)]

    def add(self, port: int) -> None:
        """Take in a server; calls go there once it is ready."""
        self._ports.append(port)

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        self._closing.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closing.wait(WATCH_SECONDS):
            # With nobody ready the last choice stands: the calls fail there, where they are counted.
            self._ready = [port for port in tuple(self._ports) if status_of(port, "/readyz") == _OK] or self._ready
