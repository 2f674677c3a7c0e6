"""Appointments whose orders are withdrawn, missing, contained or only named, and what else a call may not touch."""

from typing import Any

import pytest

from tests.hooks.bodies import ALTERNATE_REFERENCE, appointment, as_appointment, as_encounter
from tests.hooks.clients import Called, api, information_of, orders_of, request_of

MET = "oscar-margenza-after-two"
OPEN = "oscar-margenza-first"
ENDED = "mmm-coverage-ended"
MARGENZA, CAPECITABINE = "MedicationRequest/order-02", "MedicationRequest/capecitabine-02"
ELSEWHERE = "MedicationRequest/elsewhere"
VISIT = "Appointment/visit"
VERSIONS = ["2.0", "2.1", "2.2"]
DIALECTS = [*VERSIONS, "cds-hooks"]

Json = dict[str, Any]


def written(called: Called) -> dict[str, Json]:
    """The coverage information of an answer, by the resource that carries it."""
    assert called.status == 200, called.text
    found = [each["resource"] for each in called.actions]
    return {f"{each['resourceType']}/{each['id']}": information_of(each) for each in found}


def counted(called: Called) -> dict[str, int]:
    """How many coverage-informations each updated resource carries."""
    assert called.status == 200
    found = [each["resource"] for each in called.actions]
    return {
        f"{each['resourceType']}/{each['id']}": sum("coverage-information" in part["url"] for part in each["extension"])
        for each in found
    }


def unread(called: Called) -> list[str]:
    """What the cards about orders that were not read are about."""
    found = [each for each in called.cards if "could not be determined" in each["detail"]]
    names = [each["extension"]["davinci-crd.associated-resource"][0] for each in found]
    return sorted(each["reference"] if isinstance(each, dict) else each for each in names)


def alternate(reference: str) -> Json:
    return {"extension": [{"url": ALTERNATE_REFERENCE, "valueReference": {"reference": reference}}]}


def booking(*based_on: Any, chart: str = MET, version: str = "2.2", **changes: Any) -> Json:
    """A booking of one visit; the chart's orders are at hand."""
    body = as_appointment(request_of(chart))
    visit = {**appointment(body["context"]["patientId"], "visit"), "basedOn": list(based_on), **changes}
    body["context"]["appointments"]["entry"] = [{"resource": visit}]
    return {**body, "extension": {"davinci-crd.requestedVersion": version}}


def containing(chart: str = MET, version: str = "2.2", *, count: int = 1, **changes: Any) -> Json:
    """A booking of a visit that contains its orders, "#c0" and so on."""
    orders = orders_of(request_of(chart))[:count]
    held = [{**each, "id": f"c{i}", "status": "active", **changes} for i, each in enumerate(orders)]
    names = [alternate(f"#{each['id']}") for each in held]
    body = booking(*names, chart=chart, version=version, contained=held)
    del body["prefetch"]["medicationRequests"]
    return body


# ------------------------------------------------------------------------------------------------ withdrawn, or missing


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("status", ["cancelled", "noshow", "fulfilled", "entered-in-error"])
def test_an_appointment_that_does_not_take_place_leaves_its_order_alone(status: str, version: str) -> None:
    called = api().call(booking(alternate(MARGENZA), version=version, status=status))
    assert (called.status, called.body) == (200, {"cards": []})


@pytest.mark.parametrize("status", ["proposed", "pending", "booked", "arrived", "checked-in", "waitlist"])
def test_an_appointment_that_takes_place_is_answered(status: str) -> None:
    assert set(written(api().call(booking(alternate(MARGENZA), status=status)))) == {MARGENZA}


@pytest.mark.parametrize("version", VERSIONS)
def test_of_two_orders_of_an_appointment_the_missing_one_is_named(version: str) -> None:
    called = api().call(booking(alternate(MARGENZA), alternate(ELSEWHERE), version=version))
    assert set(written(called)) == {MARGENZA}
    assert unread(called) == [ELSEWHERE]


def test_an_order_that_two_appointments_miss_is_named_once() -> None:
    body = booking(alternate(MARGENZA), alternate(ELSEWHERE))
    (entry,) = body["context"]["appointments"]["entry"]
    body["context"]["appointments"]["entry"].append({"resource": {**entry["resource"], "id": "second"}})
    assert unread(api().call(body)) == [ELSEWHERE]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["https://other.example.org/fhir/MedicationRequest/1", "CarePlan/1", "#nowhere"])
def test_an_order_that_cannot_be_named_here_is_missed_by_its_appointment(name: str, version: str) -> None:
    called = api().call(booking(alternate(MARGENZA), alternate(name), version=version))
    assert set(written(called)) == {MARGENZA}
    assert unread(called) == [VISIT]


