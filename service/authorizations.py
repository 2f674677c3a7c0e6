"""Authorizations this service issued, by the assertion they belong to, in memory (decision contract, section 2).

The same order on the same evidence keeps its number and its last day: looking at an authorization never renews it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from criteria.outcome import Approval

NEWEST = 10_000


@dataclass(frozen=True, slots=True)
class Issued:
    """An authorization: its number, and how long it lasts."""

    number: str
    approval: Approval


class Authorizations:
    """Keeps the newest authorizations; safe to use from several threads."""

    def __init__(self, newest: int = NEWEST) -> None:
        """Keep at most `newest` of them; raise ValueError when that is none."""
        if newest < 1:
            raise ValueError("a store of no authorizations issues each of them twice")
        self._newest = newest
        self._issued: OrderedDict[str, Issued] = OrderedDict()
        self._lock = Lock()

    def issue(self, assertion: str, issued: Issued) -> Issued:
        """Return what was issued for an assertion before; when nothing was, keep and return the given one."""
        with self._lock:
            kept = self._issued.setdefault(assertion, issued)
            self._issued.move_to_end(assertion)
            if len(self._issued) > self._newest:
                self._issued.popitem(last=False)
            return kept
