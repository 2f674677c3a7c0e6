"""Criteria about tumour markers and gene variants."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Self, assert_never

from msgspec.structs import replace

from criteria.bounds import Bounds
from criteria.dates import DateRange
from criteria.facts import (
    Answer,
    Case,
    MarkerCall,
    MarkerMethod,
    MarkerResult,
    StageFinding,
    VariantCall,
    VariantResult,
)
from criteria.finding import Evidence, Finding, Judgement, Need, NeedKind, Role, document, met, not_met, review, unknown
from criteria.names import Named
from criteria.oncology.her2 import Group, Her2Reading, read_her2
from criteria.oncology.her2_table import Status
from criteria.oncology.memory import once
from criteria.oncology.primary import concerns_treated, treated_cancer
from criteria.predicates.answers import answer_evidence, ask, choice, decide, newest, number, request
from criteria.predicates.context import (
    STRING,
    STRINGS,
    BuildContext,
    WithoutParameters,
    name_of,
    params_schema,
    sentences_by,
)
from criteria.verdict import Verdict

ONE_PERCENT = Decimal(1)
_AFTER_THERAPY = ("ypT0", "ypTis", "ypT1", "ypT2", "ypT3", "ypT4", "ypN0", "ypN1", "ypN2", "ypN3")
_CATEGORIES = {**STRINGS, "items": {"enum": list(_AFTER_THERAPY)}}


@dataclass(frozen=True, slots=True)
class Her2Positive:
    """HER2 IHC 3+ or ISH positive under the policies' table; `negative_is_review_at` sites with another table."""

    leaf: str
    group_days: int
    negative_is_review_at: Mapping[str, str]
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        negative_is_review_at={**sentences_by(Named.SITE), "minProperties": 0}
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from sites whose negative result is for review, each with its sentence (K24)."""
        return cls(context.leaf, context.thresholds.marker_group_days, params.get("negative_is_review_at", {}))

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge all HER2 results; a clinician's answer is one more result, with method, result and date."""
        reading = once(case, ("her2", self.leaf), lambda: self._read(case))
        evidence = (*_shown(reading), *_of_another(case, _her2(case)))
        match reading.call.status:
            case Status.POSITIVE:
                return met(*evidence)
            case Status.NEGATIVE:
                return self._negative(case, reading, evidence)
            case Status.EQUIVOCAL:
                return unknown(_test_need(reading), evidence=evidence)
            case Status.UNDOCUMENTED:
                return unknown(document(f"{_UNDOCUMENTED} ({reading.call.remark})."), evidence=evidence)
            case Status.DISCORDANT:
                readings = (
                    "one positive test suffices (criteria)",
                    "one negative test makes it negative (definitions)",
                )
                return unknown(review(f"HER2 results conflict: {reading.call.remark}.", *readings), evidence=evidence)
            case Status.ABSENT:
                return unknown(ask(case, ("Observation",), _ABSENT), evidence=evidence)
            case _:
                assert_never(reading.call.status)

    def _read(self, case: Case) -> Her2Reading:
        found = [each for each in _her2(case) if concerns_treated(case, each.condition)]
        return read_her2([*found, *_answered(case, self.leaf)], self.group_days)

    def _negative(self, case: Case, reading: Her2Reading, evidence: tuple[Evidence, ...]) -> Judgement:
        pending = ask(case, ("Observation",), document(""))
        if pending.kind is NeedKind.SOURCE:
            return unknown(pending, evidence=evidence)
        site = treated_cancer(case).site
        if site is not None and site in self.negative_is_review_at:
            return unknown(review(f"{self.negative_is_review_at[site]} ({reading.call.remark})."), evidence=evidence)
        return not_met(*evidence)


def _her2(case: Case) -> list[MarkerResult]:
    return [each for each in case.record.markers if each.marker == "her2"]


def _of_another(case: Case, results: Iterable[MarkerResult | VariantResult]) -> Iterator[Evidence]:
    """Yield the results that name another cancer: they say nothing about the treated one, and are not hidden."""
    for each in results:
        if not concerns_treated(case, each.condition):
            yield Evidence(
                each.source, f"{each.observed} (about another cancer, not counted)", Role.UNUSABLE, each.when
            )


_UNDOCUMENTED = "Send the HER2 report with method and result: IHC score, or ISH ratio and copy number"
_ABSENT = Need(NeedKind.TEST, "")


def _test_need(reading: Her2Reading) -> Need:
    text = f"HER2 is equivocal ({reading.call.remark}): send or order the test that resolves it."
    return Need(NeedKind.TEST, text, orderable=reading.call.reflex)


def _shown(reading: Her2Reading) -> list[Evidence]:
    """Return every result as evidence, with the role it played and the row of the table it fell into."""
    roles = {
        Status.POSITIVE: Role.SUPPORTS,
        Status.NEGATIVE: Role.CONTRADICTS,
        Status.EQUIVOCAL: Role.UNUSABLE,
        Status.UNDOCUMENTED: Role.UNUSABLE,
        Status.DISCORDANT: Role.UNUSABLE,
        Status.ABSENT: Role.UNUSABLE,
    }
    shown = [
        Evidence(
            result.source,
            f"{result.observed} [{_row(group)}]",
            roles[group.call.status],
            result.when,
            statement=result.source.path.startswith("QuestionnaireResponse"),
        )
        for group in reading.groups
        for result in group.results
    ]
    shown += [
        Evidence(each.source, f"{each.observed} ({_why_uncounted(each)}, not counted)", Role.UNUSABLE, each.when)
        for each in reading.uncounted
    ]
    return shown


