from decimal import Decimal
from typing import Any

import pytest

from criteria.facts import ConditionState, Order, Reading, Source
from fhir_mappers.element import Issue, Origin
from fhir_mappers.order import map_order, orders_something
from tests import builders
from tests.builders import ICD10, Json
from tests.vocabulary import own_vocabulary


def read(order: Json, *others: Json, issues: list[Issue] | None = None) -> Order:
    by_name = {f"{each['resourceType']}/{each['id']}": each for each in others}
    return map_order(order, by_name.get, own_vocabulary(), issues)


def test_a_complete_order_is_read() -> None:
    found = read(
        builders.medication_request(
            meta={"versionId": "3"},
            dosageInstruction=[builders.dosage()],
            reasonCode=[builders.concept(builders.BREAST_CANCER)],
        )
    )
    assert found.source == Source("MedicationRequest/mr1", "MedicationRequest", "3")
    assert (found.drug.key, found.status, str(found.authored)) == ("trastuzumab_emtansine", "draft", "2026-06-01")
    assert (str(found.dose_mg_per_kg), found.interval_days) == ("3.6", Decimal(21))
    assert found.dose_source is not None
    assert found.dose_source.path == "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity"
    assert [(each.source.path, each.concepts) for each in found.reasons] == [
        ("MedicationRequest.reasonCode[0]", frozenset({"cancer-breast"}))
    ]


def test_an_order_that_says_almost_nothing_is_read() -> None:
    found = read({"resourceType": "MedicationRequest", "id": "x"})
    assert (found.status, found.authored, found.reasons, found.group) == ("", None, (), frozenset())
    assert found.drug.reading is Reading.UNRECOGNISED


def test_a_year_is_the_range_of_its_days() -> None:
    assert str(read(builders.medication_request(on="2026")).authored) == "2026-01-01/2026-12-31"


def test_a_date_that_is_none_is_absent_and_named() -> None:
    issues: list[Issue] = []
    assert read(builders.medication_request(on="soon"), issues=issues).authored is None
    assert issues == [Issue("MedicationRequest/mr1", "MedicationRequest.authoredOn", "not a valid date")]


def test_a_coded_reason_has_the_sets_of_all_its_codings() -> None:
    reason = builders.concept((ICD10, "C50911"), (ICD10, "C79.31", "Brain metastasis"), text="MBC")
    (found,) = read(builders.medication_request(reasonCode=[reason])).reasons
    assert {"cancer-breast", "metastasis-brain"} <= found.concepts
    assert (found.label, found.confirmed, found.state) == ("MBC", None, ConditionState.UNSTATED)


def test_an_empty_reason_is_none() -> None:
    found = read(builders.medication_request(reasonCode=[{}, {"text": "cancer"}]))
    assert [(each.source.path, each.label) for each in found.reasons] == [("MedicationRequest.reasonCode[1]", "cancer")]


def referring(*references: Json, **more: Any) -> Json:
    return builders.medication_request(reasonReference=list(references), **more)


def test_a_reason_is_read_where_it_is_referred_to() -> None:
    (found,) = read(referring(builders.reference("Condition/dx1")), builders.condition()).reasons
    assert (found.source.reference, found.concepts, found.confirmed) == (
        "Condition/dx1",
        frozenset({"cancer-breast"}),
        True,
    )


def test_a_contained_reason_is_named_within_its_order() -> None:
    held = builders.condition("c")
    (found,) = read(referring(builders.reference("#c"), contained=[held])).reasons
    assert found.source.reference == "MedicationRequest/mr1#c"


def test_an_observation_as_reason_gives_its_value_else_its_code() -> None:
    finding = builders.observation("o1", value=builders.concept((ICD10, "C79.31"), text="brain metastasis"))
    test = builders.observation("o2")
    found = read(referring(builders.reference("Observation/o1"), builders.reference("Observation/o2")), finding, test)
    assert [(each.source.path, each.label) for each in found.reasons] == [
        ("Observation.valueCodeableConcept", "brain metastasis"),
        ("Observation.code", "85319-2"),
    ]
    assert "metastasis-brain" in found.reasons[0].concepts


REFUTED = builders.condition(
    "refuted",
    verificationStatus=builders.concept((f"{builders.TERMINOLOGY}/condition-ver-status", "refuted")),
)


