"""What the entries of a case stand for, and where an entry stands."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cards.links import Links
from criteria.facts import SearchState
from criteria.policy import Policy
from tests.builders import Json
from tests.policies.shapes import day

ORDER_ID = "order"


class BadEntryError(Exception):
    """An entry says what its shape allows and still makes no sense; the text says what."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands: the id of its resource, the order's day, the policy and the addresses of the service."""

    identity: str
    on: date
    policy: Policy
    links: Links

    def day(self, words: str | None) -> str | None:
        return None if words is None else day(words, self.on)


@dataclass(slots=True)
class Chart:
    """What the entries of a case stand for."""

    resources: list[Json] = field(default_factory=list)
    drafts: list[Json] = field(default_factory=list)
    searches: dict[str, SearchState] = field(default_factory=dict)

    def has(self, kind: str) -> bool:
        return any(each["resourceType"] == kind for each in self.resources)


Build = Callable[[Any, Place, Chart], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entry."""

    shape: Json
    build: Build
