"""Criteria about the treated cancer: which it is and how far it has spread (contract section 5.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Self

from criteria.facts import Case, ConditionState
from criteria.finding import Evidence, Finding, Judgement, Need, Role, document, met, not_met, review, unknown
from criteria.names import Named
from criteria.oncology.extent import Extent, diagnosis_evidence, extent_of
from criteria.oncology.primary import Doubt, TreatedCancer, treated_cancer
from criteria.predicates.answers import ask, request, weigh
from criteria.predicates.context import (
    STRING,
    BuildContext,
    WithoutParameters,
    name_of,
    names_of,
    params_schema,
    sentences_by,
)

_SETS = names_of(Named.CONDITIONS)
_ASKED = sentences_by(Named.CONDITIONS)
_DOUBTS = {
    Doubt.NONE_STATED: "State the cancer this drug is for (a coded primary diagnosis on the order or problem list).",
    Doubt.SEVERAL: "Several primary cancers are on record: state on the order which one this drug treats.",
    Doubt.UNCONFIRMED: "The cancer diagnosis is recorded as provisional: confirm it.",
}


def different_primary(cancer: TreatedCancer) -> tuple[Evidence, ...]:
    """Return the diagnoses of the treated cancer as evidence against another one."""
    return tuple(diagnosis_evidence(each, Role.CONTRADICTS) for each in cancer.diagnoses)


def same_primary(cancer: TreatedCancer) -> tuple[Evidence, ...]:
    """Return the diagnoses of the treated cancer as supporting evidence."""
    return tuple(diagnosis_evidence(each) for each in cancer.diagnoses)


def unnamed_cancer(case: Case, cancer: TreatedCancer) -> Judgement:
    """Return the judgement when the record does not name one treated cancer."""
    doubt = cancer.doubt or Doubt.NONE_STATED
    if doubt is Doubt.CONFLICTING:
        sides = tuple(diagnosis_evidence(each, Role.UNUSABLE) for each in cancer.diagnoses)
        return unknown(review("The codings of one diagnosis name cancers of different organs."), evidence=sides)
    seen = tuple(diagnosis_evidence(each, Role.UNUSABLE) for each in cancer.diagnoses)
    return unknown(ask(case, ("Condition",), document(_DOUBTS[doubt])), evidence=seen)


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """The treated cancer is one of these; another malignant primary is the reason for not-met.

    `excludes` are concepts of the same organ that are not it; `unclear` concepts that may be it, with what to ask;
    `review` concepts a person decides.
    """

    leaf: str
    concepts: frozenset[str]
    excludes: frozenset[str]
    unclear: Mapping[str, str]
    review: Mapping[str, str]
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("is",), **{"is": _SETS, "excludes": _SETS, "unclear": _ASKED, "review": _ASKED}
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from names of code sets."""
        return cls(
            context.leaf,
            frozenset(params["is"]),
            frozenset(params.get("excludes", ())),
            params.get("unclear", {}),
            params.get("review", {}),
        )

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge the treated cancer."""
        return weigh(self.derive(case), case, self.leaf)

    def derive(self, case: Case) -> Judgement:
        """Judge the treated cancer by the coded record alone."""
        cancer = treated_cancer(case)
        if cancer.site is None:
            return unnamed_cancer(case, cancer)
        named = frozenset().union(*(each.concepts for each in cancer.diagnoses))
        if named & self.concepts and not named & self.excludes:
            return met(*same_primary(cancer))
        if named & self.excludes:
            return not_met(*different_primary(cancer))
        seen = tuple(diagnosis_evidence(each, Role.UNUSABLE) for each in cancer.diagnoses)
        for concept, text in self.review.items():
            if concept in named:
                return unknown(review(text), evidence=seen)
        for concept, text in self.unclear.items():
            if concept in named:
                return unknown(document(text), evidence=seen)
        return not_met(*different_primary(cancer))


@dataclass(frozen=True, slots=True)
class RecurrentTumour:
    """The treated cancer is one of these and has come back; spread from the start is for review (K24)."""

    primary: Diagnosed
    de_novo: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("is", "de_novo"), **{"is": _SETS, "excludes": _SETS, "unclear": _ASKED, "de_novo": STRING}
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from names of code sets and the sentence for disease that was metastatic from the start."""
        return cls(Diagnosed.build(params, context), params["de_novo"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge site and recurrence."""
        return weigh(self._derive(case), case, self.primary.leaf)

    def _derive(self, case: Case) -> Judgement:
        site = self.primary.derive(case)
        if not site.evidence or site.verdict is not met(*site.evidence).verdict:
            return site
        extent = extent_of(case)
        if extent.recurrent:
            return met(*site.evidence, *extent.recurrent)
        if extent.metastatic:
            return unknown(review(self.de_novo), evidence=(*site.evidence, *extent.metastatic))
        return unknown(request(case, "Condition"), evidence=site.evidence)


def _spread_types() -> tuple[str, ...]:
    return ("Condition", "Observation")


def _undecided(case: Case, extent: Extent) -> Judgement:
    """Return unknown with the doubts that were raised, else the leaf's own request."""
    needs: tuple[Need, ...] = extent.doubts or (request(case, *_spread_types()),)
    return unknown(*needs, evidence=(*extent.doubtful, *_unused(extent)))


def _unused(extent: Extent) -> tuple[Evidence, ...]:
    return tuple(Evidence(each.source, each.observed, Role.UNUSABLE, each.on) for each in extent.early)


def _contradicting(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    return tuple(Evidence(each.source, each.observed, Role.CONTRADICTS, each.on) for each in evidence)


@dataclass(frozen=True, slots=True)
class EarlyDisease(WithoutParameters):
    """Stage I to III or M0 without evidence of metastasis."""

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge stage and spread."""
        extent = extent_of(case)
        if extent.metastatic:
            derived = not_met(*_contradicting(extent.metastatic))
        elif extent.early and not extent.doubts:
            derived = met(*extent.early)
        else:
            derived = _undecided(case, extent)
        return weigh(derived, case, self.leaf)


@dataclass(frozen=True, slots=True)
class MetastaticDisease(WithoutParameters):
    """Stage IV, M1 or a distant metastasis of the treated cancer; a current explicit M0 denies it."""

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge spread."""
        return weigh(derive_metastatic(case), case, self.leaf)


def derive_metastatic(case: Case) -> Judgement:
    """Judge metastatic disease by the coded record alone."""
    extent = extent_of(case)
    if extent.metastatic:
        return met(*extent.metastatic)
    if extent.current_m0:
        return not_met(*_contradicting(extent.current_m0))
    return _undecided(case, extent)


@dataclass(frozen=True, slots=True)
class RecurrentUnresectableOrMetastatic(WithoutParameters):
    """Metastatic, or recurrent and unresectable (M2); no code says unresectable, so that part is asked."""

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge spread, then the clinician's word on resectability."""
        extent = extent_of(case)
        if extent.metastatic:
            derived = met(*extent.metastatic)
        else:
            undecided = _undecided(case, extent)
            derived = unknown(*undecided.needs, evidence=(*extent.recurrent, *undecided.evidence))
        return weigh(derived, case, self.leaf)


@dataclass(frozen=True, slots=True)
class BrainMetastases:
    """Brain metastases of the treated cancer; leptomeningeal disease alone is for review (K20)."""

    leaf: str
    site: str
    leptomeningeal: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("site", "leptomeningeal"), site=name_of(Named.SITE), leptomeningeal=STRING
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the primary site and the sentence for meningeal disease."""
        return cls(context.leaf, params["site"], params["leptomeningeal"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge the primary, then the brain."""
        return weigh(self._derive(case), case, self.leaf)

    def _derive(self, case: Case) -> Judgement:
        cancer, extent = treated_cancer(case), extent_of(case)
        if cancer.site is not None and cancer.site != self.site:
            return not_met(*different_primary(cancer))
        if extent.current_m0:
            return not_met(*_contradicting(extent.current_m0))
        current = [
            each for each in (*case.order.reasons, *case.record.diagnoses) if each.state is not ConditionState.INACTIVE
        ]
        brain = [each for each in current if "metastasis-brain" in each.concepts]
        evidence = tuple(diagnosis_evidence(each) for each in brain)
        if brain and cancer.site is None:
            return unnamed_cancer(case, cancer)
        if any(each.confirmed is not False for each in brain):
            if cancer.only_primary or any(each.related for each in brain):
                return met(*evidence, *same_primary(cancer))
            return unknown(*(extent.doubts or (request(case),)), evidence=evidence)
        meninges = [each for each in current if "metastasis-cns-other" in each.concepts]
        if meninges and not brain:
            seen = tuple(diagnosis_evidence(each, Role.UNUSABLE) for each in meninges)
            return unknown(review(self.leptomeningeal), evidence=seen)
        return unknown(request(case, *_spread_types()), evidence=evidence)


@dataclass(frozen=True, slots=True)
class AdvancedDisease:
    """Recurrent, advanced or metastatic; stage III is for review because only part of it is advanced (K23)."""

    leaf: str
    stage_three: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("stage_three",), stage_three=STRING)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the sentence for stage III disease."""
        return cls(context.leaf, params["stage_three"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge spread and recurrence."""
        extent = extent_of(case)
        if extent.metastatic or extent.recurrent:
            derived = met(*extent.metastatic, *extent.recurrent)
        elif extent.stage_three:
            derived = unknown(review(self.stage_three), evidence=extent.stage_three)
        else:
            derived = _undecided(case, extent)
        return weigh(derived, case, self.leaf)
