"""One order from signing to the visit: what was asserted once stands until the record contradicts it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from criteria.facts import SearchState
from tests.hooks.bodies import as_appointment, as_dispatch, as_encounter, as_select
from tests.hooks.clients import Called, RecordServer, api, information_of, named, orders_of, request_of
from tests.hooks.test_authorizations import Payer

MARGENZA = "MedicationRequest/order-02"
MET = "oscar-margenza-after-two"
OPEN = "oscar-margenza-first"
ENDED = "mmm-coverage-ended"
Json = dict[str, Any]


def written(called: Called) -> dict[str, Json]:
    assert called.status == 200, called.text
    found = [each["resource"] for each in called.actions]
    return {f"{each['resourceType']}/{each['id']}": information_of(each) for each in found}


def all_orders(body: Json) -> list[Json]:
    """The orders of a request, in its context or in its prefetch."""
    drafts = body["context"].get("draftOrders", {}).get("entry", [])
    return [each["resource"] for each in (*drafts, *body["prefetch"]["medicationRequests"].get("entry", []))]


def carrying(body: Json, answer: Called) -> Json:
    """The request with the coverage information of an answer on its orders, as clients keep it (CRD resp-46)."""
    extensions = {each["resource"]["id"]: each["resource"]["extension"] for each in answer.actions}
    for order in all_orders(body):
        if order["id"] in extensions:
            order["extension"] = extensions[order["id"]]
    return body


def number(information: Json) -> tuple[Any, Any]:
    return information["satisfied-pa-id"], information["expiry-date"]


# ------------------------------------------------------------------------------------------------- the same order


@pytest.mark.parametrize("make", [dict, as_dispatch, as_appointment])
def test_a_server_that_stores_resources_anew_makes_no_new_assertion(make: Any) -> None:
    here, body = api(), request_of(MET)
    first = written(here.sign(body))[MARGENZA]
    stored = make(body)
    for order in all_orders(stored):
        order["meta"] = {"versionId": "2", "lastUpdated": "2026-09-15T08:01:00Z"}
    for key in ("patient", "observations"):
        value = stored["prefetch"][key]
        for each in value.get("entry", [{"resource": value}]):
            each["resource"]["meta"] = {"versionId": "7"}
    again = written(here.call(stored))[MARGENZA]
    assert again["coverage-assertion-id"] == first["coverage-assertion-id"]
    assert number(again) == number(first)


def test_an_active_order_is_no_evidence_for_itself() -> None:
    here, body = api(), request_of("mmm-kadcyla-lung")
    (first,) = written(here.sign(body)).values()
    for make in (as_dispatch, as_appointment):
        (again,) = written(here.call(make(body))).values()
        assert again["coverage-assertion-id"] == first["coverage-assertion-id"]


# ---------------------------------------------------------------------------------------- an authorization in force


def test_an_order_sent_alone_keeps_the_number_it_carries() -> None:
    """Version 1.0 of order-dispatch has room for one order; its partner is not part of the call."""
    here, body = api(), request_of(MET)
    signed = here.sign(body)
    dispatched = carrying(as_dispatch(body, "1.0"), signed)
    dispatched["prefetch"]["medicationRequests"]["entry"] = [
        each for each in dispatched["prefetch"]["medicationRequests"]["entry"] if each["resource"]["id"] == "order-02"
    ]
    assert number(written(here.call(dispatched))[MARGENZA]) == number(written(signed)[MARGENZA])


def test_a_system_that_is_down_takes_no_number_back() -> None:
    server = RecordServer(state=SearchState.FAILED)
    here, body = api(server), request_of(MET)
    signed = here.sign(body)
    later = carrying(as_dispatch(body), signed)
    for key in ("observations", "conditions", "medicationAdministrations"):
        del later["prefetch"][key]
    later["fhirServer"] = "http://127.0.0.1:9/fhir"
    assert number(written(here.call(later))[MARGENZA]) == number(written(signed)[MARGENZA])


def test_what_if_withdraws_nothing() -> None:
    here, body = api(), request_of(MET)
    asked = carrying(request_of(MET), here.sign(body))
    asked["extension"] = {"davinci-crd.configuration": {"unsolicited-determ": False}}
    called = here.sign(asked)
    assert (called.status, called.actions) == (200, [])


def test_a_record_that_contradicts_ends_it() -> None:
    here, body = api(), request_of("mmm-margenza-fourth-line")
    signed = here.sign(body)
    again = carrying(request_of("mmm-margenza-fourth-line"), signed)
    named(again, "Observation/her2-06")["valueCodeableConcept"] = {"text": "1+"}
    observations = again["prefetch"]["observations"]
    observations["entry"] = [each for each in observations["entry"] if each["resource"]["id"] != "her2-fish-06"]
    found = written(here.sign(again))["MedicationRequest/order-06"]
    assert "satisfied-pa-id" not in found
    assert found["covered"] == "not-covered"


def test_it_ends_on_its_last_day() -> None:
    payer, body = Payer(), request_of(MET)
    here, clock = payer.api, payer.clock
    signed = here.sign(body)
    last = datetime.fromisoformat(written(signed)[MARGENZA]["expiry-date"]).replace(tzinfo=UTC)
    fewer = carrying(request_of(MET), signed)
    fewer["prefetch"]["observations"] = {"resourceType": "Bundle", "type": "searchset"}
    clock.moment = last
    assert number(written(here.sign(fewer))[MARGENZA]) == number(written(signed)[MARGENZA])
    clock.moment = last + timedelta(days=1)
    assert "satisfied-pa-id" not in written(here.sign(fewer))[MARGENZA]


def test_it_is_for_its_patient_only() -> None:
    """Whoever copies an extension to another patient's order takes no number along."""
    here, body = api(), request_of(MET)
    signed = here.sign(body)
    other = json.loads(json.dumps(carrying(request_of(MET), signed)).replace(body["context"]["patientId"], "other"))
    other["prefetch"]["observations"] = {"resourceType": "Bundle", "type": "searchset"}
    assert "satisfied-pa-id" not in written(here.sign(other))[MARGENZA]