def _why_uncounted(result: MarkerResult) -> str:
    return "without a usable date" if result.source.path.startswith("QuestionnaireResponse") else "preliminary"


def _row(group: Group) -> str:
    remark = f": {group.call.remark}" if group.call.remark else ""
    return f"row {group.call.row}{remark}"


def _answered(case: Case, leaf: str) -> list[MarkerResult]:
    """Return the test a clinician reported in the questionnaire as a result of its own."""
    keys = ("ihc-score", "ish-result", "ish-ratio", "ish-copies")
    given = [answer for key in keys if (answer := newest(case, f"{leaf}.{key}"))]
    when = tested_on(case, leaf)
    group = frozenset(each.source.reference for each in given)
    return [_answered_result(case, leaf, answer, when, group) for answer in given]


def tested_on(case: Case, leaf: str) -> DateRange | None:
    """Return the day of a test a clinician reported; a test without a day, or of a day to come, does not count."""
    answer = newest(case, f"{leaf}.date")
    if answer is None or not isinstance(answer.value, date):
        return None
    if answer.authored is not None and answer.value > answer.authored.latest:
        return None
    return DateRange.on(answer.value)


def _answered_result(
    case: Case, leaf: str, answer: Answer, when: DateRange | None, group: frozenset[str]
) -> MarkerResult:
    ihc = answer.link_id.endswith(".ihc-score")
    value = number(case, answer.link_id)
    amount = None if value is None else Bounds.exactly(value)
    method = choice(case, f"{leaf}.method")
    return MarkerResult(
        answer.source,
        "her2",
        MarkerMethod.IHC if ihc else MarkerMethod.ISH,
        answer_evidence(answer).observed,
        when,
        call=_CALLS.get(str(answer.value)) if answer.link_id.endswith(".ish-result") else None,
        score=choice(case, answer.link_id) if ihc else None,
        ratio=amount if answer.link_id.endswith(".ish-ratio") else None,
        copies=amount if answer.link_id.endswith(".ish-copies") else None,
        probe={"ish-single": "single", "ish-dual": "dual"}.get(method or ""),
        group_keys=group,
        counted=when is not None,
        conflict=_method_conflict(case, leaf, method),
    )


def _method_conflict(case: Case, leaf: str, method: str | None) -> str | None:
    """Return words when the method a clinician chose is the method of none of the results given."""
    if method is None:
        return None
    ihc = newest(case, f"{leaf}.ihc-score") is not None
    ish = any(newest(case, f"{leaf}.{key}") for key in ("ish-result", "ish-ratio", "ish-copies"))
    if (method == "ihc" and not ihc) or (method != "ihc" and not ish):
        return "the method answered is the method of no result answered"
    return None


_CALLS = {call.value: call for call in MarkerCall}


