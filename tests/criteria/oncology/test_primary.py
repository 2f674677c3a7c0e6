"""Which cancer an order treats (contract section 5.4, "Diagnosis leaves")."""

from itertools import permutations

import pytest

from criteria.facts import ConditionState, Diagnosis
from criteria.oncology.primary import Doubt, TreatedCancer, sites_of, treated_cancer
from tests.criteria.facts_builders import case, diagnosis, order

BREAST, LEFT = diagnosis("cancer-breast"), diagnosis("cancer-breast", ref="left", label="left breast")
LUNG, SALIVARY = diagnosis("cancer-lung"), diagnosis("cancer-salivary")
OTHER, ANOTHER = (
    diagnosis("cancer-other", ref="colon", label="colon"),
    diagnosis("cancer-other", ref="ovary", label="ovary"),
)
BRAIN = diagnosis("metastasis-brain")
OF_BREAST = diagnosis("metastasis-from-breast")
PROVISIONAL = diagnosis("cancer-breast", ref="provisional", confirmed=False)
UNSAID = diagnosis("cancer-breast", ref="unsaid", confirmed=None)
IN_REMISSION = diagnosis("cancer-lung", ref="remission", state=ConditionState.INACTIVE)
RECURRENT = diagnosis("cancer-breast", ref="recurrent", state=ConditionState.RECURRENT)
NOT_CANCER = diagnosis("pregnancy")


def treated(record: list[Diagnosis], reasons: list[Diagnosis] | None = None) -> TreatedCancer:
    return treated_cancer(case(order(reasons=reasons or []), diagnoses=record))


@pytest.mark.parametrize(
    ("found", "sites"),
    [
        (BREAST, {"breast"}),
        (diagnosis("cancer-breast-other-histology"), {"breast"}),
        (OF_BREAST, {"breast"}),
        (diagnosis("cancer-lung-nsclc", "cancer-lung"), {"lung"}),
        (diagnosis("cancer-salivary-possible"), {"salivary"}),
        (diagnosis("cancer-other-salivary-type"), {"other"}),
        (diagnosis("cancer-other-salivary-type", "cancer-lung"), {"lung"}),
        (OTHER, {"other"}),
        (BRAIN, set()),
        (diagnosis("metastasis-to-breast"), set()),
        (diagnosis("metastasis-distant"), set()),
        (NOT_CANCER, set()),
    ],
)
def test_a_diagnosis_states_the_organ_of_its_primary_and_a_metastasis_states_none(
    found: Diagnosis, sites: set[str]
) -> None:
    assert sites_of(found) == sites


@pytest.mark.parametrize(
    ("reasons", "record", "site", "doubt"),
    [
        ([BREAST], [], "breast", None),
        ([BREAST], [LUNG], "breast", None),
        ([LUNG], [BREAST], "lung", None),
        ([BREAST, LEFT], [], "breast", None),
        ([BRAIN], [BREAST], "breast", None),
        ([NOT_CANCER], [BREAST], "breast", None),
        ([OF_BREAST], [], "breast", None),
        ([BREAST, LUNG], [BREAST], None, Doubt.SEVERAL),
        ([PROVISIONAL], [BREAST], None, Doubt.UNCONFIRMED),
        ([PROVISIONAL, LUNG], [], "lung", None),
        ([UNSAID], [], "breast", None),
        ([], [BREAST], "breast", None),
        ([], [BREAST, LEFT], "breast", None),
        ([], [RECURRENT], "breast", None),
        ([], [BREAST, IN_REMISSION], "breast", None),
        ([], [BREAST, LUNG], None, Doubt.SEVERAL),
        ([], [OTHER], "other", None),
        ([], [OTHER, ANOTHER], None, Doubt.SEVERAL),
        ([], [OTHER, BREAST], None, Doubt.SEVERAL),
        ([], [PROVISIONAL], None, Doubt.UNCONFIRMED),
        ([], [PROVISIONAL, LUNG], "lung", None),
        ([], [IN_REMISSION], None, Doubt.NONE_STATED),
        ([], [BRAIN, NOT_CANCER], None, Doubt.NONE_STATED),
        ([], [], None, Doubt.NONE_STATED),
    ],
)
def test_the_reason_of_the_order_names_the_cancer_else_the_single_active_primary(
    reasons: list[Diagnosis], record: list[Diagnosis], site: str | None, doubt: Doubt | None
) -> None:
    found = treated(record, reasons)
    assert (found.site, found.doubt) == (site, doubt)
    for each in permutations(record):
        assert (treated(list(each), reasons).site, treated(list(each), reasons).doubt) == (site, doubt)


def test_conditions_of_one_site_are_one_primary_with_the_concepts_of_all() -> None:
    found = treated([LEFT, RECURRENT, LUNG], [BREAST])
    assert {each.source.reference for each in found.diagnoses} == {
        "Condition/cancer-breast",
        "Condition/left",
        "Condition/recurrent",
    }
    assert found.concepts == {"cancer-breast"}


def test_a_condition_that_is_reason_and_on_record_counts_once() -> None:
    assert treated([BREAST], [BREAST]).diagnoses == (BREAST,)


def test_cancers_of_other_organs_are_not_taken_for_one() -> None:
    found = treated([ANOTHER], [OTHER])
    assert found.diagnoses == (OTHER,)
    assert not found.only_primary


@pytest.mark.parametrize(
    ("reasons", "record", "only"),
    [
        ([], [BREAST], True),
        ([BREAST], [LEFT], True),
        ([BREAST], [BREAST, LUNG], False),
        ([BREAST], [IN_REMISSION], True),
        ([BREAST], [diagnosis("cancer-lung", ref="provisional-lung", confirmed=False)], True),
        ([], [BREAST, LUNG], False),
        ([], [], True),
    ],
)
def test_another_active_primary_on_record_takes_away_the_only_primary(
    reasons: list[Diagnosis], record: list[Diagnosis], only: bool
) -> None:
    assert treated(record, reasons).only_primary is only
