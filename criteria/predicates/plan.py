"""Criteria of an exception programme beyond the preferred products: present course, state law, documents, label."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Self

from msgspec.structs import replace

from criteria.facts import Case, Source
from criteria.finding import Evidence, Finding, Judgement, Need, NeedKind, Role, met, not_met, review, unknown
from criteria.names import Named
from criteria.oncology.current import doses_of_ordered_drug, is_under_treatment, last_dose, stop_after
from criteria.predicates.answers import request, weigh
from criteria.predicates.context import STRING, BuildContext, LawRow, names_of, params_schema
from criteria.predicates.disease import derive_metastatic
from criteria.thresholds import Thresholds
from criteria.tree import Predicate
from criteria.verdict import Verdict


@dataclass(frozen=True, slots=True)
class CompletingCurrentCourse:
    """On the drug now, course unfinished, not supplied as samples or by an assistance programme (O8).

    The record shows doses; who paid for them it does not show, so a dose alone leaves the question open.
    """

    leaf: str
    thresholds: Thresholds
    funding: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("funding",), funding=STRING)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the request for the source of supply."""
        return cls(context.leaf, context.thresholds, params["funding"])

    def judge(self, case: Case, on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge doses and stops, then the clinician's word on the supply."""
        return weigh(self._derive(case, on), case, self.leaf)

    def _derive(self, case: Case, on: date) -> Judgement:
        dose = is_under_treatment(case, on, self.thresholds)
        if dose is not None:
            seen = Evidence(dose.source, f"{dose.drug.label} given", on=last_dose(dose, on))
            return unknown(Need(NeedKind.DOCUMENT, self.funding), evidence=(seen,))
        dated = [each for each in doses_of_ordered_drug(case) if each.start]
        if dated:
            newest_dose = dated[-1]
            stop = stop_after(case, newest_dose.drug, last_dose(newest_dose, on))
            if stop is not None:
                return not_met(Evidence(stop.source, "stopped", Role.CONTRADICTS, stop.end or stop.start))
        return unknown(request(case, "MedicationAdministration", "MedicationStatement"))


# Conditions of a law that an approval shows by itself: metastatic disease here, labeled use as a criterion of its own.
_SHOWN = frozenset({"stage-four-advanced-metastatic", "use-fda-approved", "use-fda-approved-or-best-practice"})


@dataclass(frozen=True, slots=True)
class StepTherapyProhibited:
    """A state law forbids prerequisite trials here: state and funding from the plan, stage from the chart (O10)."""

    laws: tuple[LawRow, ...]
    text: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("text",), text=STRING)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the plan's table of laws."""
        return cls(context.tables.laws, params["text"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge plan facts first; every gap is the payer's to close."""
        plan = case.plan
        source = plan.source or Source(f"payer {plan.payer}", "plans")
        if plan.fully_insured is False:
            return not_met(Evidence(source, "self-funded plan: state insurance law does not apply", Role.CONTRADICTS))
        law = next((each for each in self.laws if each.jurisdiction == plan.state_of_issue and each.applies), None)
        if plan.fully_insured is None or law is None:
            return unknown(review(self.text))
        shown = Evidence(source, f"issued in {law.jurisdiction}: {law.citation} ({law.state_of_checking})")
        spread = derive_metastatic(case)
        known = law.state_of_checking == "verified" and bool(law.requires)
        if known and law.requires <= _SHOWN and spread.verdict is Verdict.MET:
            return met(shown, *spread.evidence)
        return unknown(review(f"{self.text} ({law.citation}, {law.state_of_checking})"), evidence=(shown,))


@dataclass(frozen=True, slots=True)
class SupportingDocumentation:
    """A document or coded statement supports an exception relied on (O12); answers alone do not."""

    exception: str
    kinds: frozenset[str]
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("exception", "kinds"), exception=STRING, kinds=names_of(Named.DOCUMENT)
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the exception's id and the kinds of documents that count; raise ValueError if not relied on."""
        if params["exception"] not in context.relies_on:
            raise ValueError(f"relies_on must name {params['exception']}")
        return cls(params["exception"], frozenset(params["kinds"]))

    def judge(self, case: Case, _on: date, findings: Mapping[str, Finding]) -> Judgement:
        """Judge the met branches, else those still unknown; the need is then theirs."""
        branches = findings[self.exception].of
        relied = [each for each in branches if each.verdict is Verdict.MET]
        if not relied:
            relied = [each for each in branches if each.verdict is Verdict.UNKNOWN]
        coded = [item for each in relied for item in each.evidence if not item.statement and item.role is Role.SUPPORTS]
        if coded:
            return met(*dict.fromkeys(coded))
        written = [each for each in case.record.documents if each.kinds & self.kinds]
        if written and any(each.verdict is Verdict.MET for each in relied):
            return met(*(Evidence(each.source, each.label, on=each.when) for each in written))
        if any(each.verdict is Verdict.MET for each in relied):
            return unknown(request(case, "DocumentReference", "DiagnosticReport"))
        needs = tuple(dict.fromkeys(need for each in relied for need in each.needs))
        return unknown(*(needs or (request(case, "DocumentReference"),)))


@dataclass(frozen=True, slots=True)
class LabelPart:
    """One condition of the labelled indication."""

    id: str
    request: str
    predicate: Predicate


@dataclass(frozen=True, slots=True)
class OnLabel:
    """Every condition of the labelled indication holds; a contradicted one makes the use off label: review (O13)."""

    parts: tuple[LabelPart, ...]
    off_label: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("parts", "off_label"),
        off_label=STRING,
        parts={
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "request", "judge"],
                "properties": {"id": STRING, "request": STRING, "judge": {"type": "object"}},
            },
        },
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build the parts; raise ValueError where the library gives no way to build them."""
        if context.part is None:
            message = "parts cannot stand inside a part"
            raise ValueError(message)
        parts = tuple(
            LabelPart(each["id"], each["request"], context.part(f"{context.leaf}.{each['id']}", each["judge"]))
            for each in params["parts"]
        )
        return cls(parts, params["off_label"])

    def judge(self, case: Case, on: date, findings: Mapping[str, Finding]) -> Judgement:
        """Judge every part; never not-met."""
        judged = [(part, part.predicate.judge(case, on, findings)) for part in self.parts]
        evidence = tuple(dict.fromkeys(item for _, each in judged for item in each.evidence))
        against = [part.id for part, each in judged if self._is_contradicted(each)]
        if against:
            text = f"{self.off_label} ({', '.join(against)})"
            return unknown(review(text, outranks_documentation=True), evidence=evidence)
        needs = [replace(need, text=need.text or part.request) for part, each in judged for need in each.needs]
        return unknown(*dict.fromkeys(needs), evidence=evidence) if needs else met(*evidence)

    def _is_contradicted(self, judgement: Judgement) -> bool:
        """Say whether the record denies a part: not-met, or a review that rests on contradicting evidence alone."""
        if judgement.verdict is Verdict.NOT_MET:
            return True
        return (
            judgement.verdict is Verdict.UNKNOWN
            and all(need.kind is NeedKind.REVIEW for need in judgement.needs)
            and any(each.role is Role.CONTRADICTS for each in judgement.evidence)
        )
