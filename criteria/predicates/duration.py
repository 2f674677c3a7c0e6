"""Criteria about how much was given: the neoadjuvant course and the total of a treatment (K4, K5, K25)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar, Self

from criteria.facts import Case, Procedure
from criteria.finding import Evidence, Finding, Judgement, Role, met, not_met
from criteria.oncology.courses import CYTOTOXIC_OR_TARGETED, Course, Setting
from criteria.oncology.extent import extent_of
from criteria.oncology.primary import treated_cancer
from criteria.oncology.surgery import surgery_of
from criteria.predicates.answers import answer_evidence, completeness, weigh
from criteria.predicates.context import COUNT, STRINGS, BuildContext, params_schema
from criteria.predicates.therapy import TherapyReader, resolve_drugs


@dataclass(frozen=True, slots=True)
class NeoadjuvantCourse:
    """Neoadjuvant therapy with every group of drugs, of at least so many cycles or weeks as a whole (K4, K5)."""

    reader: TherapyReader
    groups: tuple[frozenset[str], ...]
    cycles: int
    weeks: int
    cycle_days: int
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("every", "cycles", "weeks", "cycle_days"),
        every={"type": "array", "minItems": 1, "items": STRINGS},
        cycles=COUNT,
        weeks=COUNT,
        cycle_days=COUNT,
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from drug groups, the number of cycles or weeks, and the shortest interval that starts a new cycle."""
        groups = tuple(resolve_drugs(names, context.drugs) for names in params["every"])
        return cls(TherapyReader.of(context), groups, params["cycles"], params["weeks"], params["cycle_days"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge the courses before surgery."""
        return weigh(self._derive(case), case, self.reader.leaf)

    def _derive(self, case: Case) -> Judgement:
        history = self.reader.history(case)
        surgery = surgery_of(case)
        earlier = [each for each in history.courses if self._is_neoadjuvant(each, surgery)]
        before = self._leading_to(surgery, earlier)
        held = [[each for each in before if each.drug in group] for group in self.groups]
        evidence = tuple(each.evidence for each in before)
        if surgery is not None:
            evidence += (Evidence(surgery.source, surgery.label, on=surgery.when),)
        statement = completeness(case)
        if not all(held):
            certain = not (history.undated or history.may_hide_therapy) and before == earlier
            if statement and surgery is not None and certain:
                return not_met(answer_evidence(statement), *evidence)
            return self.reader.undecided(case, *evidence)
        cycles, days = self._cycles(before), self._days(before)
        if cycles >= self.cycles or days >= self.weeks * 7:
            shown = f"{cycles} cycles, {days} days from first to last dose"
            return met(*(Evidence(each.source, f"{each.observed}: {shown}", on=each.on) for each in evidence))
        if statement and not (history.undated or history.may_hide_therapy):
            return not_met(answer_evidence(statement), *evidence)
        return self.reader.undecided(case, *evidence)

    def _is_neoadjuvant(self, course: Course, surgery: Procedure | None) -> bool:
        if any(each.intent == "neoadjuvant" for each in course.exposures):
            return True
        if any(each.intent in {"adjuvant", "palliative"} for each in course.exposures):
            return False
        if not course.classes & CYTOTOXIC_OR_TARGETED or course.setting is Setting.METASTATIC:
            return False
        if surgery is None or surgery.when is None or course.start is None:
            return False
        return course.start.surely_before(surgery.when)

    def _leading_to(self, surgery: Procedure | None, courses: list[Course]) -> list[Course]:
        """Return the courses of the one stretch of therapy that led to the surgery, and those called neoadjuvant.

        Therapy that ended long before, or before a long pause, was for something else or is not one course (K5).
        """
        if surgery is None or surgery.when is None:
            return courses
        gap = timedelta(days=self.reader.thresholds.treatment_gap_days)
        reaches, kept = surgery.when.earliest, []
        for course in sorted(courses, key=lambda each: each.end.latest if each.end else date.max, reverse=True):
            if any(each.intent == "neoadjuvant" for each in course.exposures):
                kept.append(course)
            elif course.end is not None and course.start is not None and reaches - course.end.latest < gap:
                kept.append(course)
                reaches = min(reaches, course.start.earliest)
        return [each for each in courses if each in kept]

    def _cycles(self, courses: list[Course]) -> int:
        """Count dose days at least a cycle apart; the regimen counts as a whole."""
        days = sorted({dose.latest for course in courses for dose in course.doses})
        count, last = 0, None
        for day in days:
            if last is None or day - last >= timedelta(days=self.cycle_days):
                count, last = count + 1, day
        return count

    def _days(self, courses: list[Course]) -> int:
        """Return the certain days of the longest stretch without a gap: two doses far apart document no treatment."""
        gap = timedelta(days=self.reader.thresholds.treatment_gap_days)
        spans = sorted((each.start.latest, each.end.earliest) for each in courses if each.start and each.end)
        longest, first, last = 0, None, None
        for start, end in spans:
            if first is None or last is None or start - last >= gap:
                first, last = start, max(start, end)
            last = max(last, end)
            longest = max(longest, (last - first).days)
        return longest


@dataclass(frozen=True, slots=True)
class WithinTreatmentDuration:
    """Fewer doses than the total for early disease, in fewer weeks; other disease has no limit (K25)."""

    reader: TherapyReader
    cycles: int
    weeks: int
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("cycles", "weeks"), cycles=COUNT, weeks=COUNT)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the total of cycles and weeks."""
        return cls(TherapyReader.of(context), params["cycles"], params["weeks"])

    def judge(self, case: Case, on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge the doses counted so far."""
        return weigh(self._derive(case, on), case, self.reader.leaf)

    def _derive(self, case: Case, on: date) -> Judgement:
        extent, cancer = extent_of(case), treated_cancer(case)
        if extent.metastatic or (cancer.site is not None and cancer.site != "breast"):
            seen = extent.metastatic or tuple(Evidence(each.source, each.label) for each in cancer.diagnoses)
            return met(*(Evidence(each.source, f"{each.observed}: no limit of duration", on=each.on) for each in seen))
        courses = self.reader.history(case).given(case.order.drug.keys)
        doses = sorted({dose.latest for course in courses for dose in course.doses})
        evidence = tuple(course.evidence for course in courses)
        if not extent.early:
            return self.reader.undecided(case, *evidence)
        if len(doses) >= self.cycles:
            return not_met(
                *(Evidence(each.source, f"{len(doses)} doses given", Role.CONTRADICTS, each.on) for each in evidence)
            )
        surgery = surgery_of(case)
        days = [each.start.earliest for each in courses if each.start]
        days += [surgery.when.earliest] if surgery is not None and surgery.when is not None else []
        if days and (on - min(days)).days < self.weeks * 7 and evidence:
            return met(
                *(
                    Evidence(each.source, f"{each.observed}: {len(doses)} doses counted", on=each.on)
                    for each in evidence
                )
            )
        return self.reader.undecided(case, *evidence)
