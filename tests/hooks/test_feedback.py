"""Feedback as a client sends it: on cards it got, stored with the order and decision they are about."""

from typing import Any

import pytest

from tests.hooks.bodies import as_encounter, as_select
from tests.hooks.clients import Api, Called, api, request_of
from tests.service.builders import logged
from tests.service.storage.postgresql_server import free_port

OPEN = "oscar-margenza-first"
WHEN = "2026-09-15T08:05:00Z"
FEEDBACK = "/cds-services/her2-order-sign/feedback"

Json = dict[str, Any]


def send(here: Api, *items: Any, path: str = FEEDBACK) -> tuple[int, Any]:
    return here.post(path, {"feedback": list(items)})


def accepted(card: Json, **changes: Any) -> Json:
    suggestion = {"id": card["suggestions"][0]["uuid"]}
    item = {"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": [suggestion], "outcomeTimestamp": WHEN}
    return item | changes


def overridden(card: Json, **changes: Any) -> Json:
    return {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": WHEN} | changes


def alternatives(called: Called) -> Json:
    (card,) = [each for each in called.cards if each["source"]["topic"]["code"] == "therapy-alternatives-req"]
    return card


def listed(here: Api, called: Called) -> list[Json]:
    (action,) = called.actions
    name = f"{action['resource']['resourceType']}/{action['resource']['id']}"
    identity = called.information(name)["coverage-assertion-id"]
    status, found = here.get(f"/decisions/{identity}/feedback")
    assert status == 200
    return list(found["feedback"])


def test_an_accepted_suggestion_is_stored_with_its_card_order_and_decision() -> None:
    here = api()
    called = here.sign(request_of(OPEN))
    card = alternatives(called)
    assert send(here, accepted(card)) == (200, {})
    assert listed(here, called) == [
        {
            "card": card["uuid"],
            "topic": "therapy-alternatives-req",
            "order": "MedicationRequest/order-03",
            "service": "her2-order-sign",
            "outcome": "accepted",
            "acceptedSuggestions": [card["suggestions"][0]["uuid"]],
            "outcomeTimestamp": "2026-09-15T08:05:00+00:00",
        }
    ]


def test_a_card_is_overridden_for_a_reason_it_offers() -> None:
    here = api(retain_inputs=True)
    called = here.sign(request_of(OPEN))
    card = alternatives(called)
    reason = card["overrideReasons"][0]
    assert {"code", "system", "display"} <= reason.keys()
    send(here, overridden(card, overrideReason={"reason": reason, "userComment": "tried elsewhere"}))
    (found,) = listed(here, called)
    assert (found["outcome"], found["overrideReason"]) == (
        "overridden",
        {"reason": reason, "userComment": "tried elsewhere"},
    )


def test_what_a_user_writes_is_not_kept_where_nothing_may_be_retained() -> None:
    here = api(retain_inputs=False)
    called = here.sign(request_of(OPEN))
    send(here, overridden(called.cards[0], overrideReason={"userComment": "tried elsewhere"}))
    assert listed(here, called)[0]["overrideReason"] == {"userComment": None, "commentWithheld": True}


def test_several_cards_are_reported_at_once_and_one_card_repeatedly() -> None:
    here = api()
    called = here.sign(request_of(OPEN))
    everything = [overridden(card) for card in called.cards]
    assert send(here, *everything) == (200, {})
    assert send(here, *everything) == (200, {})
    later = [overridden(called.cards[0], outcomeTimestamp="2026-09-15T09:00:00Z")]
    assert send(here, *later) == (200, {})
    assert len(listed(here, called)) == len(called.cards) + 1


def test_feedback_without_any_reason_lists_none() -> None:
    here = api()
    called = here.sign(request_of(OPEN))
    send(here, overridden(called.cards[0]))
    assert "overrideReason" not in listed(here, called)[0]


@pytest.mark.parametrize("make", [as_select, as_encounter])
def test_cards_of_every_hook_take_feedback(make: Any) -> None:
    here, body = api(), make(request_of(OPEN))
    called = here.call(body)
    assert called.cards
    path = f"/cds-services/her2-{body['hook']}/feedback"
    assert send(here, *(overridden(card) for card in called.cards), path=path) == (200, {})


@pytest.mark.parametrize("dialect", ["2.0", "2.1", "2.2", "cds-hooks"])
def test_cards_of_every_dialect_take_feedback(dialect: str) -> None:
    here = api(dialect=dialect)
    called = here.sign(request_of(OPEN))
    services_card = alternatives(called)
    assert send(here, accepted(services_card)) == (200, {})
    strange = accepted(services_card, acceptedSuggestions=[{"id": services_card["uuid"]}])
    assert send(here, strange)[0] == 400


@pytest.mark.parametrize(
    "items",
    [
        [{}],
        ["x"],
        [],
        [{"card": "1", "outcome": "accepted", "outcomeTimestamp": WHEN}],
    ],
)
def test_malformed_feedback_is_refused_with_its_place_and_nothing_is_stored(items: list[Any]) -> None:
    here = api()
    called = here.sign(request_of(OPEN))
    status, found = send(here, overridden(called.cards[0]), *items) if items else send(here)
    assert status == 400
    assert found["resourceType"] == "OperationOutcome"
    assert all(each["diagnostics"].startswith("$.feedback") for each in found["issue"])
    assert listed(here, called) == []


def test_feedback_of_an_unknown_service_is_a_404() -> None:
    assert send(api(), path="/cds-services/nobody/feedback")[0] == 404


def test_a_card_beyond_the_limit_was_not_sent_and_is_not_linked() -> None:
    here, body = api(), request_of(OPEN)
    everything = here.sign(body)
    fresh = api()
    body["extension"] = {"davinci-crd.configuration": {"max-cards": 1}}
    called = fresh.sign(body)
    assert send(fresh, overridden(everything.cards[0]), overridden(everything.cards[1])) == (200, {})
    assert [each["card"] for each in listed(fresh, called)] == [everything.cards[0]["uuid"]]


def test_what_a_user_comments_is_not_logged() -> None:
    with logged() as lines:
        here = api()
        called = here.sign(request_of(OPEN))
        send(here, overridden(called.cards[0], overrideReason={"userComment": "Canary-Zebulon"}))
        send(here, {"card": "Canary-Zebulon"})
    assert "answered" in lines.getvalue()
    assert "Canary" not in lines.getvalue()


def test_without_the_database_feedback_is_not_taken_and_calls_are_answered() -> None:
    """A report that is not kept is never acknowledged: the client sends it again."""
    here = api(database=f"postgresql://crd@127.0.0.1:{free_port()}/crd")
    called = here.sign(request_of(OPEN))
    assert called.status == 200
    response = here.client.post(FEEDBACK, json={"feedback": [overridden(called.cards[0])]})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.get_json()["issue"][0]["code"] == "transient"
    assert here.post(FEEDBACK, {"feedback": [{}]})[0] == 400


def test_the_feedback_of_no_decision_is_a_404() -> None:
    assert api().get("/decisions/none/feedback")[0] == 404
