from decimal import Decimal
from typing import Any

import pytest

from fhir_mappers.dosage import Dosage, read_dosage
from fhir_mappers.element import Origin
from tests import builders
from tests.builders import Json

MG_PER_KG = builders.quantity("3.6", "mg/kg")
MG = builders.quantity(252, "mg")


def read(*instructions: object) -> tuple[Dosage, list[str]]:
    request = builders.medication_request(dosageInstruction=list(instructions))
    origin = Origin.of(request, [])
    return read_dosage(origin), [f"{each.path}: {each.words}" for each in origin.issues]


def dosed(*entries: Json, **more: Any) -> Json:
    return {"doseAndRate": list(entries), **more}


def repeated(**repeat: Any) -> Json:
    return {"timing": {"repeat": repeat}}


def shown(found: Dosage) -> tuple[str | None, str | None]:
    return (
        None if found.dose_mg is None else str(found.dose_mg),
        None if found.dose_mg_per_kg is None else str(found.dose_mg_per_kg),
    )


@pytest.mark.parametrize(
    ("instructions", "expected", "observed"),
    [
        ([dosed({"doseQuantity": MG_PER_KG})], (None, "3.6"), "3.6 mg/kg"),
        ([dosed({"doseQuantity": MG})], ("252", None), "252 mg"),
        ([dosed({"doseQuantity": builders.quantity("1.05", "g")})], ("1050.00", None), "1050.00 mg"),
        ([dosed({"doseQuantity": builders.quantity(900, "ug/kg")})], (None, "0.900"), "0.900 mg/kg"),
        ([dosed({"doseQuantity": {"value": 252, "unit": "mg"}})], ("252", None), "252 mg"),
        ([dosed({"doseQuantity": MG_PER_KG}, {"doseQuantity": MG})], ("252", "3.6"), "3.6 mg/kg; 252 mg"),
        (
            [dosed({"doseRange": {"low": builders.quantity(3, "mg/kg"), "high": builders.quantity("3.6", "mg/kg")}})],
            (None, "3-3.6"),
            "3-3.6 mg/kg",
        ),
        ([dosed({"doseRange": {"high": builders.quantity(250, "mg")}})], ("<= 250", None), "<= 250 mg"),
        ([dosed({"rateQuantity": builders.quantity(100, "mL/h")})], (None, None), ""),
        ([{"maxDosePerAdministration": MG}], (None, None), ""),
        ([dosed({"doseQuantity": MG}), dosed({"doseQuantity": MG})], ("252", None), "252 mg"),
        ([], (None, None), ""),
    ],
)
def test_a_dose_is_absolute_or_by_weight(
    instructions: list[Json], expected: tuple[str | None, str | None], observed: str
) -> None:
    found, issues = read(*instructions)
    assert (shown(found), found.observed, issues) == (expected, observed, [])


def test_a_dose_names_its_place() -> None:
    found, _ = read(dosed(), dosed({}, {"doseQuantity": MG}))
    assert found.source is not None
    assert found.source.path == "MedicationRequest.dosageInstruction[1].doseAndRate[1].doseQuantity"


@pytest.mark.parametrize(
    ("instructions", "issue"),
    [
        (
            [dosed({"doseQuantity": builders.quantity(75, "mg/m2")})],
            "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity: unit not understood",
        ),
        (
            [dosed({"doseQuantity": {"value": 3}})],
            "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity: unit not understood",
        ),
        (
            [dosed({"doseQuantity": {"value": 3, "unit": 7}})],
            "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity: unit not understood",
        ),
        (
            [dosed({"doseRange": {}})],
            "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseRange: unit not understood",
        ),
        (
            [dosed({"doseQuantity": {"value": "3", "code": "mg"}})],
            "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity.value: not a number",
        ),
    ],
)
def test_a_dose_that_is_not_one_number_of_milligrams_is_not_used(instructions: list[Json], issue: str) -> None:
    found, issues = read(*instructions)
    assert (shown(found), found.source, issues) == ((None, None), None, [issue])


