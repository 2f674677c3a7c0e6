from typing import Any

import pytest

from service.appointments import ALTERNATE_REFERENCE, Appointment, read_appointment
from service.problems import RequestProblem

PATH = "$.context.appointments.entry[0].resource"
APPOINTMENT = {"resourceType": "Appointment", "id": "a1", "status": "proposed"}


def read(**changes: Any) -> Appointment:
    given = {name: value for name, value in (APPOINTMENT | changes).items() if value is not None}
    return read_appointment(given, PATH, "p1")


def alternate(reference: Any) -> dict[str, Any]:
    return {"extension": [{"url": ALTERNATE_REFERENCE, "valueReference": reference}]}


def participant(reference: Any) -> list[Any]:
    return [{"actor": {"reference": reference}, "status": "accepted"}]


def test_an_appointment_is_named_by_type_and_id() -> None:
    assert read().reference == "Appointment/a1"


@pytest.mark.parametrize(
    ("based_on", "expected"),
    [
        (None, ()),
        ([{"reference": "ServiceRequest/s1"}], ("ServiceRequest/s1",)),
        ([alternate({"reference": "MedicationRequest/rx1"})], ("MedicationRequest/rx1",)),
        (
            [{"reference": "ServiceRequest/s1"}, alternate({"reference": "MedicationRequest/rx1"})],
            ("ServiceRequest/s1", "MedicationRequest/rx1"),
        ),
        ([{"reference": "ServiceRequest/s1"}, {"reference": "ServiceRequest/s1"}], ("ServiceRequest/s1",)),
        ([{"display": "an order on paper"}, {"reference": ""}, {"reference": 7}, "x", None], ()),
        ([alternate("MedicationRequest/rx1"), alternate(None), {"extension": {}}, {"extension": [1]}], ()),
        ([{"extension": [{"url": "http://example.org/x", "valueReference": {"reference": "Group/g"}}]}], ()),
        # One entry outside of its list is asked for in prefetch as well.
        ({"reference": "ServiceRequest/s1"}, ("ServiceRequest/s1",)),
    ],
)
def test_the_orders_an_appointment_is_based_on(based_on: Any, expected: tuple[str, ...]) -> None:
    assert read(basedOn=based_on).based_on == expected


@pytest.mark.parametrize(
    ("based_on", "expected"),
    [
        (None, False),
        ([], False),
        ([{"reference": "ServiceRequest/s1"}], False),
        ([alternate({"reference": "MedicationRequest/rx1"})], False),
        ([{"display": "on paper", "reference": "ServiceRequest/s1"}], False),
        ([{"display": "on paper"}], True),
        ([{"reference": "ServiceRequest/s1"}, {"identifier": {"value": "7"}}], True),
        ([alternate({"identifier": {"value": "7"}})], True),
        ([{}], True),
        ([None], True),
        ("ServiceRequest/s1", True),
    ],
)
def test_an_order_that_is_not_referred_to_is_an_order_all_the_same(based_on: Any, expected: bool) -> None:
    found = read(basedOn=based_on)
    assert found.has_unreferenced is expected
    assert found.has_order is bool(found.based_on or expected)


@pytest.mark.parametrize("name", ["#", "#c2", "#None", "c1"])
def test_only_what_is_contained_under_a_name_is_found_by_it(name: str) -> None:
    found = read(contained=["x", {"id": "c0"}, {"id": "c1"}])
    assert found.contained("#c1") == ({"id": "c1"}, f"{PATH}.contained[2]")
    assert found.contained(name) is None
    assert read(contained={"id": "c1"}).contained("#c1") is None


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"id": None}, "id", "required"),
        ({"id": "a b"}, "id", "value"),
        ({"status": None}, "status", "required"),
        ({"status": 5}, "status", "value"),
        ({"participant": participant("Patient/p2")}, "participant[0].actor.reference", "value"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_path(changes: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(RequestProblem) as caught:
        read(**changes)
    assert caught.value.status == 400
    assert [(each.path, each.code) for each in caught.value.issues] == [(f"{PATH}.{path}", code)]


@pytest.mark.parametrize(
    "given", [participant("Patient/p1"), participant("Practitioner/p2"), participant(5), [{}], ["x"], {}, None]
)
def test_participants_that_are_not_another_patient_are_no_matter(given: Any) -> None:
    assert read(participant=given).based_on == ()
