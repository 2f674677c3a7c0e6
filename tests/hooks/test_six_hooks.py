"""All six CRD hooks as whole requests: the same patient and order, met at different moments."""

from collections.abc import Mapping
from typing import Any

import pytest

from criteria.facts import SearchState
from examples.ehr import TOKEN, Record
from tests.hooks.bodies import (
    appointment,
    as_appointment,
    as_dispatch,
    as_encounter,
    as_select,
    names_of,
)
from tests.hooks.clients import FHIR, Api, Called, RecordServer, api, information_of, named, record_of, request_of

MARGENZA = "MedicationRequest/order-02"
CAPECITABINE = "MedicationRequest/capecitabine-02"
MET = "oscar-margenza-after-two"
OPEN = "oscar-margenza-first"
NOT_MET = "mmm-margenza-her2-low"
ENDED = "mmm-coverage-ended"
ENCOUNTERS = ["encounter-start", "encounter-discharge"]

Json = dict[str, Any]


def written(called: Called) -> dict[str, Json]:
    """The coverage information of an answer, by the resource that carries it."""
    assert called.status == 200
    found = [each["resource"] for each in called.actions]
    return {f"{each['resourceType']}/{each['id']}": information_of(each) for each in found}


def ask(body: Mapping[str, Any], version: str | None = None, **configuration: Any) -> Json:
    extension: Json = {}
    if configuration:
        extension["davinci-crd.configuration"] = {key.replace("_", "-"): value for key, value in configuration.items()}
    if version is not None:
        extension["davinci-crd.requestedVersion"] = version
    return {**body, "extension": extension}


# ------------------------------------------------------------------------------------------------------ order-select


def test_selecting_foresees_the_decision_and_issues_no_number() -> None:
    found = written(api().call(as_select(request_of(MET))))[MARGENZA]
    assert (found["covered"], found["pa-needed"]) == ("covered", "auth-needed")
    assert not {"satisfied-pa-id", "doc-needed", "questionnaire", "expiry-date"} & found.keys()
    assert found["reason"]["text"].endswith("issued here: an order gets its determination when it is signed.")


def test_only_selected_orders_are_commented_on() -> None:
    called = api().call(as_select(request_of(MET), CAPECITABINE))
    assert set(written(called)) == {CAPECITABINE}
    assert called.cards == []


def test_an_unselected_draft_still_counts_as_a_partner() -> None:
    """Margenza without its chemotherapy is not what the policy covers (hook-30)."""
    whole, here = request_of("mmm-margenza-fourth-line"), api()
    margenza = next(each for each in names_of(whole) if "order" in each)
    with_partner = here.call(as_select(whole, margenza))
    assert set(written(with_partner)) == {margenza}
    alone = as_select(whole, margenza)
    alone["context"]["draftOrders"]["entry"] = [
        each for each in alone["context"]["draftOrders"]["entry"] if each["resource"]["id"] == margenza.split("/")[1]
    ]
    partnerless = here.call(alone)
    assert here.decision(with_partner, margenza)["criteria"] != here.decision(partnerless, margenza)["criteria"]


@pytest.mark.parametrize("make", [as_select, as_encounter])
@pytest.mark.parametrize("chart", [OPEN, NOT_MET, "mmm-margenza-her2-equivocal", "mmm-margenza-server-down"])
def test_secondary_hooks_never_ask_for_documentation(make: Any, chart: str) -> None:
    called = api().call(make(request_of(chart)))
    for found in written(called).values():
        assert not {"doc-needed", "questionnaire", "satisfied-pa-id"} & found.keys()
    assert "appropriate-use" not in called.topics()


# ---------------------------------------------------------------------------------------------------- order-dispatch


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_dispatched_order_is_decided_and_comes_back_whole(version: str) -> None:
    body = as_dispatch(request_of(MET), version)
    called = api().call(body)
    assert written(called)[MARGENZA]["pa-needed"] == "satisfied"
    sent = named({**body, "context": {"draftOrders": {"entry": []}}}, MARGENZA)
    assert {**called.order(MARGENZA), "extension": None} == {**sent, "extension": None}


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_dispatched_orders_are_fetched(version: str) -> None:
    body = as_dispatch(request_of(MET), version)
    orders = body["prefetch"].pop("medicationRequests")
    fetched = RecordServer(record_of(MET))
    here = api(_holding(fetched, orders))
    body["fhirServer"] = FHIR
    body["fhirAuthorization"] = {"access_token": TOKEN, "token_type": "Bearer"}
    # Version 1.0 names one order: its partner is not part of the call, and the record at hand does not have it.
    needed = {"1.1": "satisfied", "1.0": "auth-needed"}
    assert written(here.call(body))[MARGENZA]["pa-needed"] == needed[version]
    assert any(each.startswith("MedicationRequest?_id=") for each in here.server.asked + fetched.asked)


