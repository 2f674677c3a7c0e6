"""When a call arrived, and so when its time is up: one deadline for all that is done over the network for it.

The time a call waits for a thread is its caller's time too. So the deadline runs from when the request had arrived,
which the server tells, and a call for which too little is left is sent away at once: to ask a FHIR server in the last
moment would find that it did not answer, and blame it for our load.
"""

import time
from contextvars import ContextVar

from flask import Flask, g, request

from service.deadline import Deadline
from service.problems import request_problem

_OPERATIONS = frozenset({"/livez", "/readyz", "/metrics"})
"""What says how this process is, which it says at any time."""

_ARRIVED: ContextVar[float | None] = ContextVar("arrived", default=None)


def arrived(at: float) -> None:
    """Take note when the request of this thread had arrived, by the clock of time.monotonic."""
    _ARRIVED.set(at)


def register_arrival(app: Flask, seconds: float) -> None:
    """Give every call its deadline, so many seconds from its arrival; answer 503 when half of them are gone."""

    @app.before_request
    def begin() -> None:
        at = _ARRIVED.get()
        deadline = g.deadline = Deadline.after(seconds) if at is None else Deadline(at + seconds)
        if deadline.remaining() < seconds / 2 and request.path not in _OPERATIONS:
            raise request_problem("", "throttled", "Too many calls at once; try again in a moment.", status=503)


def queued() -> float:
    """Return for how many seconds the request of this thread has been here; 0 where the server does not tell."""
    at = _ARRIVED.get()
    return 0.0 if at is None else max(0.0, time.monotonic() - at)


def call_deadline() -> Deadline:
    """Return the deadline of the present call."""
    deadline: Deadline = g.deadline
    return deadline
