"""Criteria of a preferred-product programme: what was tried, not tolerated or cannot be used (Oscar CG101)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Any, ClassVar, Self

from criteria.facts import Case, ConditionState, Reaction, Source
from criteria.finding import Evidence, Finding, Judgement, Need, Role, document, met, not_met, review, unknown
from criteria.oncology.courses import History, Setting
from criteria.oncology.therapy import history_of
from criteria.policy import PreferredProducts
from criteria.predicates.answers import answer_evidence, ask, choice, newest
from criteria.predicates.context import COUNT, STRING, BuildContext, ContraindicationRow, params_schema
from criteria.predicates.therapy import EXPOSURE_TYPES, TherapyReader

FAILED, INTOLERABLE, CONTRAINDICATED = "failed", "intolerable", "contraindicated"
_REACTION_TYPES = ("AllergyIntolerance", "AdverseEvent")


@dataclass(frozen=True, slots=True)
class Experience:
    """What is known about one preferred product for this patient.

    `partial` are reports of intolerance without the effect or its impact; `denied` the answer that says none of
    the reasons holds, or another one.
    """

    product: str
    failed: tuple[Evidence, ...] = ()
    intolerable: tuple[Evidence, ...] = ()
    contraindicated: tuple[Evidence, ...] = ()
    partial: tuple[Evidence, ...] = ()
    suggestive: tuple[Evidence, ...] = ()
    inapplicable: tuple[Evidence, ...] = ()
    said: str | None = None
    answer: Evidence | None = None

    def reasons(self, wanted: tuple[str, ...]) -> tuple[Evidence, ...]:
        """Return the evidence for any of these reasons."""
        found: tuple[Evidence, ...] = ()
        for name, evidence in (
            (FAILED, self.failed),
            (INTOLERABLE, self.intolerable),
            (CONTRAINDICATED, self.contraindicated),
        ):
            if name in wanted:
                found += evidence
        return found

    def is_denied(self, wanted: tuple[str, ...]) -> bool:
        """Say whether the clinician answered for this product and named none of these reasons."""
        return self.said is not None and self.said not in wanted


@dataclass(frozen=True, slots=True)
class PreferredReader:
    """Reads the experience with each preferred product; `group` is the question group the answers stand in."""

    therapy: TherapyReader
    products: PreferredProducts
    contraindications: tuple[ContraindicationRow, ...]
    group: str

    @classmethod
    def of(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the context; raise ValueError when the policy has no preferred products."""
        if context.products is None:
            message = "needs the policy's table of preferred products"
            raise ValueError(message)
        return cls(TherapyReader.of(context), context.products, context.tables.contraindications, params["group"])

    def experiences(self, case: Case) -> tuple[Experience, ...]:
        """Return the experience with every preferred product, in the table's order."""
        history = history_of(case, self.therapy.drugs, self.therapy.thresholds)
        return tuple(self._experience(case, history, product) for product in self.products.preferred)

    def _experience(self, case: Case, history: History, product: str) -> Experience:
        failed, suggestive = failure_of(history, product)
        effects = tuple(self._intolerances(case, history, product))
        link = f"{self.group}.{product}.outcome"
        answer, said = newest(case, link), choice(case, link)
        stated = (answer_evidence(answer),) if answer is not None else ()
        return Experience(
            product,
            failed=failed + (stated if said == FAILED else ()),
            intolerable=tuple(each for each, full in effects if full) + (stated if said == INTOLERABLE else ()),
            contraindicated=tuple(self._contraindications(case, product)) + (stated if said == CONTRAINDICATED else ()),
            partial=tuple(each for each, full in effects if not full),
            suggestive=suggestive,
            inapplicable=tuple(self._inapplicable(history, product)),
            said=said,
            answer=stated[0] if stated else None,
        )

    def _intolerances(self, case: Case, history: History, product: str) -> Iterator[tuple[Evidence, bool]]:
        """Yield reports of intolerance; full ones name the specific effect and its impact (CG101, Definitions)."""
        stopped = [course.stopped_for("not-tolerated") for course in history.given((product,))]
        stops = [each for each in stopped if each is not None]
        reactions = [each for each in case.record.reactions if each.drug.key == product and each.confirmed is not False]
        for reaction in reactions:
            effect = ", ".join(reaction.effects)
            full = bool(effect) and (reaction.severe is True or bool(stops))
            shown = effect or f"reaction to {reaction.drug.label}"
            yield Evidence(reaction.source, shown, on=reaction.when), full
        for exposure in stops:
            full = any(each.effects for each in reactions)
            yield Evidence(exposure.source, "stopped as not tolerated", on=exposure.end or exposure.start), full

    def _contraindications(self, case: Case, product: str) -> Iterator[Evidence]:
        """Yield label contraindications the ordered drug does not share (O6)."""
        own = case.order.drug.keys
        for row in self.contraindications:
            if row.product != product or row.shared_by & own:
                continue
            for diagnosis in case.record.diagnoses:
                if (
                    row.condition in diagnosis.concepts
                    and _is_current(diagnosis.state)
                    and diagnosis.confirmed is not False
                ):
                    yield Evidence(diagnosis.source, diagnosis.label, on=diagnosis.onset)
        for reaction in hypersensitivities(case):
            if self._shares_active(reaction, product):
                yield Evidence(reaction.source, f"hypersensitivity to {reaction.drug.label}", on=reaction.when)

    def _shares_active(self, reaction: Reaction, product: str) -> bool:
        drugs, key = self.therapy.drugs, reaction.drug.key
        return key is not None and key in drugs and bool(drugs[key].actives & drugs[product].actives)

    def _inapplicable(self, history: History, product: str) -> Iterator[Evidence]:
        """Yield proof that a label condition is false: first-line products after therapy for metastatic disease."""
        if product not in self.products.first_line_only:
            return
        for course in history.courses:
            classes = course.classes & {"her2-agent", "chemotherapy"}
            if course.setting is Setting.METASTATIC and classes and course.drug not in self.products.restricted:
                yield course.evidence


