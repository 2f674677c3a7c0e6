from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from service.feedback import Feedback, SentCard, take_feedback
from service.feedback_request import read_feedback
from service.problems import RequestProblem
from service.storage.feedbacks import Feedbacks
from service.storage.sealing import Seal, new_key
from service.storage.sent_cards import SentCards, keep_cards
from service.storage.tables import FEEDBACK
from tests.service.builders import logged, memory

DECISION = "ebba7a96-ee7f-5258-845e-316ed64c506e"
CARD = "0d3a4f3e-8a0b-4f0f-8a56-5f4f7f0c9b10"
OTHER_CARD = "b8e3c1de-0b9f-4a8a-9f54-9f0f0b1f2d33"
FIRST = "5a1ce6f5-3e36-4f8c-9f0a-9a4f1f7b2c22"
SECOND = "e56e1945-20b3-4393-8503-a1a20fd73152"
STRANGE = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
WHEN = "2026-05-04T15:10:00Z"
CLIENT = "https://ehr.example.org"
OTHER_CLIENT = "https://other.example.org"
SERVICE = "her2-order-sign"
SENT = datetime(2026, 5, 4, 15, tzinfo=UTC)
CANARY = "Canary-Zebulon-4711"


def sent_card(**changes: Any) -> SentCard:
    card = SentCard(
        card=CARD,
        decision_id=DECISION,
        order="MedicationRequest/rx1",
        topic="therapy-alternatives-req",
        service_id=SERVICE,
        suggestions=frozenset({FIRST, SECOND}),
        client_id=CLIENT,
    )
    return replace(card, **changes)


def accepted(*suggestions: str, **changes: Any) -> dict[str, Any]:
    ids = [{"id": each} for each in suggestions or (FIRST,)]
    return {"card": CARD, "outcome": "accepted", "acceptedSuggestions": ids, "outcomeTimestamp": WHEN} | changes


def overridden(comment: str | None = None, **changes: Any) -> dict[str, Any]:
    why = {"overrideReason": {"userComment": comment}} if comment else {}
    return {"card": CARD, "outcome": "overridden", "outcomeTimestamp": WHEN, **why} | changes


class Desk:
    """A client's card that was sent, and what comes in about it."""

    def __init__(self, *cards: SentCard) -> None:
        self.database = memory()
        self.sent = SentCards(self.database)
        self.feedbacks = Feedbacks(self.database, Seal([new_key()]))
        with self.database.write() as connection:
            for each in cards or (sent_card(),):
                keep_cards(connection, [each], SENT)

    def take(self, *items: Any, client: str | None = CLIENT) -> None:
        take_feedback({"feedback": list(items)}, client, self.sent, self.feedbacks)

    def refused(self, *items: Any, client: str | None = CLIENT) -> list[tuple[str, str]]:
        with pytest.raises(RequestProblem) as caught:
            self.take(*items, client=client)
        assert caught.value.status == 400
        return [(issue.path, issue.code) for issue in caught.value.issues]

    def kept(self) -> tuple[dict[str, Any], ...]:
        return self.feedbacks.of_decision(DECISION)

    def __len__(self) -> int:
        with self.database.read() as connection:
            return len(connection.execute(FEEDBACK.select()).all())

    def clients(self) -> set[str]:
        """Whose reports are listed for the decision."""
        with self.database.read() as connection:
            return {row.client for row in connection.execute(FEEDBACK.select()) if row.decision == DECISION}


# ------------------------------------------------------------------ taking reports


def test_a_report_is_kept_with_its_card_order_and_decision() -> None:
    desk = Desk()
    desk.take(accepted())
    assert desk.kept() == (
        {
            "card": CARD,
            "outcomeTimestamp": "2026-05-04T15:10:00+00:00",
            "topic": "therapy-alternatives-req",
            "order": "MedicationRequest/rx1",
            "service": SERVICE,
            "outcome": "accepted",
            "acceptedSuggestions": [FIRST],
        },
    )
    assert desk.clients() == {CLIENT}


def test_a_report_that_comes_again_is_kept_once() -> None:
    desk = Desk()
    desk.take(accepted(), accepted())
    desk.take(accepted(outcomeTimestamp="2026-05-04T17:10:00.000+02:00"))
    assert len(desk) == 1


