"""While the database does not answer: everything is answered, nothing is authorized, and nothing is called recorded."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from service.storage.database import StorageDownError
from service.storage.ledger import Ledger
from tests.hooks.answers import CHARTS
from tests.hooks.clients import SERVICE_URL, Api, Called, api, information_of, request_of
from tests.hooks.test_authorizations import CHART, ORDER, another_order, given
from tests.hooks.test_continuity import carrying

READING, WRITING = ("past", "find", "retained"), ("record",)


@contextmanager
def down(*methods: str) -> Iterator[None]:
    """Let the database fail wherever it is asked for one of these."""
    error = StorageDownError("test")
    with ExitStack() as stack:
        for each in methods:
            stack.enter_context(patch.object(Ledger, each, side_effect=error))
        yield


ALL = (*READING, *WRITING)


def recorded(here: Api, body: dict[str, Any]) -> str | None:
    return here.client.post(SERVICE_URL, json=body).headers.get("Her2-Crd-Recorded")


@pytest.mark.parametrize("methods", [ALL, WRITING])
def test_what_would_be_authorized_is_authorizable_and_says_why(methods: tuple[str, ...]) -> None:
    here = api()
    with down(*methods):
        called = here.sign(request_of(CHART))
    information = called.information(ORDER)
    assert (information["covered"], information["pa-needed"]) == ("covered", "auth-needed")
    assert given(called) == (None, None)
    assert "cannot be recorded at this moment" in information["reason"]["text"]


@pytest.mark.parametrize("methods", [ALL, WRITING])
@pytest.mark.parametrize("name", CHARTS)
def test_every_other_outcome_is_as_ever(name: str, methods: tuple[str, ...]) -> None:
    with down(*methods):
        without = api().sign(request_of(name))
    ever = api().sign(request_of(name))
    assert len(without.actions) == len(ever.actions)
    for one, other in zip(without.actions, ever.actions, strict=True):
        if "satisfied-pa-id" not in information_of(other["resource"]):
            assert one == other


def test_an_answer_says_whether_it_is_recorded() -> None:
    here = api()
    assert recorded(here, request_of(CHART)) == "true"
    for methods in (ALL, WRITING):
        with down(*methods):
            assert recorded(here, request_of(CHART)) == "false"
    assert recorded(here, request_of(CHART)) == "true"


def test_what_was_not_recorded_is_not_there_afterwards() -> None:
    here = api()
    with down(*ALL):
        called = here.sign(request_of(CHART))
    status, _ = here.get(f"/decisions/{called.information(ORDER)['coverage-assertion-id']}")
    assert status == 404


def test_a_decision_that_cannot_be_looked_up_is_a_503() -> None:
    here = api()
    called = here.sign(request_of(CHART))
    with down("find"):
        status, outcome = here.get(f"/decisions/{called.information(ORDER)['coverage-assertion-id']}")
    assert (status, outcome["issue"][0]["code"]) == (503, "transient")


def test_an_order_that_carries_a_number_is_left_alone() -> None:
    """Nobody can tell whether it is ours: nothing is written beside it, and nothing taken back."""
    here = api()
    signed = here.sign(request_of(CHART))
    with down(*ALL):
        again = here.sign(carrying(request_of(CHART), signed))
    assert (again.status, again.actions) == (200, [])


def test_a_number_known_to_be_in_force_is_told_although_nothing_can_be_recorded() -> None:
    here = api()
    first = here.sign(request_of(CHART))
    with down(*WRITING):
        again = here.sign(another_order(request_of(CHART)))
    assert given(again, "MedicationRequest/order-06-again") == given(first)


def test_a_number_in_force_is_told_and_no_other_is_issued() -> None:
    here, body = api(), request_of(CHART)
    first = here.sign(body)
    lung = request_of("mmm-kadcyla-lung")
    both = another_order(request_of(CHART))
    with down(*WRITING):
        again = here.sign(both)
        other = here.sign(lung)
    assert given(again, "MedicationRequest/order-06-again") == given(first)
    assert given(other, "MedicationRequest/order-15") == (None, None)


def test_numbers_are_issued_again_once_it_answers() -> None:
    here = api()
    with down(*ALL):
        here.sign(request_of(CHART))
    called: Called = here.sign(request_of(CHART))
    assert given(called)[0]
