"""Criteria about what is given together with the ordered drug (contract section 5.4, "Combination leaves")."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Self

from criteria.drugs import DrugTable
from criteria.facts import Case, DrugReading
from criteria.finding import Evidence, Finding, Judgement, Role, document, met, not_met, review, unknown
from criteria.oncology.current import SEARCHES, Origin, Partner, partners
from criteria.oncology.therapy import progressions
from criteria.predicates.answers import closed, request, searched, weigh
from criteria.predicates.context import SENTENCES, STRING, STRINGS, BuildContext, params_schema
from criteria.predicates.therapy import one_class, resolve_drugs
from criteria.thresholds import Thresholds

SUPPORTIVE = frozenset({"supportive"})


@dataclass(frozen=True, slots=True)
class Beside:
    """Reads what is found beside the order and sorts it by what it means."""

    drugs: DrugTable
    thresholds: Thresholds

    def found(self, case: Case, on: date) -> tuple[Partner, ...]:
        """Return every drug beside the order."""
        return partners(case, on, self.drugs, self.thresholds)

    def classes(self, drug: DrugReading) -> frozenset[str] | None:
        """Return the classes of a drug; of all its readings when they share them; None when not recognised."""
        known = [self.drugs[key].classes for key in drug.keys if key in self.drugs]
        if not known:
            return None
        return frozenset.intersection(*known) or None


@dataclass(frozen=True, slots=True)
class NotCombinedWith:
    """No drug of the excluded classes beside the order; "nothing else" only in a closed world of recognised drugs."""

    leaf: str
    beside: Beside
    excluded: frozenset[str]
    allowed: frozenset[str]
    review: Mapping[str, str]
    """Classes a person decides about, each with its sentence."""
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("excluded",), excluded=STRINGS, allowed=STRINGS, review=SENTENCES
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from excluded classes and drugs that are allowed all the same."""
        allowed = resolve_drugs(params["allowed"], context.drugs) if "allowed" in params else frozenset()
        beside = Beside(context.drugs, context.thresholds)
        reviewed = params.get("review", {})
        context.drugs.classes(reviewed)
        return cls(context.leaf, beside, context.drugs.classes(params["excluded"]), allowed, reviewed)

    def judge(self, case: Case, on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge drafts and order group as certain, active orders and recent doses as a question."""
        return weigh(self._derive(case, on), case, self.leaf)

    def _derive(self, case: Case, on: date) -> Judgement:
        found = self.beside.found(case, on)
        excluded = [each for each in found if self._is_excluded(each)]
        certain = [each for each in excluded if each.origin.is_part_of_this_order]
        if certain:
            return not_met(*(_contradicting(each) for each in certain))
        unclear = [each for each in found if self.beside.classes(each.drug) is None]
        evidence = tuple(each.evidence for each in found)
        if excluded:
            names = _names(excluded)
            return unknown(
                document(f"State whether {names} will be stopped before this drug is given."), evidence=evidence
            )
        doubtful = [text for name, text in self.review.items() if any(self._has(each, name) for each in found)]
        if doubtful:
            return unknown(*(review(text) for text in doubtful), evidence=evidence)
        if unclear:
            names = _names(unclear)
            return unknown(
                document(f"State whether {names} is part of this regimen, and what it is."), evidence=evidence
            )
        if not closed(case, SEARCHES):
            return unknown(request(case, *SEARCHES), evidence=evidence)
        order = Evidence(case.order.source, f"{case.order.drug.label} ordered", on=case.order.authored)
        return met(searched(SEARCHES, "no excluded drug beside the order"), order, *evidence)

    def _has(self, partner: Partner, drug_class: str) -> bool:
        return drug_class in (self.beside.classes(partner.drug) or ())

    def _is_excluded(self, partner: Partner) -> bool:
        if partner.drug.keys and partner.drug.keys <= self.allowed:
            return False
        classes = self.beside.classes(partner.drug)
        return classes is not None and bool(classes & self.excluded)


@dataclass(frozen=True, slots=True)
class CombinedWith:
    """One of the listed drugs is given with the order; another chemotherapy instead is not-met, in addition for review.

    Contract section 5.4; M7, M8. Without a list, any drug of the class will do (the label's wording).
    """

    leaf: str
    beside: Beside
    listed: frozenset[str]
    instead: str
    in_addition: str | None
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("listed", "instead"), listed=STRINGS, instead=STRING, in_addition=STRING
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the listed drugs, the class that would stand in their place, and what to say of a further one."""
        return cls(
            context.leaf,
            Beside(context.drugs, context.thresholds),
            resolve_drugs(params["listed"], context.drugs),
            one_class(params["instead"], context.drugs),
            params.get("in_addition"),
        )

    def judge(self, case: Case, on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge the drafts of the call and active orders."""
        return weigh(self._derive(case, on), case, self.leaf)

    def _derive(self, case: Case, on: date) -> Judgement:
        found = [each for each in self.beside.found(case, on) if self.beside.classes(each.drug) != SUPPORTIVE]
        planned = [each for each in found if self._is_listed(each) and self._is_planned(case, each)]
        others = [each for each in found if self._is_anticancer(each) and not self._is_listed(each)]
        certain = [each for each in others if each.origin.is_part_of_this_order]
        evidence = tuple(each.evidence for each in planned)
        more = certain if len({each.drug.key for each in planned}) == 1 else [*certain, *planned[1:]]
        if planned and more and self.in_addition:
            further = tuple(_contradicting(each, Role.UNUSABLE) for each in certain)
            return unknown(review(f"{self.in_addition} ({_names(more)})"), evidence=evidence + further)
        if planned:
            return met(*evidence)
        one_of_several = [each for each in certain if each.drug.keys & self.listed]
        instead = [each for each in certain if self.instead in (self.beside.classes(each.drug) or ())]
        if instead and not one_of_several:
            return not_met(*(_contradicting(each) for each in instead))
        seen = tuple(Evidence(each.source, each.evidence.observed, Role.UNUSABLE, each.when) for each in found)
        return unknown(request(case, "MedicationRequest"), evidence=seen)

    def _is_listed(self, partner: Partner) -> bool:
        return partner.drug.key is not None and partner.drug.key in self.listed

    def _is_anticancer(self, partner: Partner) -> bool:
        classes = self.beside.classes(partner.drug)
        return classes is not None and bool(classes - {"supportive", "endocrine"})

    def _is_planned(self, case: Case, partner: Partner) -> bool:
        """Say whether a partner is meant to be given: an active order counts until progression is recorded."""
        if partner.origin.is_part_of_this_order:
            return True
        if partner.origin is not Origin.ACTIVE_ORDER or partner.when is None:
            return False
        written = partner.when
        return not any(each.on is not None and each.on.latest > written.earliest for each in progressions(case))


def _contradicting(partner: Partner, role: Role = Role.CONTRADICTS) -> Evidence:
    return Evidence(partner.source, partner.evidence.observed, role, partner.when)


def _names(found: list[Partner]) -> str:
    return ", ".join(sorted({each.drug.label for each in found}))