@dataclass(frozen=True, slots=True)
class ReceptorStatusDocumented(WithoutParameters):
    """Hormone-receptor status is documented, positive or negative (K14): met or unknown, never not-met."""

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge ER and PR: positive needs one of them, negative both."""
        every = [each for each in case.record.markers if each.marker in {"er", "pr", "er-pr"} and each.counted]
        results = [each for each in every if concerns_treated(case, each.condition)]
        called = [(each.marker, call, _result_evidence(each)) for each in results if (call := _receptor_call(each))]
        for marker in ("er", "pr") if tested_on(case, self.leaf) else ():
            answer = newest(case, f"{self.leaf}.{marker}")
            call = _CALLS.get(str(answer.value)) if answer is not None else None
            if answer is not None and call is not None:
                called.append((marker, call, answer_evidence(answer)))
        evidence = tuple(each for _, _, each in called)
        positive = any(call is MarkerCall.POSITIVE for _, call, _ in called)
        negative = {marker for marker, call, _ in called if call is MarkerCall.NEGATIVE}
        if positive or "er-pr" in negative or {"er", "pr"} <= negative:
            return met(*evidence)
        seen = (*evidence, *_of_another(case, every))
        return unknown(request(case, "Observation", "Condition"), evidence=seen)


def _result_evidence(result: MarkerResult) -> Evidence:
    return Evidence(result.source, result.observed, on=result.when)


def _receptor_call(result: MarkerResult) -> MarkerCall | None:
    """Read a receptor result; one percent of cells or more is positive."""
    if result.call in {MarkerCall.POSITIVE, MarkerCall.NEGATIVE}:
        return result.call
    if result.percent is None:
        return None
    if result.percent.surely_at_least(ONE_PERCENT):
        return MarkerCall.POSITIVE
    return MarkerCall.NEGATIVE if result.percent.surely_below(ONE_PERCENT) else None


@dataclass(frozen=True, slots=True)
class GeneVariant:
    """A reported mutation of the gene; amplification is none, a variant of unknown significance is for review."""

    leaf: str
    gene: str
    uncertain: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(
        ("gene", "uncertain"), gene=name_of(Named.GENE), uncertain=STRING
    )

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the HGNC symbol and the sentence for a variant of unknown significance."""
        return cls(context.leaf, params["gene"], params["uncertain"])

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge all variant results of the gene, under the result a clinician reported."""
        derived, answer = self._derive(case), newest(case, f"{self.leaf}.result")
        if answer is None or tested_on(case, self.leaf) is None:
            return derived
        match answer.value:
            case "pathogenic" | "likely-pathogenic":
                return decide(derived, answer, Verdict.MET)
            case "none-found":
                return decide(derived, answer, Verdict.NOT_MET)
            case _ if derived.verdict is Verdict.UNKNOWN:
                return unknown(review(self.uncertain), evidence=(answer_evidence(answer), *derived.evidence))
            case _:
                return derived

    def _derive(self, case: Case) -> Judgement:
        every = [each for each in case.record.variants if each.gene == self.gene and each.counted]
        found = [each for each in every if concerns_treated(case, each.condition)]
        proven = [each for each in found if _is_mutation(each)]
        if proven:
            return met(*(_variant_evidence(each) for each in proven))
        seen = (*(_variant_evidence(each, Role.UNUSABLE) for each in found), *_of_another(case, every))
        if any(
            each.significance in {"uncertain", "likely-benign", "benign"} and not each.amplification for each in found
        ):
            return unknown(review(self.uncertain), evidence=seen)
        absent = [each for each in found if each.call is VariantCall.ABSENT and not each.variant]
        if absent and len(absent) == len([each for each in found if not each.amplification]):
            pending = ask(case, ("Observation",), document(""))
            if pending.kind is NeedKind.SOURCE:
                return unknown(pending, evidence=seen)
            return not_met(*(_variant_evidence(each, Role.CONTRADICTS) for each in absent))
        need = Need(NeedKind.TEST, f"Send the {self.gene} mutation test result: gene, variant and its significance.")
        return unknown(ask(case, ("Observation",), need), evidence=seen)


def _is_mutation(result: VariantResult) -> bool:
    """Say whether a named variant is reported present and not as uncertain or benign."""
    return (
        result.call is VariantCall.PRESENT
        and not result.amplification
        and (
            result.significance in {"pathogenic", "likely-pathogenic"}
            or (result.significance is None and result.variant is not None)
        )
    )


def _variant_evidence(result: VariantResult, role: Role = Role.SUPPORTS) -> Evidence:
    return Evidence(result.source, result.observed, role, result.when)


@dataclass(frozen=True, slots=True)
class ResidualDisease:
    """Invasive cancer left in breast or axilla at surgery after neoadjuvant therapy: ypT1+ or ypN1+ (K6)."""

    leaf: str
    residual: frozenset[str]
    none: frozenset[str]
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema(("residual", "none"), residual=_CATEGORIES, none=_CATEGORIES)

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from the categories that mean residual and no residual invasive disease."""
        return cls(context.leaf, frozenset(params["residual"]), frozenset(params["none"]))

    def judge(self, case: Case, _on: date, _findings: Mapping[str, Finding]) -> Judgement:
        """Judge pathological categories after therapy; both must be clear for not-met."""
        found = [each for each in case.record.stages if each.counted and self._is_of_this(case, each)]
        coded = [(each.means, Evidence(each.source, each.observed, on=each.when)) for each in found]
        given = [
            (answer.value, answer_evidence(answer))
            for category in (("ypt", "ypn") if tested_on(case, self.leaf) else ())
            if (answer := newest(case, f"{self.leaf}.{category}")) is not None and isinstance(answer.value, str)
        ]
        every = [*coded, *given]
        if any(self._contradict(one, other) for one, _ in coded for other, _ in given):
            return unknown(review("The clinician's answer contradicts the pathology on record."), evidence=_all(every))
        left = [evidence for means, evidence in every if means in self.residual]
        clear = [evidence for means, evidence in every if means in self.none]
        if left:
            return met(*left)
        if {"ypT", "ypN"} <= {means[:3] for means, _ in every if means in self.none}:
            return not_met(*(replace(each, role=Role.CONTRADICTS) for each in clear))
        seen = tuple(replace(each, role=Role.UNUSABLE) for each in clear)
        return unknown(request(case, "Observation", "DiagnosticReport"), evidence=seen)

    def _is_of_this(self, case: Case, stage: StageFinding) -> bool:
        return stage.means.startswith("yp") and concerns_treated(case, stage.condition)

    def _contradict(self, one: str, other: str) -> bool:
        """Say whether two findings of one category, ypT or ypN, differ in what they leave behind."""
        return one[:3] == other[:3] and {one in self.residual, other in self.residual} == {True, False}


def _all(pairs: list[tuple[str, Evidence]]) -> tuple[Evidence, ...]:
    return tuple(evidence for _, evidence in pairs)