@pytest.mark.parametrize(
    ("reference", "unread"),
    [
        (builders.reference("Condition/away"), "Condition/away"),
        (builders.reference("Condition/refuted"), "Condition/refuted"),
        (builders.reference("Observation/wrong"), "Observation/wrong"),
        (builders.reference("Patient/p1"), "Patient/p1"),
        ({"display": "breast cancer"}, "breast cancer"),
        ({}, "reasonReference[0]"),
    ],
)
def test_a_reason_that_cannot_be_read_is_named(reference: Json, unread: str) -> None:
    others = [REFUTED, builders.observation("wrong", status="entered-in-error"), builders.patient()]
    found = read(referring(reference), *others)
    assert (found.reasons, found.unread_reasons) == ((), (unread,))


def test_issues_of_a_condition_on_record_are_not_repeated_at_the_order() -> None:
    issues: list[Issue] = []
    read(referring(builders.reference("Condition/dx1")), builders.condition(onset="soon"), issues=issues)
    assert issues == []


def test_issues_of_a_contained_condition_are_named_here() -> None:
    issues: list[Issue] = []
    held = builders.condition("c", onset="soon")
    read(referring(builders.reference("#c"), contained=[held]), issues=issues)
    assert [str(each) for each in issues] == [
        "MedicationRequest/mr1#c: Condition.onsetDateTime: not a valid date",
    ]


def test_orders_are_tied_together_by_group_requisition_and_plan() -> None:
    order = builders.medication_request(
        groupIdentifier={"system": "http://ehr.example/orders", "value": "g-1"},
        requisition={"value": "r-1"},
        basedOn=[builders.reference("CarePlan/9")],
    )
    assert read(order).group == {"http://ehr.example/orders|g-1", "|r-1", "CarePlan/9"}


def test_a_group_without_a_value_ties_nothing() -> None:
    assert read(builders.medication_request(groupIdentifier={"system": "s"})).group == frozenset()


@pytest.mark.parametrize(
    ("order", "label", "authored"),
    [
        (builders.service_request(code=builders.concept(text="HER2 ISH")), "HER2 ISH", "2026-06-01"),
        (
            {"resourceType": "DeviceRequest", "id": "d", "codeCodeableConcept": {"text": "pump"}, "authoredOn": "2026"},
            "pump",
            "2026-01-01/2026-12-31",
        ),
        (
            {
                "resourceType": "Appointment",
                "id": "a",
                "serviceType": [{}, {"text": "infusion"}],
                "created": "2026-06-02",
            },
            "infusion",
            "2026-06-02",
        ),
        ({"resourceType": "NutritionOrder", "id": "n", "dateTime": "2026-06-03"}, "NutritionOrder", "2026-06-03"),
    ],
)
def test_an_order_of_another_type_orders_no_drug_and_says_what_it_orders(
    order: Json, label: str, authored: str
) -> None:
    found = read(order)
    assert (found.drug.reading, found.drug.label, str(found.authored)) == (Reading.UNRECOGNISED, label, authored)


KADCYLA_BILLED = (builders.HCPCS, "J9354", "Injection, ado-trastuzumab emtansine, 1 mg")


@pytest.mark.parametrize(
    ("code", "reading", "keys"),
    [
        (builders.concept(KADCYLA_BILLED), Reading.IDENTIFIED, {"trastuzumab_emtansine"}),
        (builders.concept(KADCYLA_BILLED[:2], text="infusion"), Reading.IDENTIFIED, {"trastuzumab_emtansine"}),
        (
            builders.concept(KADCYLA_BILLED, text="Enhertu"),
            Reading.CONFLICTING,
            {"trastuzumab_emtansine", "trastuzumab_deruxtecan"},
        ),
        (builders.concept(text="Kadcyla"), Reading.UNRECOGNISED, set()),
        (builders.concept((builders.LOINC, "1-1", "echocardiogram before Kadcyla")), Reading.UNRECOGNISED, set()),
        (builders.concept(("", "", "Kadcyla")), Reading.UNRECOGNISED, set()),
    ],
)
def test_a_service_has_the_drug_it_is_coded_as_and_none_by_words_alone(
    code: Json, reading: Reading, keys: set[str]
) -> None:
    found = read(builders.service_request(code=code)).drug
    assert (found.reading, set(found.keys)) == (reading, keys)
    assert found.label


def test_only_a_service_is_read_for_a_drug_beside_drug_orders() -> None:
    device = {"resourceType": "DeviceRequest", "id": "d", "code": builders.concept(KADCYLA_BILLED)}
    assert read(device).drug.reading is Reading.UNRECOGNISED


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"doNotPerform": False}, True),
        ({"doNotPerform": True}, False),
        ({"status": "entered-in-error"}, False),
    ],
)
def test_an_order_not_to_do_something_orders_nothing(more: Json, expected: bool) -> None:
    assert orders_something(Origin.of(builders.medication_request(**more), [])) is expected
