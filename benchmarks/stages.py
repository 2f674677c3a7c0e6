"""Where the time of a decision goes: stages of the real service, each without the stages inside of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from time import process_time_ns
from typing import Any

import service.answer
import service.deciding
import service.hook_routes
import service.naming
from benchmarks.calls import Application, post
from fhir_mappers.r4 import validate

REST = "Flask, headers, log line"
DECIDING = "order, coverage, approval, ids"
_CHECKS = "request checks"
CHECKED = "check of the answer"
VALIDATION = "FHIR validation of the order"

# Stage -> the module that calls it and the name it calls it by.
_CALLS: tuple[tuple[str, Any, str], ...] = (
    ("decode", service.hook_routes, "decode"),
    (_CHECKS, service.hook_routes, "read_request"),
    ("prefetch gathering", service.hook_routes, "complete"),
    ("mapping", service.answer, "map_record"),
    ("evaluation of the criteria", service.deciding, "evaluate"),
    ("cards, coverage information", service.answer, "compose_answer"),
    (CHECKED, service.answer, "check_answer"),
    ("decision record", service.naming, "decision_record"),
    ("encode", service.hook_routes, "encode"),
    ("encode", service.answer, "encode"),
    ("past, recording", service.answer, "_past"),
    ("past, recording", service.answer, "_record"),
)
STAGES = (
    "decode",
    _CHECKS,
    VALIDATION,
    "prefetch gathering",
    "mapping",
    DECIDING,
    "evaluation of the criteria",
    "cards, coverage information",
    CHECKED,
    "decision record",
    "past, recording",
    "encode",
    REST,
)


class Stopwatch:
    """CPU time per stage of one request; a stage's clock stands still while a stage inside of it runs."""

    def __init__(self) -> None:
        """Start with no time on any stage."""
        self.spent: dict[str, int] = dict.fromkeys(STAGES, 0)
        self._running = [REST]
        self._since = 0

    def start(self) -> None:
        """Begin a request."""
        self.spent = dict.fromkeys(STAGES, 0)
        self._since = process_time_ns()

    def stop(self) -> dict[str, int]:
        """End the request and return the nanoseconds per stage."""
        self._book()
        return self.spent

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time booked on a stage."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self._book()
            self._running.append(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self._book()
                self._running.pop()

        return call

    def _book(self) -> None:
        now = process_time_ns()
        self.spent[self._running[-1]] += now - self._since
        self._since = now


@contextmanager
def watched(watch: Stopwatch) -> Iterator[None]:
    """Let the service book its time on a stopwatch."""
    replaced = [(module, name, getattr(module, name)) for _, module, name in _CALLS]
    for (stage, module, name), (_, _, original) in zip(_CALLS, replaced, strict=True):
        function = partial(original, validate=watch.timed(VALIDATION, validate)) if stage == _CHECKS else original
        setattr(module, name, watch.timed(stage, function))
    try:
        yield
    finally:
        for module, name, original in replaced:
            setattr(module, name, original)


def split(app: Application, watch: Stopwatch, body: bytes, requests: int) -> dict[str, float]:
    """Return microseconds per stage, the median of many requests.

    The application was made with `watch.timed(DECIDING, answer_hook)` as its use case.
    """
    found: dict[str, list[int]] = {stage: [] for stage in STAGES}
    with watched(watch):
        for _ in range(requests):
            watch.start()
            post(app, body)
            for stage, spent in watch.stop().items():
                found[stage].append(spent)
    return {stage: median(times) / 1000 for stage, times in found.items()}
