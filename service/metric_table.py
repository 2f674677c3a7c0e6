"""The metrics that are offered: one row each, from which they are made; docs/observability.md shows the same table.

Every label has few values, all of them known at the start: ids of hooks, policies and registered clients, closed sets
of words, and statuses. Nothing of a request becomes one.
"""

from dataclasses import dataclass
from enum import Enum

PREFIX = "her2_crd_"


class Kind(Enum):
    """What a metric does with its numbers."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"
    """Set where something changes, and read from every process: which of their values counts is the row's `among`."""
    FOUND = "gauge, found out when asked"
    """Found out when somebody asks, by the process that answers: the same for all of them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric. `among` is how a gauge is joined of several processes, in the words of prometheus_client."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    among: str = ""
    buckets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check what Prometheus asks of names, and that each kind has what it needs."""
        if not self.name.startswith(PREFIX) or (self.kind is Kind.COUNTER) != self.name.endswith("_total"):
            raise ValueError(f"{self.name}: begins with {PREFIX}, and a counter ends with _total")
        if (self.kind is Kind.HISTOGRAM) != bool(self.buckets) or (self.kind is Kind.GAUGE) != bool(self.among):
            raise ValueError(f"{self.name}: a histogram has buckets, and a gauge says how processes are joined")


_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0)
"""From a thousandth of a second to beyond the 5 s in which CRD wants its answer (found-2)."""

CALLS = Row(f"{PREFIX}calls_total", Kind.COUNTER, ("route", "service", "status"), "Calls that were answered.")
DECISIONS = Row(
    f"{PREFIX}decisions_total",
    Kind.COUNTER,
    ("service", "policy", "outcome"),
    "Decisions that were answered with status 200; policy is none where none was read.",
)
RECORDS = Row(
    f"{PREFIX}records_total",
    Kind.COUNTER,
    ("result",),
    "Decisions that were answered: durably recorded (written) or not (not-written).",
)
REFUSED = Row(f"{PREFIX}refused_callers_total", Kind.COUNTER, ("reason",), "Calls of callers that nobody knows.")
FEEDBACK = Row(f"{PREFIX}feedback_total", Kind.COUNTER, ("service", "outcome"), "Reports of what became of a card.")
CALL_SECONDS = Row(
    f"{PREFIX}call_seconds",
    Kind.HISTOGRAM,
    ("service",),
    "Time of a hook call that was worked out to its end (status 200, 412 or 5xx).",
    buckets=_SECONDS,
)
OWN_SECONDS = Row(
    f"{PREFIX}call_own_seconds",
    Kind.HISTOGRAM,
    ("service",),
    "What of that was not spent waiting: deciding, above all.",
    buckets=_SECONDS,
)
FHIR_SECONDS = Row(
    f"{PREFIX}call_fhir_seconds",
    Kind.HISTOGRAM,
    ("service",),
    "What of that was spent waiting for servers of the client: FHIR resources and keys. Fetches beside each other "
    "count once.",
    buckets=_SECONDS,
)
QUEUE_SECONDS = Row(
    f"{PREFIX}call_queue_seconds",
    Kind.HISTOGRAM,
    ("service",),
    "What of that was spent waiting for a thread of the process, from when the whole request was there.",
    buckets=_SECONDS,
)
STORAGE_SECONDS = Row(
    f"{PREFIX}call_storage_seconds",
    Kind.HISTOGRAM,
    ("service",),
    "What of that was spent waiting for the database.",
    buckets=_SECONDS,
)
UNDER_WAY = Row(
    f"{PREFIX}calls_in_progress", Kind.GAUGE, (), "Calls that are being answered; each needs a thread.", "livesum"
)
FHIR_REQUESTS = Row(
    f"{PREFIX}fhir_requests_total",
    Kind.COUNTER,
    ("client", "result"),
    "Requests to a client's FHIR servers: answered, denied, failed or unreachable.",
)
FHIR_REQUEST_SECONDS = Row(
    f"{PREFIX}fhir_request_seconds",
    Kind.HISTOGRAM,
    ("client",),
    "Time of a single request to a client's FHIR servers.",
    buckets=_SECONDS,
)
KEY_FETCHES = Row(
    f"{PREFIX}jwks_fetches_total",
    Kind.COUNTER,
    ("client", "result"),
    "Fetches of a client's keys: ok, or failed when no key set could be had.",
)
KEYS_FETCHED = Row(
    f"{PREFIX}jwks_fetched_timestamp_seconds",
    Kind.GAUGE,
    ("client",),
    "When a client's keys were last had, in seconds since 1970; time() less this is their age.",
    "max",
)
CIRCUIT = Row(
    f"{PREFIX}circuit_state",
    Kind.GAUGE,
    ("circuit",),
    "Whether a server is asked: 0 closed (it is), 1 half-open (one call is trying), 2 open (it is not). The worst "
    "of all processes.",
    "livemax",
)
READY = Row(f"{PREFIX}ready", Kind.FOUND, (), "1 when /readyz says ready, else 0.")
CHECK = Row(f"{PREFIX}check_passed", Kind.FOUND, ("check",), "1 when a check of /readyz passes, else 0.")
POLICY = Row(f"{PREFIX}policy_info", Kind.FOUND, ("policy", "version", "digest"), "1 for each policy that is loaded.")
BUILD = Row(f"{PREFIX}build_info", Kind.FOUND, ("version", "python"), "1 for the version that answers.")

ROWS = (
    CALLS,
    DECISIONS,
    RECORDS,
    REFUSED,
    FEEDBACK,
    CALL_SECONDS,
    OWN_SECONDS,
    FHIR_SECONDS,
    STORAGE_SECONDS,
    QUEUE_SECONDS,
    UNDER_WAY,
    FHIR_REQUESTS,
    FHIR_REQUEST_SECONDS,
    KEY_FETCHES,
    KEYS_FETCHED,
    CIRCUIT,
    READY,
    CHECK,
    POLICY,
    BUILD,
)