def test_a_resource_that_is_no_order_is_none_because_an_appointment_says_so() -> None:
    body = booking(alternate("Patient/someone"))
    body["prefetch"]["more"] = {"resourceType": "Patient", "id": "someone"}
    assert covered(api().call(body)) == {VISIT: "indeterminate"}


@pytest.mark.parametrize("version", ["2.0", "2.2"])
def test_two_references_to_one_order_are_one(version: str) -> None:
    called = api().call(booking(alternate(MARGENZA), alternate(f"{MARGENZA}/_history/2"), version=version))
    assert set(written(called)) == {VISIT if version == "2.0" else MARGENZA}
    assert unread(called) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_where_no_order_is_at_hand_the_appointment_says_so(version: str) -> None:
    """Every answer of a primary hook carries coverage information (hook-16), and nothing else is here to carry it."""
    called = api().call(booking(alternate(ELSEWHERE), version=version))
    assert covered(called) == {VISIT: UNDETERMINED[version]}


UNDETERMINED = {"2.0": "conditional", "2.1": "conditional", "2.2": "indeterminate"}


def covered(called: Called) -> dict[str, str]:
    return {name: each["covered"] for name, each in written(called).items()}


def test_a_client_without_crd_is_told_that_the_order_was_not_read() -> None:
    body = booking(alternate(ELSEWHERE))
    del body["extension"]
    called = api(dialect="cds-hooks").call(body)
    assert called.actions == []
    assert any("could not be read" in each["detail"] for each in called.cards)


# ------------------------------------------------------------------------------------------------------ only named