def _holding(server: RecordServer, orders: Json) -> RecordServer:
    server.record = Record((*server.record.resources, *(each["resource"] for each in orders["entry"])))
    return server


@pytest.mark.parametrize("held", ["no server", "no answer"])
def test_a_dispatch_whose_orders_cannot_be_had_is_a_412(held: str) -> None:
    body = as_dispatch(request_of(MET), held=False)
    here = api(RecordServer(state=SearchState.FAILED))
    if held == "no answer":
        body["fhirServer"] = FHIR
    called = here.call(body)
    assert called.status == 412
    assert [each["diagnostics"] for each in called.body["issue"]] == [
        "$.context.dispatchedOrders[0]",
        "$.context.dispatchedOrders[1]",
    ]


def test_of_several_dispatched_orders_those_at_hand_are_decided_and_the_rest_is_named() -> None:
    body = as_dispatch(request_of(MET))
    body["context"]["dispatchedOrders"].append("ServiceRequest/nowhere")
    called = api().call(body)
    assert set(written(called)) == {MARGENZA, CAPECITABINE}
    (card,) = [each for each in called.cards if "ServiceRequest/nowhere" in str(each)]
    assert "could not be read" in card["detail"]
    assert card["summary"] == "This order: nothing was decided, a system did not answer"


def test_an_order_of_another_patient_is_not_dispatched() -> None:
    body = as_dispatch(request_of(MET))
    body["prefetch"]["medicationRequests"]["entry"][0]["resource"]["subject"] = {"reference": "Patient/other"}
    called = api().call(body)
    assert called.status == 400
    place = "$.prefetch.medicationRequests.entry[0].resource.subject.reference"
    assert [each["diagnostics"] for each in called.body["issue"]] == [place]


def test_the_same_order_keeps_assertion_and_number_from_signing_to_the_visit() -> None:
    here, signed = api(), request_of(MET)
    answers = [here.call(make(signed)) for make in (dict, as_dispatch, as_appointment)]
    found = [written(each)[MARGENZA] for each in answers]
    assert len({each["coverage-assertion-id"] for each in found}) == 1
    assert len({(each["satisfied-pa-id"], each["expiry-date"]) for each in found}) == 1


def test_an_order_that_carries_the_answer_already_is_left_alone_when_dispatched() -> None:
    here, body = api(), request_of(MET)
    signed = here.sign(body)
    dispatched = as_dispatch(body)
    for entry in dispatched["prefetch"]["medicationRequests"]["entry"]:
        name = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        entry["resource"]["extension"] = signed.order(name)["extension"]
    called = here.call(dispatched)
    assert (called.status, "systemActions" in called.body) == (200, False)


# -------------------------------------------------------------------------------------------------- appointment-book


@pytest.mark.parametrize("version", ["2.1", "2.2"])
def test_crd_writes_to_the_order_an_appointment_is_based_on(version: str) -> None:
    """From 2.1.0 on only the profile of appointments without an order has room for coverage information."""
    found = written(api().call(ask(as_appointment(request_of(MET)), version)))
    assert set(found) == {MARGENZA, CAPECITABINE}
    assert found[MARGENZA]["pa-needed"] == "satisfied"


def test_crd_2_0_writes_to_the_appointment() -> None:
    found = written(api().call(ask(as_appointment(request_of(MET)), "2.0")))
    assert set(found) == {"Appointment/visit-0", "Appointment/visit-1"}
    assert found["Appointment/visit-0"]["pa-needed"] == "satisfied"


def test_the_number_is_the_orders_whichever_resource_carries_it() -> None:
    here, body = api(), as_appointment(request_of(MET))
    old, new = (written(here.call(ask(body, version))) for version in ("2.0", "2.2"))
    assert old["Appointment/visit-0"]["satisfied-pa-id"] == new[MARGENZA]["satisfied-pa-id"]


@pytest.mark.parametrize("version", ["2.0", "2.2"])
def test_an_appointment_without_an_order_gets_an_answer_of_its_own(version: str) -> None:
    found = written(api().call(ask(as_appointment(request_of(MET), based=False), version)))
    assert set(found) == {"Appointment/visit-0"}
    assert found["Appointment/visit-0"]["covered"] == "conditional"


