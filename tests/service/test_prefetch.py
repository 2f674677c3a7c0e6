import threading
import time
from typing import Any

import pytest

from criteria.facts import SearchState
from service.deadline import MOST_RESOURCES, Deadline
from service.fetches import Fetches
from service.fhir_client import Fetch, Fetched
from service.prefetch import Gathered, complete
from service.search import Server
from tests.service.builders import (
    BASE,
    FHIR,
    FakeServer,
    context,
    hook_request,
    medication_request,
    ok,
    refusal,
    request_body,
    searchset,
    service_row,
)

ANSWERED, DENIED = SearchState.ANSWERED, SearchState.DENIED
NOT_OFFERED, FAILED = SearchState.NOT_OFFERED, SearchState.FAILED

PATIENT = {"resourceType": "Patient", "id": "p1"}
CONDITION = {"resourceType": "Condition", "id": "c1"}
ORGANIZATION = {"resourceType": "Organization", "id": "o1"}
COVERAGE = {"resourceType": "Coverage", "id": "cov1", "payor": [{"reference": "Organization/o1"}]}


def everything(**changes: Any) -> dict[str, Any]:
    """Prefetch with an answer to every key, empty unless changed."""
    whole: dict[str, Any] = {template.key: searchset() for template in service_row().prefetch}
    return whole | {"patient": PATIENT} | changes


def offline(prefetch: dict[str, Any] | None, **changes: Any) -> Gathered:
    return complete(hook_request(prefetch=prefetch, **changes), None, Fetches())


def online(
    prefetch: dict[str, Any] | None, fake: Fetch | None = None, seconds: float = 60, **changes: Any
) -> tuple[Gathered, FakeServer]:
    fake = fake or FakeServer()
    request = hook_request(prefetch=prefetch, fhirServer=FHIR, **changes)
    gathered = complete(request, Server(BASE, "t", fake, Deadline.after(seconds)), Fetches())
    return gathered, fake if isinstance(fake, FakeServer) else FakeServer()


def found(gathered: Gathered) -> list[tuple[str, str]]:
    return [(str(given.resource.get("id")), given.where) for given in gathered.resources]


# ---------------------------------------------------------------------------------------------- without a FHIR server


def test_complete_prefetch_needs_no_server() -> None:
    gathered = offline(everything(conditions=searchset(CONDITION)))
    assert set(gathered.searches.values()) == {ANSWERED}
    assert found(gathered) == [("p1", "prefetch.patient"), ("c1", "prefetch.conditions.entry[0]")]
    assert gathered.notes == ()


@pytest.mark.parametrize(
    ("value", "state", "count"),
    [
        (None, NOT_OFFERED, 0),
        (searchset(), ANSWERED, 0),
        (searchset(CONDITION), ANSWERED, 1),
        ({"resourceType": "Bundle", "entry": [{"resource": CONDITION}]}, ANSWERED, 1),
        (searchset(CONDITION, next_url=f"{FHIR}?page=2"), NOT_OFFERED, 1),
        (CONDITION, NOT_OFFERED, 1),
        (refusal("exception"), FAILED, 0),
        (refusal("timeout"), FAILED, 0),
        (refusal("not-supported"), DENIED, 0),
        (refusal("forbidden"), DENIED, 0),
        (searchset(CONDITION, refusal("processing")), FAILED, 1),
        ("text", FAILED, 0),
        ({"resourceType": "Bundle", "entry": 5}, FAILED, 0),
    ],
)
def test_what_stands_at_a_key_decides_the_state_of_its_search(value: Any, state: SearchState, count: int) -> None:
    gathered = offline(everything(conditions=value))
    assert gathered.searches["Condition"] is state
    assert len(gathered.resources) == 1 + count


def test_without_prefetch_and_server_nothing_was_offered() -> None:
    gathered = offline(None)
    expected = {template.resource_type: NOT_OFFERED for template in service_row().prefetch}
    # Nothing refers to a product, a payor or an encounter.
    assert gathered.searches == expected | {"Medication": ANSWERED, "Organization": ANSWERED, "Encounter": ANSWERED}
    assert gathered.notes == ("the FHIR server was not named: nothing was fetched",)