def test_it_is_for_its_drug_only() -> None:
    here, body = api(), request_of("mmm-margenza-fourth-line")
    signed = here.sign(body)
    other = carrying(request_of("mmm-margenza-fourth-line"), signed)
    orders_of(other)[0]["medicationCodeableConcept"] = {"text": "Kadcyla"}
    found = written(here.sign(other))["MedicationRequest/order-06"]
    assert found.get("satisfied-pa-id") != written(signed)["MedicationRequest/order-06"]["satisfied-pa-id"]


# ---------------------------------------------------------------------------------------------------- the coverage


def under(body: Json, start: str, end: str | None) -> Json:
    period = {"start": start, **({"end": end} if end else {})}
    body["prefetch"]["coverage"]["entry"][0]["resource"]["period"] = period
    return body


@pytest.mark.parametrize("make", [dict, as_dispatch, as_appointment])
def test_a_coverage_that_ended_since_the_order_was_written_covers_nothing(make: Any) -> None:
    called = api().call(make(under(request_of(MET), "2026-01-01", "2026-09-14")))
    assert {each["covered"] for each in written(called).values()} == {"not-covered"}


@pytest.mark.parametrize("make", [dict, as_dispatch, as_appointment])
def test_a_coverage_that_began_since_the_order_was_written_covers_it(make: Any) -> None:
    called = api().call(make(under(request_of(MET), "2026-09-15", None)))
    assert written(called)[MARGENZA]["pa-needed"] == "satisfied"


def test_the_news_that_a_coverage_ended_is_news_once() -> None:
    payer, body = Payer(), as_encounter(request_of(ENDED))
    here, clock = payer.api, payer.clock
    first = here.call(body)
    body["prefetch"]["encounter"] = first.actions[0]["resource"]
    clock.moment += timedelta(days=1)
    assert here.call(body).actions == []


def test_a_coverage_in_force_again_takes_the_news_back() -> None:
    here, body = api(), as_encounter(request_of(ENDED))
    body["prefetch"]["encounter"] = here.call(body).actions[0]["resource"]
    found = written(here.call(under(body, "2026-01-01", None)))
    assert found["Encounter/visit"]["covered"] == "conditional"
    assert "in force" in found["Encounter/visit"]["reason"]["text"]


def test_an_order_without_a_date_keeps_the_number_it_carries_over_night() -> None:
    payer, body = Payer(), request_of(MET)
    here, clock = payer.api, payer.clock
    for order in orders_of(body):
        del order["authoredOn"]
    signed = here.sign(body)
    clock.moment += timedelta(days=1)
    # It is read on the day of the call, so its evidence names another day: a patient is older by one.
    again = written(here.sign(carrying(body, signed)))[MARGENZA]
    assert number(again) == number(written(signed)[MARGENZA])


def test_an_appointment_without_an_order_is_told_once() -> None:
    payer, body = Payer(), as_appointment(request_of(MET), based=False)
    entry = body["context"]["appointments"]["entry"][0]
    entry["resource"] = payer.api.call(body).actions[0]["resource"]
    payer.clock.moment += timedelta(days=1)
    assert payer.api.call(body).actions == []


# ------------------------------------------------------------------------------------------- primary and secondary


@pytest.mark.parametrize("settings", [{}, {"real_time_authorization": False}])
@pytest.mark.parametrize("chart", [OPEN, MET, "mmm-margenza-her2-low", "oscar-trastuzumab"])
def test_a_secondary_hook_never_shares_an_id_with_a_primary_one_nor_replaces_it(
    chart: str, settings: dict[str, Any]
) -> None:
    here, body = api(**settings), request_of(chart)
    signed = here.sign(body)
    ids = {each["coverage-assertion-id"] for each in written(signed).values()}
    assert not ids & {each["coverage-assertion-id"] for each in written(here.call(as_select(body))).values()}
    again = carrying(as_select(body), signed)
    assert [here.call(again).actions for _ in range(2)] == [[], []]


# ---------------------------------------------------------------------------------------------------- other orders


def test_an_order_of_another_type_that_names_the_drug_is_told_where_the_policy_is_read() -> None:
    body = request_of(MET)
    patient = {"reference": f"Patient/{body['context']['patientId']}"}
    infusion: Json = {
        "resourceType": "ServiceRequest",
        "id": "infusion",
        "status": "draft",
        "intent": "order",
        "subject": patient,
        "code": {"coding": [{"system": HCPCS, "code": "J9353"}], "text": "Margenza infusion"},
    }
    body["context"]["draftOrders"]["entry"] = [{"resource": infusion}]
    found = written(api().sign(body))["ServiceRequest/infusion"]
    assert (found["covered"], found["info-needed"]) == ("conditional", "detail-code")
    assert "medication order" in found["reason"]["text"]


HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"


def test_at_a_visit_a_card_says_the_outcome_unless_a_primary_hook_wrote_it_to_the_order() -> None:
    here, body = api(), request_of(OPEN)
    selected, signed = here.call(as_select(body)), here.sign(body)
    topics = [
        here.call(as_encounter(body)).topics(),
        here.call(carrying(as_encounter(body), selected)).topics(),
        here.call(carrying(as_encounter(body), signed)).topics(),
    ]
    assert [each[0] for each in topics] == ["insurance", "insurance", "guideline"]
