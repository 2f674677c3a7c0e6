"""Criteria of a preferred-product programme: what was tried, not tolerated or cannot be used (Oscar CG101)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Any, ClassVar, Self

from criteria.facts import Case, Source
from criteria.finding import Evidence, Finding, Judgement, Need, Role, document, met, not_met, review, unknown
from criteria.names import Named
from criteria.oncology.courses import History
from criteria.policy import PreferredProducts
from criteria.predicates.answers import ask
from criteria.predicates.context import COUNT, STRING, BuildContext, names_of, params_schema
from criteria.predicates.experience import CONTRAINDICATED, FAILED, INTOLERABLE, PreferredReader, conflict_over
from criteria.predicates.therapy import EXPOSURE_TYPES

_REACTION_TYPES = ("AllergyIntolerance", "AdverseEvent")


@dataclass(frozen=True, slots=True)
class PreferredFailed:
    """Inadequate response or failure with so many distinct preferred products (O1 to O3)."""

    reader: PreferredReader
    at_least: int
    one_trial: str
    overlapping: frozenset[frozenset[str]]
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("at_least", "group", "one_trial", "overlapping"),
        at_least=COUNT,
        group=STRING,
        one_trial=STRING,
        overlapping={"type": "array", "items": {**names_of(Named.DRUG), "minItems": 2}},
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the number, the question group, and the products that are one agent in two forms."""
        overlapping = frozenset(frozenset(pair) for pair in params["overlapping"])
        return cls(PreferredReader.of(params, context), params["at_least"], params["one_trial"], overlapping)

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge by the products that failed, two of them in separate trials."""
        experiences = self.reader.experiences(case)
        failed = [each for each in experiences if each.failed and not each.is_contradicted]
        disputed = [each for each in experiences if each.failed and each.is_contradicted]
        if len(failed) < self.at_least <= len(failed) + len(disputed):
            return conflict_over(disputed)
        evidence = tuple(dict.fromkeys(item for each in failed for item in each.failed))
        if len(failed) >= self.at_least:
            history = self.reader.therapy.history(case)
            if any(self._are_separate(history, *pair) for pair in combinations([each.product for each in failed], 2)):
                return met(*evidence)
            return unknown(review(self.one_trial), evidence=evidence)
        possible = [each for each in experiences if each.failed or not each.is_denied((FAILED,))]
        if len(possible) < self.at_least:
            return not_met(*(each.answer for each in experiences if each.answer is not None))
        seen = tuple(item for each in experiences for item in each.suggestive)
        return unknown(ask(case, EXPOSURE_TYPES, document("")), evidence=evidence + _unusable(seen))

    def _are_separate(self, history: History, one: str, other: str) -> bool:
        if frozenset({one, other}) in self.overlapping:
            return False
        together = [each for each in (*history.regimens, history.present) if each and {one, other} <= each.drugs]
        alone = [each for each in history.regimens if len({one, other} & each.drugs) == 1]
        return bool(alone) or not together


def _unusable(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    return tuple(Evidence(each.source, each.observed, Role.UNUSABLE, each.on) for each in evidence)


@dataclass(frozen=True, slots=True)
class PreferredRuledOut:
    """Every applicable preferred product is ruled out by the reasons named, and enough remain applicable (O4, O5)."""

    reader: PreferredReader
    reasons: tuple[str, ...]
    fewest: int
    too_few: str
    some: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("by", "fewest_applicable", "group", "too_few", "some"),
        by={"type": "array", "minItems": 1, "items": {"enum": [FAILED, INTOLERABLE, CONTRAINDICATED]}},
        fewest_applicable=COUNT,
        group=STRING,
        too_few=STRING,
        some=STRING,
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the reasons that count and the sentences for too few products and for some of them."""
        return cls(
            PreferredReader.of(params, context),
            tuple(params["by"]),
            params["fewest_applicable"],
            params["too_few"],
            params["some"],
        )

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge each applicable product; a product without data stays applicable."""
        experiences = self.reader.experiences(case)
        applicable = [each for each in experiences if not each.inapplicable]
        out = [each for each in applicable if each.reasons(self.reasons)]
        if any(each.is_contradicted for each in out):
            return conflict_over(out)
        evidence = tuple(dict.fromkeys(item for each in out for item in each.reasons(self.reasons)))
        not_applicable = tuple(each.inapplicable[0] for each in experiences if each.inapplicable)
        if len(applicable) < self.fewest:
            return unknown(review(self.too_few), evidence=evidence + _unusable(not_applicable))
        if len(out) == len(applicable):
            return met(*evidence)
        denied = [each for each in applicable if each not in out and each.is_denied(self.reasons)]
        if denied:
            return not_met(*(each.answer for each in denied if each.answer is not None))
        partial = tuple(item for each in applicable for item in each.partial) if INTOLERABLE in self.reasons else ()
        needs: list[Need] = [ask(case, (*EXPOSURE_TYPES, *_REACTION_TYPES), document(""))]
        if out:
            needs.append(review(self.some))
        return unknown(*needs, evidence=evidence + _unusable(partial))


@dataclass(frozen=True, slots=True)
class PreferredUnavailable:
    """All preferred products are on the plan's dated shortage list on the day (O7); plan-side."""

    products: PreferredProducts
    shortages: BuildContext
    text: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("text",), text=STRING)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the plan's tables; raise ValueError without a table of preferred products."""
        if context.products is None:
            message = "needs the policy's table of preferred products"
            raise ValueError(message)
        return cls(context.products, context, params["text"])

    def judge(self, _case: Case, on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge by the list alone; a shortage notice in the chart is read by a reviewer."""
        rows = [
            row
            for row in self.shortages.tables.shortages
            if row.product in self.products.preferred and row.start <= on and (row.to is None or on <= row.to)
        ]
        evidence = tuple(
            Evidence(Source("shortage list", row.product), f"in shortage since {row.start}: {row.source}")
            for row in rows
        )
        if {row.product for row in rows} >= set(self.products.preferred):
            return met(*evidence)
        return unknown(review(f"{self.text} (list as of {self.shortages.tables.shortages_as_of})"), evidence=evidence)
