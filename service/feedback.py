"""Feedback on cards, joined with the decisions they were part of (CDS Hooks, section Feedback).

Nothing of a report is cut or logged. It is kept to follow what became of the guidance, and for nothing else.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Protocol, assert_never

from cards.card import Card
from cards.context import DecidedOrder
from service.call_report import present_report
from service.decision_store import NEWEST, DecisionStore
from service.feedback_request import Accepted, FeedbackItem, Overridden, read_feedback
from service.problems import Issue, RequestProblem


@dataclass(frozen=True, slots=True)
class SentCard:
    """A card as a client got it: whose decision it is part of, and the suggestions that can be accepted."""

    card: str
    decision_id: str
    order: str
    topic: str
    service_id: str
    suggestions: frozenset[str]
    client_id: str | None


class SentCards(Protocol):
    """The cards that were sent. In memory here; a database can stand behind it."""

    def keep(self, cards: Iterable[SentCard]) -> None:
        """Remember cards."""
        ...

    def find(self, card: str, client_id: str | None) -> SentCard | None:
        """Return a card that this client got; None for one that another client got, or none, or that is forgotten."""
        ...


class NewestSentCards:
    """Keeps the newest cards in memory; safe to use from several threads."""

    def __init__(self, newest: int = NEWEST) -> None:
        """Keep at most `newest` cards; raise ValueError when that is none."""
        self._cards = DecisionStore[SentCard](newest)
        self._lock = Lock()

    def keep(self, cards: Iterable[SentCard]) -> None:
        """Remember cards. One that comes again keeps the suggestions it had: some user may still look at them."""
        with self._lock:
            for each in cards:
                key = _card_key(each.card, each.client_id)
                earlier = self._cards.get(key)
                suggestions = each.suggestions | (earlier.suggestions if earlier else frozenset())
                self._cards.put(key, replace(each, suggestions=suggestions))

    def find(self, card: str, client_id: str | None) -> SentCard | None:
        """Return a card that this client got; None for any other."""
        return self._cards.get(_card_key(card, client_id))


def _card_key(card: str, client_id: str | None) -> str:
    """Name a card of a client. A UUID is its own already (service.naming); who reports is part of the question here."""
    return card if client_id is None else f"{card} {client_id}"


def sent_cards(
    cards: Iterable[tuple[Card, DecidedOrder]], service_id: str, client_id: str | None
) -> tuple[SentCard, ...]:
    """Return cards as they go to a client, each given with the order it is about."""
    return tuple(
        SentCard(
            card=card.uuid,
            decision_id=decided.decision.id,
            order=decided.decision.order.source.reference,
            topic=card.source.topic.code,
            service_id=service_id,
            suggestions=frozenset(each.uuid for each in card.suggestions),
            client_id=client_id,
        )
        for card, decided in cards
    )


@dataclass(frozen=True, slots=True)
class Feedback:
    """A report with who sent it and the card it is about; `sent` is None when that card is not known here."""

    item: FeedbackItem
    client_id: str | None
    sent: SentCard | None

    def __post_init__(self) -> None:
        """Refuse the card of another report or client: a client speaks about its own decisions only."""
        if self.sent and (self.sent.card, self.sent.client_id) != (self.item.card, self.client_id):
            raise ValueError("a report belongs to the card it names, as its client got it")

    @property
    def decision_id(self) -> str | None:
        """Return the decision the card is part of."""
        return self.sent.decision_id if self.sent else None


class Feedbacks:
    """Keeps the newest reports in memory; safe to use from several threads."""

    def __init__(self, newest: int = NEWEST) -> None:
        """Keep at most `newest` reports; raise ValueError when that is none."""
        if newest < 1:
            raise ValueError("a store of no reports keeps no feedback")
        self._newest = newest
        self._kept: OrderedDict[Hashable, Feedback] = OrderedDict()
        self._lock = Lock()

    def put(self, reports: Iterable[Feedback]) -> None:
        """Keep reports together. One that comes again replaces itself, and stays linked to the card it was."""
        with self._lock:
            for each in reports:
                key = _report_key(each)
                earlier = self._kept.pop(key, None)
                self._kept[key] = replace(each, sent=each.sent or earlier.sent) if earlier else each
                if len(self._kept) > self._newest:
                    self._kept.popitem(last=False)

    def of_decision(self, decision_id: str) -> tuple[Feedback, ...]:
        """Return the reports on the cards of a decision, oldest action first."""
        with self._lock:
            found = [each for each in self._kept.values() if each.decision_id == decision_id]
        return tuple(sorted(found, key=lambda each: each.item.at))

    def __len__(self) -> int:
        """Return how many reports are kept."""
        with self._lock:
            return len(self._kept)


def _report_key(report: Feedback) -> Hashable:
    """Return what tells two actions apart.

    Client, card and moment are not enough: where moments are whole seconds, two suggestions of a card can have been
    accepted in the same one, and reported one by one. A reason or comment that was corrected is no action of its own.
    """
    outcome = report.item.outcome
    match outcome:
        case Accepted(suggestions):
            action = frozenset(suggestions)
        case Overridden():
            action = frozenset()
        case _:
            assert_never(outcome)
    return report.client_id, report.item.card, report.item.at, action


def report_json(report: Feedback) -> dict[str, Any]:
    """Return a report as it is listed: the card and order it is about, and what was done, when and why."""
    sent, item = report.sent, report.item
    listed: dict[str, Any] = {"card": item.card, "outcomeTimestamp": item.at.isoformat()}
    if sent is not None:
        listed |= {"topic": sent.topic, "order": sent.order, "service": sent.service_id}
    match item.outcome:
        case Accepted(suggestions):
            return {**listed, "outcome": "accepted", "acceptedSuggestions": list(suggestions)}
        case Overridden(reason, comment):
            why: dict[str, Any] = {"reason": reason.to_json()} if reason else {}
            why |= {"userComment": comment} if comment else {}
            return {**listed, "outcome": "overridden", **({"overrideReason": why} if why else {})}
        case _:
            assert_never(item.outcome)


def take_feedback(body: Any, client_id: str | None, sent: SentCards, feedbacks: Feedbacks) -> None:
    """Keep every report of a parsed body, or none and raise RequestProblem 400.

    A card that is not known here, or that another client got, is no error: the report is kept without a decision, so
    that none is lost after a restart, and nobody learns whether a card exists.
    """
    items = read_feedback(body)
    reports = [Feedback(item, client_id, sent.find(item.card, client_id)) for item in items]
    issues = [issue for index, each in enumerate(reports) for issue in _strange_suggestions(each, index)]
    if issues:
        raise RequestProblem(400, tuple(issues))
    feedbacks.put(reports)
    present_report().feedback = tuple(_word(each) for each in reports)


def _word(report: Feedback) -> str:
    return "accepted" if isinstance(report.item.outcome, Accepted) else "overridden"


def _strange_suggestions(report: Feedback, index: int) -> Iterator[Issue]:
    outcome = report.item.outcome
    if report.sent is None or not isinstance(outcome, Accepted):
        return
    for place, each in enumerate(outcome.suggestions):
        if each not in report.sent.suggestions:
            path = f"$.feedback[{index}].acceptedSuggestions[{place}].id"
            yield Issue(path, "value", "is not a suggestion of this card")
