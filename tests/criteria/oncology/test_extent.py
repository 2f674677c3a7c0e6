"""Metastatic, early and recurrent disease (readings section 3.3, contract section 5.4)."""

from typing import Any

import pytest

from criteria.facts import Case, ConditionState, SearchState
from criteria.finding import NeedKind, Role
from criteria.oncology.extent import Extent, extent_of
from tests.criteria.facts_builders import (
    case,
    coded,
    days,
    diagnosis,
    document,
    order,
    stage,
    status,
)

BREAST = diagnosis("cancer-breast", ref="breast")
LUNG = diagnosis("cancer-lung", ref="lung")
NOT_ANSWERED = [each for each in SearchState if each is not SearchState.ANSWERED]
M1, M0 = stage("M1", "2026-01-10"), stage("M0", "2026-01-10")


IMAGING_SEARCHED = {"DiagnosticReport": SearchState.ANSWERED}


def breast(*more: Any, **facts: Any) -> Case:
    return case(diagnoses=[BREAST, *more], **{"searches": IMAGING_SEARCHED, **facts})


def seen(subject: Case) -> Extent:
    return extent_of(subject)


def references(subject: Case) -> list[str]:
    return [each.source.reference for each in seen(subject).metastatic]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (breast(stages=[M1]), ["Observation/M1"]),
        (breast(stages=[stage("IV")]), ["Observation/IV"]),
        (breast(stages=[stage("M1", condition="Condition/breast")]), ["Observation/M1"]),
        (breast(stages=[stage("M1", condition="Condition/lung")]), []),
        (breast(stages=[stage("M1", counted=False)]), []),
        (breast(stages=[stage("III")]), []),
        (breast(diagnosis("metastasis-distant")), ["Condition/metastasis-distant"]),
        (breast(diagnosis("metastasis-brain")), ["Condition/metastasis-brain"]),
        (breast(diagnosis("metastasis-from-breast")), ["Condition/metastasis-from-breast"]),
        (breast(diagnosis("distant-metastasis-present")), ["Condition/distant-metastasis-present"]),
        (breast(diagnosis("metastasis-distant", confirmed=None)), ["Condition/metastasis-distant"]),
        (breast(diagnosis("metastasis-distant", confirmed=False)), []),
        (breast(diagnosis("metastasis-distant", state=ConditionState.INACTIVE)), []),
        (breast(diagnosis("metastasis-to-breast")), []),
        (breast(diagnosis("metastasis-nodal-regional")), []),
        (breast(diagnosis("metastasis-nodal-nonregional")), []),
        (breast(findings=[coded("history-of-metastasis", None)]), ["Observation/history-of-metastasis-None"]),
        (breast(findings=[coded("history-of-metastasis", None, present=False)]), []),
        (breast(findings=[coded("pregnancy", None)]), []),
        (breast(LUNG, diagnosis("metastasis-distant")), []),
        (breast(LUNG, findings=[coded("history-of-metastasis", None)]), []),
        (breast(), []),
    ],
)
def test_what_proves_metastatic_disease(subject: Case, expected: list[str]) -> None:
    assert references(subject) == expected


def two_primaries(*more: Any, **facts: Any) -> Case:
    return case(order(reasons=[BREAST]), diagnoses=[BREAST, LUNG, *more], **facts)


@pytest.mark.parametrize(
    ("subject", "proven", "doubts"),
    [
        (two_primaries(diagnosis("metastasis-distant", related=["Condition/breast"])), 1, []),
        (two_primaries(diagnosis("metastasis-distant", related=["Condition/lung"])), 0, []),
        (two_primaries(diagnosis("metastasis-distant")), 0, [NeedKind.DOCUMENT]),
        (two_primaries(diagnosis("metastasis-from-breast")), 1, []),
        (two_primaries(stages=[M1]), 0, [NeedKind.DOCUMENT]),
        (two_primaries(stages=[stage("M1", condition="Condition/breast")]), 1, []),
        (two_primaries(stages=[stage("M1", condition="Condition/lung")]), 0, []),
        (breast(diagnosis("metastasis-distant", confirmed=False)), 0, [NeedKind.DOCUMENT]),
        (breast(diagnosis("metastasis-nodal-nonregional")), 0, [NeedKind.REVIEW]),
        (breast(diagnosis("metastasis-nodal-nonregional", state=ConditionState.INACTIVE)), 0, []),
        (breast(diagnosis("metastasis-nodal-regional")), 0, []),
    ],
)
def test_with_two_primaries_only_linked_evidence_proves_and_the_rest_is_asked(
    subject: Case, proven: int, doubts: list[NeedKind]
) -> None:
    found = seen(subject)
    assert len(found.metastatic) == proven
    assert [each.kind for each in found.doubts] == doubts
    assert [each.role for each in found.doubtful] == [Role.UNUSABLE] * len(doubts)


def test_a_review_of_distant_nodes_shows_both_readings() -> None:
    (need,) = seen(breast(diagnosis("metastasis-nodal-nonregional"))).doubts
    assert len(need.readings) == 2


