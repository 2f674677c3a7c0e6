"""An authorization keeps its number and its last day; who gets none."""

import copy
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from criteria.facts import SearchState
from service.app import create_app
from tests.hooks.clients import PUBLIC_URL, Api, Called, Json, RecordServer, request_of, resources_of
from tests.service.builders import development, shipped_data

CHART = "mmm-margenza-fourth-line"
ORDER = "MedicationRequest/order-06"


@dataclass
class MovingClock:
    """A clock that is set by hand."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment

    def today(self) -> date:
        return self.moment.date()


class Payer:
    """The application with a clock that can be moved."""

    def __init__(self, **settings: Any) -> None:
        self.clock = MovingClock(datetime(2026, 9, 15, 8, tzinfo=UTC))
        server = RecordServer()
        chosen = development(public_url=PUBLIC_URL, **settings)
        app = create_app(chosen, shipped_data(), self.clock, server)
        self.api = Api(app.test_client(), server)

    def sign(self, body: Json, day: str = "2026-09-15") -> Called:
        self.clock.moment = datetime.fromisoformat(f"{day}T08:00:00+00:00")
        return self.api.sign(body)


def order_of(body: Json) -> Json:
    (found,) = [each for each in resources_of(body) if each.get("id") == "order-06"]
    return found


def without(body: Json, *names: str) -> Json:
    """Leave observations out of the prefetch."""
    entries = body["prefetch"]["observations"]["entry"]
    kept = [each for each in entries if each["resource"]["id"] not in names]
    assert len(entries) - len(kept) == len(names)
    body["prefetch"]["observations"]["entry"] = kept
    return body


def given(called: Called, name: str = ORDER) -> tuple[Any, Any]:
    information = called.information(name)
    return information.get("satisfied-pa-id"), information.get("expiry-date")


def test_looking_at_an_authorization_does_not_renew_it() -> None:
    payer = Payer()
    first = payer.sign(request_of(CHART))
    number, end = given(first)
    assert end == "2027-03-14"
    again = payer.sign(request_of(CHART), "2026-12-01")
    assert given(again) == (number, end)
    assert again.information(ORDER)["coverage-assertion-id"] == first.information(ORDER)["coverage-assertion-id"]


@pytest.mark.parametrize(("day", "is_in_force"), [("2027-03-13", True), ("2027-03-14", True), ("2027-03-15", False)])
def test_evidence_that_has_gone_is_asked_for_again_once_the_authorization_is_over(day: str, is_in_force: bool) -> None:
    payer = Payer()
    first = payer.sign(request_of(CHART))
    later = payer.sign(without(request_of(CHART), "her2-06", "her2-fish-06"), day)
    assert payer.api.decision(later, ORDER)["outcome"] == ("authorized" if is_in_force else "documentation")
    assert given(later) == (given(first) if is_in_force else (None, None))


def another_order(body: Json) -> Json:
    """The same treatment, ordered once more."""
    order_of(body)["id"] = "order-06-again"
    return body


def test_another_order_of_the_same_treatment_gets_the_number_in_force_and_names_its_decision() -> None:
    payer = Payer()
    first = payer.sign(request_of(CHART))
    again = payer.sign(another_order(request_of(CHART)), "2026-10-06")
    name = "MedicationRequest/order-06-again"
    assert given(again, name) == given(first)
    record = payer.api.decision(again, name)
    (evidence,) = record["approval"]["evidence"]
    assert evidence == {
        "reference": f"decisions/{first.information(ORDER)['coverage-assertion-id']}",
        "path": "approval",
        "version": None,
        "observed": given(first)[0],
        "on": "2026-09-15",
        "role": "supports",
    }
    assert payer.api.decision(first, ORDER)["approval"]["evidence"] == []
    assert "of 2026-09-15 is in force" in again.information(name)["reason"]["text"]


def test_two_orders_of_one_treatment_in_one_call_get_one_number() -> None:
    body = request_of(CHART)
    twin = copy.deepcopy(order_of(body))
    twin["id"] = "order-06-twin"
    body["context"]["draftOrders"]["entry"].append({"resource": twin})
    called = Payer().sign(body)
    assert given(called) == given(called, "MedicationRequest/order-06-twin")
    assert given(called)[0]


def change(body: Json, name: str) -> Json:
    """The same call for another patient, member number, payer's product or cancer."""
    match name:
        case "member number":
            coverage_of(body)["subscriberId"] = "another"
        case "dependent":
            coverage_of(body)["dependent"] = "01"
        case "patient":
            return json.loads(json.dumps(body).replace("ex-06", "ex-07"))  # type: ignore[no-any-return]
        case _:
            raise ValueError(name)
    return body


