"""How far the treated cancer has spread: evidence for and against metastatic and early disease.

Readings section 3.3 and contract section 5.4. C79.81 (spread to the breast), axillary nodes and refuted
conditions prove nothing; an M0 never cancels M1, because stage does not regress.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from criteria.dates import DateRange
from criteria.facts import Case, ConditionState, Diagnosis, SearchState, StageFinding
from criteria.finding import Evidence, Need, Role, document, review
from criteria.oncology.memory import once
from criteria.oncology.primary import TreatedCancer, treated_cancer

_DISTANT = frozenset({"metastasis-distant", "metastasis-brain", "metastasis-from-breast", "distant-metastasis-present"})
# Our threshold: longer than neoadjuvant and adjuvant therapy together take, so a course of early disease fits in.
_M0_HOLDS_DAYS = 731
_M1 = frozenset({"M1", "IV"})
_EARLY = frozenset({"M0", "I", "II", "III"})


@dataclass(frozen=True, slots=True)
class Extent:
    """Evidence about spread. `onset` is the first day of metastatic disease as a range, None when undated.

    `current_m0` is an explicit M0 not older than the last imaging or progression; `doubts` are needs raised by
    evidence that may or may not be metastasis of this cancer.
    """

    metastatic: tuple[Evidence, ...]
    onset: DateRange | None
    early: tuple[Evidence, ...]
    current_m0: tuple[Evidence, ...]
    recurrent: tuple[Evidence, ...]
    stage_three: tuple[Evidence, ...]
    doubts: tuple[Need, ...]
    doubtful: tuple[Evidence, ...]


def extent_of(case: Case) -> Extent:
    """Return what the record says about spread of the treated cancer."""
    return once(case, "extent", lambda: _extent_of(case))


def _extent_of(case: Case) -> Extent:
    cancer = treated_cancer(case)
    stages = [each for each in case.record.stages if _stages_this(each, cancer)]
    metastatic: list[Evidence] = []
    dated: list[DateRange] = []
    undated: list[DateRange] = []
    for evidence, when, exact in _proofs(case, cancer, stages):
        metastatic.append(evidence)
        if when is not None:
            (dated if exact else undated).append(when)
    recurrent = tuple(_recurrences(case, cancer))
    early = tuple(_stage_evidence(each) for each in stages if each.counted and each.means in _EARLY)
    doubts = tuple(_doubts(case, cancer))
    return Extent(
        metastatic=tuple(metastatic),
        onset=_first(dated) or _first(undated),
        early=early,
        current_m0=() if metastatic or doubts or recurrent else tuple(_current_m0(case, stages)),
        recurrent=recurrent,
        stage_three=tuple(_stage_evidence(each) for each in stages if each.counted and each.means == "III"),
        doubts=tuple(need for need, _ in doubts),
        doubtful=tuple(evidence for _, evidence in doubts),
    )


def _proofs(
    case: Case, cancer: TreatedCancer, stages: list[StageFinding]
) -> Iterator[tuple[Evidence, DateRange | None, bool]]:
    """Yield evidence of metastatic disease with its date and whether that date is the onset itself."""
    for stage in stages:
        if stage.counted and stage.means in _M1 and (stage.condition or cancer.only_primary):
            yield _stage_evidence(stage), stage.when, True
    for diagnosis in _metastases(case):
        if diagnosis.confirmed is not False and belongs(diagnosis, cancer):
            yield diagnosis_evidence(diagnosis), diagnosis.onset, not diagnosis.onset_is_recorded_date
    for finding in case.record.findings:
        if finding.kind == "history-of-metastasis" and finding.present and cancer.only_primary:
            yield Evidence(finding.source, finding.observed, on=finding.when), finding.when, False


def _metastases(case: Case) -> list[Diagnosis]:
    stated = [each for each in case.order.reasons if each.concepts & _DISTANT]
    references = {each.source.reference for each in stated}
    return stated + [
        each
        for each in case.record.diagnoses
        if each.concepts & _DISTANT
        and each.state is not ConditionState.INACTIVE
        and each.source.reference not in references
    ]


def belongs(diagnosis: Diagnosis, cancer: TreatedCancer) -> bool:
    """Say whether a metastasis is this cancer's: linked to it, named after it, or the only primary there is."""
    if "metastasis-from-breast" in diagnosis.concepts:
        return cancer.site == "breast"
    if diagnosis.related:
        return bool(diagnosis.related & {each.source.reference for each in cancer.diagnoses})
    return cancer.only_primary


