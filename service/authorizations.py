"""Authorizations this service issued and that may still be in force, in memory (decision contract, section 2).

While one is in force, an order of the same payer, member, product and treated cancer gets its number and its expiry
again: looking at an authorization never renews it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from threading import Lock

from criteria.outcome import Approval

NEWEST = 10_000


@dataclass(frozen=True, slots=True)
class Treatment:
    """What an authorization is for. `member` tells the plan's members apart, `cancer` is the site of the cancer."""

    payer: str
    member: str
    drug: str
    cancer: str


@dataclass(frozen=True, slots=True)
class Issued:
    """An authorization: its number, its duration, the order day it was issued for, and the decision it rests on."""

    number: str
    approval: Approval
    on: date
    decision: str

    def is_in_force(self, on: date) -> bool:
        """Say whether a day lies between the order it was issued for and its last day."""
        return self.on <= on <= self.approval.expires


class Authorizations:
    """Keeps the newest authorizations; safe to use from several threads."""

    def __init__(self, newest: int = NEWEST) -> None:
        """Keep at most `newest` of them; raise ValueError when that is none."""
        if newest < 1:
            raise ValueError("a store of no authorizations issues each of them twice")
        self._newest = newest
        self._issued: OrderedDict[Treatment, Issued] = OrderedDict()
        self._lock = Lock()

    def find(self, treatment: Treatment, on: date) -> Issued | None:
        """Return the authorization in force on a day, None when there is none."""
        with self._lock:
            return self._in_force(treatment, on)

    def issue(self, treatment: Treatment, issued: Issued, on: date) -> Issued:
        """Return the authorization in force on a day; when there is none, keep and return the given one."""
        with self._lock:
            earlier = self._in_force(treatment, on)
            if earlier is not None:
                return earlier
            self._issued[treatment] = issued
            self._issued.move_to_end(treatment)
            if len(self._issued) > self._newest:
                self._issued.popitem(last=False)
            return issued

    def _in_force(self, treatment: Treatment, on: date) -> Issued | None:
        found = self._issued.get(treatment)
        return found if found is not None and found.is_in_force(on) else None
