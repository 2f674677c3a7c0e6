from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from cards.card import Coding
from service.feedback import (
    Feedback,
    Feedbacks,
    NewestSentCards,
    SentCard,
    take_feedback,
)
from service.feedback_request import Accepted, Overridden, read_feedback
from service.problems import RequestProblem
from tests.service.builders import logged

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
        self.sent = NewestSentCards()
        self.sent.keep(cards or (sent_card(),))
        self.feedbacks = Feedbacks()

    def take(self, *items: Any, client: str | None = CLIENT) -> None:
        take_feedback({"feedback": list(items)}, client, self.sent, self.feedbacks)

    def refused(self, *items: Any, client: str | None = CLIENT) -> list[tuple[str, str]]:
        with pytest.raises(RequestProblem) as caught:
            self.take(*items, client=client)
        assert caught.value.status == 400
        return [(issue.path, issue.code) for issue in caught.value.issues]

    def kept(self) -> tuple[Feedback, ...]:
        return self.feedbacks.of_decision(DECISION)


# ------------------------------------------------------------------ taking reports


def test_a_report_is_kept_with_its_card_order_and_decision() -> None:
    desk = Desk()
    desk.take(accepted())
    (kept,) = desk.kept()
    assert kept.item == read_feedback({"feedback": [accepted()]})[0]
    assert (kept.client_id, kept.decision_id, kept.sent) == (CLIENT, DECISION, sent_card())


def test_a_report_that_comes_again_is_kept_once() -> None:
    desk = Desk()
    desk.take(accepted(), accepted())
    desk.take(accepted(outcomeTimestamp="2026-05-04T17:10:00.000+02:00"))
    assert len(desk.feedbacks) == 1


def test_different_reports_of_a_card_are_all_kept_in_the_order_of_the_actions() -> None:
    desk = Desk()
    later = "2026-05-04T15:10:00.5Z"
    desk.take(accepted(outcomeTimestamp=later), overridden(), accepted(SECOND), accepted(FIRST))
    kept = [each.item.outcome for each in desk.kept()]
    assert kept[-1] == Accepted((FIRST,))
    assert len(kept) == 4
    assert set(kept) == {Overridden(), Accepted((SECOND,)), Accepted((FIRST,))}


def test_a_corrected_comment_replaces_the_comment_of_the_same_action() -> None:
    desk = Desk()
    desk.take(overridden("tried befor"))
    reason = {"system": "https://payer.example.org/override", "code": "prior-failure"}
    desk.take(overridden(overrideReason={"reason": reason, "userComment": "tried before"}))
    (kept,) = desk.kept()
    assert kept.item.outcome == Overridden(Coding(reason["system"], reason["code"]), "tried before")


def test_a_comment_is_kept_whole() -> None:
    desk = Desk()
    comment = f"  {CANARY}\n\U0001f980 " * 50
    desk.take(overridden(comment))
    assert desk.kept()[0].item.outcome == Overridden(None, comment)


def test_a_card_that_is_not_known_is_reported_without_a_decision() -> None:
    desk = Desk()
    desk.take(accepted(STRANGE, card=OTHER_CARD))
    assert len(desk.feedbacks) == 1
    assert desk.kept() == ()


def test_a_suggestion_that_its_card_did_not_make_is_refused() -> None:
    desk = Desk()
    assert desk.refused(accepted(FIRST, STRANGE)) == [("$.feedback[0].acceptedSuggestions[1].id", "value")]


def test_a_card_without_suggestions_has_none_to_accept() -> None:
    desk = Desk(sent_card(suggestions=frozenset()))
    assert desk.refused(accepted()) == [("$.feedback[0].acceptedSuggestions[0].id", "value")]
    desk.take(overridden())
    assert len(desk.feedbacks) == 1


@pytest.mark.parametrize("bad", [accepted(STRANGE), overridden(outcomeTimestamp="yesterday"), None])
def test_one_bad_report_keeps_all_others_out(bad: Any) -> None:
    desk = Desk()
    assert desk.refused(overridden(), bad, accepted())[0][0].startswith("$.feedback[1]")
    assert len(desk.feedbacks) == 0


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
    assert CANARY not in stream.getvalue() + str(caught.value) + repr(desk.kept())


# ------------------------------------------------------------------ whose card it is


