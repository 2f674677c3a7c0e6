from collections.abc import Mapping
from typing import Any

import pytest

from criteria.facts import SearchState
from fhir_mappers.chart import GivenResource
from fhir_mappers.r4 import validate
from service.callers import anybody
from service.hook_context import MOST_ORDERS
from service.hook_request import HookRequest, read_request
from service.hooks import offered_services
from service.problems import RequestProblem
from service.subjects import Kind, Subjects, subjects_of
from tests.service.builders import BASE, development, medication_request, request_body

NAMED = ("MedicationRequest/rx1", "ServiceRequest/s1")
PATH = "$.context.dispatchedOrders"


def asked(hook: str, **context: Any) -> HookRequest:
    service = offered_services([])[f"her2-{hook}"]
    body = request_body(hook=hook, context={"patientId": "p1", "userId": "Practitioner/dr1", **context})
    return read_request(body, service, anybody(development()))


def dispatched(
    searches: Mapping[str, SearchState] | None, *held: dict[str, Any], orders: tuple[str, ...] = NAMED
) -> Subjects:
    request = asked("order-dispatch", dispatchedOrders=list(orders), performer="Organization/o1")
    given = tuple(GivenResource(each, f"prefetch.orders.entry[{i}]") for i, each in enumerate(held))
    if searches is None:
        return subjects_of(request, given, BASE, validate)
    return subjects_of(request, given, BASE, validate, searches=searches)


# ---------------------------------------------------------------------------------------------------- order-dispatch


@pytest.mark.parametrize("state", [SearchState.ANSWERED, SearchState.DENIED])
def test_orders_that_the_client_does_not_hold_are_a_400(state: SearchState) -> None:
    with pytest.raises(RequestProblem) as caught:
        dispatched({"MedicationRequest": state, "ServiceRequest": SearchState.ANSWERED})
    assert caught.value.status == 400
    assert [(each.path, each.code) for each in caught.value.issues] == [
        (f"{PATH}[0]", "not-found"),
        (f"{PATH}[1]", "not-found"),
    ]


@pytest.mark.parametrize(
    "searches",
    [
        None,
        {},
        {"MedicationRequest": SearchState.FAILED, "ServiceRequest": SearchState.ANSWERED},
        {"MedicationRequest": SearchState.ANSWERED, "ServiceRequest": SearchState.NOT_OFFERED},
    ],
)
def test_orders_that_could_not_be_asked_for_are_a_412(searches: Mapping[str, SearchState] | None) -> None:
    with pytest.raises(RequestProblem) as caught:
        dispatched(searches)
    assert caught.value.status == 412
    assert [each.path for each in caught.value.issues] == [f"{PATH}[0]", f"{PATH}[1]"]


@pytest.mark.parametrize("state", SearchState)
def test_an_order_that_is_missing_beside_others_is_not_decided(state: SearchState) -> None:
    found = dispatched({"ServiceRequest": state}, medication_request()).decided
    assert [(each.kind, each.draft.reference, each.is_held) for each in found] == [
        (Kind.ORDER, "MedicationRequest/rx1", True),
        (Kind.UNREAD, "ServiceRequest/s1", False),
    ]


# --------------------------------------------------------------------------------------------------- orders on record


def on_record(count: int, **changes: Any) -> Subjects:
    """An encounter with orders on record, of which each was written a day after the one before."""
    request = asked("encounter-start", encounterId="e1")
    orders = [
        medication_request(id=f"rx{i}", status="active", authoredOn=f"2026-{1 + i // 28:02}-{1 + i % 28:02}")
        for i in range(count)
    ]
    orders[0].update(changes)
    given = tuple(GivenResource(each, f"prefetch.x.entry[{i}]") for i, each in enumerate(orders))
    return subjects_of(request, given, BASE, validate)


def references(found: Subjects) -> list[str]:
    return [each.draft.reference for each in found.decided if each.kind is Kind.ON_RECORD]


def test_as_many_orders_on_record_as_a_call_may_have_are_decided() -> None:
    found = on_record(MOST_ORDERS)
    assert (len(references(found)), found.notes) == (MOST_ORDERS, ())


def test_of_more_orders_on_record_the_newest_are_decided_and_the_rest_is_counted() -> None:
    found = on_record(MOST_ORDERS + 2)
    assert references(found) == [f"MedicationRequest/rx{i}" for i in range(2, MOST_ORDERS + 2)]
    assert found.notes == (f"2 active orders on record, older than the newest {MOST_ORDERS}: not decided",)


def test_the_newest_orders_are_found_wherever_they_stand() -> None:
    found = references(on_record(MOST_ORDERS + 1, authoredOn="2026-12-31"))
    assert found[0] == "MedicationRequest/rx0"
    assert "MedicationRequest/rx1" not in found


def test_an_order_on_record_without_a_date_is_the_oldest() -> None:
    request = asked("encounter-start", encounterId="e1")
    orders = [medication_request(id=f"rx{i}", status="active") for i in range(MOST_ORDERS)]
    orders.insert(3, medication_request(id="undated", status="active", authoredOn=None))
    given = tuple(GivenResource(each, f"prefetch.x.entry[{i}]") for i, each in enumerate(orders))
    found = subjects_of(request, given, BASE, validate)
    assert "MedicationRequest/undated" not in references(found)
    assert len(references(found)) == MOST_ORDERS
