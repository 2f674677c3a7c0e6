"""Whether calls should be sent to this process: apart from whether it lives, which /livez says."""

import time
from collections.abc import Callable, Mapping
from threading import Lock
from types import MappingProxyType

from service.deadline import Monotonic
from service.logs import log_event

FRESH_SECONDS = 1.0
"""So long the results of the checks are told again. Anybody may ask, and no such question reaches the database twice
a second."""

SERVING = "serving"
"""The check that fails from when the process is told to stop."""

Check = Callable[[], bool]
"""Says whether something works that every answer needs; bounded in time by itself."""


class Readiness:
    """The checks of a process; safe to use from several threads.

    The FHIR servers of clients are none of them: what one of them does must not take the service from the others.
    """

    def __init__(self, checks: Mapping[str, Check], is_stopping: Check, monotonic: Monotonic = time.monotonic) -> None:
        """Check these things, each under a name that anybody may read; be ready no more once it is stopping."""
        self._checks = MappingProxyType(dict(checks))
        self._monotonic = monotonic
        self._is_stopping = is_stopping
        self._lock = Lock()
        self._at: float | None = None
        self._found: Mapping[str, bool] = MappingProxyType({})

    def results(self) -> dict[str, bool]:
        """Return which checks pass. What raises does not; a change is logged."""
        with self._lock:
            now = self._monotonic()
            if self._at is None or now - self._at >= FRESH_SECONDS:
                self._run(now)
            return {**self._found, SERVING: not self._is_stopping()}

    def failing(self) -> tuple[str, ...]:
        """Return the names of the checks that do not pass."""
        return tuple(name for name, passes in self.results().items() if not passes)

    def _run(self, now: float) -> None:
        errors: dict[str, str] = {}
        found = {name: _passes(check, name, errors) for name, check in self._checks.items()}
        changed = [name for name, passes in found.items() if passes is not self._found.get(name, True)]
        lost = [name for name in changed if not found[name]]
        if lost:
            raised = {"exception": errors[lost[0]]} if lost[0] in errors else {}
            log_event("not-ready", level="error", checks=lost, **raised)
        if regained := [name for name in changed if found[name]]:
            log_event("ready-again", checks=regained)
        self._found, self._at = MappingProxyType(found), now


def _passes(check: Check, name: str, errors: dict[str, str]) -> bool:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - whatever it was, the check does not pass
        errors[name] = type(error).__name__
        return False
