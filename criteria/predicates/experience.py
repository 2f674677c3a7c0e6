"""What is known about each preferred product for this patient: failed, not tolerated, ruled out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from criteria.dates import add_months
from criteria.facts import Case, ConditionState, Reaction
from criteria.finding import Evidence, Judgement, review, unknown
from criteria.oncology.courses import Course, History, Setting
from criteria.oncology.extent import extent_of
from criteria.oncology.therapy import history_of
from criteria.policy import PreferredProducts
from criteria.predicates.answers import answer_evidence, choice, completeness, newest
from criteria.predicates.context import BuildContext, ContraindicationRow
from criteria.predicates.therapy import TherapyReader

FAILED, INTOLERABLE, CONTRAINDICATED = "failed", "intolerable", "contraindicated"
DENIALS = frozenset({"none", "not-tried"})
"""Answers that say there is no reason against a product."""


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
    why_inapplicable: str | None = None
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

    @property
    def is_contradicted(self) -> bool:
        """Say whether the clinician denies what the record shows for this product."""
        return self.said in DENIALS and bool(self.reasons((FAILED, INTOLERABLE, CONTRAINDICATED)))

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
        failed, suggestive = failure_of(history, product, self.therapy.thresholds.recurrence_after_adjuvant_months)
        effects = tuple(self._intolerances(case, history, product))
        link = f"{self.group}.{product}.outcome"
        answer, said = newest(case, link), choice(case, link)
        stated = (answer_evidence(answer),) if answer is not None else ()
        inapplicable = tuple(self._inapplicable(case, history, product))
        return Experience(
            product,
            failed=failed + (stated if said == FAILED else ()),
            intolerable=tuple(each for each, full in effects if full) + (stated if said == INTOLERABLE else ()),
            contraindicated=tuple(self._contraindications(case, product)) + (stated if said == CONTRAINDICATED else ()),
            partial=tuple(each for each, full in effects if not full),
            suggestive=suggestive,
            inapplicable=tuple(evidence for _, evidence in inapplicable),
            why_inapplicable=inapplicable[0][0] if inapplicable else None,
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

    def _inapplicable(self, case: Case, history: History, product: str) -> Iterator[tuple[str, Evidence]]:
        """Yield proof that a label condition is false; missing data proves nothing."""
        conditions = self.products.conditions.get(product)
        if conditions is None:
            return
        if conditions.first_line_only:
            for course in history.courses:
                relevant = bool(course.classes & {"her2-agent", "chemotherapy"})
                if course.setting is Setting.METASTATIC and relevant and course.drug not in self.products.restricted:
                    yield "labeled only before other therapy for metastatic disease", course.evidence
        if conditions.metastatic_only:
            for evidence in extent_of(case).current_m0:
                yield "labeled for metastatic disease, which the record excludes", evidence
        statement = completeness(case)
        for group in conditions.after if statement is not None else ():
            if (
                statement is not None
                and not history.given(group)
                and not (history.ordered(group) or history.elsewhere(group))
            ):
                yield "labeled only after therapy that was not given", answer_evidence(statement)


def _is_current(state: ConditionState) -> bool:
    return state is not ConditionState.INACTIVE


def _long_after(course: Course, progression: Evidence, months: int) -> bool:
    if course.setting is not Setting.EARLY or course.end is None or progression.on is None:
        return False
    return progression.on.latest > add_months(course.end.latest, months)


def hypersensitivities(case: Case) -> tuple[Reaction, ...]:
    """Return allergy-type reactions that are not provisional."""
    return tuple(each for each in case.record.reactions if each.hypersensitivity and each.confirmed is not False)


def conflict_over(experiences: Sequence[Experience]) -> Judgement:
    """Return the judgement when an answer denies what the record shows."""
    disputed = [each for each in experiences if each.is_contradicted]
    evidence = [
        item
        for each in disputed
        for item in (each.answer, *each.reasons((FAILED, INTOLERABLE, CONTRAINDICATED)))
        if item is not None
    ]
    need = review("The clinician's answer about a preferred product contradicts the coded record.")
    return unknown(need, evidence=tuple(dict.fromkeys(evidence)))


def failure_of(history: History, product: str, months: int) -> tuple[tuple[Evidence, ...], tuple[Evidence, ...]]:
    """Return proof that a product failed, and exposures that only suggest it (O3).

    Proof is progression during the drug or before the next regimen, or a stop for lack of response; being
    followed by another drug only suggests it, and so does a recurrence more than so many months after therapy of early
    disease, which may have been completed as planned.
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
        if courses and switch.progression is not None and not _long_after(courses[0], switch.progression, months):
            proof += [courses[0].evidence, switch.progression]
        elif courses:
            suggestive.append(courses[0].evidence)
    return tuple(dict.fromkeys(proof)), tuple(suggestive)
