"""What other parts do when the processes of the server come and go."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Flask

_KEY = "her2-crd-lifecycle"


@dataclass(slots=True)
class Lifecycle:
    """Functions to call, in the order they were added.

    The application is loaded once, and every process is a copy of that one: what must not be shared, such as open
    connections, is let go in `forked`, which runs in the new process before its first call. `ended` gets the number
    of a process that is gone, in the process that started it.
    """

    forked: list[Callable[[], None]] = field(default_factory=list)
    ended: list[Callable[[int], None]] = field(default_factory=list)
    stopping: bool = False
    """This process was told to stop: it takes no new connections and finishes the calls it has."""


def lifecycle(app: Flask) -> Lifecycle:
    """Return that of an application."""
    known: Lifecycle = app.extensions.setdefault(_KEY, Lifecycle())
    return known
