"""The metrics: what is counted of calls, and the page that Prometheus reads.

prometheus_client decides when it is imported whether it counts for one process or for several, so this module is
imported when an application is made and not before (service.multiprocess).
"""

import os
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from service import metric_table as table
from service.breaker import Circuit
from service.call_report import EndedCall, Waiting, unfailing
from service.clock import Clock
from service.deadline import Deadline
from service.fhir_client import Fetch, Fetched
from service.metric_page import Found
from service.metric_table import Row
from service.multiprocess import FOLDER

CircuitStates = Callable[[], Mapping[str, Circuit]]
"""Says how circuits stand, by name."""

ANYBODY = "anybody"
"""The client of calls that nobody was asked a name for."""

_ANSWERED, _DEFECT = 200, 500
_WORKED_OUT = frozenset({_ANSWERED, 412})
_IS_SHARED = bool(os.environ.get(FOLDER))
"""As prometheus_client decided a moment ago."""

_LEVELS: Mapping[Circuit, int] = {Circuit.CLOSED: 0, Circuit.HALF_OPEN: 1, Circuit.OPEN: 2}
_WAITS: Mapping[Waiting, Row] = {
    Waiting.FHIR: table.FHIR_SECONDS,
    Waiting.STORAGE: table.STORAGE_SECONDS,
    Waiting.QUEUE: table.QUEUE_SECONDS,
}
_FHIR_RESULTS = ("answered", "denied", "failed", "unreachable")
_KEY_RESULTS = ("ok", "failed")


class Metrics:
    """Counts what happens; safe to use from several threads. One for an application, and one in a process."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing counted."""
        self._clock = clock
        self._registry = registry = CollectorRegistry()
        self._calls = _counter(table.CALLS, registry)
        self._decisions = _counter(table.DECISIONS, registry)
        self._records = _counter(table.RECORDS, registry)
        self._refused = _counter(table.REFUSED, registry)
        self._feedback = _counter(table.FEEDBACK, registry)
        self._times = [_histogram(row, registry) for row in (table.CALL_SECONDS, table.OWN_SECONDS, *_WAITS.values())]
        self._under_way = _gauge(table.UNDER_WAY, registry)
        self._fhir_requests = _counter(table.FHIR_REQUESTS, registry)
        self._fhir_seconds = _histogram(table.FHIR_REQUEST_SECONDS, registry)
        self._key_fetches = _counter(table.KEY_FETCHES, registry)
        self._keys_fetched = _gauge(table.KEYS_FETCHED, registry)
        self._circuits = _gauge(table.CIRCUIT, registry)
        self._states: CircuitStates = dict
        self._shown: dict[str, Circuit] = {}

    def expect_services(self, services: Iterable[str]) -> None:
        """Show the numbers of these hook services from the start: of one that begins at 1 no increase is seen."""
        for result in ("written", "not-written"):
            self._records.labels(result)
        for service, each in product(services, self._times):
            each.labels(service)

    def expect_clients(self, clients: Iterable[str]) -> None:
        """Show the numbers of these registered clients from the start."""
        for client in clients:
            for result in _FHIR_RESULTS:
                self._fhir_requests.labels(client, result)
            for result in _KEY_RESULTS:
                self._key_fetches.labels(client, result)

    @unfailing
    def call_began(self) -> None:
        """Count a call that is under way."""
        self._under_way.inc()

    @unfailing
    def call_ended(self) -> None:
        """Count it no more."""
        self._under_way.dec()

    @unfailing
    def count_call(self, call: EndedCall) -> None:
        """Count a call that was answered."""
        self._calls.labels(call.route, call.service, call.status).inc()
        report = call.report
        if any(report.waited.values()):
            # Only who asks a server learns something of it.
            self._show_circuits()
        if report.refused is not None:
            self._refused.labels(report.refused).inc()
        if call.route == "call" and (call.status in _WORKED_OUT or call.status >= _DEFECT):
            waited = (report.waited[what] for what in _WAITS)
            for histogram, seconds in zip(self._times, (call.seconds, call.own, *waited), strict=True):
                histogram.labels(call.service).observe(seconds)
        if call.status != _ANSWERED:
            return
        for policy, outcome in report.decisions:
            self._decisions.labels(call.service, policy, outcome.value).inc()
        if report.decisions and call.is_recorded is not None:
            self._records.labels("written" if call.is_recorded else "not-written").inc(len(report.decisions))
        for each in report.feedback:
            self._feedback.labels(call.service, each).inc()

    def counted(self, fetch: Fetch, client: str | None) -> Fetch:
        """Return a fetch that counts the requests it makes for a client."""
        name = client or ANYBODY

        def counting(url: str, token: str | None, deadline: Deadline) -> Fetched:
            began = perf_counter()
            fetched = fetch(url, token, deadline)
            self._count_fetch(name, fetched, perf_counter() - began)
            return fetched

        return counting

    @unfailing
    def _count_fetch(self, client: str, fetched: Fetched, seconds: float) -> None:
        self._fhir_seconds.labels(client).observe(seconds)
        self._fhir_requests.labels(client, "unreachable" if fetched.unreachable else fetched.state.value).inc()

    @unfailing
    def keys_fetched(self, client: str, *, is_had: bool) -> None:
        """Count a fetch of a client's keys, and whether there is a key set for it."""
        self._key_fetches.labels(client, "ok" if is_had else "failed").inc()
        if is_had:
            self._keys_fetched.labels(client).set(self._clock.now().timestamp())

    def watch_circuits(self, states: CircuitStates) -> None:
        """Show how these circuits stand, as far as this process knows; their names are of the configuration."""
        self._states = states

    def _show_circuits(self) -> None:
        for name, state in self._states().items():
            if self._shown.get(name) is not state:
                self._shown[name] = state
                self._circuits.labels(name).set(_LEVELS[state])

    def page(self, found: Found) -> bytes:
        """Return everything that was counted, by every process there is, and what is found out now."""
        self._show_circuits()
        registry = CollectorRegistry()
        if _IS_SHARED:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library is typed but for this
        else:
            registry.register(self._registry)
        registry.register(found)
        return generate_latest(registry)


def _counter(row: Row, registry: CollectorRegistry) -> Counter:
    return Counter(row.name, row.meaning, row.labels, registry=registry)


def _histogram(row: Row, registry: CollectorRegistry) -> Histogram:
    return Histogram(row.name, row.meaning, row.labels, registry=registry, buckets=row.buckets)


def _gauge(row: Row, registry: CollectorRegistry) -> Gauge:
    return Gauge(row.name, row.meaning, row.labels, registry=registry, multiprocess_mode=row.among)  # type: ignore[arg-type] # one of its words
