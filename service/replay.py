"""Deciding retained calls again: the same input must give the same answer, to the byte, and the same records."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from cards.links import Links
from criteria.library import Library
from criteria.vocabulary import Vocabulary
from service.answer import Judgement, judge, read_call
from service.base_url import BaseUrl
from service.callers import Anyone, Caller, anybody
from service.clock import SystemClock
from service.exact_json import decode_own, encode
from service.fhir_client import Fetch
from service.hook_request import read_request
from service.hooks import HookService
from service.past import read_past
from service.problems import ServiceError
from service.retention import Json, caller_again, gathered_again, unpacked
from service.services import Services, configured
from service.settings import Settings
from service.storage.database import Database
from service.storage.feedbacks import Feedbacks
from service.storage.ledger import Ledger
from service.storage.sealing import Seal, SealError
from service.storage.sent_cards import SentCards
from service.storage.trail import RetainedCall, Trail

_NAMED = 5
"""Files that are named; with another release nearly all may be others."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How deciding one call again went: `difference` says where it came out otherwise, `obstacle` why it could not be.

    Neither holds anything of the patient: names of members and of files only.
    """

    call: str
    difference: str | None = None
    obstacle: str | None = None


@dataclass(frozen=True, slots=True)
class Replayer:
    """Decides again with the data that are loaded now. `offered` are the hook services by id."""

    settings: Settings
    library: Library
    vocabulary: Vocabulary
    digests: Mapping[str, str]
    offered: Mapping[str, HookService]
    database: Database
    seal: Seal

    def replay(self, trail: Trail) -> Iterator[Replayed]:
        """Yield every retained call, decided again."""
        for each in trail.retained():
            yield self.replay_one(each)

    def replay_one(self, retained: RetainedCall) -> Replayed:
        """Decide one call again and compare."""
        try:
            found = unpacked(self.seal.open(retained.sealed))
        except (SealError, ValueError) as error:
            return Replayed(retained.call, obstacle=str(error))
        changed = _changed(found["call"]["digests"], self.digests)
        if changed:
            some = ", ".join(changed[:_NAMED])
            return Replayed(retained.call, obstacle=f"{len(changed)} other data files: {some}")
        if found["call"]["service"] not in self.offered:
            return Replayed(retained.call, obstacle="its service is not offered any more")
        try:
            again = self.judge_again(found["call"])
        except ServiceError as error:
            return Replayed(retained.call, difference=f"is refused now: {type(error).__name__}")
        return Replayed(retained.call, difference=_difference(found, again))

    def judge_again(self, call: Json) -> Judgement:
        """Return what a retained input is decided as now."""
        settings = self._settings_of(call)
        services = Services(
            settings=settings,
            library=configured(self.library, settings),
            vocabulary=self.vocabulary,
            clock=SystemClock(),
            database=self.database,
            ledger=Ledger(self.database),
            sent=SentCards(self.database),
            feedbacks=Feedbacks(self.database),
            links=Links(settings.public_url),
            callers=Anyone(anybody(settings)),
            fetch_for=_no_fetch,
        )
        service = self.offered[call["service"]]
        request = read_request(call["body"], service, caller_again(call), strict_orders=settings.strict_orders)
        read = read_call(request, gathered_again(call), services)
        return judge(read, read_past(call["past"]), date.fromisoformat(call["called"]), services)

    def _settings_of(self, call: Json) -> Settings:
        given = call["settings"]
        return replace(
            self.settings,
            public_url=given["publicUrl"],
            strict_orders=given["strictOrders"],
            real_time_authorization=given["realTimeAuthorization"],
            not_met_is_review=frozenset(given["notMetIsReview"]),
        )


def _no_fetch(_caller: Caller, _base: BaseUrl) -> Fetch:
    raise ServiceError("a retained call has everything it needs")


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))


def _difference(found: Json, again: Judgement) -> str | None:
    """Return the first member that differs; None when the answer and all records are the same to the byte."""
    records = {each.decision.id: each.record for each in again.decisions}
    then, now = found["answer"], decode_own(again.body)
    if encode(then) != again.body:
        return f"answer: {_first_difference(then, now) or 'order of members'}"
    if encode(found["records"]) != encode(records):
        return f"records: {_first_difference(found['records'], decode_own(encode(records))) or 'order'}"
    return None


def _first_difference(one: Any, other: Any, path: str = "$") -> str | None:
    """Return the path of the first place where two values differ; values are never repeated."""
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            return path
        pairs = ((f"{path}.{name}", one[name], other[name]) for name in one)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = ((f"{path}[{place}]", a, b) for place, (a, b) in enumerate(zip(one, other, strict=True)))
    else:
        return None if encode(one) == encode(other) else path
    return next((found for where, a, b in pairs if (found := _first_difference(a, b, where))), None)