def test_a_metastasis_stated_as_the_reason_and_on_record_counts_once() -> None:
    brain = diagnosis("metastasis-brain")
    assert references(case(order(reasons=[BREAST, brain]), diagnoses=[BREAST, brain])) == ["Condition/metastasis-brain"]
    assert references(case(order(reasons=[BREAST, brain]))) == ["Condition/metastasis-brain"]


@pytest.mark.parametrize(
    ("subject", "onset"),
    [
        (breast(stages=[M1]), "2026-01-10"),
        (breast(diagnosis("metastasis-distant", onset="2025-11"), stages=[M1]), "2025-11"),
        (breast(diagnosis("metastasis-distant", onset="2026"), stages=[M1]), "2026-01-01/2026-01-10"),
        (breast(diagnosis("metastasis-distant", onset="2025-01-01", recorded=True), stages=[M1]), "2026-01-10"),
        (breast(diagnosis("metastasis-distant", onset="2025-01-01", recorded=True)), "2025-01-01"),
        (breast(findings=[coded("history-of-metastasis", "2025-03-03")]), "2025-03-03"),
        (breast(diagnosis("metastasis-distant")), None),
        (breast(stages=[M0]), None),
    ],
)
def test_the_onset_is_the_earliest_proof_and_a_recorded_date_counts_only_alone(
    subject: Case, onset: str | None
) -> None:
    assert seen(subject).onset == (None if onset is None else days(onset))


@pytest.mark.parametrize(
    ("subject", "current"),
    [
        (breast(stages=[M0]), True),
        (breast(stages=[stage("M0", None)]), False),
        (breast(stages=[stage("M0", "2026-01-10", counted=False)]), False),
        (breast(stages=[stage("II", "2026-01-10")]), False),
        (breast(stages=[M0, M1]), False),
        (breast(stages=[M0, stage("M1", "2025-01-01")]), False),
        *((breast(stages=[M0], searches={"DiagnosticReport": each}), False) for each in NOT_ANSWERED),
        (breast(stages=[stage("M0", "2024-06-01")], ordered=order(authored="2026-06-02")), True),
        (breast(stages=[stage("M0", "2024-05-31")], ordered=order(authored="2026-06-02")), False),
        (breast(stages=[M0], documents=[document("imaging-report", "2026-01-09")]), True),
        (breast(stages=[M0], documents=[document("imaging-report", "2026-01-10")]), True),
        (breast(stages=[M0], documents=[document("imaging-report", "2026-01-11")]), False),
        (breast(stages=[M0], documents=[document("imaging-report", None)]), False),
        (breast(stages=[M0], documents=[document("imaging-report", "2026")]), False),
        (breast(stages=[M0], documents=[document("oncology-note", "2026-05-01")]), True),
        (breast(stages=[M0], disease_statuses=[status("worsened", "2026-01-11")]), False),
        (breast(stages=[M0], disease_statuses=[status("worsened", "2026-01-10")]), True),
        (breast(stages=[M0], disease_statuses=[status("stable", "2026-01-11")]), True),
        (breast(diagnosis("local-recurrence-breast"), stages=[M0]), False),
        (breast(diagnosis("metastasis-distant", confirmed=False), stages=[M0]), False),
        (breast(diagnosis("metastasis-nodal-nonregional"), stages=[M0]), False),
        (two_primaries(stages=[stage("M0", "2026-01-10", condition="Condition/lung")]), False),
    ],
)
def test_an_explicit_m0_is_current_until_imaging_progression_or_contrary_evidence(subject: Case, current: bool) -> None:
    assert bool(seen(subject).current_m0) is current


@pytest.mark.parametrize(
    ("subject", "early", "stage_three"),
    [
        (breast(stages=[stage("I")]), 1, 0),
        (breast(stages=[stage("II")]), 1, 0),
        (breast(stages=[stage("III")]), 1, 1),
        (breast(stages=[M0]), 1, 0),
        (breast(stages=[stage("III", counted=False)]), 0, 0),
        (breast(stages=[stage("III", condition="Condition/lung")]), 0, 0),
        (breast(stages=[M1]), 0, 0),
        (breast(stages=[stage("ypT0")]), 0, 0),
    ],
)
def test_early_stages_are_kept_apart_and_stage_three_by_itself(subject: Case, early: int, stage_three: int) -> None:
    found = seen(subject)
    assert (len(found.early), len(found.stage_three)) == (early, stage_three)


LOCAL = "local-recurrence-breast"


@pytest.mark.parametrize(
    ("subject", "recurrent"),
    [
        (case(diagnoses=[diagnosis("cancer-breast", state=ConditionState.RECURRENT)]), True),
        (breast(diagnosis(LOCAL)), True),
        (breast(diagnosis(LOCAL, state=ConditionState.UNSTATED)), True),
        (breast(diagnosis(LOCAL, state=ConditionState.INACTIVE)), False),
        (breast(diagnosis(LOCAL, confirmed=False)), False),
        (case(diagnoses=[LUNG, diagnosis(LOCAL)]), False),
        (breast(), False),
    ],
)
def test_recurrence_is_a_state_of_the_treated_cancer_or_a_code_of_its_own(subject: Case, recurrent: bool) -> None:
    assert bool(seen(subject).recurrent) is recurrent
