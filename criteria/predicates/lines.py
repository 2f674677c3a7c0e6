"""Criteria about the line of therapy and the interval to recurrence (contract section 8; K10 to K13)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Self

from criteria.dates import DateRange, add_months
from criteria.facts import Case
from criteria.finding import Evidence, Finding, Judgement, met, not_met, review, unknown
from criteria.names import Named
from criteria.oncology.courses import CYTOTOXIC_OR_TARGETED, Course, History, Setting, line_bounds
from criteria.oncology.extent import extent_of
from criteria.oncology.surgery import is_adjuvant, surgery_of
from criteria.predicates.answers import answer_evidence, completeness, decide, newest, number, weigh
from criteria.predicates.context import COUNT, STRING, BuildContext, names_of, params_schema
from criteria.predicates.therapy import TherapyReader, resolve_drugs
from criteria.verdict import Verdict


@dataclass(frozen=True, slots=True)
class LineOfTherapy:
    """The order is the n-th line or later; not-met needs a complete history or the clinician's own count."""

    reader: TherapyReader
    at_least: int
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("at_least",), at_least=COUNT)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the line of therapy."""
        return cls(TherapyReader.of(context), params["at_least"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge the bounds of the line, under the clinician's count if there is one."""
        derived = self._derive(case)
        line, answer = number(case, self.reader.leaf), newest(case, self.reader.leaf)
        if line is not None and line >= 1 and answer is not None:
            return decide(derived, answer, Verdict.MET if line >= self.at_least else Verdict.NOT_MET)
        return weigh(derived, case, self.reader.leaf)

    def _derive(self, case: Case) -> Judgement:
        history = self.reader.history(case)
        bounds = line_bounds(history)
        if bounds.lower >= self.at_least:
            return met(*bounds.evidence)
        statement = completeness(case)
        if statement and bounds.upper < self.at_least:
            return not_met(answer_evidence(statement), *bounds.evidence)
        return self.reader.undecided(case, *bounds.evidence)


@dataclass(frozen=True, slots=True)
class SecondLineWithoutAlternative:
    """At least one prior line, and the patient is not a candidate for the drug that would come first (K13)."""

    reader: TherapyReader
    drug: str
    conditions: frozenset[str]
    lvef_below: Decimal
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("drug", "conditions", "lvef_below"), drug=STRING, conditions=names_of(Named.CONDITIONS), lvef_below=COUNT
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the drug, the conditions that exclude it and its LVEF floor in percent."""
        resolve_drugs([params["drug"]], context.drugs)
        return cls(
            TherapyReader.of(context), params["drug"], frozenset(params["conditions"]), Decimal(params["lvef_below"])
        )

    def judge(self, case: Case, on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge the prior line and the reasons against the other drug."""
        return weigh(self._derive(case, on), case, self.reader.leaf)

    def _derive(self, case: Case, on: date) -> Judgement:
        history = self.reader.history(case)
        prior = [each for each in history.regimens if each.setting is Setting.METASTATIC]
        reasons = [*self._conditions(case), *self._heart(case, on), *self._experience(case, history)]
        evidence = (*(each.evidence() for each in prior), *reasons)
        if prior and reasons:
            return met(*evidence)
        return self.reader.undecided(case, *evidence)

    def _conditions(self, case: Case) -> list[Evidence]:
        return [
            Evidence(each.source, each.label, on=each.onset)
            for each in case.record.diagnoses
            if each.concepts & self.conditions and each.confirmed is not False
        ]

    def _heart(self, case: Case, on: date) -> list[Evidence]:
        found = [each for each in case.record.measurements if each.kind == "lvef" and each.when]
        if not found:
            return []
        newest_value = max(found, key=lambda each: (each.when.latest if each.when else on, each.source.reference))
        if not newest_value.value.surely_below(self.lvef_below):
            return []
        return [Evidence(newest_value.source, f"LVEF {newest_value.observed}", on=newest_value.when)]

    def _experience(self, case: Case, history: History) -> list[Evidence]:
        found = [
            Evidence(each.source, f"reaction to {each.drug.label}", on=each.when)
            for each in case.record.reactions
            if each.drug.key == self.drug and each.confirmed is not False
        ]
        for course in history.given((self.drug,)):
            stopped = course.stopped_for("not-tolerated") or course.stopped_for("no-response")
            if stopped is not None:
                found.append(Evidence(stopped.source, f"{stopped.drug.label} stopped", on=stopped.end or stopped.start))
        failed = [each.progression for each in history.switches if self.drug in each.after.drugs]
        return [*found, *(each for each in failed if each is not None)]


@dataclass(frozen=True, slots=True)
class MetastaticTherapyOrEarlyRecurrence:
    """Prior systemic therapy for metastatic disease, or recurrence soon after adjuvant therapy (K10, K11)."""

    reader: TherapyReader
    endocrine_only: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("endocrine_only",), endocrine_only=STRING)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the sentence for recurrence on endocrine therapy alone."""
        return cls(TherapyReader.of(context), params["endocrine_only"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge courses in the metastatic setting, then the interval to recurrence."""
        return weigh(self._derive(case), case, self.reader.leaf)

    def _derive(self, case: Case) -> Judgement:
        history, own = self.reader.history(case), case.order.drug.keys
        prior = [each for each in history.courses if each.setting is Setting.METASTATIC and each.drug not in own]
        if prior:
            return met(*(each.evidence for each in prior))
        onset, surgery = extent_of(case).onset, surgery_of(case)
        early = [each for each in history.courses if each.setting is Setting.EARLY and each.start]
        drugs = [each for each in early if each.classes & CYTOTOXIC_OR_TARGETED and is_adjuvant(each, surgery)]
        recurred = [each for each in drugs if self._surely_soon(each, onset)]
        if recurred:
            return met(*(each.evidence for each in recurred), *extent_of(case).metastatic)
        on_endocrine = [each for each in early if "endocrine" in each.classes and self._surely_soon(each, onset)]
        if on_endocrine:
            seen = tuple(each.evidence for each in on_endocrine)
            return unknown(review(self.endocrine_only), evidence=seen)
        statement = completeness(case)
        decidable = surgery is not None and all(self._surely_later(each, onset) for each in drugs)
        if statement and decidable and onset is not None and not (history.undated or history.may_hide_therapy):
            return not_met(answer_evidence(statement), *(each.evidence for each in drugs))
        return self.reader.undecided(case, *(each.evidence for each in drugs))

    def _surely_soon(self, course: Course, onset: DateRange | None) -> bool:
        """Say whether metastasis surely appeared during the course or within the months after it."""
        start, end = course.start, course.end
        return (
            onset is not None
            and start is not None
            and end is not None
            and onset.surely_within(start.latest, add_months(end.earliest, self._months))
        )

    def _surely_later(self, course: Course, onset: DateRange | None) -> bool:
        end = course.end
        return onset is not None and end is not None and onset.earliest > add_months(end.latest, self._months)

    @property
    def _months(self) -> int:
        return self.reader.thresholds.recurrence_after_adjuvant_months
