"""What leaves the service: whatever a client sends, the answer may be sent, and one that may not never is."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

import service.answer
from cards.compose import Answer, compose_answer
from tests.hooks.bodies import as_select
from tests.hooks.clients import api, orders_of, request_of, resources_of
from tests.service.builders import logged

OPEN = "oscar-margenza-first"


@pytest.mark.parametrize("dialect", ["2.0", "2.1", "2.2", "cds-hooks"])
@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("encounter", None),
        ("encounter", {"reference": "Encounter/e", "display": None}),
        ("encounter", {"reference": "Encounter/e", "display": ""}),
        ("performer", {}),
        ("insurance", [{"reference": "Coverage/cov-03", "display": None}]),
        ("reasonCode", [{"text": None}]),
        ("reasonCode", [{}]),
        ("reasonCode", []),
        ("requester", None),
        ("requester", [None]),
        ("performer", {"_type": [None, {}], "display": "x"}),
        ("requester", {"display": ""}),
        ("contained", [{"resourceType": "Practitioner", "id": "p", "name": []}]),
    ],
)
def test_nothing_empty_of_the_clients_order_gets_into_a_draft(element: str, value: Any, dialect: str) -> None:
    body = request_of(OPEN)
    orders_of(body)[0][element] = value
    called = api(dialect=dialect).sign(body)
    assert called.status == 200
    (card,) = [each for each in called.cards if each["source"]["topic"]["code"] == "therapy-alternatives-req"]
    for suggestion in card["suggestions"]:
        draft = suggestion["actions"][1]["resource"]
        assert "null" not in json.dumps(draft).replace("[null]", "")
        assert not [path for path in (draft, *draft.values()) if path in ("", [], {})]
        assert draft["requester"]


@pytest.mark.parametrize("identity", [None, "a b", 7, "", "x" * 65])
def test_a_coverage_that_no_answer_could_refer_to_is_refused(identity: Any) -> None:
    body = request_of(OPEN)
    body["prefetch"]["coverage"]["entry"][0]["resource"]["id"] = identity
    called = api().sign(body)
    assert called.status == 400
    assert [each["diagnostics"] for each in called.body["issue"]] == ["$.prefetch.coverage"]


@pytest.mark.parametrize("make", [dict, as_select])
def test_an_answer_that_breaks_a_rule_is_not_sent(monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    """Two cards of one uuid: feedback could not tell them apart."""

    def compose_twice(*given: Any) -> Answer:
        made = compose_answer(*given)
        return replace(made, cards=made.cards * 2)

    monkeypatch.setattr(service.answer, "compose_answer", compose_twice)
    with logged() as lines:
        called = api().call(make(request_of(OPEN)))
    assert called.status == 500
    assert called.body["issue"][0]["code"] == "exception"
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    (refusal,) = [each for each in found if each["event"] == "answer-not-sent"]
    assert all("named-once" in rule for rule in refusal["rules"])
    assert [each["exception"] for each in found if each["event"] == "internal-error"] == ["WrongAnswerError"]
    assert "Margenza" not in lines.getvalue()


def test_a_record_names_so_many_notes_and_counts_the_rest() -> None:
    body = request_of(OPEN)
    body["prefetch"]["conditions"].setdefault("entry", []).extend({"a": 1} for _ in range(5000))
    called = api().sign(body)
    (action,) = called.actions
    here = api()
    record = here.decision(here.sign(body), f"MedicationRequest/{action['resource']['id']}")
    assert len(record["notes"]) < 130
    assert any(re.fullmatch(r"and [0-9]+ more notes", each) for each in record["notes"])


@pytest.mark.parametrize("beyond", [0, 1])
def test_orders_times_resources_are_bounded(monkeypatch: pytest.MonkeyPatch, beyond: int) -> None:
    body = request_of(OPEN)
    resources = len(resources_of(body)) - 1
    monkeypatch.setattr(service.answer, "MOST_WORK", resources - beyond)
    called = api().sign(body)
    assert called.status == (400 if beyond else 200)
    if beyond:
        assert [(each["code"], each["diagnostics"]) for each in called.body["issue"]] == [("too-costly", "$.context")]