def _doubts(case: Case, cancer: TreatedCancer) -> Iterator[tuple[Need, Evidence]]:
    """Yield needs for evidence that may be metastasis of this cancer but does not prove it."""
    for diagnosis in _metastases(case):
        evidence = diagnosis_evidence(diagnosis, Role.UNUSABLE)
        if diagnosis.confirmed is False:
            yield document("Confirm or exclude the metastasis that is recorded as provisional."), evidence
        elif not diagnosis.related and not belongs(diagnosis, cancer) and cancer.site:
            yield document("State which of the primary cancers on record the metastasis belongs to."), evidence
    for stage in case.record.stages:
        if stage.counted and stage.means in _M1 and stage.condition is None and not cancer.only_primary:
            evidence = Evidence(stage.source, stage.observed, Role.UNUSABLE, stage.when)
            yield document("State which of the primary cancers on record the stage belongs to."), evidence
    for diagnosis in case.record.diagnoses:
        if "metastasis-nodal-nonregional" in diagnosis.concepts and diagnosis.state is not ConditionState.INACTIVE:
            yield (
                review(
                    "Lymph-node metastasis outside the region may be distant disease.",
                    "a non-regional node is distant metastasis (M1)",
                    "the node is regional and does not prove M1",
                ),
                diagnosis_evidence(diagnosis, Role.UNUSABLE),
            )


def _stages_this(stage: StageFinding, cancer: TreatedCancer) -> bool:
    """Say whether a stage is not another condition's."""
    return stage.condition is None or stage.condition in {each.source.reference for each in cancer.diagnoses}


def _current_m0(case: Case, stages: list[StageFinding]) -> Iterator[Evidence]:
    """Yield explicit M0 categories dated on or after the last imaging and the last progression.

    Where imaging reports could not be searched, none is known to be the last. An M0 that is years old says nothing
    about today, whatever was recorded since.
    """
    if case.record.search("DiagnosticReport") is not SearchState.ANSWERED:
        return
    later = [each.when for each in case.record.documents if "imaging-report" in each.kinds]
    later += [each.when for each in case.record.disease_statuses if each.means == "worsened"]
    known: list[date] = [when.latest for when in later if when is not None]
    undated = any(when is None for when in later)
    for stage in stages:
        if not stage.counted or stage.means != "M0" or stage.when is None or undated:
            continue
        ordered = case.order.authored
        if ordered is not None and (ordered.latest - stage.when.earliest).days > _M0_HOLDS_DAYS:
            continue
        if all(stage.when.earliest >= day for day in known):
            yield _stage_evidence(stage)


def _recurrences(case: Case, cancer: TreatedCancer) -> Iterator[Evidence]:
    """Yield evidence that the treated cancer came back."""
    for diagnosis in cancer.diagnoses:
        if diagnosis.state is ConditionState.RECURRENT:
            yield diagnosis_evidence(diagnosis)
    for diagnosis in case.record.diagnoses:
        if (
            cancer.site == "breast"
            and "local-recurrence-breast" in diagnosis.concepts
            and diagnosis.state not in {ConditionState.INACTIVE, ConditionState.RECURRENT}
            and diagnosis.confirmed is not False
        ):
            yield diagnosis_evidence(diagnosis)


def diagnosis_evidence(diagnosis: Diagnosis, role: Role = Role.SUPPORTS) -> Evidence:
    """Return a diagnosis as evidence, dated by its onset."""
    return Evidence(diagnosis.source, diagnosis.label, role, diagnosis.onset)


def _stage_evidence(stage: StageFinding) -> Evidence:
    return Evidence(stage.source, stage.observed, on=stage.when)


def _first(ranges: list[DateRange]) -> DateRange | None:
    """Return when the first of several events happened."""
    if not ranges:
        return None
    return DateRange(min(each.earliest for each in ranges), min(each.latest for each in ranges))
