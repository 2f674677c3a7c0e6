"""Proving the record afterwards: that nothing of it was changed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from service.digests import digest
from service.exact_json import decode_own, encode
from service.past import Authorization
from service.storage.ledger import BEGINNING, KeptDecision, chain_hash, issued_digest
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
    authorizations: int = 0
    retained: int = 0
    erased: int = 0
    heads: tuple[Head, ...] = ()
    breaks: list[Break] = field(default_factory=list)


def verify(trail: Trail, anchors: Iterable[Head] = ()) -> Verification:
    """Read the whole record and check every hash.

    A chain shows that records were changed, taken out or put in between, and with them authorizations and retained
    inputs. That its end was cut off, or all of it made anew, shows by `anchors` only: heads that were noted earlier and
    kept elsewhere.
    """
    with trail.at_one_moment() as record:
        return _verified(record, anchors)


def _verified(record: Trail, anchors: Iterable[Head]) -> Verification:
    found = Verification(heads=record.heads())
    chains = _Chains({each.client: each for each in found.heads}, {(a.client, a.length): a.hash for a in anchors})
    said = _Said()
    for decision in record.decisions():
        found.decisions += 1
        found.breaks += chains.breaks(decision)
        content = _content(decision.content)
        if content is None or any(content.get(each) != getattr(decision, each) for each in _COLUMNS):
            found.breaks.append(Break(decision.client, decision.position, "its content does not belong to its row"))
        else:
            said.add(content)
    found.breaks += chains.missing()
    for authorization in record.authorizations():
        found.authorizations += 1
        found.breaks += said.breaks(authorization)
    found.breaks += said.missing()
    for call in record.retained():
        found.retained += 1
        content = _content(call.content) or {}
        if tuple(map(content.get, ("retained", "client", "recorded"))) != (
            digest(call.sealed),
            call.client,
            call.recorded,
        ):
            found.breaks.append(Break(call.client, 0, f"the retained input of call {call.call} was changed"))
    found.erased = max(0, said.retained - found.retained)
    return found


class _Chains:
    """The chains while they are read, each from its beginning."""

    def __init__(self, heads: Mapping[str, Head], anchors: Mapping[tuple[str, int], str]) -> None:
        self._heads, self._anchors = heads, dict(anchors)
        self._ends: dict[str, tuple[int, str]] = {}

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


class _Said:
    """What the chains say of rows beside them: which authorizations were issued, and how many inputs retained.

    Of a record nothing is remembered but the authorizations it issued, so that any number of records can be read.
    """

    def __init__(self) -> None:
        self.retained = 0
        self._issued: dict[str, tuple[str, int]] = {}
        self._call: str | None = None

    def add(self, content: Mapping[str, Any]) -> None:
        """Take a record in; those of one call stand together."""
        if content["call"] == self._call:
            return
        self._call = content["call"]
        self.retained += content.get("retained") is not None
        issued = content.get("issued")
        for each in issued if isinstance(issued, list) else ():
            self._issued[str(each)] = (content["client"], content["position"])

    def breaks(self, authorization: Authorization) -> Iterator[Break]:
        """Yield that an authorization is not one that a record issued."""
        if self._issued.pop(issued_digest(authorization), None) is None:
            client = authorization.treatment.client
            yield Break(client, 0, f"the authorization {authorization.number} is not as any record issued it")

    def missing(self) -> Iterator[Break]:
        """Yield the records whose authorizations are not there."""
        for client, position in self._issued.values():
            yield Break(client, position, "an authorization that it issued was changed or taken out")


def _content(text: str | None) -> dict[str, Any] | None:
    try:
        found = decode_own((text or "").encode())
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def exported(trail: Trail) -> Iterator[bytes]:
    """Yield each decision as a line of NDJSON: its place in the chain and its hashes beside its content."""
    for each in trail.decisions():
        content = msgspec.Raw(each.content.encode())
        yield encode({"hash": each.hash, "previous": each.previous, "decision": content}) + b"\n"