def test_an_appointment_is_not_called_a_drug() -> None:
    called = api(dialect="cds-hooks").call(as_appointment(request_of(MET), based=False))
    assert [each["summary"] for each in called.cards] == [
        "This appointment: coverage not confirmed, no policy loaded for this appointment"
    ]


def test_an_appointment_whose_order_cannot_be_read_is_not_decided() -> None:
    """The appointment carries that in every version: nothing else is at hand, and hook-16 wants it said."""
    body = as_appointment(request_of(MET), held=False)
    for version, covered in (("2.0", "conditional"), ("2.1", "conditional"), ("2.2", "indeterminate")):
        found = written(api().call(ask(body, version)))
        assert {name: each["covered"] for name, each in found.items()} == {
            "Appointment/visit-0": covered,
            "Appointment/visit-1": covered,
        }


def test_an_appointment_for_several_orders_leaves_the_answer_with_each_order() -> None:
    body = as_appointment(request_of(MET))
    patient = body["context"]["patientId"]
    both = appointment(patient, "visit", MARGENZA)
    both["basedOn"] += appointment(patient, "x", CAPECITABINE)["basedOn"]
    body["context"]["appointments"]["entry"] = [{"resource": both}]
    for version in ("2.0", "2.2"):
        assert set(written(api().call(ask(body, version)))) == {MARGENZA, CAPECITABINE}


@pytest.mark.parametrize("version", ["2.0", "2.2"])
def test_two_appointments_for_one_order(version: str) -> None:
    body = as_appointment(request_of(MET))
    patient = body["context"]["patientId"]
    visits = [appointment(patient, name, MARGENZA) for name in ("first", "second")]
    body["context"]["appointments"]["entry"] = [{"resource": each} for each in visits]
    called = api().call(ask(body, version))
    found = written(called)
    assert set(found) == ({"Appointment/first", "Appointment/second"} if version == "2.0" else {MARGENZA})
    assert len({each["satisfied-pa-id"] for each in found.values()}) == 1
    uuids = [card["uuid"] for card in called.cards]
    assert len(uuids) == len(set(uuids))


@pytest.mark.parametrize("status", ["cancelled", "noshow", "fulfilled", "entered-in-error"])
def test_an_appointment_that_does_not_take_place_gets_no_answer(status: str) -> None:
    body = as_appointment(request_of(MET), based=False)
    body["context"]["appointments"]["entry"][0]["resource"]["status"] = status
    called = api().call(body)
    assert (called.status, called.body) == (200, {"cards": []})


# -------------------------------------------------------------------------------------------------- encounter hooks


@pytest.mark.parametrize("hook", ENCOUNTERS)
def test_a_visit_shows_how_the_policy_reads_for_the_orders_on_record_and_writes_nothing(hook: str) -> None:
    called = api().call(as_encounter(request_of(OPEN), hook))
    assert called.status == 200
    assert "guideline" in called.topics()
    assert called.actions == []


# chart, the outcome in the words of a visit
SAID_AT_A_VISIT = [
    (MET, "the record meets the policy"),
    (OPEN, "prior authorization needed"),
    (NOT_MET, "prior authorization needed, clinical review by the plan"),
]


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
@pytest.mark.parametrize("hook", ENCOUNTERS)
@pytest.mark.parametrize(("chart", "said"), SAID_AT_A_VISIT, ids=[chart for chart, _ in SAID_AT_A_VISIT])
def test_a_visit_says_the_outcome_of_an_order_on_record_even_on_one_card(
    chart: str, said: str, hook: str, version: str
) -> None:
    called = api().call(ask(as_encounter(request_of(chart), hook), version, max_cards=1))
    (card,) = called.cards
    assert card["summary"].endswith(f": {said}")
    assert "No Coverage" not in str(card)


@pytest.mark.parametrize("hook", ENCOUNTERS)
def test_a_visit_says_that_a_system_did_not_answer(hook: str) -> None:
    server = RecordServer(record_of(OPEN), SearchState.FAILED)
    body = as_encounter(request_of(OPEN, without=["observations"], fhir=True), hook)
    card = api(server).call(body).cards[0]
    assert card["summary"].endswith(": nothing was decided, a system did not answer")
    assert "try again when the system responds" in card["detail"]
    assert card["detail"].endswith("\n\nNothing was written to the order.")


