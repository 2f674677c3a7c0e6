"""What is kept by coverage-assertion-id, in memory: the newest ones, for as long as the process lives."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

NEWEST = 10_000

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision record as the JSON it is sent as, and whose call it answered: `client` is None for anybody's.

    `is_primary` says that a primary hook asserted it.
    """

    json: bytes
    client: str | None = None
    is_primary: bool = True


class DecisionStore(Generic[Record]):
    """Keeps the newest records; safe to use from several threads."""

    def __init__(self, newest: int = NEWEST) -> None:
        """Keep at most `newest` records; raise ValueError when that is none."""
        if newest < 1:
            raise ValueError("a store of no records keeps no decision")
        self._newest = newest
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._lock = Lock()

    def put(self, decision_id: str, record: Record) -> None:
        """Keep a record; the same id replaces its earlier record and counts as new."""
        with self._lock:
            self._records[decision_id] = record
            self._mark_new(decision_id)

    def keep(self, decision_id: str, record: Record) -> Record:
        """Return the record that is kept, which is the given one when there was none; it counts as new."""
        with self._lock:
            kept = self._records.setdefault(decision_id, record)
            self._mark_new(decision_id)
            return kept

    def _mark_new(self, decision_id: str) -> None:
        self._records.move_to_end(decision_id)
        if len(self._records) > self._newest:
            self._records.popitem(last=False)

    def get(self, decision_id: str) -> Record | None:
        """Return the record, None when it never existed or is no longer kept."""
        with self._lock:
            return self._records.get(decision_id)

    def __len__(self) -> int:
        """Return how many records are kept."""
        with self._lock:
            return len(self._records)
