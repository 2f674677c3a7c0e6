from decimal import Decimal
from typing import Any

import pytest

from criteria.bounds import Bounds
from fhir_mappers.element import Origin
from fhir_mappers.quantities import PURE_NUMBER, Units, bounds, parse_amount

KILOGRAMS: Units = {"kg": Decimal(1), "g": Decimal("0.001"), "[lb_av]": Decimal("0.45359237")}
PERCENT: Units = {"%": Decimal(1)}
UCUM = "http://unitsofmeasure.org"


def read(units: Units, **elements: Any) -> tuple[str | None, list[str]]:
    at = Origin.of({"resourceType": "Observation", "id": "1", **elements}, [])
    found = bounds(at, at.resource, "value", units)
    return None if found is None else str(found), [f"{each.path}: {each.words}" for each in at.issues]


@pytest.mark.parametrize(
    ("quantity", "expected", "issues"),
    [
        ({"value": 70, "code": "kg", "system": UCUM}, "70", []),
        ({"value": Decimal("70.50"), "unit": "kg"}, "70.50", []),
        ({"value": 70000, "code": "g"}, "70.000", []),
        ({"value": 100, "code": "[lb_av]", "unit": "lbs"}, "45.35923700", []),
        ({"value": 70, "code": "kg", "unit": "g"}, None, ["unit and its code disagree"]),
        ({"value": 70, "code": "27113001", "system": "http://snomed.info/sct", "unit": "kg"}, "70", []),
        ({"value": 70, "code": "stone"}, None, ["unit not understood"]),
        ({"value": 70}, None, ["unit not understood"]),
        ({"value": "70", "code": "kg"}, None, ["not a number"]),
        ({"code": "kg"}, None, []),
    ],
)
def test_a_quantity_is_read_in_the_base_unit_or_not_at_all(
    quantity: dict[str, Any], expected: str | None, issues: list[str]
) -> None:
    found, said = read(KILOGRAMS, valueQuantity=quantity)
    assert (found, [each.split(": ")[1] for each in said]) == (expected, issues)


@pytest.mark.parametrize(
    ("comparator", "expected"),
    [
        ("<", Bounds(None, Decimal(5), high_open=True)),
        ("<=", Bounds(None, Decimal(5))),
        (">", Bounds(Decimal(5), None, low_open=True)),
        (">=", Bounds(Decimal(5), None)),
    ],
)
def test_a_comparator_is_kept_as_an_open_or_closed_end(comparator: str, expected: Bounds) -> None:
    at = Origin.of({"valueQuantity": {"value": 5, "comparator": comparator}}, [])
    assert bounds(at, at.resource, "value", PURE_NUMBER) == expected


@pytest.mark.parametrize("comparator", ["~", "ad", "about"])
def test_a_comparator_that_gives_no_bound_leaves_nothing(comparator: str) -> None:
    found = read(PURE_NUMBER, valueQuantity={"value": 5, "comparator": comparator})
    assert found == (None, ["Observation.valueQuantity.comparator: gives no bound"])


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [
        ({"low": {"value": 55, "code": "%"}, "high": {"value": 60, "code": "%"}}, "55-60", []),
        ({"low": {"value": 55, "code": "%"}}, ">= 55", []),
        ({"high": {"value": 60, "code": "%"}}, "<= 60", []),
        ({"low": {"value": 60, "code": "%"}, "high": {"value": 55, "code": "%"}}, None, ["not a range"]),
        ({"low": {"value": 55, "code": "kg"}, "high": {"value": 60, "code": "%"}}, None, ["unit not understood"]),
        ({}, None, ["not a range"]),
        (7, None, ["not an object"]),
    ],
)
def test_a_range_has_the_ends_that_are_given(value: object, expected: str | None, issues: list[str]) -> None:
    found, said = read(PERCENT, valueRange=value)
    assert (found, [each.split(": ")[1] for each in said]) == (expected, issues)


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [
        ({"numerator": {"value": Decimal("2.4")}, "denominator": {"value": 1}}, "2.4", []),
        ({"numerator": {"value": 12}, "denominator": {"value": 5}}, "2.4", []),
        ({"numerator": {"value": 6, "comparator": ">"}, "denominator": {"value": 2}}, "> 3", []),
        ({"numerator": {"value": 6, "comparator": "<"}, "denominator": {"value": 2}}, "< 3", []),
        ({"numerator": {"value": 6}, "denominator": {"value": 2, "comparator": ">"}}, None, []),
        ({"numerator": {"value": 6}, "denominator": {"value": 0}}, None, ["not a positive number"]),
        ({"numerator": {"value": 6}}, None, []),
        ({"denominator": {"value": 6}}, None, []),
        (7, None, ["not an object"]),
    ],
)
def test_a_ratio_is_its_quotient(value: object, expected: str | None, issues: list[str]) -> None:
    found, said = read(PURE_NUMBER, valueRatio=value)
    assert (found, [each.split(": ")[1] for each in said]) == (expected, issues)


