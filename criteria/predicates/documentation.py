"""Criteria about what was documented, said or measured, and those only a person decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Self

from criteria.dates import DateRange
from criteria.facts import Case, DiseaseStatus
from criteria.finding import Evidence, Finding, Judgement, Role, met, not_met, review, unknown
from criteria.names import Named
from criteria.oncology.current import doses_of_ordered_drug
from criteria.oncology.primary import concerns_treated
from criteria.predicates.answers import request, weigh
from criteria.predicates.context import (
    COUNT,
    STRING,
    STRINGS,
    BuildContext,
    WithoutParameters,
    name_of,
    names_of,
    params_schema,
)


@dataclass(frozen=True, slots=True)
class Documented:
    """A document of one of these kinds within so many days before the order. Never not-met: absent is unknown."""

    kinds: frozenset[str]
    within_days: int
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("kinds", "within_days"), kinds=names_of(Named.DOCUMENT), within_days=COUNT
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], _context: BuildContext) -> Self:
        """Build from kinds of documents and the age in days."""
        return cls(frozenset(params["kinds"]), params["within_days"])

    def judge(self, case: Case, on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge by date alone; the text of a document is not read. One dated after the order counts."""
        found = [each for each in case.record.documents if each.kinds & self.kinds]
        first = on - timedelta(days=self.within_days)
        current = [each for each in found if each.when is not None and each.when.earliest >= first]
        if current:
            return met(*(Evidence(each.source, each.label, on=each.when) for each in current))
        seen = tuple(
            Evidence(each.source, each.label, Role.UNUSABLE if each.when is None else Role.TOO_OLD, each.when)
            for each in found
        )
        return unknown(request(case, "DocumentReference", "DiagnosticReport"), evidence=seen)


@dataclass(frozen=True, slots=True)
class Stated(WithoutParameters):
    """A fact without a code that only a clinician can state."""

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge by the clinician's answer."""
        return weigh(unknown(request(case, "QuestionnaireResponse")), case, self.leaf)


@dataclass(frozen=True, slots=True)
class Tolerated:
    """No unacceptable toxicity: a clinician says so; a coded "not tolerated" on this drug is for review."""

    leaf: str
    not_tolerated: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("not_tolerated",), not_tolerated=STRING)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the sentence for a coded intolerance."""
        return cls(context.leaf, params["not_tolerated"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge by the answer, unless the record contradicts it."""
        coded = [
            Evidence(each.source, "stopped as not tolerated", Role.CONTRADICTS, each.end or each.start)
            for each in doses_of_ordered_drug(case)
            if "not-tolerated" in each.stop_reasons
        ]
        if coded:
            return weigh(unknown(review(self.not_tolerated), evidence=tuple(coded)), case, self.leaf)
        return weigh(unknown(request(case, "QuestionnaireResponse")), case, self.leaf)


