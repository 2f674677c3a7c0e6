"""A number is for one treatment and one period: an order that was changed since takes none along."""

import pytest

from tests.hooks.clients import Json, orders_of, request_of
from tests.hooks.test_authorizations import CHART, ORDER, Payer, another_order, change, coverage_of, given
from tests.hooks.test_continuity import carrying

# --------------------------------------------------------------------------------- an order that carries a number


def treating(body: Json, code: str) -> Json:
    """The same orders for another cancer."""
    for order in orders_of(body):
        order.pop("reasonReference", None)
        order["reasonCode"] = [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]}]
    return body


@pytest.mark.parametrize(
    ("chart", "name", "codes"),
    [
        ("oscar-margenza-after-two", "MedicationRequest/order-02", ["C34.90", "C16.9", "C08.9"]),
        ("mmm-kadcyla-early", "MedicationRequest/order-12", ["C34.90", "C08.9"]),
        ("mmm-kadcyla-lung", "MedicationRequest/order-15", ["C50.911", "C08.9"]),
    ],
)
def test_a_number_is_for_its_cancer_only(chart: str, name: str, codes: list[str]) -> None:
    payer = Payer()
    first = payer.sign(request_of(chart))
    number, _ = given(first, name)
    assert number
    for code in codes:
        other = payer.sign(treating(carrying(request_of(chart), first), code))
        assert given(other, name)[0] != number, code


def referring() -> Json:
    """The reason of the order is a condition on the record."""
    body = request_of("mmm-kadcyla-lung")
    (order,) = orders_of(body)
    condition = body["prefetch"]["conditions"]["entry"][0]["resource"]
    del order["reasonCode"]
    order["reasonReference"] = [{"reference": f"Condition/{condition['id']}"}]
    return body


@pytest.mark.parametrize("is_changed", [False, True])
def test_where_the_cancer_is_not_known_now_an_order_keeps_its_number_only_if_it_is_the_same(
    *, is_changed: bool
) -> None:
    payer, name = Payer(), "MedicationRequest/order-15"
    first = payer.sign(referring())
    body = carrying(referring(), first)
    body["prefetch"]["conditions"]["entry"] = []
    if is_changed:
        orders_of(body)[0]["note"] = [{"text": "changed"}]
    assert given(first, name)[0]
    assert given(payer.sign(body), name) == ((None, None) if is_changed else given(first, name))


@pytest.mark.parametrize("is_carried", [True, False])
def test_an_order_whose_coverage_became_another_members_gets_another_number(*, is_carried: bool) -> None:
    payer = Payer()
    first = payer.sign(request_of(CHART))
    body = carrying(request_of(CHART), first) if is_carried else request_of(CHART)
    other = payer.sign(change(body, "member number"))
    assert given(other)[0] not in {None, given(first)[0]}
    names = [called.information(ORDER)["coverage-assertion-id"] for called in (first, other)]
    assert names[0] != names[1]


def test_no_number_is_kept_under_a_payer_that_is_only_assumed() -> None:
    payer = Payer(default_payer="mmm")
    body = carrying(request_of(CHART), payer.sign(request_of(CHART)))
    coverage_of(body)["payor"] = [{"display": "MMM"}]
    assert given(payer.sign(body)) == (None, None)


# ----------------------------------------------------------------------------------------------- orders dated ahead


def dated(body: Json, day: str) -> Json:
    for order in orders_of(body):
        order["authoredOn"] = day
    return body


@pytest.mark.parametrize(("day", "is_the_same"), [("2026-09-16", True), ("2026-09-17", False), ("2031-01-01", False)])
def test_an_authorization_that_begins_later_is_none_for_an_order_of_today(day: str, *, is_the_same: bool) -> None:
    """The days of two places differ by one; an order that is dated years ahead must not cover all until then."""
    payer = Payer()
    first = payer.sign(dated(request_of(CHART), day))
    today = payer.sign(another_order(request_of(CHART)))
    found = given(today, "MedicationRequest/order-06-again")
    assert (found == given(first)) is is_the_same
    assert is_the_same or found[1] == "2027-03-14"
