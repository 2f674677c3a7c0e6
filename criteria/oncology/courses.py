"""Courses, regimens and switches: what a therapy history consists of (clinical readings section 4.3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from criteria.dates import DateRange
from criteria.facts import Exposure, ExposureKind
from criteria.finding import Evidence

CYTOTOXIC_OR_TARGETED = frozenset({"her2-agent", "targeted", "chemotherapy", "immunotherapy"})


class Setting(Enum):
    """In which phase of the disease a drug was given."""

    EARLY = "early"
    METASTATIC = "metastatic"
    UNSURE = "unsure"


class Course(Struct, frozen=True):
    """One drug given without a long gap. `start` None when no dose is dated."""

    drug: str
    classes: frozenset[str]
    actives: frozenset[str]
    exposures: tuple[Exposure, ...]
    start: DateRange | None
    end: DateRange | None
    setting: Setting

    @property
    def evidence(self) -> Evidence:
        """Return the first exposure as evidence of the course."""
        first = self.exposures[0]
        return Evidence(first.source, f"{first.drug.label} ({first.kind.value})", on=self.start)

    @property
    def doses(self) -> tuple[DateRange, ...]:
        """Return the dated single administrations, in order, each day once."""
        days = {each.start for each in self.exposures if each.kind is ExposureKind.ADMINISTERED and each.start}
        return tuple(sorted(days, key=lambda day: (day.earliest, day.latest)))

    def stopped_for(self, reason: str) -> Exposure | None:
        """Return the exposure that was stopped for this reason."""
        return next((each for each in self.exposures if reason in each.stop_reasons), None)


class Regimen(Struct, frozen=True):
    """Drugs given together. `carried` are drugs of earlier courses that went on alongside."""

    courses: tuple[Course, ...]
    carried: tuple[Course, ...]
    start: DateRange
    setting: Setting

    @property
    def drugs(self) -> frozenset[str]:
        """Return the keys of all drugs of the regimen."""
        return frozenset(each.drug for each in (*self.courses, *self.carried))

    @property
    def actives(self) -> frozenset[str]:
        """Return the active substances of all drugs of the regimen."""
        return frozenset().union(*(each.actives for each in (*self.courses, *self.carried)))

    def started_apart(self, window_days: int) -> tuple[Course, ...]:
        """Return courses that, dates being partial, may have started with the regimen's first one, or later."""
        starts = [(each, each.start) for each in self.courses[1:] if each.start is not None]
        return tuple(
            each
            for each, start in starts
            if (start.earliest - self.start.latest).days <= window_days < (start.latest - self.start.earliest).days
        )

    def evidence(self, name: str | None = None) -> Evidence:
        """Return a course of the regimen as its evidence, one of a class if that is what counts."""
        members = [each for each in (*self.courses, *self.carried) if name is None or name in each.classes]
        return (members or list(self.courses))[0].evidence

    def of_class(self, name: str) -> frozenset[str]:
        """Return the active substances of the regimen's drugs of a class."""
        members = [each for each in (*self.courses, *self.carried) if name in each.classes]
        return frozenset().union(*(each.actives for each in members))


class Switch(Struct, frozen=True):
    """The change from one regimen to the next, with the progression that explains it, if documented.

    `to_new_drug` is False when the next regimen only resumes or re-forms what was given: a gap in the record, a
    biosimilar, the same antibody under the skin.
    """

    after: Regimen
    progression: Evidence | None
    to_new_drug: bool


@dataclass(frozen=True, slots=True)
class History:
    """The therapy history as far as the record proves it.

    `courses` of every anticancer drug, endocrine included; `undated` those without a date; `regimens` in order,
    the ordered drug's present one not among them (`present`); `ordered_only` drugs that were ordered and never
    shown to be given; `unrecognised` exposures that may hide a line of therapy; `for_others` what was given for another
    cancer: no therapy of this one, unless its reason is mistaken.
    """

    courses: tuple[Course, ...]
    undated: tuple[Course, ...]
    regimens: tuple[Regimen, ...]
    present: Regimen | None
    switches: tuple[Switch, ...]
    ordered_only: tuple[Exposure, ...]
    unrecognised: tuple[Exposure, ...]
    for_others: tuple[Exposure, ...]
    window_days: int
    """Drugs that start within so many days are one regimen."""

    @property
    def may_hide_therapy(self) -> bool:
        """Say whether drugs that were not recognised, or only ordered, may be therapy the history lacks."""
        return bool(self.unrecognised or self.ordered_only or self.for_others)

    def given(self, drugs: Iterable[str]) -> tuple[Course, ...]:
        """Return the courses of these drugs."""
        wanted = frozenset(drugs)
        return tuple(each for each in self.courses if each.drug in wanted)

    def ordered(self, drugs: Iterable[str]) -> tuple[Exposure, ...]:
        """Return orders for these drugs that were never shown to be given."""
        wanted = frozenset(drugs)
        return tuple(each for each in self.ordered_only if each.drug.key in wanted)

    def elsewhere(self, drugs: Iterable[str]) -> tuple[Exposure, ...]:
        """Return what of these drugs was given for another cancer."""
        wanted = frozenset(drugs)
        return tuple(each for each in self.for_others if each.drug.key in wanted)


@dataclass(frozen=True, slots=True)
class LineBounds:
    """The line of therapy of the order: 1 + the switches in the metastatic setting.

    `lower` counts switches that follow documented progression; `upper` every switch and gap, and whatever may
    hide one.
    """

    lower: int
    upper: int
    evidence: tuple[Evidence, ...]


def line_bounds(history: History) -> LineBounds:
    """Bound the line of therapy this order is (contract section 8)."""
    metastatic = [each for each in history.switches if each.after.setting is Setting.METASTATIC]
    proven = [each for each in metastatic if each.progression and each.to_new_drug]
    possible = [each for each in history.switches if each.after.setting is not Setting.EARLY]
    unsure = sum(len(each.started_apart(history.window_days)) for each in history.regimens)
    hidden = (
        unsure
        + len(history.undated)
        + len(history.unrecognised)
        + len({each.drug.key for each in history.ordered_only})
        + len(history.for_others)
    )
    evidence = [each.after.evidence() for each in proven]
    evidence += [each.progression for each in proven if each.progression]
    return LineBounds(1 + len(proven), 1 + len(possible) + hidden, tuple(evidence))
