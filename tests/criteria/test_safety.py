"""Boxed-warning facts in the record (M16)."""

from typing import Any

import pytest

from criteria.facts import ConditionState
from criteria.safety import safety_notes
from tests.criteria.facts_builders import DRUGS, ON, case, coded, diagnosis, measurement

MARGENZA = DRUGS["margetuximab"]
PREGNANT = diagnosis("pregnancy")


def notes(drug: str = "margetuximab", **facts: Any) -> list[str]:
    return [each.source.reference for each in safety_notes(case(**facts), ON, DRUGS[drug])]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"diagnoses": [PREGNANT]}, ["Condition/pregnancy"]),
        ({"diagnoses": [diagnosis("pregnancy", confirmed=None)]}, ["Condition/pregnancy"]),
        ({"diagnoses": [diagnosis("pregnancy", confirmed=False)]}, []),
        ({"diagnoses": [diagnosis("pregnancy", state=ConditionState.INACTIVE)]}, []),
        ({"diagnoses": [diagnosis("cancer-breast")]}, []),
        ({"findings": [coded("pregnancy", "2026-06-01")]}, ["Observation/pregnancy-2026-06-01"]),
        ({"findings": [coded("pregnancy", "2026-06-01", present=False)]}, []),
        ({"findings": [coded("pregnancy", "2020-01-01"), coded("pregnancy", "2026-06-01", present=False)]}, []),
        (
            {"findings": [coded("pregnancy", "2026-06-01"), coded("pregnancy", "2020-01-01", present=False)]},
            ["Observation/pregnancy-2026-06-01"],
        ),
        ({"findings": [coded("pregnancy", None), coded("pregnancy", "2020-01-01", present=False)]}, []),
        ({"findings": [coded("history-of-metastasis", "2026-06-01")]}, []),
        ({}, []),
    ],
)
def test_pregnancy_is_noted_from_a_current_condition_or_the_newest_status(
    facts: dict[str, Any], expected: list[str]
) -> None:
    assert notes(**facts) == expected


@pytest.mark.parametrize(
    ("value", "low"),
    [
        ("49", True),
        ("49.9", True),
        ("50", False),
        ("51", False),
        ("< 50", True),
        ("<= 50", False),
        ("45-55", True),
        ("50-55", False),
        ("> 40", False),
    ],
)
def test_an_lvef_under_the_label_is_noted_and_of_a_range_the_low_end_counts(value: str, low: bool) -> None:
    assert (notes(measurements=[measurement("lvef", value, "2026-06-01")]) != []) is low


def test_the_newest_dated_lvef_counts() -> None:
    old, new = measurement("lvef", "40", "2026-01-01"), measurement("lvef", "60", "2026-06-01")
    assert notes(measurements=[old, new]) == []
    assert notes(measurements=[measurement("lvef", "40", None)]) == []
    assert notes(measurements=[measurement("body-weight", "40", "2026-06-01")]) == []


@pytest.mark.parametrize("drug", ["pertuzumab", "capecitabine"])
def test_a_drug_without_the_warning_on_its_label_has_no_note(drug: str) -> None:
    low = measurement("lvef", "30", "2026-06-01")
    assert notes(drug, diagnoses=[PREGNANT], measurements=[low]) == []


def test_a_note_says_what_where_and_from_which_label() -> None:
    low = measurement("lvef", "45", "2026-06-01")
    pregnancy, heart = safety_notes(case(diagnoses=[PREGNANT], measurements=[low]), ON, MARGENZA)
    assert pregnancy.text == (
        "Pregnancy is on record; Margenza (margetuximab) has a boxed warning for embryo-fetal toxicity."
    )
    assert "LVEF 45 (2026-06-01) is under the 50 % of the Margenza (margetuximab) label" in heart.text
    assert {pregnancy.label, heart.label} == {"Margenza label"}


def test_the_same_fact_is_noted_once() -> None:
    assert notes(diagnoses=[PREGNANT, PREGNANT]) == ["Condition/pregnancy"]
