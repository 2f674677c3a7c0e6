"""Proving the record afterwards: that nothing of it was changed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from service.exact_json import decode_own, encode
from service.records import digest
from service.storage.ledger import BEGINNING, KeptDecision, chain_hash
from service.storage.trail import Head, Trail

_COLUMNS = ("client", "position", "assertion", "call", "recorded")


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the record does not hold together: the client, the position in its chain, and what is wrong."""

    client: str
    position: int
    text: str

    def __str__(self) -> str:
        """Name the place and what is wrong."""
        return f"{self.client or 'anybody'} {self.position}: {self.text}"


@dataclass(slots=True)
class Verification:
    """What was found: how much was read, how each chain ends, and every break."""

    decisions: int = 0
    retained: int = 0
    erased: int = 0
    heads: tuple[Head, ...] = ()
    breaks: list[Break] = field(default_factory=list)


def verify(trail: Trail, anchors: Iterable[Head] = ()) -> Verification:
    """Read the whole record and check every hash.

    A chain shows that records were changed, taken out or put in between; that its end was cut off, or all of it made
    anew, shows by `anchors` only: heads that were noted earlier and kept elsewhere.
    """
    found = Verification(heads=trail.heads())
    chains = _Chains({each.client: each for each in found.heads}, {(a.client, a.length): a.hash for a in anchors})
    sealed: dict[str, str | None] = {}
    for decision in trail.decisions():
        if chains.is_later(decision):
            continue
        found.decisions += 1
        found.breaks += chains.breaks(decision)
        content = _content(decision)
        if content is None or any(content.get(each) != getattr(decision, each) for each in _COLUMNS):
            found.breaks.append(Break(decision.client, decision.position, "its content does not belong to its row"))
        sealed[decision.call] = content.get("retained") if content else None
    found.breaks += chains.missing()
    for call in trail.retained():
        if call.call not in sealed:
            continue
        found.retained += 1
        if digest(call.sealed) != sealed.pop(call.call):
            found.breaks.append(Break(call.client, 0, f"the retained input of call {call.call} was changed"))
    found.erased = sum(1 for each in sealed.values() if each is not None)
    return found


class _Chains:
    """The chains while they are read, each from its beginning."""

    def __init__(self, heads: Mapping[str, Head], anchors: Mapping[tuple[str, int], str]) -> None:
        self._heads, self._anchors = heads, dict(anchors)
        self._ends: dict[str, tuple[int, str]] = {}

    def is_later(self, decision: KeptDecision) -> bool:
        """Say whether a decision was added after the heads were read."""
        head = self._heads.get(decision.client)
        return head is not None and decision.position > head.length

    def breaks(self, decision: KeptDecision) -> Iterator[Break]:
        """Yield what is wrong with the next decision of a chain."""
        position, previous = self._ends.get(decision.client, (0, BEGINNING))
        content = decision.content.encode()
        if decision.position != position + 1:
            yield Break(decision.client, decision.position, f"follows {position}: records are missing")
        if decision.previous != previous:
            yield Break(decision.client, decision.position, "does not follow the record before it")
        if decision.hash != chain_hash(decision.previous, content):
            yield Break(decision.client, decision.position, "its content was changed")
        noted = self._anchors.pop((decision.client, decision.position), None)
        if noted not in {None, decision.hash}:
            yield Break(decision.client, decision.position, "is not the record that was noted here")
        self._ends[decision.client] = (decision.position, decision.hash)

    def missing(self) -> Iterator[Break]:
        """Yield what should have come and did not."""
        for client, head in self._heads.items():
            if self._ends.get(client, (0, BEGINNING)) != (head.length, head.hash):
                yield Break(client, head.length, "the chain does not end where it is said to")
        for client in self._ends.keys() - self._heads.keys():
            yield Break(client, self._ends[client][0], "nothing says where the chain ends")
        for client, position in self._anchors:
            if position > 0:
                yield Break(client, position, "the record that was noted here is missing")


def _content(decision: KeptDecision) -> dict[str, Any] | None:
    try:
        found = decode_own(decision.content.encode())
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def exported(trail: Trail) -> Iterator[bytes]:
    """Yield each decision as a line of NDJSON: its place in the chain and its hashes beside its content."""
    for each in trail.decisions():
        content = msgspec.Raw(each.content.encode())
        yield encode({"hash": each.hash, "previous": each.previous, "decision": content}) + b"\n"