def test_different_reports_of_a_card_are_all_kept_in_the_order_of_the_actions() -> None:
    desk = Desk()
    later = "2026-05-04T15:10:00.5Z"
    desk.take(accepted(outcomeTimestamp=later), overridden(), accepted(SECOND), accepted(FIRST))
    kept = [(each["outcome"], each.get("acceptedSuggestions")) for each in desk.kept()]
    assert kept[-1] == ("accepted", [FIRST])
    assert len(kept) == 4
    assert sorted(kept[:-1], key=repr) == [("accepted", [FIRST]), ("accepted", [SECOND]), ("overridden", None)]


def test_a_corrected_comment_replaces_the_comment_of_the_same_action() -> None:
    desk = Desk()
    desk.take(overridden("tried befor"))
    reason = {"system": "https://payer.example.org/override", "code": "prior-failure"}
    desk.take(overridden(overrideReason={"reason": reason, "userComment": "tried before"}))
    (kept,) = desk.kept()
    assert kept["overrideReason"] == {"reason": reason, "userComment": "tried before"}


def test_a_comment_is_kept_whole() -> None:
    desk = Desk()
    comment = f"  {CANARY}\n\U0001f980 " * 50
    desk.take(overridden(comment))
    assert desk.kept()[0]["overrideReason"] == {"userComment": comment}


def test_a_card_that_is_not_known_is_reported_without_a_decision() -> None:
    desk = Desk()
    desk.take(accepted(STRANGE, card=OTHER_CARD))
    assert len(desk) == 1
    assert desk.kept() == ()


def test_a_suggestion_that_its_card_did_not_make_is_refused() -> None:
    desk = Desk()
    assert desk.refused(accepted(FIRST, STRANGE)) == [("$.feedback[0].acceptedSuggestions[1].id", "value")]


def test_a_card_without_suggestions_has_none_to_accept() -> None:
    desk = Desk(sent_card(suggestions=frozenset()))
    assert desk.refused(accepted()) == [("$.feedback[0].acceptedSuggestions[0].id", "value")]
    desk.take(overridden())
    assert len(desk) == 1


@pytest.mark.parametrize("bad", [accepted(STRANGE), overridden(outcomeTimestamp="yesterday"), None])
def test_one_bad_report_keeps_all_others_out(bad: Any) -> None:
    desk = Desk()
    assert desk.refused(overridden(), bad, accepted())[0][0].startswith("$.feedback[1]")
    assert len(desk) == 0


def test_every_strange_suggestion_is_named() -> None:
    assert Desk().refused(accepted(STRANGE), overridden(), accepted(FIRST, STRANGE)) == [
        ("$.feedback[0].acceptedSuggestions[0].id", "value"),
        ("$.feedback[2].acceptedSuggestions[1].id", "value"),
    ]


def test_nothing_of_a_report_is_logged_or_repeated() -> None:
    desk = Desk()
    with logged() as stream:
        desk.take(overridden(CANARY))
        with pytest.raises(RequestProblem) as caught:
            desk.take(accepted(STRANGE), overridden(CANARY))
    assert STRANGE not in str(caught.value)
    assert CANARY not in stream.getvalue() + str(caught.value)


# ------------------------------------------------------------------ whose card it is


@pytest.mark.parametrize("client", [OTHER_CLIENT, None, "", f"{CLIENT} "])
def test_another_clients_card_is_answered_as_one_that_never_was(client: str | None) -> None:
    """Neither the answer nor what is kept tells that the card exists, and the decision is not written on."""
    desk, empty = Desk(), Desk(sent_card(card=OTHER_CARD))
    for each in (desk, empty):
        each.take(overridden("mine"), accepted(STRANGE), accepted(FIRST), client=client)
        assert each.kept() == ()
        assert len(each) == 3
    desk.take(overridden("ours"))
    (kept,) = desk.kept()
    assert kept["overrideReason"] == {"userComment": "ours"}


def test_two_clients_that_got_the_same_card_report_on_their_own() -> None:
    """The UUID of a card follows from order and record, so two clients with the same chart get the same one."""
    desk = Desk(sent_card(), sent_card(client_id=OTHER_CLIENT), sent_card(client_id=None))
    for client in (CLIENT, OTHER_CLIENT, None):
        desk.take(overridden(), client=client)
    assert len(desk.kept()) == 3
    assert desk.clients() == {CLIENT, OTHER_CLIENT, ""}


def test_the_card_of_another_client_belongs_to_no_report() -> None:
    (item,) = read_feedback({"feedback": [overridden()]})
    with pytest.raises(ValueError, match="belongs"):
        Feedback(item, OTHER_CLIENT, sent_card())
    with pytest.raises(ValueError, match="belongs"):
        Feedback(item, CLIENT, sent_card(card=OTHER_CARD))