@pytest.mark.parametrize("name", ["member number", "dependent", "patient"])
def test_another_member_gets_another_number(name: str) -> None:
    payer = Payer()
    first = payer.sign(request_of(CHART))
    other = payer.sign(change(another_order(request_of(CHART)), name))
    assert given(other, "MedicationRequest/order-06-again")[0] not in {None, given(first)[0]}


def test_a_record_that_contradicts_ends_the_authorization_for_another_order() -> None:
    payer = Payer()
    payer.sign(request_of(CHART))
    body = without(another_order(request_of(CHART)), "her2-fish-06")
    (ihc,) = [each for each in resources_of(body) if each.get("id") == "her2-06"]
    ihc["valueCodeableConcept"] = {"text": "1+"}
    later = payer.sign(body)
    assert later.information("MedicationRequest/order-06-again")["covered"] == "not-covered"


def test_a_number_names_one_period() -> None:
    first, second = Payer().sign(request_of(CHART)), Payer().sign(request_of(CHART), "2026-10-06")
    assert given(first)[1] != given(second)[1]
    assert given(first)[0] != given(second)[0]


def coverage_of(body: Json) -> Json:
    found: Json = body["prefetch"]["coverage"]["entry"][0]["resource"]
    return found


@pytest.mark.parametrize("payor", [{"display": "MMM"}, {"reference": "Organization/absent"}])
def test_a_coverage_that_does_not_identify_its_payer_gets_no_number(payor: Json) -> None:
    body = request_of(CHART)
    coverage_of(body)["payor"] = [payor]
    payer = Payer(default_payer="mmm")
    called = payer.sign(body)
    assert given(called) == (None, None)
    assert payer.api.decision(called, ORDER)["outcome"] == "authorizable"
    assert "does not identify its payer" in str(called.information(ORDER)["reason"])


def test_a_coverage_that_could_not_be_asked_for_is_not_an_absent_one() -> None:
    body = request_of(CHART, without=["coverage"], fhir=True)
    payer = Payer(default_payer="mmm")
    payer.api.server.state = SearchState.FAILED
    called = payer.sign(body)
    assert (called.status, called.actions) == (200, [])
    (summary,) = [each["summary"] for each in called.cards if "argenza" in each["summary"]]
    assert summary.endswith("nothing was decided, a system did not answer")


@pytest.mark.parametrize("status", ["cancelled", "completed", "entered-in-error", "stopped"])
def test_an_order_that_is_over_gets_no_number(status: str) -> None:
    body = request_of(CHART)
    order_of(body)["status"] = status
    called = Payer().sign(body)
    assert called.status == 200
    assert [each["resource"]["id"] for each in called.actions] == ["capecitabine-06"]


def test_a_coverage_that_ends_sooner_ends_the_authorization() -> None:
    payer = Payer()
    first = payer.sign(request_of(CHART))
    body = request_of(CHART)
    coverage_of(body)["period"] = {"start": "2026-01-01", "end": "2026-12-31"}
    later = payer.sign(body)
    assert (given(first)[1], given(later)[1]) == ("2027-03-14", "2026-12-31")
