"""Criteria about what was given before: drugs, regimens, lines and their setting (contract section 8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Self

from criteria.dates import DateRange, add_months
from criteria.drugs import DrugTable
from criteria.facts import Case, Procedure
from criteria.finding import Evidence, Finding, Judgement, Role, met, not_met, review, unknown
from criteria.oncology.extent import extent_of
from criteria.oncology.primary import treated_cancer
from criteria.oncology.therapy import (
    CYTOTOXIC_OR_TARGETED,
    Course,
    History,
    Regimen,
    Setting,
    history_of,
    line_bounds,
    progressions,
)
from criteria.predicates.answers import answer_evidence, completeness, decide, newest, number, request, weigh
from criteria.predicates.context import COUNT, STRING, STRINGS, BuildContext, params_schema
from criteria.thresholds import Thresholds
from criteria.verdict import Verdict

EXPOSURE_TYPES = ("MedicationAdministration", "MedicationStatement", "MedicationDispense", "MedicationRequest")
_ORDERED_ONLY = "was ordered; an order does not show that it was given"


@dataclass(frozen=True, slots=True)
class TherapyReader:
    """What every therapy criterion needs to derive the history."""

    leaf: str
    drugs: DrugTable
    thresholds: Thresholds

    @classmethod
    def of(cls, context: BuildContext) -> Self:
        """Build from the context of the library."""
        return cls(context.leaf, context.drugs, context.thresholds)

    def history(self, case: Case) -> History:
        """Return the therapy history of the case."""
        return history_of(case, self.drugs, self.thresholds)

    def undecided(self, case: Case, *seen: Evidence) -> Judgement:
        """Return unknown, asking for the therapy history."""
        return unknown(request(case, *EXPOSURE_TYPES), evidence=seen)


@dataclass(frozen=True, slots=True)
class PriorTherapy:
    """At least one drug of every group was received; not-met only when the history is stated to be complete."""

    reader: TherapyReader
    groups: tuple[frozenset[str], ...]
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("every",), every={"type": "array", "minItems": 1, "items": STRINGS}
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from groups of drug keys and classes ("class:taxane")."""
        groups = tuple(resolve_drugs(names, context.drugs) for names in params["every"])
        return cls(TherapyReader.of(context), groups)

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge each group by courses received."""
        history = self.reader.history(case)
        found = [history.given(group - case.order.drug.keys) for group in self.groups]
        evidence = tuple(courses[0].evidence for courses in found if courses)
        if all(found):
            derived = met(*evidence)
        elif statement := completeness(case):
            derived = not_met(answer_evidence(statement), *evidence)
        else:
            ordered = tuple(
                Evidence(each.source, f"{each.drug.label} {_ORDERED_ONLY}", Role.UNUSABLE, each.start)
                for group in self.groups
                for each in history.ordered(group)
            )
            derived = self.reader.undecided(case, *evidence, *ordered)
        return weigh(derived, case, self.reader.leaf)


def resolve_drugs(names: list[str], drugs: DrugTable) -> frozenset[str]:
    """Return the drug keys meant by keys and "class:…" names; raise ValueError for one that does not exist."""
    found: set[str] = set()
    for name in names:
        if name.startswith("class:"):
            members = drugs.of_class(name.removeprefix("class:"))
            if not members:
                message = f"no drug has {name}"
                raise ValueError(message)
            found |= members
        elif name in drugs:
            found.add(name)
        else:
            message = f"no drug is called {name}"
            raise ValueError(message)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class PriorRegimens:
    """A number of distinct regimens with an agent of a class; agents of one regimen do not add up (M3)."""

    reader: TherapyReader
    drug_class: str
    at_least: int
    agents_only: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("class", "at_least", "agents_only"), **{"class": STRING, "at_least": COUNT, "agents_only": STRING}
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the drug class, the number and the sentence for agents counted one by one."""
        return cls(TherapyReader.of(context), params["class"], params["at_least"], params["agents_only"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge by the regimens the record proves."""
        return weigh(self._derive(case), case, self.reader.leaf)

    def _derive(self, case: Case) -> Judgement:
        history = self.reader.history(case)
        regimens = distinct_regimens(case, history, self.drug_class, self.reader.thresholds)
        evidence = tuple(each.evidence(self.drug_class) for each in regimens)
        if len(regimens) >= self.at_least:
            return met(*evidence)
        statement = completeness(case)
        agents = frozenset().union(*(each.of_class(self.drug_class) for each in regimens))
        if len(agents) >= self.at_least:
            more = () if statement else (request(case, *EXPOSURE_TYPES),)
            return unknown(review(self.agents_only), *more, evidence=evidence)
        if statement and not history.undated and not history.unrecognised:
            return not_met(answer_evidence(statement), *evidence)
        return self.reader.undecided(case, *evidence)


def distinct_regimens(case: Case, history: History, drug_class: str, thresholds: Thresholds) -> tuple[Regimen, ...]:
    """Return the prior regimens that count as distinct for a class.

    A regimen counts once its agents of the class differ from the one before, or progression, a gap or a change of
    setting lies between: swapping the chemotherapy beside the same antibody is the same anti-target regimen.
    """
    found: list[Regimen] = []
    gap = timedelta(days=thresholds.treatment_gap_days)
    for regimen in history.regimens:
        agents = regimen.of_class(drug_class)
        if not agents:
            continue
        same = found and agents <= found[-1].of_class(drug_class)
        if same and not _is_new(case, found[-1], regimen, drug_class, gap):
            continue
        found.append(regimen)
    return tuple(found)


def _is_new(case: Case, before: Regimen, after: Regimen, drug_class: str, gap: timedelta) -> bool:
    if {before.setting, after.setting} == {Setting.EARLY, Setting.METASTATIC}:
        return True
    resumed = [each.start.earliest for each in after.courses if drug_class in each.classes and each.start]
    ended = [each.end.latest for each in (*before.courses, *before.carried) if drug_class in each.classes and each.end]
    if resumed and ended and min(resumed) - max(ended) >= gap:
        return True
    return any(
        each.on is not None and each.on.earliest > before.start.latest and each.on.latest <= after.start.earliest
        for each in progressions(case)
    )


@dataclass(frozen=True, slots=True)
class RegimenInMetastaticSetting:
    """At least one regimen with an agent of a class was started in the metastatic setting (M4)."""

    reader: TherapyReader
    drug_class: str
    not_metastatic: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("class", "not_metastatic"), **{"class": STRING, "not_metastatic": STRING}
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the drug class and the sentence for a patient without metastasis."""
        return cls(TherapyReader.of(context), params["class"], params["not_metastatic"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge by the setting each course was started in."""
        return weigh(self._derive(case), case, self.reader.leaf)

    def _derive(self, case: Case) -> Judgement:
        history = self.reader.history(case)
        courses = [
            course for regimen in history.regimens for course in regimen.courses if self.drug_class in course.classes
        ]
        inside = [each for each in courses if each.setting is Setting.METASTATIC]
        if inside:
            return met(*(each.evidence for each in inside), *extent_of(case).metastatic)
        extent = extent_of(case)
        seen = tuple(each.evidence for each in courses)
        if extent.recurrent and not extent.metastatic:
            return unknown(review(self.not_metastatic), request(case, *EXPOSURE_TYPES), evidence=seen)
        statement = completeness(case)
        if statement and not history.undated and all(each.setting is Setting.EARLY for each in courses):
            return not_met(answer_evidence(statement), *seen)
        return self.reader.undecided(case, *seen)


@dataclass(frozen=True, slots=True)
class LineOfTherapy:
    """This order is the n-th line or later; not-met needs a complete history or the clinician's own count."""

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
        if line is not None and answer is not None:
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
        ("drug", "conditions", "lvef_below"), drug=STRING, conditions=STRINGS, lvef_below=COUNT
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
        for switch in history.switches:
            if self.drug in switch.after.drugs and switch.progression is not None:
                found.append(switch.progression)
        return found


@dataclass(frozen=True, slots=True)
class MetastaticTherapyOrEarlyRecurrence:
    """Prior systemic therapy for metastatic disease, or recurrence during or within months of adjuvant therapy (K10, K11)."""

    reader: TherapyReader
    endocrine_only: str
    local_only: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("endocrine_only", "local_only"), endocrine_only=STRING, local_only=STRING
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the sentences for recurrence on endocrine therapy alone and for local treatment alone."""
        return cls(TherapyReader.of(context), params["endocrine_only"], params["local_only"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge courses in the metastatic setting, then the interval to recurrence."""
        return weigh(self._derive(case), case, self.reader.leaf)

    def _derive(self, case: Case) -> Judgement:
        history, own = self.reader.history(case), case.order.drug.keys
        prior = [each for each in history.courses if each.setting is Setting.METASTATIC and each.drug not in own]
        if prior:
            return met(*(each.evidence for each in prior))
        onset = extent_of(case).onset
        early = [each for each in history.courses if each.setting is Setting.EARLY and each.start]
        drugs = [each for each in early if each.classes & CYTOTOXIC_OR_TARGETED]
        recurred = [each for each in drugs if onset and self._recurred(each, onset)]
        if recurred:
            return met(*(each.evidence for each in recurred), *extent_of(case).metastatic)
        endocrine = [each for each in early if "endocrine" in each.classes and each.end and onset]
        on_endocrine = [each for each in endocrine if onset and self._recurred(each, onset)]
        if on_endocrine:
            seen = tuple(each.evidence for each in on_endocrine)
            return unknown(review(self.endocrine_only), request(case, *EXPOSURE_TYPES), evidence=seen)
        statement = completeness(case)
        decidable = onset is not None and all(self._surely_later(each, onset) for each in drugs)
        if statement and decidable and not history.undated:
            return not_met(answer_evidence(statement), *(each.evidence for each in drugs))
        return self.reader.undecided(case, *(each.evidence for each in drugs))

    def _recurred(self, course: Course, onset: DateRange) -> bool:
        """Say whether metastasis surely appeared during the course or within the months after it."""
        last = course.end or course.start
        if course.start is None or last is None:
            return False
        limit = add_months(last.earliest, self.reader.thresholds.recurrence_after_adjuvant_months)
        return onset.surely_within(course.start.latest, limit)

    def _surely_later(self, course: Course, onset: DateRange) -> bool:
        last = course.end or course.start
        if last is None:
            return False
        return onset.earliest > add_months(last.latest, self.reader.thresholds.recurrence_after_adjuvant_months)


@dataclass(frozen=True, slots=True)
class SubsequentTherapy:
    """At least one prior systemic line for the advanced disease; adjuvant therapy alone is for review (K23)."""

    reader: TherapyReader
    adjuvant_only: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("adjuvant_only",), adjuvant_only=STRING)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the sentence for prior adjuvant therapy alone."""
        return cls(TherapyReader.of(context), params["adjuvant_only"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge prior regimens and their setting."""
        return weigh(self._derive(case), case, self.reader.leaf)

    def _derive(self, case: Case) -> Judgement:
        history = self.reader.history(case)
        advanced = [each for each in history.regimens if each.setting is Setting.METASTATIC]
        if advanced:
            return met(*(each.evidence() for each in advanced))
        seen = tuple(each.evidence() for each in history.regimens)
        statement = completeness(case)
        if statement and not history.regimens and not history.undated and not history.unrecognised:
            return not_met(answer_evidence(statement))
        if history.regimens and all(each.setting is Setting.EARLY for each in history.regimens):
            return unknown(review(self.adjuvant_only), request(case, *EXPOSURE_TYPES), evidence=seen)
        return self.reader.undecided(case, *seen)


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
        before = [each for each in history.courses if self._is_neoadjuvant(each, surgery)]
        held = [[each for each in before if each.drug in group] for group in self.groups]
        evidence = tuple(each.evidence for each in before)
        if surgery is not None:
            evidence += (Evidence(surgery.source, surgery.label, on=surgery.when),)
        statement = completeness(case)
        if not all(held):
            if statement and surgery is not None and not history.undated:
                return not_met(answer_evidence(statement), *evidence)
            return self.reader.undecided(case, *evidence)
        cycles, days = self._cycles(before), self._days(before)
        if cycles >= self.cycles or days >= self.weeks * 7:
            shown = f"{cycles} cycles, {days} days from first to last dose"
            return met(*(Evidence(each.source, f"{each.observed}: {shown}", on=each.on) for each in evidence))
        if statement and not history.undated:
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

    def _cycles(self, courses: list[Course]) -> int:
        """Count dose days at least a cycle apart; the regimen counts as a whole."""
        days = sorted({dose.latest for course in courses for dose in course.doses})
        count, last = 0, None
        for day in days:
            if last is None or day - last >= timedelta(days=self.cycle_days):
                count, last = count + 1, day
        return count

    def _days(self, courses: list[Course]) -> int:
        """Return the days from first to last dose that are certain."""
        starts = [each.start.latest for each in courses if each.start]
        ends = [last.earliest for each in courses if (last := each.end or each.start)]
        return (max(ends) - min(starts)).days if starts else 0


def surgery_of(case: Case) -> Procedure | None:
    """Return the last curative breast operation on record."""
    found = [each for each in case.record.procedures if "breast-surgery" in each.concepts]
    return max(found, key=lambda each: (str(each.when or ""), each.source.reference)) if found else None


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
