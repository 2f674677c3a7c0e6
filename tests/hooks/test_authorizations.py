"""An authorization in force keeps its number and its last day, and covers what the record no longer shows."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from criteria.facts import SearchState
from service.app import create_app
from tests.hooks.clients import PUBLIC_URL, Api, Called, Json, RecordServer, named, request_of, resources_of
from tests.service.builders import development, shipped_data

UCUM = "http://unitsofmeasure.org"
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


def without_her2(body: Json) -> Json:
    return without(body, "her2-06", "her2-fish-06")


def given(called: Called, name: str = ORDER) -> tuple[Any, Any]:
    information = called.information(name)
    return information.get("satisfied-pa-id"), information.get("expiry-date")


def test_looking_at_an_authorization_does_not_renew_it() -> None:
    payer = Payer()
    first = payer.sign(request_of("mmm-margenza-fourth-line"))
    number, end = given(first)
    assert end == "2027-03-14"
    again = payer.sign(request_of("mmm-margenza-fourth-line"), "2026-12-01")
    assert given(again) == (number, end)
    assert again.information(ORDER)["coverage-assertion-id"] == first.information(ORDER)["coverage-assertion-id"]


@pytest.mark.parametrize(
    "change",
    [
        {"note": [{"text": "Chair 4"}]},
        {"status": "active"},
        {"authoredOn": "2026-10-06"},
        {"authoredOn": "2027-03-14"},
    ],
)
def test_another_order_of_the_same_treatment_gets_the_same_number(change: Json) -> None:
    payer = Payer()
    first = payer.sign(request_of("mmm-margenza-fourth-line"))
    body = request_of("mmm-margenza-fourth-line")
    order_of(body).update(change)
    later = payer.sign(body, "2026-10-06")
    assert given(later) == given(first)
    record = payer.api.decision(later, ORDER)
    earlier = first.information(ORDER)["coverage-assertion-id"]
    assert record["approval"]["number"] == given(first)[0]
    assert any(earlier in note for note in record["notes"]), "the earlier decision is named"


def test_after_its_last_day_a_new_authorization_has_another_number() -> None:
    payer = Payer()
    first = payer.sign(request_of("mmm-margenza-fourth-line"))
    body = request_of("mmm-margenza-fourth-line")
    order_of(body)["authoredOn"] = "2027-03-15"
    later = payer.sign(body, "2027-03-15")
    assert given(later)[0] not in (None, given(first)[0])


def test_an_authorization_in_force_covers_what_the_record_no_longer_shows() -> None:
    payer = Payer()
    first = payer.sign(request_of("mmm-margenza-fourth-line"))
    later = payer.sign(without_her2(request_of("mmm-margenza-fourth-line")), "2026-10-06")
    assert given(later) == given(first)
    record = payer.api.decision(later, ORDER)
    assert record["outcome"] == "authorized"
    assert record["criteria"]["verdict"] == "unknown"
    assert first.information(ORDER)["coverage-assertion-id"] in str(later.information(ORDER)["reason"])
    assert Payer().sign(without_her2(request_of("mmm-margenza-fourth-line"))).information(ORDER)["covered"] == "covered"


def test_it_does_not_cover_a_record_that_contradicts_the_policy() -> None:
    payer = Payer()
    payer.sign(request_of("mmm-margenza-fourth-line"))
    body = request_of("mmm-margenza-fourth-line")
    her2 = named(without(body, "her2-fish-06"), "Observation/her2-06")
    her2["valueCodeableConcept"] = {"coding": [{"system": "http://loinc.org", "code": "LA6111-4", "display": "0"}]}
    contradicted = payer.sign(body)
    assert payer.api.decision(contradicted, ORDER)["outcome"] == "not-met"
    assert given(contradicted) == (None, None)


def test_it_does_not_cover_a_dose_over_the_limit() -> None:
    payer = Payer()
    payer.sign(request_of("mmm-margenza-fourth-line"))
    body = request_of("mmm-margenza-fourth-line")
    (dosage,) = order_of(body)["dosageInstruction"]
    dosage["doseAndRate"] = [{"doseQuantity": {"value": 2000, "unit": "mg", "code": "mg", "system": UCUM}}]
    over = payer.sign(body)
    assert payer.api.decision(over, ORDER)["outcome"] == "authorizable"
    assert given(over) == (None, None)


def coverage_of(body: Json) -> Json:
    found: Json = body["prefetch"]["coverage"]["entry"][0]["resource"]
    return found


@pytest.mark.parametrize("change", [{"subscriberId": "X"}, {"dependent": "02"}])
def test_another_member_has_another_authorization(change: Json) -> None:
    payer = Payer()
    first = payer.sign(request_of("mmm-margenza-fourth-line"))
    body = request_of("mmm-margenza-fourth-line")
    coverage_of(body).update(change)
    order_of(body)["note"] = [{"text": "Chair 4"}]
    number, _ = given(payer.sign(body))
    assert number not in (None, given(first)[0])


def test_without_a_member_number_nothing_is_covered_by_an_earlier_order() -> None:
    payer = Payer()
    body = request_of("mmm-margenza-fourth-line")
    coverage_of(body).pop("subscriberId")
    number, end = given(payer.sign(body))
    assert number is not None
    assert given(payer.sign(body, "2026-12-01")) == (number, end), "the same order keeps its authorization"
    assert given(payer.sign(without_her2(body), "2026-12-01")) == (None, None)


@pytest.mark.parametrize("payor", [{"display": "MMM"}, {"reference": "Organization/absent"}])
def test_a_coverage_that_does_not_identify_its_payer_gets_no_number(payor: Json) -> None:
    body = request_of("mmm-margenza-fourth-line")
    coverage_of(body)["payor"] = [payor]
    payer = Payer(default_payer="mmm")
    called = payer.sign(body)
    assert given(called) == (None, None)
    assert payer.api.decision(called, ORDER)["outcome"] == "authorizable"
    assert "does not identify its payer" in str(called.information(ORDER)["reason"])


def test_a_coverage_that_could_not_be_asked_for_is_not_an_absent_one() -> None:
    body = request_of("mmm-margenza-fourth-line", without=["coverage"], fhir=True)
    payer = Payer(default_payer="mmm")
    payer.api.server.state = SearchState.FAILED
    assert payer.sign(body).status == 412


@pytest.mark.parametrize("status", ["cancelled", "completed", "entered-in-error", "stopped"])
def test_an_order_that_is_over_gets_no_number(status: str) -> None:
    body = request_of("mmm-margenza-fourth-line")
    order_of(body)["status"] = status
    called = Payer().sign(body)
    assert called.status == 200
    assert [each["resource"]["id"] for each in called.actions] == ["capecitabine-06"]
