"""What this service said before that a call has to go by: assertions on its orders, authorizations of its patient.

It is read once per call, from the database, and is part of what a decision can be replayed from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct

from criteria.outcome import Approval
from service.digests import digest

_NEXT_ZONE = timedelta(days=1)


class Treatment(Struct, frozen=True):
    """What an authorization is for (decision contract, section 2: same payer, member, product, treated cancer).

    `client` and `patient` belong to it: no member data are known here, so who a member is rests on what one client
    says, and is no word to go by for another. `member` is a digest of patient and member number. `cancer` is the site,
    empty when none is known.
    """

    client: str
    patient: str
    member: str
    payer: str
    drug: str
    cancer: str


class Authorization(Struct, frozen=True):
    """An authorization that was issued: its number, for what, by which assertion, and how long it lasts."""

    number: str
    treatment: Treatment
    assertion: str
    issued: date
    approval: Approval

    def holds(self, day: date) -> bool:
        """Say whether it has begun and is unexpired on a day.

        An order may be dated ahead, and so may its authorization begin: until then it says nothing of other orders.
        The day before counts, because the days of two places differ by one.
        """
        return self.issued - _NEXT_ZONE <= day <= self.approval.expires


class Asserted(Struct, frozen=True):
    """What was asserted about an order, and for whom; `authorization` is its number, if it got one."""

    assertion: str
    order_digest: str
    is_primary: bool
    patient: str
    payer: str
    coverage: str | None
    drug: str | None
    authorization: str | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """Assertions by id and authorizations, of one client and patient.

    `is_known` is false while the database does not answer: then nothing may be issued, because nobody can tell what
    was issued before. `may_issue` is false also where the past is known and nothing can be recorded.
    """

    asserted: Mapping[str, Asserted] = field(default_factory=lambda: MappingProxyType({}))
    authorizations: tuple[Authorization, ...] = ()
    is_known: bool = True
    may_issue: bool = True

    @classmethod
    def of(cls, asserted: Iterable[Asserted], authorizations: Iterable[Authorization]) -> "Past":
        """Return the past that these make, the oldest authorization first."""
        in_order = sorted(authorizations, key=lambda each: (each.issued, each.number))
        return cls(MappingProxyType({each.assertion: each for each in asserted}), tuple(in_order))

    def numbered(self, number: str | None) -> Authorization | None:
        """Return the authorization of a number."""
        return next((each for each in self.authorizations if each.number == number), None)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, from which `read_past` makes the same again."""
        return {
            "asserted": msgspec.to_builtins(tuple(self.asserted.values())),
            "authorizations": msgspec.to_builtins(self.authorizations),
            "isKnown": self.is_known,
        }


UNKNOWN = Past(is_known=False, may_issue=False)
"""What is known while the database does not answer."""


def read_past(given: Mapping[str, Any]) -> Past:
    """Return the past that `Past.to_json` wrote; raise msgspec.ValidationError for anything else."""
    asserted = msgspec.convert(given["asserted"], tuple[Asserted, ...])
    authorizations = msgspec.convert(given["authorizations"], tuple[Authorization, ...])
    past = Past.of(asserted, authorizations)
    return past if given["isKnown"] else UNKNOWN


def member_digest(patient: str, member_number: str | None) -> str:
    """Return what tells two members of a client apart, in which no number can be read."""
    return digest(f"{patient}\n{member_number or ''}".encode())