@pytest.mark.parametrize(
    ("words", "expected", "observed"),
    [
        ("15 mg/kg IV every 3 weeks", (None, "15"), "15 mg/kg"),
        ("3.6 mg per kg", (None, "3.6"), "3.6 mg/kg"),
        ("Infuse 1050 mg over 2 hours", ("1050", None), "1050 mg"),
        ("15 mg/kg (1050 mg)", ("1050", "15"), "15 mg/kg; 1050 mg"),
        ("15 mg/kg, that is 15 mg/kg", (None, "15"), "15 mg/kg"),
        ("15 mg/kg (1,050 mg)", (None, "15"), "15 mg/kg"),
        ("840 mg, then 420 mg", (None, None), ""),
        ("6 mg/kg, max 600 mg", (None, None), ""),
        ("not to exceed 600 mg", (None, None), ""),
        ("75 mg/m2", (None, None), ""),
        ("420 mg/14 mL", (None, None), ""),
        ("420 mg per dose", ("420", None), "420 mg"),
        ("2 x 160 mg vials", (None, None), ""),
        ("3.6-4 mg/kg", (None, None), ""),
        ("as directed", (None, None), ""),
    ],
)
def test_a_text_states_a_dose_when_it_holds_one_number_of_a_kind(
    words: str, expected: tuple[str | None, str | None], observed: str
) -> None:
    found, _ = read({"text": words})
    assert (shown(found), found.observed) == (expected, observed)


def test_a_coded_dose_comes_before_a_text() -> None:
    found, _ = read(builders.dosage("3.6", text="15 mg/kg"))
    assert shown(found) == (None, "3.6")


def test_a_dose_from_a_text_names_the_text() -> None:
    found, _ = read({"text": "15 mg/kg"})
    assert found.source is not None
    assert found.source.path == "MedicationRequest.dosageInstruction[0].text"


@pytest.mark.parametrize(
    ("repeat", "days"),
    [
        ({"frequency": 1, "period": 3, "periodUnit": "wk"}, "21"),
        ({"period": 21, "periodUnit": "d"}, "21"),
        ({"frequency": 2, "period": 1, "periodUnit": "d"}, "0.5"),
        ({"period": 1, "periodUnit": "mo"}, "28"),
        ({"period": Decimal("1.5"), "periodUnit": "wk"}, "10.5"),
        ({"period": 3, "periodMax": 4, "periodUnit": "wk"}, None),
        ({"period": 3, "periodUnit": "min"}, None),
        ({"period": 3}, None),
        ({"periodUnit": "wk"}, None),
        ({"period": 0, "periodUnit": "wk"}, None),
        ({"period": 3, "periodUnit": "wk", "frequency": 0}, None),
        ({}, None),
    ],
)
def test_an_interval_is_the_days_between_two_doses(repeat: Json, days: str | None) -> None:
    found, _ = read(repeated(**repeat))
    assert (None if found.interval_days is None else str(found.interval_days)) == days


def test_an_interval_is_stated_once_or_not_at_all() -> None:
    week, three = repeated(period=1, periodUnit="wk"), repeated(period=3, periodUnit="wk")
    assert read(three, three)[0].interval_days == 21
    assert read(week, three)[0].interval_days is None


def test_a_timing_code_states_no_interval() -> None:
    assert read({"timing": {"code": builders.concept(text="Q3W")}})[0].interval_days is None


def test_instructions_that_are_no_objects_cost_only_themselves() -> None:
    found, issues = read("daily", builders.dosage())
    assert shown(found) == (None, "3.6")
    assert issues == ["MedicationRequest.dosageInstruction[0]: not an object"]


@pytest.mark.parametrize("order", [(420, 840), (840, 420)])
def test_of_several_doses_the_highest_is_judged(order: tuple[int, int]) -> None:
    found, issues = read(*(dosed({"doseQuantity": builders.quantity(each, "mg")}) for each in order))
    assert shown(found)[0] == "840"
    assert found.source is not None
    assert found.source.path == f"MedicationRequest.dosageInstruction[{order.index(840)}].doseAndRate[0].doseQuantity"
    assert issues == ["MedicationRequest.dosageInstruction: states several doses: the highest is judged"]


def test_a_dose_with_no_lower_end_is_the_least_of_several() -> None:
    upper = {"doseRange": {"high": builders.quantity(2000, "mg")}}
    found, _ = read(dosed(upper), dosed({"doseQuantity": builders.quantity(420, "mg")}))
    assert shown(found)[0] == "420"
