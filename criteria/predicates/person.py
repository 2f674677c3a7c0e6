"""Criteria about the person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Self

from criteria.dates import age_in_years
from criteria.facts import Case
from criteria.finding import Evidence, Finding, Judgement, Role, met, review, unknown
from criteria.predicates.answers import request, weigh
from criteria.predicates.context import COUNT, STRING, BuildContext, params_schema


@dataclass(frozen=True, slots=True)
class Aged:
    """Completed years of age on the day; a younger patient is for review, never refused (M9)."""

    leaf: str
    at_least: int
    younger: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("at_least", "younger"), at_least=COUNT, younger=STRING)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the age in years and the sentence a reviewer sees for a younger patient."""
        return cls(context.leaf, params["at_least"], params["younger"])

    def judge(self, case: Case, on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge by birth date, under a clinician's answer."""
        return weigh(self._derive(case, on), case, self.leaf)

    def _derive(self, case: Case, on: date) -> Judgement:
        """Judge by birth date; a partial one that straddles the birthday is unknown."""
        patient = case.record.patient
        if patient is None or patient.birth is None:
            return unknown(request(case, "Patient"))
        oldest = age_in_years(patient.birth.earliest, on)
        youngest = age_in_years(patient.birth.latest, on) if patient.birth.latest <= on else 0
        shown = f"{youngest} years" if youngest == oldest else f"{youngest} to {oldest} years"
        evidence = Evidence(patient.source, f"age {shown} on {on}")
        if youngest >= self.at_least:
            return met(evidence)
        if oldest >= self.at_least:
            return unknown(request(case), evidence=(evidence,))
        contrary = Evidence(patient.source, evidence.observed, Role.CONTRADICTS)
        return unknown(review(self.younger), evidence=(contrary,))