ON_PAPER: list[Any] = [
    {"display": "an order on paper"},
    {"identifier": {"system": "http://example.org/orders", "value": "7"}},
    {"type": "ServiceRequest"},
    {"reference": ""},
    alternate(""),
    {},
    "ServiceRequest/1",
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("entry", ON_PAPER)
def test_an_order_named_without_a_reference_is_an_order_nobody_read(entry: Any, version: str) -> None:
    called = api().call(booking(entry, version=version))
    assert covered(called) == {VISIT: UNDETERMINED[version]}
    assert "No policy" not in called.text


@pytest.mark.parametrize("version", VERSIONS)
def test_beside_an_order_named_without_a_reference_the_other_gets_its_answer(version: str) -> None:
    called = api().call(booking(alternate(MARGENZA), ON_PAPER[0], version=version))
    assert set(written(called)) == {MARGENZA}
    assert unread(called) == [VISIT]


# -------------------------------------------------------------------------------------------------------- contained


@pytest.mark.parametrize("version", VERSIONS)
def test_the_answer_about_a_contained_order_stands_on_its_appointment(version: str) -> None:
    body = containing(version=version)
    body["prefetch"]["medicationHistory"].setdefault("entry", []).append({"resource": _capecitabine()})
    found = written(api().call(body))
    assert {name: each["pa-needed"] for name, each in found.items()} == {VISIT: "satisfied"}


def _capecitabine() -> Json:
    return {**orders_of(request_of(MET))[1], "status": "active"}


def test_a_contained_service_is_named_by_the_reference_itself() -> None:
    service = {
        "resourceType": "ServiceRequest",
        "id": "s",
        "status": "active",
        "intent": "order",
        "code": {"text": "x"},
    }
    body = booking({"reference": "#s"})
    service["subject"] = {"reference": f"Patient/{body['context']['patientId']}"}
    body["context"]["appointments"]["entry"][0]["resource"]["contained"] = [service]
    assert {name: each["covered"] for name, each in written(api().call(body)).items()} == {VISIT: "conditional"}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("chart", [OPEN, "mmm-margenza-her2-equivocal", "mmm-margenza-her2-low"])
def test_every_outcome_of_a_contained_order_may_be_sent(chart: str, dialect: str) -> None:
    body = containing(chart)
    del body["extension"]
    called = api(dialect=dialect).call(body)
    assert called.status == 200
    assert set(written(called)) == (set() if dialect == "cds-hooks" else {VISIT})


def test_what_a_contained_order_refers_to_is_contained_beside_it() -> None:
    drug = orders_of(request_of(MET))[0]["medicationCodeableConcept"]
    body = containing()
    visit = body["context"]["appointments"]["entry"][0]["resource"]
    del visit["contained"][0]["medicationCodeableConcept"]
    visit["contained"][0]["medicationReference"] = {"reference": "#m"}
    medication = {"resourceType": "Medication", "id": "m", "code": drug}
    answers = []
    for more in ({}, {"modifierExtension": [{"url": "http://example.org/not", "valueBoolean": True}]}):
        visit["contained"][1:] = [{**medication, **more}, "x"]
        answers.append(written(api().call(body))[VISIT])
    assert [each["pa-needed"] for each in answers] == ["auth-needed", "conditional"]


def test_a_contained_order_is_not_the_order_on_record_that_has_its_id() -> None:
    """Another HER2 drug on record is asked about; it would not be if it were taken for the order itself."""
    body = containing()
    other = {**_capecitabine(), "id": "c0", "medicationCodeableConcept": {"text": "Kadcyla"}}
    here = api()
    body["prefetch"]["medicationHistory"].setdefault("entry", []).append({"resource": other})
    called = here.call(body)
    decision = here.decision(called, VISIT)
    assert decision["order"]["reference"] == "MedicationRequest/visit.c0"
    assert "MedicationRequest/c0" in str(decision["criteria"])


def test_contained_orders_of_the_longest_ids_are_told_apart() -> None:
    body, longest = containing(count=2), "a" * 64
    visit = body["context"]["appointments"]["entry"][0]["resource"]
    visit["id"] = longest
    called = api().call(body)
    assert counted(called) == {f"Appointment/{longest}": 2}
    uuids = [each["uuid"] for each in called.cards]
    assert len(uuids) == len(set(uuids))


def test_several_contained_orders_stand_on_the_appointment_where_crd_has_room_for_it() -> None:
    assert counted(api().call(containing(count=2))) == {VISIT: 2}


def test_an_order_contained_twice_is_two_orders() -> None:
    body = containing()
    visit = body["context"]["appointments"]["entry"][0]["resource"]
    visit["contained"].append({**visit["contained"][0], "id": "again"})
    visit["basedOn"].append(alternate("#again"))
    assert counted(api().call(body)) == {VISIT: 2}


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_several_contained_orders_are_not_decided_where_one_resource_has_one_answer(version: str) -> None:
    called = api().call(containing(version=version, count=2))
    assert (called.status, called.actions) == (200, [])
    assert len([each for each in called.cards if VISIT in str(each["extension"])]) == 2


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_a_contained_order_without_a_place_for_its_answer_is_still_a_partner(version: str) -> None:
    """Margenza without its chemotherapy is not what the policy covers (hook-30)."""
    body = booking(alternate(MARGENZA), alternate("#c1"), version=version, contained=[{**_capecitabine(), "id": "c1"}])
    assert {name: each["pa-needed"] for name, each in written(api().call(body)).items()} == {MARGENZA: "satisfied"}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"subject": {"reference": "Patient/other"}}, "contained[0].subject.reference"),
        ({"subject": None}, "contained[0].subject"),
        ({"authoredOn": "1066"}, "contained[0].authoredOn"),
    ],
)
def test_a_contained_order_that_cannot_be_read_is_refused_with_its_path(changes: Json, place: str) -> None:
    called = api().call(containing(**changes))
    assert called.status == 400
    assert [each["diagnostics"] for each in called.body["issue"]] == [
        f"$.context.appointments.entry[0].resource.{place}"
    ]


@pytest.mark.parametrize(
    "held",
    [
        {"resourceType": "CarePlan", "id": "c0"},
        {"resourceType": ["MedicationRequest"], "id": "c0"},
        {"resourceType": "MedicationRequest"},
        "c0",
    ],
)
def test_what_is_contained_and_no_order_is_not_read(held: Any) -> None:
    called = api().call(booking(alternate("#c0"), contained=[held]))
    assert covered(called) == {VISIT: "indeterminate"}


# ---------------------------------------------------------------------------------------------------- encounter hooks


@pytest.mark.parametrize("subject", ["Patient/other", "https://ehr.example.org/fhir/Patient/other/_history/2"])
def test_the_encounter_of_another_patient_is_not_written_to(subject: str) -> None:
    body = as_encounter(request_of(ENDED))
    body["prefetch"]["encounter"]["subject"] = {"reference": subject}
    called = api().call(body)
    assert (called.status, called.actions) == (200, [])
    assert any("not in force" in card["detail"] for card in called.cards)
    assert "Infusion visit" not in called.text


@pytest.mark.parametrize("subject", [None, {"display": "the patient"}, {"reference": "urn:uuid:1"}])
def test_an_encounter_that_does_not_name_another_patient_is_the_one_of_the_call(subject: Any) -> None:
    body = as_encounter(request_of(ENDED))
    body["prefetch"]["encounter"]["subject"] = subject
    assert set(written(api().call(body))) == {"Encounter/visit"}