@pytest.mark.parametrize(
    ("elements", "units", "expected", "issues"),
    [
        ({"valueInteger": 3}, PURE_NUMBER, "3", 0),
        ({"valueDecimal": Decimal("2.0")}, PURE_NUMBER, "2.0", 0),
        ({"valueInteger": 70}, KILOGRAMS, None, 1),
        ({"valueInteger": "3"}, PURE_NUMBER, None, 1),
        ({"valueString": "> 2.2"}, PURE_NUMBER, "> 2.2", 0),
        ({"valueString": "55-60 %"}, PERCENT, "55-60", 0),
        ({"valueString": "154 [LB_AV]"}, KILOGRAMS, "69.85322498", 0),
        ({"valueString": "70 stone"}, KILOGRAMS, None, 1),
        ({"valueString": "normal"}, PERCENT, None, 0),
        ({"valueString": 7}, PERCENT, None, 1),
        ({}, PERCENT, None, 0),
    ],
)
def test_a_value_is_read_in_each_of_its_forms(
    elements: dict[str, Any], units: Units, expected: str | None, issues: int
) -> None:
    found, said = read(units, **elements)
    assert (found, len(said)) == (expected, issues)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("2.4", "2.4"),
        ("> 2.2", "> 2.2"),
        (">2.2", "> 2.2"),
        ("greater than 2.2", "> 2.2"),
        ("Less  Than 1.8", "< 1.8"),
        ("<= 3", "<= 3"),
        ("\u2265 2.0", ">= 2.0"),
        ("less than or equal to 4", "<= 4"),
        ("at least 6", ">= 6"),
        ("no more than 5", "<= 5"),
        ("= 5", "5"),
        ("2.0-2.2", "2.0-2.2"),
        ("2.0 \u2013 2.2", "2.0-2.2"),
        ("2 to 3 %", "2-3"),
        ("55 % - 60 %", "55-60"),
    ],
)
def test_a_short_text_states_an_interval(words: str, expected: str) -> None:
    found = parse_amount(words)
    assert found is not None
    assert str(found.bounds) == expected


@pytest.mark.parametrize(("words", "unit"), [("70 kg", "kg"), ("60%", "%"), ("2.4", ""), ("55-60 %", "%")])
def test_a_text_keeps_its_unit(words: str, unit: str) -> None:
    found = parse_amount(words)
    assert found is not None
    assert found.unit == unit


@pytest.mark.parametrize(
    "words",
    [
        "~6",
        "about 6",
        "approximately 2",
        "1,050",
        "2,4",
        "-3",
        "3.0-2.0",
        "55 % - 60 kg",
        "2 3",
        "> 2.0-2.2",
        "",
        "amplified",
        "9" * 40,
    ],
)
def test_a_text_that_states_no_sure_number_is_not_read(words: str) -> None:
    assert parse_amount(words) is None
