"""Contexts of the hooks besides order-sign, whose own are read in test_hook_request.py."""

from typing import Any

import pytest

from fhir_mappers.r4 import validate
from service.hook_context import MOST_ORDERS, HookContext, OrderReading, read_context
from service.hooks import HOOKS, HookService
from service.problems import RequestProblem
from tests.service.builders import medication_request

ROWS = {row.hook: row for row in HOOKS}
DRAFTS = "$.context.draftOrders"


def drafts(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def appointment(**changes: Any) -> dict[str, Any]:
    return {"resourceType": "Appointment", "id": "a1", "status": "proposed"} | changes


CONTEXTS: dict[str, dict[str, Any]] = {
    "order-select": {
        "userId": "Practitioner/dr1",
        "patientId": "p1",
        "selections": ["MedicationRequest/rx1"],
        "draftOrders": drafts(medication_request(), medication_request(id="rx2")),
    },
    "order-dispatch": {
        "patientId": "p1",
        "dispatchedOrders": ["MedicationRequest/rx1", "ServiceRequest/s1"],
        "performer": "Organization/o1",
    },
    "appointment-book": {"userId": "Patient/p1", "patientId": "p1", "appointments": drafts(appointment())},
    "encounter-start": {"userId": "Practitioner/dr1", "patientId": "p1", "encounterId": "e1"},
    "encounter-discharge": {"userId": "PractitionerRole/dr1", "patientId": "p1", "encounterId": "e1"},
}


def read(hook: str, **changes: Any) -> HookContext:
    given = {name: value for name, value in (CONTEXTS[hook] | changes).items() if value is not None}
    row: HookService = ROWS[hook]
    return read_context(given, row, OrderReading(validate, []))


def refused(hook: str, **changes: Any) -> tuple[int, list[tuple[str, str]]]:
    with pytest.raises(RequestProblem) as caught:
        read(hook, **changes)
    return caught.value.status, [(issue.path, issue.code) for issue in caught.value.issues]


def test_selected_drafts_are_decided_and_the_others_stand_beside_them() -> None:
    found = read("order-select")
    assert [each.reference for each in found.orders] == ["MedicationRequest/rx1"]
    assert [each.reference for each in found.others] == ["MedicationRequest/rx2"]
    assert not found.is_empty


def test_no_selection_leaves_nothing_to_decide() -> None:
    found = read("order-select", selections=[])
    assert found.is_empty
    assert len(found.others) == 2


def test_the_medication_of_an_order_may_be_selected_beside_it() -> None:
    given = drafts({"resourceType": "Medication", "id": "m1"}, medication_request())
    found = read("order-select", draftOrders=given, selections=["Medication/m1"])
    assert found.is_empty


@pytest.mark.parametrize(
    ("hook", "changes", "path", "code"),
    [
        ("order-select", {"selections": None}, "$.context.selections", "required"),
        ("order-select", {"selections": "MedicationRequest/rx1"}, "$.context.selections", "structure"),
        ("order-select", {"selections": [7]}, "$.context.selections[0]", "value"),
        ("order-select", {"selections": ["rx1"]}, "$.context.selections[0]", "value"),
        ("order-select", {"selections": ["MedicationRequest/rx9"]}, "$.context.selections[0]", "not-found"),
        ("order-select", {"draftOrders": None}, DRAFTS, "required"),
        ("order-dispatch", {"dispatchedOrders": None}, "$.context.dispatchedOrders", "required"),
        ("order-dispatch", {"dispatchedOrders": []}, "$.context.dispatchedOrders", "required"),
        ("order-dispatch", {"dispatchedOrders": "ServiceRequest/s1"}, "$.context.dispatchedOrders", "structure"),
        ("order-dispatch", {"dispatchedOrders": ["s1"]}, "$.context.dispatchedOrders[0]", "value"),
        ("order-dispatch", {"dispatchedOrders": ["Patient/p1"]}, "$.context.dispatchedOrders[0]", "not-supported"),
        (
            "order-dispatch",
            {"dispatchedOrders": ["ServiceRequest/s1", "ServiceRequest/s1"]},
            "$.context.dispatchedOrders[1]",
            "duplicate",
        ),
        ("order-dispatch", {"dispatchedOrders": None, "order": 5}, "$.context.order", "value"),
        ("order-dispatch", {"dispatchedOrders": None, "order": "x"}, "$.context.order", "value"),
        ("order-dispatch", {"performer": None}, "$.context.performer", "required"),
        ("order-dispatch", {"performer": "somebody"}, "$.context.performer", "value"),
        ("order-dispatch", {"patientId": None}, "$.context.patientId", "required"),
        ("order-dispatch", {"patientId": "Patient/p1"}, "$.context.patientId", "value"),
        ("appointment-book", {"userId": "Device/d1"}, "$.context.userId", "value"),
        ("appointment-book", {"appointments": None}, "$.context.appointments", "required"),
        ("appointment-book", {"appointments": []}, "$.context.appointments", "structure"),
        (
            "appointment-book",
            {"appointments": drafts(appointment(), appointment())},
            "$.context.appointments.entry[1].resource.id",
            "duplicate",
        ),
        ("encounter-start", {"encounterId": None}, "$.context.encounterId", "required"),
        ("encounter-start", {"encounterId": "Encounter/e1"}, "$.context.encounterId", "value"),
        ("encounter-discharge", {"encounterId": ""}, "$.context.encounterId", "required"),
        ("encounter-discharge", {"userId": "Patient/p1"}, "$.context.userId", "value"),
    ],
)
def test_a_missing_or_wrong_member_is_refused_with_its_path(
    hook: str, changes: dict[str, Any], path: str, code: str
) -> None:
    assert refused(hook, **changes) == (400, [(path, code)])


def test_a_dispatch_names_its_orders_and_no_user() -> None:
    found = read("order-dispatch")
    assert [tuple(each) for each in found.named] == [
        ("MedicationRequest/rx1", "$.context.dispatchedOrders[0]"),
        ("ServiceRequest/s1", "$.context.dispatchedOrders[1]"),
    ]
    assert found.user is None
    assert not found.is_empty


def test_a_dispatch_of_hook_version_1_0_looks_to_templates_like_one_of_1_1() -> None:
    found = read("order-dispatch", dispatchedOrders=None, order="ServiceRequest/s1")
    assert [tuple(each) for each in found.named] == [("ServiceRequest/s1", "$.context.order")]
    assert found.members["dispatchedOrders"] == ["ServiceRequest/s1"]


@pytest.mark.parametrize("user", ["Practitioner/dr1", "PractitionerRole/r1", "Patient/p1", "RelatedPerson/spouse"])
def test_patients_and_their_relatives_book_appointments_too(user: str) -> None:
    assert read("appointment-book", userId=user).user == user


def test_what_stands_beside_the_appointments_is_kept() -> None:
    found = read("appointment-book", appointments=drafts(appointment(), medication_request()))
    assert [each.reference for each in found.appointments] == ["Appointment/a1"]
    assert [each.where for each in found.companions] == ["context.appointments.entry[1].resource"]


def test_no_appointment_leaves_nothing_to_decide() -> None:
    assert read("appointment-book", appointments=drafts()).is_empty


@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge"])
def test_an_encounter_is_named_by_its_id(hook: str) -> None:
    found = read(hook)
    assert (found.encounter_id, found.is_empty) == ("e1", False)


@pytest.mark.parametrize(
    ("hook", "member", "path"),
    [
        ("order-select", "draftOrders", "$.context.draftOrders.entry"),
        ("order-dispatch", "dispatchedOrders", "$.context.dispatchedOrders"),
        ("appointment-book", "appointments", "$.context.appointments.entry"),
    ],
)
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_call_has_room_for_so_many_orders(hook: str, member: str, path: str, beyond: int) -> None:
    names = [f"rx{number}" for number in range(1, MOST_ORDERS + beyond + 1)]
    made: dict[str, Any] = {
        "draftOrders": drafts(*(medication_request(id=name) for name in names)),
        "dispatchedOrders": [f"MedicationRequest/{name}" for name in names],
        "appointments": drafts(*(appointment(id=name) for name in names)),
    }
    if beyond > 0:
        assert refused(hook, **{member: made[member]}) == (400, [(path, "too-costly")])
    else:
        found = read(hook, **{member: made[member]})
        assert len([*found.orders, *found.others, *found.named, *found.appointments]) == len(names)