@pytest.mark.parametrize("hook", ENCOUNTERS)
def test_a_visit_does_not_repeat_what_stands_on_the_order(hook: str) -> None:
    here, body = api(), request_of(MET)
    signed = here.sign(body)
    visit = as_encounter(body, hook)
    for entry in visit["prefetch"]["medicationRequests"]["entry"]:
        resource = entry["resource"]
        if f"MedicationRequest/{resource['id']}" in names_of(body):
            resource["extension"] = signed.order(f"MedicationRequest/{resource['id']}")["extension"]
    called = here.call(visit)
    assert called.actions == []
    assert called.topics() == ["guideline"]


@pytest.mark.parametrize("hook", ENCOUNTERS)
@pytest.mark.parametrize("version", ["2.0", "2.2"])
def test_a_coverage_that_is_not_in_force_is_said_at_the_visit(hook: str, version: str) -> None:
    found = written(api().call(ask(as_encounter(request_of(ENDED), hook), version)))
    assert found["Encounter/visit"]["covered"] == "not-covered"


def test_without_the_encounter_at_hand_a_card_says_it() -> None:
    body = as_encounter(request_of(ENDED))
    body["prefetch"]["encounter"] = None
    called = api().call(body)
    assert (called.status, called.actions) == (200, [])
    (card,) = called.cards
    assert card["summary"] == "This visit: no coverage in force"
    assert "not in force" in card["detail"]


@pytest.mark.parametrize("status", ["completed", "stopped", "draft", "on-hold", None, 7])
def test_only_active_orders_on_record_are_looked_at(status: Any) -> None:
    body = as_encounter(request_of(OPEN))
    for entry in body["prefetch"]["medicationRequests"]["entry"]:
        entry["resource"]["status"] = status
    called = api().call(body)
    assert (called.status, called.body) == (200, {"cards": []})


def test_an_order_on_record_that_cannot_be_read_does_not_stop_the_visit() -> None:
    body = as_encounter(request_of(OPEN))
    for entry in body["prefetch"]["medicationRequests"]["entry"]:
        entry["resource"]["authoredOn"] = "1066"
    called = api().call(body)
    assert (called.status, called.body) == (200, {"cards": []})


def test_the_same_order_twice_on_record_is_one() -> None:
    body = as_encounter(request_of(OPEN))
    body["prefetch"]["more"] = body["prefetch"]["medicationRequests"]
    called = api().call(body)
    uuids = [card["uuid"] for card in called.cards]
    assert uuids
    assert len(uuids) == len(set(uuids))


# ------------------------------------------------------------------------------------------------ primary and secondary


def test_a_secondary_hook_does_not_replace_what_a_primary_hook_asserted() -> None:
    here, body = api(), request_of(MET)
    signed = here.sign(body)
    selecting = as_select(body)
    for entry in selecting["context"]["draftOrders"]["entry"]:
        name = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        entry["resource"]["extension"] = signed.order(name)["extension"]
    called = here.call(selecting)
    assert (called.status, called.actions) == (200, [])


def test_a_primary_hook_replaces_what_a_secondary_one_foresaw() -> None:
    here, body = api(), request_of(MET)
    selected = here.call(as_select(body))
    for entry in body["context"]["draftOrders"]["entry"]:
        name = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        entry["resource"]["extension"] = selected.order(name)["extension"]
    assert written(here.sign(body))[MARGENZA]["pa-needed"] == "satisfied"


@pytest.mark.parametrize("make", [dict, as_select, as_dispatch, as_appointment, as_encounter])
def test_coverage_information_can_be_switched_off_on_every_hook(make: Any) -> None:
    called = api().call(ask(make(request_of(ENDED)), coverage_info=False))
    assert (called.status, called.actions) == (200, [])


@pytest.mark.parametrize("make", [dict, as_dispatch, as_appointment])
def test_without_crd_outcome_and_documents_are_switched_off_apart(make: Any) -> None:
    here, body = api(dialect="cds-hooks"), make(request_of(OPEN))
    whole = here.call(body)
    asked = [card["detail"] for card in whole.cards if ", send:" in card["detail"]]
    assert asked
    no_documents = here.call(ask(body, appropriate_use=False))
    assert no_documents.topics() == [each for each in whole.topics() if each != "appropriate-use"]
    assert [card for card in no_documents.cards if ", send:" in card["detail"]] == []
    no_outcome = here.call(ask(body, coverage_info=False))
    assert [card["detail"] for card in no_outcome.cards if ", send:" in card["detail"]] == asked
    assert "coverage-info" not in no_outcome.topics()


@pytest.mark.parametrize("make", [dict, as_dispatch, as_appointment])
def test_a_what_if_call_gets_no_number_on_any_primary_hook(make: Any) -> None:
    found = written(api().call(ask(make(request_of(MET)), unsolicited_determ=False)))[MARGENZA]
    assert found["pa-needed"] == "auth-needed"
    assert "satisfied-pa-id" not in found