def test_resources_are_read_under_any_key() -> None:
    gathered = offline({"whatever": searchset(CONDITION, COVERAGE), "one": PATIENT, "Bad key é": ORGANIZATION})
    assert found(gathered) == [
        ("c1", "prefetch.whatever.entry[0]"),
        ("cov1", "prefetch.whatever.entry[1]"),
        ("p1", "prefetch.one"),
        ("o1", "prefetch.?"),
    ]
    # Only our own keys say that a search was answered; a patient and a payor are found by their ids.
    assert gathered.searches["Condition"] is NOT_OFFERED
    assert gathered.searches["Patient"] is ANSWERED
    assert gathered.searches["Organization"] is ANSWERED


def test_a_payor_that_is_not_here_was_not_offered() -> None:
    gathered = offline({"coverage": searchset(COVERAGE)})
    assert gathered.searches["Organization"] is NOT_OFFERED


def test_products_beside_the_orders_count_as_given() -> None:
    medication = {"resourceType": "Medication", "id": "m1"}
    order = medication_request(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m1"})
    bundle = request_body(medication, order)["context"]["draftOrders"]
    gathered = offline(None, context=context(draftOrders=bundle))
    assert found(gathered) == [("m1", "context.draftOrders.entry[0].resource")]
    assert gathered.searches["Medication"] is ANSWERED


def test_a_resource_without_an_id_is_still_read() -> None:
    assert found(offline(everything(conditions=searchset({"resourceType": "Condition"})))) == [
        ("p1", "prefetch.patient"),
        ("None", "prefetch.conditions.entry[0]"),
    ]


# ------------------------------------------------------------------------------------------------- with a FHIR server


def test_everything_missing_is_fetched_with_the_token() -> None:
    fake = FakeServer(answers={"Patient/": ok(PATIENT), "Condition?": ok(searchset(CONDITION))})
    gathered, _ = online(None, fake)
    assert set(gathered.searches.values()) == {ANSWERED}
    assert found(gathered) == [("p1", "fetched.patient"), ("c1", "fetched.conditions.entry[0]")]
    assert fake.tokens == {"t"}
    assert sorted(fake.asked) == sorted(
        [
            "Patient/p1",
            "Coverage?patient=p1&status=active",
            "Condition?patient=p1",
            "Observation?patient=p1&code=http://loinc.org%7C29463-7,http://loinc.org%7C48676-1",
            "MedicationRequest?patient=p1",
            "MedicationAdministration?patient=p1",
            "MedicationStatement?patient=p1",
            "MedicationDispense?patient=p1",
            "Procedure?patient=p1",
            "AllergyIntolerance?patient=p1",
            "AdverseEvent?subject=Patient/p1",
            "DiagnosticReport?patient=p1",
            "DocumentReference?patient=p1",
            "QuestionnaireResponse?patient=p1",
        ]
    )


def test_what_prefetch_answers_is_not_fetched() -> None:
    gathered, fake = online(everything(conditions=searchset(CONDITION)))
    assert fake.asked == []
    assert set(gathered.searches.values()) == {ANSWERED}


@pytest.mark.parametrize("value", [None, refusal("exception"), refusal("not-supported"), CONDITION, "text"])
def test_a_key_without_an_answer_is_fetched(value: Any) -> None:
    fake = FakeServer(answers={"Condition": ok(searchset(CONDITION))})
    gathered, _ = online(everything(conditions=value), fake)
    assert fake.asked == ["Condition?patient=p1"]
    assert gathered.searches["Condition"] is ANSWERED


def test_only_the_rest_of_a_page_is_fetched() -> None:
    rest = {"resourceType": "Condition", "id": "c2"}
    fake = FakeServer(answers={"Condition?page=2": ok(searchset(rest))})
    gathered, _ = online(everything(conditions=searchset(CONDITION, next_url=f"{FHIR}/Condition?page=2")), fake)
    assert fake.asked == ["Condition?page=2"]
    assert gathered.searches["Condition"] is ANSWERED
    assert found(gathered)[1:] == [("c1", "prefetch.conditions.entry[0]"), ("c2", "fetched.conditions.entry[0]")]


@pytest.mark.parametrize(
    ("next_url", "answer", "state"),
    [
        (f"{FHIR}/Condition?page=2", Fetched(FAILED, reason="answered 500"), FAILED),
        (f"{FHIR}/Condition?page=2", Fetched(DENIED, reason="answered 403"), DENIED),
        ("https://evil.example/Condition?page=2", ok(searchset()), FAILED),
    ],
)
def test_a_first_page_counts_even_when_the_rest_cannot_be_had(
    next_url: str, answer: Fetched, state: SearchState
) -> None:
    fake = FakeServer(answers={"Condition": answer})
    gathered, _ = online(everything(conditions=searchset(CONDITION, next_url=next_url)), fake)
    assert gathered.searches["Condition"] is state
    assert ("c1", "prefetch.conditions.entry[0]") in found(gathered)
    assert not any("evil" in url for url in fake.asked)
    assert len(gathered.notes) == 1


def test_the_payor_is_read_once_the_coverage_is_known() -> None:
    fake = FakeServer(answers={"Coverage": ok(searchset(COVERAGE)), "Organization?_id=o1": ok(searchset(ORGANIZATION))})
    gathered, _ = online(everything(coverage=None, payors=None), fake)
    assert fake.asked == ["Coverage?patient=p1&status=active", "Organization?_id=o1"]
    assert ("o1", "fetched.payors.entry[0]") in found(gathered)


def test_a_coverage_under_another_key_is_the_clients_choice() -> None:
    given = everything(coverageBundle=searchset(COVERAGE))
    del given["coverage"], given["payors"]
    gathered, fake = online(given)
    assert fake.asked == ["Organization?_id=o1"]
    assert gathered.searches["Coverage"] is ANSWERED


def test_the_products_of_orders_and_chart_are_read_in_one_search() -> None:
    order = medication_request(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m1"})
    dose = {"resourceType": "MedicationAdministration", "medicationReference": {"reference": f"{FHIR}/Medication/m2"}}
    odd: list[dict[str, Any]] = [
        {"resourceType": "MedicationStatement", "medicationReference": {"reference": "#inside"}},
        {"resourceType": "MedicationStatement", "medicationReference": {"reference": 5}},
        {"resourceType": "MedicationStatement", "medicationReference": "text"},
        {"resourceType": "MedicationStatement", "medicationReference": {"reference": "Substance/s1"}},
    ]
    bundle = request_body(order)["context"]["draftOrders"]
    given = everything(medications=None, medicationAdministrations=searchset(dose, dose, *odd))
    _, fake = online(given, context=context(draftOrders=bundle))
    assert fake.asked == ["Medication?_id=m1,m2"]


def test_a_prefetched_product_list_is_completed_with_those_of_the_chart() -> None:
    doses = [
        {"resourceType": "MedicationAdministration", "medicationReference": {"reference": f"Medication/m{number}"}}
        for number in range(60)
    ]
    given = everything(
        medications=searchset({"resourceType": "Medication", "id": "m0"}),
        medicationAdministrations=searchset(*doses),
    )
    gathered, fake = online(given)
    assert [len(url.split(",")) for url in fake.asked] == [50, 9]
    assert gathered.searches["Medication"] is ANSWERED


def test_the_encounter_is_read_when_there_is_one() -> None:
    encounter = {"resourceType": "Encounter", "id": "e1"}
    fake = FakeServer(answers={"Encounter": ok(encounter)})
    given = everything()
    del given["encounter"]
    gathered, _ = online(given, fake, context=context(encounterId="e1"))
    assert fake.asked == ["Encounter/e1"]
    assert ("e1", "fetched.encounter") in found(gathered)


def test_of_two_answers_about_one_type_the_worse_one_counts() -> None:
    fake = FakeServer(answers={"Coverage": Fetched(DENIED, reason="answered 403")})
    gathered, _ = online(everything(coverage=None), fake)
    assert gathered.searches["Coverage"] is DENIED
    assert gathered.notes == ("coverage: the FHIR server answered 403",)


def test_the_result_does_not_depend_on_which_answer_came_first() -> None:
    def slow_conditions(url: str, _token: str | None, _deadline: Deadline) -> Fetched:
        if "Condition" in url:
            time.sleep(0.05)
            return ok(searchset(CONDITION))
        if "Procedure" in url:
            return ok(searchset({"resourceType": "Procedure", "id": "x1"}))
        return ok(searchset())

    gathered, _ = online(everything(conditions=None, procedures=None), slow_conditions)
    assert [identity for identity, _ in found(gathered)] == ["p1", "c1", "x1"]


def test_searches_run_side_by_side_and_never_more_than_four() -> None:
    lock = threading.Lock()
    running, most = 0, 0

    def counting(_url: str, _token: str | None, _deadline: Deadline) -> Fetched:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return ok(searchset())

    online(None, counting)
    assert most == 4


def test_a_server_that_hangs_costs_no_more_than_the_deadline() -> None:
    release = threading.Event()

    def hanging(url: str, _token: str | None, _deadline: Deadline) -> Fetched:
        if "Procedure" not in url:
            release.wait(5)
        return ok(searchset())

    started = time.monotonic()
    gathered, _ = online(everything(conditions=None, coverage=None, procedures=None, payors=None), hanging, seconds=0.2)
    took = time.monotonic() - started
    release.set()
    assert took < 1.0
    assert gathered.searches["Condition"] is FAILED
    assert gathered.searches["Procedure"] is ANSWERED
    assert "conditions: no answer in time" in gathered.notes


def test_nothing_is_asked_after_the_deadline() -> None:
    gathered, fake = online(everything(conditions=None), seconds=-1)
    assert fake.asked == []
    assert gathered.searches["Condition"] is FAILED
    assert gathered.notes == ("conditions: no time was left",)


def test_a_payor_whose_turn_comes_after_the_deadline_has_failed() -> None:
    now = [0.0]

    def late(_url: str, _token: str | None, _deadline: Deadline) -> Fetched:
        now[0] = 100.0
        return ok(searchset(COVERAGE))

    request = hook_request(prefetch=everything(coverage=None, payors=None), fhirServer=FHIR)
    server = Server(BASE, None, late, Deadline.after(4.0, monotonic=lambda: now[0]))
    gathered = complete(request, server, Fetches())
    assert (gathered.searches["Coverage"], gathered.searches["Organization"]) == (ANSWERED, FAILED)


def test_a_defect_of_ours_while_fetching_is_not_taken_for_a_failed_search() -> None:
    def broken(_url: str, _token: str | None, _deadline: Deadline) -> Fetched:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        online(None, broken)


def test_after_the_first_refused_connection_the_rest_is_not_tried() -> None:
    fake = FakeServer(answers={"": Fetched(FAILED, reason="could not be reached", unreachable=True)})
    gathered, _ = online(None, fake)
    assert len(fake.asked) <= 4
    assert gathered.searches["QuestionnaireResponse"] is FAILED


@pytest.mark.parametrize("where", ["notes", "places"])
def test_notes_and_places_name_no_patient(where: str) -> None:
    fake = FakeServer(answers={"": Fetched(FAILED, reason="answered 500")})
    gathered, _ = online({"conditions": searchset(CONDITION, next_url=f"{FHIR}/Condition?page=p1")}, fake)
    texts = gathered.notes if where == "notes" else tuple(given.where for given in gathered.resources)
    assert texts
    assert not any("p1" in text for text in texts)


# A page that says there are more matches than it holds, and names no next page, is asked again from the beginning.
def test_a_page_short_of_its_total_closes_no_world() -> None:
    sent = everything(conditions=searchset() | {"total": 5})
    assert offline(sent).searches["Condition"] is NOT_OFFERED
    fake = FakeServer(answers={"Condition?": ok(searchset(CONDITION))})
    gathered, _ = online(sent, fake)
    assert gathered.searches["Condition"] is ANSWERED
    assert [each.split("?")[0] for each in fake.asked] == ["Condition"]


def test_pages_fetched_after_a_page_of_prefetch_complete_its_total() -> None:
    for total, state in ((2, ANSWERED), (3, FAILED)):
        sent = everything(conditions=searchset(CONDITION, next_url=f"{FHIR}/Condition?page=2") | {"total": total})
        fake = FakeServer(answers={"Condition?page=2": ok(searchset(CONDITION | {"id": "c2"}) | {"total": total})})
        assert online(sent, fake)[0].searches["Condition"] is state


def test_more_resources_than_a_call_may_read_are_a_failed_search_not_an_empty_one() -> None:
    tiny = [{"resourceType": "Condition"}] * (MOST_RESOURCES + 1)
    gathered, _ = online(everything(conditions=None), FakeServer(answers={"Condition?": ok(searchset(*tiny))}))
    assert gathered.searches["Condition"] is FAILED
    assert gathered.notes == ("conditions: the FHIR server answered with too many resources in all",)