def _is_current(state: ConditionState) -> bool:
    return state is not ConditionState.INACTIVE


def hypersensitivities(case: Case) -> tuple[Reaction, ...]:
    """Return allergy-type reactions that are not provisional."""
    return tuple(each for each in case.record.reactions if each.hypersensitivity and each.confirmed is not False)


def failure_of(history: History, product: str) -> tuple[tuple[Evidence, ...], tuple[Evidence, ...]]:
    """Return proof that a product failed, and exposures that only suggest it (O3).

    Proof is progression during the drug or before the next regimen, or a stop for lack of response; being
    followed by another drug only suggests it.
    """
    proof: list[Evidence] = []
    suggestive: list[Evidence] = []
    for course in history.given((product,)):
        stopped = course.stopped_for("no-response")
        if stopped is not None:
            day = stopped.end or stopped.start
            proof += [course.evidence, Evidence(stopped.source, "stopped for lack of response", on=day)]
    for switch in history.switches:
        courses = [each for each in (*switch.after.courses, *switch.after.carried) if each.drug == product]
        if courses and switch.progression is not None:
            proof += [courses[0].evidence, switch.progression]
        elif courses:
            suggestive.append(courses[0].evidence)
    return tuple(dict.fromkeys(proof)), tuple(suggestive)


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
        overlapping={"type": "array", "items": {"type": "array", "items": STRING, "minItems": 2}},
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the number, the question group, and the products that are one agent in two forms."""
        overlapping = frozenset(frozenset(pair) for pair in params["overlapping"])
        return cls(PreferredReader.of(params, context), params["at_least"], params["one_trial"], overlapping)

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge by the products that failed, two of them in separate trials."""
        experiences = self.reader.experiences(case)
        failed = [each for each in experiences if each.failed]
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
