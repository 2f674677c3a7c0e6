"""Criteria about what was given before: drugs, regimens, lines and their setting (contract section 8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Self

from criteria.drugs import DrugTable
from criteria.facts import Case
from criteria.finding import Evidence, Finding, Judgement, Role, met, not_met, review, unknown
from criteria.names import Named, no_such
from criteria.oncology.courses import Course, History, Regimen, Setting
from criteria.oncology.extent import extent_of
from criteria.oncology.therapy import history_of, progressions
from criteria.predicates.answers import answer_evidence, completeness, request, weigh
from criteria.predicates.context import COUNT, STRING, STRINGS, BuildContext, params_schema
from criteria.thresholds import Thresholds

EXPOSURE_TYPES = ("MedicationAdministration", "MedicationStatement", "MedicationDispense", "MedicationRequest")
_FOR_ANOTHER = "(its stated reason is another cancer, not counted)"
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
        """Return unknown, asking for the therapy history; what was given for another cancer is named and not used."""
        unused = (
            Evidence(each.source, f"{each.drug.label} {_FOR_ANOTHER}", Role.UNUSABLE, each.start)
            for each in self.history(case).for_others
        )
        return unknown(request(case, *EXPOSURE_TYPES), evidence=(*seen, *unused))


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
        elif (statement := completeness(case)) and not self._may_be_missing(history, found):
            derived = not_met(answer_evidence(statement), *evidence)
        else:
            ordered = tuple(
                Evidence(each.source, f"{each.drug.label} {_ORDERED_ONLY}", Role.UNUSABLE, each.start)
                for group in self.groups
                for each in history.ordered(group)
            )
            derived = self.reader.undecided(case, *evidence, *ordered)
        return weigh(derived, case, self.reader.leaf)

    def _may_be_missing(self, history: History, found: list[tuple[Course, ...]]) -> bool:
        """Say whether a drug unrecognised, only ordered or given for another cancer may be what a group lacks."""
        lacking = [group for group, courses in zip(self.groups, found, strict=True) if not courses]
        return bool(history.unrecognised) or any(history.ordered(each) or history.elsewhere(each) for each in lacking)


def one_class(name: str, drugs: DrugTable) -> str:
    """Return the name of a drug class; raise ValueError when no drug has it."""
    return next(iter(drugs.classes([name])))


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
            raise ValueError(no_such(Named.DRUG, name, drugs.by_key))
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
        return cls(
            TherapyReader.of(context),
            one_class(params["class"], context.drugs),
            params["at_least"],
            params["agents_only"],
        )

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge by the regimens the record proves."""
        return weigh(self._derive(case), case, self.reader.leaf)

    def _derive(self, case: Case) -> Judgement:
        history = self.reader.history(case)
        regimens = distinct_regimens(case, history, self.drug_class)
        evidence = tuple(each.evidence(self.drug_class) for each in regimens)
        if len(regimens) >= self.at_least:
            return met(*evidence)
        statement = completeness(case)
        agents = frozenset().union(*(each.of_class(self.drug_class) for each in regimens))
        if len(agents) >= self.at_least:
            return unknown(review(self.agents_only), evidence=evidence)
        if statement and not history.undated and not history.may_hide_therapy:
            return not_met(answer_evidence(statement), *evidence)
        return self.reader.undecided(case, *evidence)


def distinct_regimens(case: Case, history: History, drug_class: str) -> tuple[Regimen, ...]:
    """Return the prior regimens that count as distinct for a class.

    A regimen counts once its agents of the class differ from the one before, or it starts in another setting, or with a
    new partner after progression: swapping the chemotherapy beside the same antibody is the same anti-target regimen.
    """
    found: list[Regimen] = []
    for regimen in history.regimens:
        agents = regimen.of_class(drug_class)
        if not agents:
            continue
        same = found and agents <= found[-1].of_class(drug_class)
        if same and not _is_new(case, found[-1], regimen):
            continue
        found.append(regimen)
    return tuple(found)


def _is_new(case: Case, before: Regimen, after: Regimen) -> bool:
    """Say whether a regimen with the same agents of the class is one of its own.

    A change of setting makes it so, and a new partner after progression; a gap may be a gap of the record.
    """
    if {before.setting, after.setting} == {Setting.EARLY, Setting.METASTATIC}:
        return True
    started = frozenset().union(*(each.actives for each in after.courses))
    return not started <= before.actives and any(
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
        return cls(TherapyReader.of(context), one_class(params["class"], context.drugs), params["not_metastatic"])

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
            return unknown(review(self.not_metastatic), evidence=seen)
        statement = completeness(case)
        hidden = history.undated or history.may_hide_therapy
        if statement and not hidden and all(each.setting is Setting.EARLY for each in courses):
            return not_met(answer_evidence(statement), *seen)
        return self.reader.undecided(case, *seen)


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
        if statement and not history.regimens and not history.undated and not history.may_hide_therapy:
            return not_met(answer_evidence(statement))
        if history.regimens and all(each.setting is Setting.EARLY for each in history.regimens):
            return unknown(review(self.adjuvant_only), evidence=seen)
        return self.reader.undecided(case, *seen)
