"""Feedback on cards, joined with the decisions they were part of (CDS Hooks, section Feedback).

Nothing of a report is cut or logged. It is kept to follow what became of the guidance, and for nothing else.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, assert_never

from cards.card import Card
from cards.context import DecidedOrder
from service.call_report import present_report
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
    """The cards that were sent."""

    def find(self, cards: Collection[str], client_id: str | None) -> Mapping[str, SentCard]:
        """Return those of some cards that this client got; not one that another client got, or that is forgotten."""
        ...


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


class Feedbacks(Protocol):
    """The reports that came in."""

    def put(self, reports: Iterable[Feedback]) -> None:
        """Keep all reports of one client, or none and raise UnavailableError; one that comes again replaces itself."""
        ...

    def of_decision(self, decision_id: str) -> tuple[dict[str, Any], ...]:
        """Return the reports on the cards of a decision as they are listed, oldest action first."""
        ...


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
    known = sent.find({item.card for item in items}, client_id)
    reports = [Feedback(item, client_id, known.get(item.card)) for item in items]
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
