"""Therapy history: courses, regimens, settings and switches, derived from exposures.

Readings section 4 and contract section 8. Only drugs shown to be received make courses; an order alone is a plan.
Endocrine and supportive drugs make no regimen.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from criteria.dates import DateRange
from criteria.drugs import DrugTable
from criteria.facts import Case, ConditionState, Diagnosis, Exposure, ExposureKind
from criteria.finding import Evidence
from criteria.oncology.courses import CYTOTOXIC_OR_TARGETED, Course, History, Regimen, Setting, Switch
from criteria.oncology.extent import belongs, diagnosis_evidence, extent_of
from criteria.oncology.memory import once
from criteria.oncology.primary import TreatedCancer, concerns_treated, is_for_another, sites_of, treated_cancer
from criteria.thresholds import Thresholds

_FAILED = "no-response"
_SPREAD = frozenset({"metastasis-distant", "metastasis-brain", "local-recurrence-breast"})


def history_of(case: Case, drugs: DrugTable, thresholds: Thresholds) -> History:
    """Return the therapy history of the case."""
    return once(case, ("history", id(thresholds)), lambda: _History(case, drugs, thresholds).derive())


def progressions(case: Case) -> tuple[Evidence, ...]:
    """Return dated evidence of progression: disease status, recurrence, new metastasis."""
    return once(case, "progressions", lambda: tuple(_progressions(case)))


def _progressions(case: Case) -> Iterator[Evidence]:
    for status in case.record.disease_statuses:
        about_this = concerns_treated(case, status.condition)
        if status.means == "worsened" and status.when is not None and about_this:
            yield Evidence(status.source, status.observed, on=status.when)
    for diagnosis in case.record.diagnoses:
        # A recorded date says nothing about when the disease came back or spread.
        dated = diagnosis.onset is not None and not diagnosis.onset_is_recorded_date
        if dated and diagnosis.confirmed is not False and _is_progression(diagnosis, treated_cancer(case)):
            yield diagnosis_evidence(diagnosis)


def _is_progression(diagnosis: Diagnosis, cancer: TreatedCancer) -> bool:
    came_back = diagnosis.state is ConditionState.RECURRENT and cancer.site in sites_of(diagnosis)
    return came_back or (bool(diagnosis.concepts & _SPREAD) and belongs(diagnosis, cancer))


_Dated = tuple[DateRange, Course]


class _History:
    """One derivation; holds the inputs so that its steps stay small."""

    def __init__(self, case: Case, drugs: DrugTable, thresholds: Thresholds) -> None:
        self.case, self.drugs, self.thresholds = case, drugs, thresholds
        self.onset = extent_of(case).onset
        self.early_only = bool(extent_of(case).current_m0)
        self.gap = timedelta(days=thresholds.treatment_gap_days)
        self.window = timedelta(days=thresholds.regimen_start_window_days)

    def derive(self) -> History:
        given: dict[str, list[Exposure]] = {}
        ordered: list[Exposure] = []
        unrecognised: list[Exposure] = []
        for_others: list[Exposure] = []
        for exposure in self.case.record.exposures:
            key = exposure.drug.key
            if key is not None and not self.drugs[key].is_anticancer:
                continue
            if is_for_another(self.case, exposure):
                for_others.append(exposure)
            elif key is None:
                if exposure.kind is not ExposureKind.ORDERED:
                    unrecognised.append(exposure)
            elif exposure.kind is ExposureKind.ORDERED:
                ordered.append(exposure)
            else:
                given.setdefault(key, []).append(exposure)
        courses = [course for key in sorted(given) for course in self._courses(key, given[key])]
        dated = [(each.start, each) for each in courses if each.start and each.classes & CYTOTOXIC_OR_TARGETED]
        dated.sort(key=lambda each: (each[0].earliest, each[0].latest, each[1].drug))
        regimens = self._regimens(dated)
        past, present = self._split_present(regimens)
        return History(
            courses=tuple(courses),
            undated=tuple(each for each in courses if each.start is None),
            regimens=tuple(past),
            present=present,
            switches=tuple(self._switches(past, present)),
            ordered_only=tuple(each for each in ordered if each.drug.key not in given),
            unrecognised=tuple(unrecognised),
            for_others=tuple(for_others),
            window_days=self.thresholds.regimen_start_window_days,
        )

    def _courses(self, key: str, exposures: list[Exposure]) -> Iterator[Course]:
        """Split a drug's exposures where treatment paused for the gap the thresholds name."""
        undated = [each for each in exposures if each.start is None]
        dated = sorted(((each.start, each) for each in exposures if each.start is not None), key=_dated_key)
        run: list[Exposure] = []
        until = None
        for start, exposure in dated:
            if until is not None and start.earliest - until >= self.gap:
                yield self._course(key, run)
                run, until = [], None
            run.append(exposure)
            last = (exposure.end or start).latest
            until = last if until is None else max(until, last)
        yield self._course(key, run + undated)

    def _course(self, key: str, exposures: list[Exposure]) -> Course:
        drug = self.drugs[key]
        starts = [each.start for each in exposures if each.start is not None]
        ends = [each.end or each.start for each in exposures if each.start is not None]
        start = min(starts, key=lambda day: (day.earliest, day.latest)) if starts else None
        known = [each for each in ends if each is not None]
        end = max(known, key=lambda day: (day.latest, day.earliest)) if known else None
        return Course(key, drug.classes, drug.actives, tuple(exposures), start, end, self._setting(start, exposures))

    def _setting(self, start: DateRange | None, exposures: list[Exposure]) -> Setting:
        """Place a course before or after the first evidence of metastasis; same day counts as after."""
        intents = {each.intent for each in exposures} - {None}
        if intents == {"palliative"}:
            return Setting.METASTATIC
        if intents and intents <= {"neoadjuvant", "adjuvant", "curative"}:
            return Setting.EARLY
        if self.early_only:
            return Setting.EARLY
        if start is None or self.onset is None:
            return Setting.UNSURE
        if start.earliest >= self.onset.latest:
            return Setting.METASTATIC
        return Setting.EARLY if start.surely_before(self.onset) else Setting.UNSURE

    def _regimens(self, courses: list[_Dated]) -> list[Regimen]:
        """Group courses into regimens: started together, or the same substances going on."""
        groups: list[list[_Dated]] = []
        for dated in courses:
            if groups and self._continues(groups[-1], dated):
                groups[-1].append(dated)
            else:
                groups.append([dated])
        found = []
        for index, group in enumerate(groups):
            start, first = group[0]
            earlier = [course for before in groups[:index] for _, course in before]
            carried = tuple(each for each in earlier if each.end and each.end.latest >= start.earliest)
            found.append(Regimen(tuple(course for _, course in group), carried, start, first.setting))
        return found

    def _continues(self, group: list[_Dated], dated: _Dated) -> bool:
        (first, opening), (start, course) = group[0], dated
        # Partial dates that allow the same start do not prove two regimens.
        if start.earliest - first.latest <= self.window and course.setting is opening.setting:
            return True
        # A biosimilar, a brand or a subcutaneous form of what is already given is no new regimen.
        actives = frozenset().union(*(each.actives for _, each in group))
        ends = [each.end.latest for _, each in group if each.end]
        if not course.actives <= actives or start.earliest - max(ends) >= self.gap:
            return False
        return not any(
            each.on is not None and each.on.earliest > first.latest and each.on.latest <= start.earliest
            for each in progressions(self.case)
        )

    def _split_present(self, regimens: list[Regimen]) -> tuple[list[Regimen], Regimen | None]:
        """Set the ordered drug's present regimen apart: it is not prior therapy of this order."""
        key = self.case.order.drug.key
        if regimens and key is not None and key in self.drugs:
            actives = self.drugs[key].actives
            if any(each.actives == actives for each in regimens[-1].courses):
                return regimens[:-1], regimens[-1]
        return regimens, None

    def _switches(self, past: list[Regimen], present: Regimen | None) -> Iterator[Switch]:
        """Yield the switches up to and including the one to the ordered drug."""
        own = self.case.order.drug.key
        ordered = self.drugs[own].actives if own is not None and own in self.drugs else frozenset()
        for index, regimen in enumerate(past):
            after = past[index + 1] if index + 1 < len(past) else present
            started = frozenset().union(*(each.actives for each in after.courses)) if after else ordered
            yield Switch(regimen, self._progression(regimen, after), not started <= regimen.actives)

    def _progression(self, regimen: Regimen, after: Regimen | None) -> Evidence | None:
        """Return progression on a regimen: after its start and not later than the next one's start."""
        for course in regimen.courses:
            failed = course.stopped_for(_FAILED)
            if failed is not None:
                return Evidence(failed.source, "stopped for lack of response", on=failed.end or failed.start)
        for evidence in progressions(self.case):
            if evidence.on is None or evidence.on.earliest <= regimen.start.latest:
                continue
            if after is None or evidence.on.latest <= after.start.earliest:
                return evidence
        return None


def _dated_key(dated: tuple[DateRange, Exposure]) -> tuple[date, date, str]:
    start, exposure = dated
    return start.earliest, start.latest, exposure.source.reference
