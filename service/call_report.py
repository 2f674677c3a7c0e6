"""What is noted of one call while it runs: for its log line, the metrics and the traces.

It holds ids of our own configuration, closed sets of words and durations. Nothing that came with a request has a place
here; the name of a client is the one it is registered under.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from functools import wraps
from time import perf_counter
from typing import Any, NamedTuple, ParamSpec

from criteria.decision import Decision
from criteria.facts import SearchState
from criteria.outcome import Outcome
from service.logs import log_event

Parameters = ParamSpec("Parameters")

NONE = "none"
"""Stands where there is no policy, no service or no route."""


class Waiting(Enum):
    """What a call waits for: time that is not its own."""

    FHIR = "fhir"
    """The client's servers: FHIR resources, and the keys its tokens are signed with."""
    STORAGE = "storage"
    """The database."""
    QUEUE = "queue"
    """A thread of this process."""


class Reported(NamedTuple):
    """A decision of the call: the id of the policy that was read, and how that ended."""

    policy: str
    outcome: Outcome


@dataclass(slots=True)
class CallReport:
    """One call as far as it got; used by the one thread that answers it.

    `searches` has the resource types of which the FHIR server did not give all, `feedback` how each reported card
    was taken, `refused` why the caller was not recognised, `operator` which operator asked.
    """

    started: float = field(default_factory=perf_counter)
    waited: dict[Waiting, float] = field(default_factory=lambda: dict.fromkeys(Waiting, 0.0))
    decisions: tuple[Reported, ...] = ()
    searches: dict[str, SearchState] = field(default_factory=dict)
    feedback: tuple[str, ...] = ()
    refused: str | None = None
    operator: str | None = None

    def seconds(self) -> float:
        """Return how long the call has taken so far."""
        return perf_counter() - self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedCall:
    """A call that was answered.

    `service` is an id on offer and `route` the name of one of our routes; both are NONE for an address that does not
    exist. `is_recorded` is None where nothing was to be recorded.
    """

    report: CallReport
    service: str
    route: str
    status: int
    seconds: float
    client: str | None = None
    is_recorded: bool | None = None

    @property
    def own(self) -> float:
        """Return the seconds that were spent on nothing outside."""
        return max(0.0, self.seconds - sum(self.report.waited.values()))

    def fields(self) -> dict[str, Any]:
        """Return what the log line says; what there is nothing to say about is left out."""
        report = self.report
        said: dict[str, Any] = {"status": self.status, "milliseconds": _milliseconds(self.seconds)}
        said["own_milliseconds"] = _milliseconds(self.own)
        for what, seconds in report.waited.items():
            if seconds:
                said[f"{what.value}_milliseconds"] = _milliseconds(seconds)
        said["route"] = self.route
        if self.service != NONE:
            said["service_id"] = self.service
        if self.client is not None:
            said["client"] = self.client
        if report.operator is not None:
            said["operator"] = report.operator
        if report.decisions:
            said["outcomes"] = [each.outcome.value for each in report.decisions]
            said["policies"] = [each.policy for each in report.decisions]
        if self.is_recorded is not None:
            said["recorded"] = self.is_recorded
        if report.searches:
            said["searches"] = {kind: state.value for kind, state in report.searches.items()}
        if report.feedback:
            said["feedback"] = list(report.feedback)
        return said


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


_REPORT: ContextVar[CallReport | None] = ContextVar("call_report", default=None)


def begin_report(queued: float = 0.0) -> CallReport:
    """Give the present call a fresh report and return it; so many seconds it was here before."""
    fresh = CallReport(perf_counter() - queued)
    fresh.waited[Waiting.QUEUE] = queued
    _REPORT.set(fresh)
    return fresh


def present_report() -> CallReport:
    """Return the report of the present call; outside of a call one that nobody reads."""
    return _REPORT.get() or CallReport()


@contextmanager
def waiting(what: Waiting) -> Iterator[None]:
    """Count the time of a block as waiting.

    Only the thread that answers the call waits: fetches beside each other count once, for as long as it needs any.
    """
    report, began = present_report(), perf_counter()
    try:
        yield
    finally:
        report.waited[what] += perf_counter() - began


def report_decisions(decisions: Iterable[Decision]) -> None:
    """Note what the present call decided: of each order the policy that was read, and the outcome."""
    present_report().decisions = tuple(
        Reported(NONE if each.policy is None else each.policy.id, each.outcome) for each in decisions
    )


def unfailing(count: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Return what counts or shows something without raising: a call is answered, whether or not it can be counted."""

    @wraps(count)
    def counted(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            count(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - a full disk, or a defect of ours
            log_event("not-counted", level="error", exception=type(error).__name__)

    return counted


def report_searches(searches: Iterable[tuple[str, SearchState]]) -> None:
    """Note what the present call asked a FHIR server for and did not get."""
    unanswered = (SearchState.DENIED, SearchState.FAILED)
    present_report().searches = {kind: state for kind, state in searches if state in unanswered}