@dataclass(frozen=True, slots=True)
class NoProgression:
    """The newest disease status after the first dose and within so many days shows no progression."""

    leaf: str
    within_days: int
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("within_days",), within_days=COUNT)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the age in days a status may have."""
        return cls(context.leaf, params["within_days"])

    def judge(self, case: Case, on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge by disease-status observations, under a clinician's answer."""
        return weigh(self._derive(case, on), case, self.leaf)

    def _derive(self, case: Case, on: date) -> Judgement:
        starts = [each.start for each in doses_of_ordered_drug(case) if each.start]
        found = [
            each
            for each in case.record.disease_statuses
            if each.means != "undetermined" and concerns_treated(case, each.condition)
        ]
        dated = [each for each in found if each.when is not None]
        if not starts or not dated:
            return unknown(request(case, "Observation"))
        begun = min(start.latest for start in starts)
        evidence = tuple(Evidence(each.source, each.observed, Role.UNUSABLE, each.when) for each in dated)
        # A worsening that may lie after the first dose keeps the question open; a better status must surely do so.
        worse = [
            (each, each.when) for each in dated if each.means == "worsened" and each.when and each.when.latest > begun
        ]
        better = [
            (each, each.when) for each in dated if each.means != "worsened" and each.when and each.when.earliest > begun
        ]
        if not worse and not better:
            return unknown(request(case, "Observation"), evidence=evidence)
        # A status without a date, or that may be later, may be the newest: then which one counts is not known.
        later = [each for each in found if each.when is None or each.when.latest > begun]
        last_worse = [
            each
            for each, when in worse
            if when.earliest > begun
            and all(other.when and other.when.surely_before(when) for other in later if other.means != "worsened")
        ]
        if last_worse:
            return not_met(*(Evidence(each.source, each.observed, Role.CONTRADICTS, each.when) for each in last_worse))
        last_better = [
            (each, when)
            for each, when in better
            if all(other.when and other.when.surely_before(when) for other in later if other.means == "worsened")
        ]
        if not last_better:
            text = "The order in time of contradicting disease statuses is not clear."
            return unknown(review(text), evidence=evidence)
        return self._recent(case, last_better, on)

    def _recent(self, case: Case, better: list[tuple[DiseaseStatus, DateRange]], on: date) -> Judgement:
        """Judge statuses without progression by their age."""
        first = on - timedelta(days=self.within_days)
        current = [each for each, when in better if when.earliest >= first]
        if current:
            return met(*(Evidence(each.source, each.observed, on=each.when) for each in current))
        old = tuple(Evidence(each.source, each.observed, Role.TOO_OLD, each.when) for each, _ in better)
        return unknown(request(case, "Observation"), evidence=old)


@dataclass(frozen=True, slots=True)
class ReviewOnly:
    """A sentence of the policy that software does not decide; a person at the payer does."""

    text: str
    readings: tuple[str, ...]
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("text",), text=STRING, readings=STRINGS)

    @classmethod
    def build(cls, params: Mapping[str, Any], _context: BuildContext) -> Self:
        """Build from the sentence and the ways it can be read."""
        return cls(params["text"], tuple(params.get("readings", ())))

    def judge(self, _case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge unknown, for review."""
        return unknown(review(self.text, *self.readings))


@dataclass(frozen=True, slots=True)
class Measured:
    """The newest measurement of a kind reaches (or stays below) a limit, within so many days."""

    leaf: str
    kind: str
    limit: Decimal
    below: bool
    within_days: int
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("kind", "limit", "within_days"),
        kind=name_of(Named.MEASUREMENT),
        limit={"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
        below={"type": "boolean"},
        within_days=COUNT,
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the kind of measurement, the limit as a decimal in its base unit and the age in days."""
        return cls(
            context.leaf, params["kind"], Decimal(params["limit"]), params.get("below", False), params["within_days"]
        )

    def judge(self, case: Case, on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge the newest value; an interval that straddles the limit is unknown."""
        first = on - timedelta(days=self.within_days)
        found = [each for each in case.record.measurements if each.kind == self.kind and each.when is not None]
        current = [each for each in found if each.when and each.when.earliest >= first]
        if not current:
            old = tuple(Evidence(each.source, each.observed, Role.TOO_OLD, each.when) for each in found)
            return weigh(unknown(request(case, "Observation"), evidence=old), case, self.leaf)
        last = max(current, key=lambda each: (each.when.latest if each.when else on, each.source.reference))
        reached, short = last.value.surely_at_least(self.limit), last.value.surely_below(self.limit)
        evidence = Evidence(last.source, last.observed, on=last.when)
        contrary = Evidence(last.source, last.observed, Role.CONTRADICTS, last.when)
        if short if self.below else reached:
            return weigh(met(evidence), case, self.leaf)
        if reached if self.below else short:
            return weigh(not_met(contrary), case, self.leaf)
        return weigh(unknown(request(case), evidence=(evidence,)), case, self.leaf)
