"""What an order is called where it has a name, and where it has none."""

import pytest

from cards.naming import given_name, is_drug_order, noun, opening_name, order_name, order_noun
from criteria.decision import Decision
from criteria.outcome import Outcome
from tests.cards.builders import decision, order, ordered


def deciding(resource_type: str, label: str) -> Decision:
    return decision(Outcome.NO_POLICY, order=ordered(resource_type, label))


@pytest.mark.parametrize(
    ("resource_type", "name"),
    [
        ("MedicationRequest", "the ordered drug"),
        ("ServiceRequest", "this order"),
        ("Appointment", "this appointment"),
        ("Encounter", "this visit"),
    ],
)
@pytest.mark.parametrize("is_typed", [True, False])
def test_without_a_name_there_are_words(resource_type: str, name: str, is_typed: bool) -> None:
    found = deciding(resource_type, resource_type if is_typed else " ")
    assert (given_name(found), order_name(found)) == ("", name)
    assert opening_name(found) == name.capitalize()


def test_a_name_is_the_senders_as_it_is() -> None:
    found = deciding("ServiceRequest", "echo\u0000cardiogram")
    assert given_name(found) == order_name(found) == opening_name(found) == "echo cardiogram"


def test_the_type_of_something_else_is_a_name() -> None:
    assert order_name(deciding("ServiceRequest", "Appointment")) == "Appointment"


def test_only_appointments_and_encounters_are_no_orders() -> None:
    kinds = ("Appointment", "Encounter", "ServiceRequest", "MedicationRequest", "")
    assert [noun(each) for each in kinds] == ["appointment", "encounter", "order", "order", "order"]
    assert order_noun(deciding("Appointment", "Infusion")) == "appointment"


def test_a_medication_request_orders_a_drug() -> None:
    assert is_drug_order(decision(Outcome.NO_POLICY, order=order()))
    assert not is_drug_order(deciding("ServiceRequest", "Echo"))