@pytest.mark.parametrize("make", [as_select, as_dispatch, as_appointment, as_encounter])
def test_a_request_of_another_hook_is_refused(make: Any) -> None:
    body = make(request_of(MET))
    here: Api = api()
    response = here.client.post(f"/cds-services/her2-{body['hook']}", json={**body, "hook": "order-sign"})
    assert response.status_code == 400


@pytest.mark.parametrize("make", [dict, as_select, as_dispatch, as_appointment, as_encounter])
def test_a_configured_value_of_the_wrong_type_is_reported_and_defaulted(make: Any) -> None:
    body, here = make(request_of(ENDED)), api()
    plain = here.call(body)
    called = here.call(ask(body, coverage_info="no", max_cards=[], no_such_code=7))
    remarks = called.body["extension"]["her2-crd.configuration-remarks"]
    assert [each.partition("'].")[2].partition(" ")[0] for each in remarks] == ["coverage-info", "max-cards"]
    assert (called.actions, called.cards) == (plain.actions, plain.cards)
    assert "extension" not in plain.body


# ------------------------------------------------------------------------------------- any order, any hook, any version

ORDERS: list[Json] = [
    {"resourceType": "ServiceRequest", "id": "o", "status": "active", "intent": "order", "code": {"text": "Echo"}},
    {"resourceType": "DeviceRequest", "id": "o", "intent": "order", "codeCodeableConcept": {"text": "Wig"}},
    {"resourceType": "CommunicationRequest", "id": "o", "status": "active"},
    {
        "resourceType": "NutritionOrder",
        "id": "o",
        "status": "active",
        "intent": "order",
        "dateTime": "2026-09-14",
        "oralDiet": {"instruction": "soft"},
    },
    {
        "resourceType": "VisionPrescription",
        "id": "o",
        "status": "active",
        "created": "2026-09-14",
        "dateWritten": "2026-09-14",
        "prescriber": {"reference": "Practitioner/dr-01"},
        "lensSpecification": [
            {
                "product": {"coding": [{"system": "http://example.org/lens", "code": "lens"}]},
                "eye": "left",
            }
        ],
    },
]


def only(order: Json, body: Json) -> Json:
    patient = {"reference": f"Patient/{body['context']['patientId']}"}
    name = "patient" if order["resourceType"] in {"NutritionOrder", "VisionPrescription"} else "subject"
    body["context"]["draftOrders"]["entry"] = [{"resource": {**order, name: patient}}]
    return body


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
@pytest.mark.parametrize("order", ORDERS, ids=[each["resourceType"] for each in ORDERS])
def test_every_type_of_order_gets_an_answer_that_may_be_sent(order: Json, version: str) -> None:
    """Drugs are what policies decide here; of other orders the answer says that none does."""
    name, here = f"{order['resourceType']}/o", api()
    signed = written(here.call(ask(only(order, request_of(MET)), version)))
    selected = written(here.call(ask(as_select(only(order, request_of(MET))), version)))
    assert {key: found["covered"] for key, found in signed.items()} == {name: "conditional"}
    assert {key: found["covered"] for key, found in selected.items()} == {name: "conditional"}


@pytest.mark.parametrize("dialect", ["2.0", "2.1", "2.2", "cds-hooks"])
@pytest.mark.parametrize("make", [dict, as_select, as_dispatch, as_appointment, as_encounter])
def test_an_equivocal_result_without_a_requester_proposes_no_order_of_nobody(make: Any, dialect: str) -> None:
    body = request_of("mmm-margenza-her2-equivocal")
    for entry in body["context"]["draftOrders"]["entry"]:
        entry["resource"].pop("requester", None)
    called = api(dialect=dialect).call(make(body))
    assert called.status == 200
    created = [
        action["resource"]
        for card in called.cards
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
        if action["type"] == "create"
    ]
    assert bool(created) is (make is not as_dispatch)
    assert all(each["requester"] == {"reference": "Practitioner/dr-01"} for each in created)


def test_a_patient_who_books_an_appointment_orders_nothing() -> None:
    body = as_appointment(request_of("mmm-margenza-her2-equivocal"))
    body["context"]["userId"] = f"Patient/{body['context']['patientId']}"
    for entry in body["prefetch"]["medicationRequests"]["entry"]:
        entry["resource"].pop("requester", None)
    called = api().call(body)
    assert called.status == 200
    assert "clinical-reminder" not in called.topics()