@pytest.mark.parametrize("client", [OTHER_CLIENT, None, "", f"{CLIENT} "])
def test_another_clients_card_is_answered_as_one_that_never_was(client: str | None) -> None:
    """Neither the answer nor what is kept tells that the card exists, and the decision is not written on."""
    desk, empty = Desk(), Desk(sent_card(card=OTHER_CARD))
    for each in (desk, empty):
        each.take(overridden("mine"), accepted(STRANGE), accepted(FIRST), client=client)
        assert each.kept() == ()
        assert len(each.feedbacks) == 3
    desk.take(overridden("ours"))
    (kept,) = desk.kept()
    assert kept.item.outcome == Overridden(None, "ours")


def test_two_clients_that_got_the_same_card_report_on_their_own() -> None:
    """The UUID of a card follows from order and record, so two clients with the same chart get the same one."""
    desk = Desk(sent_card(), sent_card(client_id=OTHER_CLIENT), sent_card(client_id=None))
    for client in (CLIENT, OTHER_CLIENT, None):
        desk.take(overridden(), client=client)
    assert {each.client_id for each in desk.kept()} == {CLIENT, OTHER_CLIENT, None}


def test_the_card_of_another_client_belongs_to_no_report() -> None:
    (item,) = read_feedback({"feedback": [overridden()]})
    with pytest.raises(ValueError, match="belongs"):
        Feedback(item, OTHER_CLIENT, sent_card())
    with pytest.raises(ValueError, match="belongs"):
        Feedback(item, CLIENT, sent_card(card=OTHER_CARD))


# ------------------------------------------------------------------ what is kept, and how long


def test_a_forgotten_card_is_reported_without_a_decision() -> None:
    sent, feedbacks = NewestSentCards(newest=1), Feedbacks()
    sent.keep([sent_card(), sent_card(card=OTHER_CARD)])
    take_feedback({"feedback": [accepted(STRANGE)]}, CLIENT, sent, feedbacks)
    assert feedbacks.of_decision(DECISION) == ()
    assert len(feedbacks) == 1


def test_a_report_stays_linked_when_it_comes_again_after_its_card_was_forgotten() -> None:
    desk = Desk()
    desk.take(overridden())
    desk.sent = NewestSentCards()
    desk.take(overridden("again"))
    (kept,) = desk.kept()
    assert (kept.sent, kept.item.outcome) == (sent_card(), Overridden(None, "again"))


def test_a_report_is_linked_when_it_comes_again_after_its_card_became_known() -> None:
    desk = Desk(sent_card(card=OTHER_CARD))
    desk.take(overridden())
    desk.sent.keep([sent_card()])
    desk.take(overridden())
    assert len(desk.kept()) == len(desk.feedbacks) == 1


def test_a_card_that_is_sent_again_keeps_the_suggestions_it_had() -> None:
    desk = Desk(sent_card(suggestions=frozenset({FIRST})), sent_card(suggestions=frozenset({SECOND}), topic="later"))
    found = desk.sent.find(CARD, CLIENT)
    assert found == sent_card(topic="later")


def test_only_the_newest_reports_are_kept() -> None:
    desk = Desk()
    desk.feedbacks = Feedbacks(newest=2)
    for day in (1, 2, 1, 3):
        desk.take(overridden(outcomeTimestamp=f"2026-05-0{day}T00:00:00Z"))
    assert [each.item.at.day for each in desk.kept()] == [1, 3]


@pytest.mark.parametrize("store", [Feedbacks, NewestSentCards])
def test_a_store_of_nothing_is_refused(store: Any) -> None:
    with pytest.raises(ValueError, match="a store of no"):
        store(newest=0)


def test_threads_do_not_lose_reports() -> None:
    desk = Desk()
    items = [overridden(outcomeTimestamp=f"2026-05-04T15:{n // 60:02}:{n % 60:02}Z") for n in range(1000)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(desk.take, items + items))
    assert [each.item.at.minute * 60 + each.item.at.second for each in desk.kept()] == list(range(1000))


def test_threads_do_not_lose_suggestions() -> None:
    sent = NewestSentCards()
    names = [f"{n}" for n in range(500)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: sent.keep([sent_card(suggestions=frozenset({name}))]), names))
    found = sent.find(CARD, CLIENT)
    assert found is not None
    assert found.suggestions == frozenset(names)
