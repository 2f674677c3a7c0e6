"""What a drug was given for: therapy of another cancer is no therapy of the treated one."""

from typing import Any

import pytest

from criteria.facts import Diagnosis, ExposureKind
from criteria.finding import NeedKind, Role
from criteria.oncology.current import doses_of_ordered_drug
from criteria.oncology.primary import is_for_another
from criteria.verdict import Verdict
from tests.criteria.facts_builders import ANSWERED, answer, case, diagnosis, exposure, order
from tests.criteria.predicates.building import judged

BREAST, GASTRIC = diagnosis("cancer-breast", ref="breast"), diagnosis("cancer-other", ref="gastric")
LIVER = diagnosis("metastasis-distant", ref="liver")
OF_GASTRIC = diagnosis("metastasis-distant", ref="of-gastric", related=["Condition/gastric"])
UNKNOWN_CODE = diagnosis(ref="unknown")
RECORD: dict[str, Any] = {"diagnoses": (BREAST, GASTRIC, LIVER, OF_GASTRIC), "searches": ANSWERED}
TREATED = order(reasons=[BREAST])


@pytest.mark.parametrize(
    ("reasons", "other"),
    [
        ([], False),
        ([BREAST], False),
        ([LIVER], False),
        ([UNKNOWN_CODE], False),
        ([diagnosis("metastasis-from-breast", ref="m")], False),
        ([BREAST, GASTRIC], False),
        ([GASTRIC], True),
        ([GASTRIC, LIVER], True),
        ([OF_GASTRIC], True),
        ([diagnosis("cancer-other", ref="not-on-record")], True),
    ],
)
def test_a_drug_is_for_another_cancer_when_no_reason_is_the_treated_one(reasons: list[Diagnosis], other: bool) -> None:
    assert is_for_another(case(TREATED, **RECORD), exposure("trastuzumab", None, given_for=reasons)) is other


def test_without_one_treated_cancer_no_reason_is_another() -> None:
    subject = case(order(reasons=[BREAST, GASTRIC]), **RECORD)
    assert not is_for_another(subject, exposure("trastuzumab", None, given_for=[GASTRIC]))


@pytest.mark.parametrize("kind", [ExposureKind.ADMINISTERED, ExposureKind.STATED, ExposureKind.ORDERED])
def test_therapy_of_another_cancer_proves_no_regimen_line_or_prior_drug(kind: ExposureKind) -> None:
    doses = [
        exposure("trastuzumab", "2022-02-01", kind=kind, given_for=[GASTRIC]),
        exposure("trastuzumab_emtansine", "2023-02-01", kind=kind, given_for=[GASTRIC]),
    ]
    leaves: dict[str, dict[str, Any]] = {
        "prior-regimens": {"class": "her2-agent", "at_least": 2, "agents_only": "A person decides."},
        "prior-therapy": {"every": [["trastuzumab"]]},
        "line-of-therapy": {"at_least": 2},
    }
    for answers in ((), (answer("leaf.history-complete", value=True),)):
        subject = case(TREATED, exposures=doses, answers=answers, **RECORD)
        for name, params in leaves.items():
            found = judged(name, params, subject)
            assert (found.verdict, [each.kind for each in found.needs]) == (Verdict.UNKNOWN, [NeedKind.DOCUMENT])
            unused = [each for each in found.evidence if "another cancer" in each.observed]
            assert [each.role for each in unused] == [Role.UNUSABLE, Role.UNUSABLE]


def test_doses_of_the_ordered_drug_for_another_cancer_are_none_of_this_order() -> None:
    doses = [exposure("margetuximab", "2026-06-01", given_for=reasons) for reasons in ([GASTRIC], [BREAST])]
    assert doses_of_ordered_drug(case(TREATED, exposures=doses, **RECORD)) == (doses[1],)
