"""What a decided order is about: the order, or the resource that carries its coverage information."""

from typing import Any

import pytest

from cards.context import DecidedOrder
from cards.dialect import NEWEST
from criteria.outcome import Outcome
from tests.cards.builders import context, decided_order, decision, order_resource


def order_with(target: dict[str, Any] | None) -> DecidedOrder:
    return decided_order(decision(Outcome.REVIEW), target=target)


def test_an_order_carries_its_coverage_information_itself() -> None:
    assert order_with(None).carrier == order_resource()
    assert order_with(None).reference == "MedicationRequest/rx1"


def test_a_target_carries_it_instead() -> None:
    appointment = {"resourceType": "Appointment", "id": "a1"}
    assert order_with(appointment).carrier == appointment
    assert order_with(appointment).reference == "Appointment/a1"


@pytest.mark.parametrize("target", [{}, {"resourceType": "Appointment"}, {"id": "a1"}, {"resourceType": "", "id": "a"}])
def test_a_target_without_a_name_is_refused(target: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has a type and an id"):
        order_with(target)


def test_answers_are_written_in_the_newest_dialect_unless_told_otherwise() -> None:
    assert context().dialect is NEWEST
