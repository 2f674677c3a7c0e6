from typing import Any

import pytest

from tests.builders import LOINC, SNOMED, concept, observation, quantity
from tests.fhir_mappers.charts import mapped, record

WEIGHT = concept((LOINC, "29463-7", "Body weight"))
LVEF = concept((LOINC, "10230-1", "Left ventricular Ejection fraction"))
METASTATIC = concept((SNOMED, "1287652008"))
PREGNANCY = concept((LOINC, "82810-3"))


@pytest.mark.parametrize(
    ("code", "value", "read"),
    [
        (WEIGHT, quantity("70.5", "kg"), ("body-weight", "70.5", "70.5 kg")),
        (WEIGHT, quantity("70500", "g"), ("body-weight", "70.500", "70500 g")),
        (WEIGHT, quantity("100", "[lb_av]"), ("body-weight", "45.35923700", "100 [lb_av]")),
        (WEIGHT, quantity("70", "stone"), None),
        (WEIGHT, quantity("70", "kg", comparator="<"), ("body-weight", "< 70", "<70 kg")),
        (WEIGHT, concept(text="heavy"), None),
        (WEIGHT, None, None),
        (LVEF, quantity("58", "%"), ("lvef", "58", "58 %")),
        (LVEF, "55-60 %", ("lvef", "55", "55-60 %")),
        (LVEF, {"low": quantity("45", "%"), "high": quantity("50", "%")}, ("lvef", "45", "45-50")),
        (LVEF, "> 55 %", ("lvef", "> 55", "> 55 %")),
        (LVEF, "normal", None),
    ],
)
def test_a_measurement_is_in_its_base_unit_or_absent(code: Any, value: Any, read: tuple[str, str, str] | None) -> None:
    found = record(observation(code=code, value=value)).measurements
    assert [(each.kind, str(each.value), each.observed) for each in found] == ([] if read is None else [read])


@pytest.mark.parametrize("status", ["preliminary", "registered", "odd", None])
def test_a_measurement_that_is_not_final_is_not_used(status: str | None) -> None:
    assert record(observation(code=WEIGHT, value=quantity("70", "kg"), status=status)).measurements == ()


@pytest.mark.parametrize(
    ("value", "read"),
    [(True, [(True, "metastasis (yes)")]), (False, [(False, "no metastasis (no)")]), ("yes", []), (None, [])],
)
def test_a_history_of_metastasis_is_what_its_boolean_says(value: Any, read: list[tuple[bool, str]]) -> None:
    found = record(observation(code=METASTATIC, value=value)).findings
    assert [(each.present, each.observed) for each in found if each.kind == "history-of-metastasis"] == read


def test_a_history_of_metastasis_without_a_boolean_is_named() -> None:
    assert mapped(observation(code=METASTATIC)).notes == (
        "Observation/o1: Observation.value: neither true nor false: says nothing about metastasis",
    )


@pytest.mark.parametrize(
    ("value", "present"),
    [
        (concept((SNOMED, "77386006", "Pregnancy (finding)")), [True]),
        (concept((SNOMED, "77386006")), [True]),
        (concept((SNOMED, "60001007", "Not pregnant")), [False]),
        (concept((SNOMED, "146799005", "Possible pregnancy")), []),
        (concept((SNOMED, "146799005", "Possible pregnancy"), text="pregnant"), []),
        ("Pregnant", [True]),
        ("not pregnant", [False]),
        ("possibly pregnant", []),
        ("unknown if pregnant", []),
        (concept((SNOMED, "1", "pregnant"), text="not pregnant"), []),
        (True, [True]),
        (False, [False]),
        ("declined to answer", []),
        (None, []),
    ],
)
def test_pregnancy_is_read_by_code_then_by_words(value: Any, present: list[bool]) -> None:
    found = record(observation(code=PREGNANCY, value=value)).findings
    assert [each.present for each in found if each.kind == "pregnancy"] == present
