"""What is kept by coverage-assertion-id, in memory: the newest ones, for as long as the process lives."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from criteria.outcome import Approval

NEWEST = 10_000
MOST_BYTES = 256_000_000
"""What all records may hold together: one of a large record with many orders has megabytes."""

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Issued:
    """An authorization: its number, and how long it lasts."""

    number: str
    approval: Approval


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision record as the JSON it is sent as, and whose call it answered: `client` is None for anybody's.

    `is_primary` says that a primary hook asserted it. `patient`, `payer`, `coverage` and `drug` are what its
    authorization, if it has one, is for.
    """

    json: bytes
    client: str | None = None
    is_primary: bool = True
    patient: str | None = None
    payer: str | None = None
    coverage: str | None = None
    drug: str | None = None
    authorization: Issued | None = None


def _weightless(_: object) -> int:
    return 0


class DecisionStore(Generic[Record]):
    """Keeps the newest records; safe to use from several threads."""

    def __init__(self, newest: int = NEWEST, weigh: Callable[[Record], int] = _weightless) -> None:
        """Keep at most `newest` records, and of what `weigh` says at most MOST_BYTES; raise ValueError for none."""
        if newest < 1:
            raise ValueError("a store of no records keeps no decision")
        self._newest = newest
        self._weigh = weigh
        self._weight = 0
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._lock = Lock()

    def put(self, decision_id: str, record: Record) -> None:
        """Keep a record; the same id replaces its earlier record and counts as new."""
        with self._lock:
            earlier = self._records.get(decision_id)
            self._weight += self._weigh(record) - (0 if earlier is None else self._weigh(earlier))
            self._records[decision_id] = record
            self._mark_new(decision_id)

    def keep(self, decision_id: str, record: Record) -> Record:
        """Return the record that is kept, which is the given one when there was none; it counts as new."""
        with self._lock:
            if decision_id not in self._records:
                self._records[decision_id] = record
                self._weight += self._weigh(record)
            kept = self._records[decision_id]
            self._mark_new(decision_id)
            return kept

    def _mark_new(self, decision_id: str) -> None:
        self._records.move_to_end(decision_id)
        # The newest is kept whatever it weighs: an answer that is on its way refers to it.
        while len(self._records) > 1 and (len(self._records) > self._newest or self._weight > MOST_BYTES):
            self._weight -= self._weigh(self._records.popitem(last=False)[1])

    def get(self, decision_id: str) -> Record | None:
        """Return the record, None when it never existed or is no longer kept."""
        with self._lock:
            return self._records.get(decision_id)

    def __len__(self) -> int:
        """Return how many records are kept."""
        with self._lock:
            return len(self._records)
