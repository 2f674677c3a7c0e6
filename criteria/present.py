"""What is known on the day of the call: facts dated later are mistakes or plans, and decide nothing."""

from collections.abc import Callable
from datetime import date
from typing import Protocol, TypeVar

from msgspec.structs import replace

from criteria.dates import DateRange
from criteria.facts import Record, Source


class _Fact(Protocol):
    @property
    def source(self) -> Source: ...


F = TypeVar("F", bound=_Fact)


def known_by(record: Record, day: date) -> tuple[Record, tuple[str, ...]]:
    """Return the record without facts that are surely dated after a day, and their references for the notes.

    Evidence dated after the order but not after the call counts (decision contract, section 1).
    """
    later: list[str] = []

    def until(facts: tuple[F, ...], when: Callable[[F], DateRange | None]) -> tuple[F, ...]:
        kept = []
        for fact in facts:
            dated = when(fact)
            if dated is not None and dated.earliest > day:
                later.append(f"{fact.source.reference} is dated after the call: not used")
            else:
                kept.append(fact)
        return tuple(kept)

    known = replace(
        record,
        diagnoses=until(record.diagnoses, lambda each: each.onset),
        markers=until(record.markers, lambda each: each.when),
        variants=until(record.variants, lambda each: each.when),
        stages=until(record.stages, lambda each: each.when),
        disease_statuses=until(record.disease_statuses, lambda each: each.when),
        measurements=until(record.measurements, lambda each: each.when),
        findings=until(record.findings, lambda each: each.when),
        exposures=until(record.exposures, lambda each: each.start),
        orders=until(record.orders, lambda each: each.authored),
        procedures=until(record.procedures, lambda each: each.when),
        reactions=until(record.reactions, lambda each: each.when),
        documents=until(record.documents, lambda each: each.when),
        answers=until(record.answers, lambda each: each.authored),
    )
    return (known, tuple(dict.fromkeys(later))) if later else (record, ())
