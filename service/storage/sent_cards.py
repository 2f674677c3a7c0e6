"""The cards that clients got, so that their feedback finds the decision."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import msgspec
from sqlalchemy import Connection, RowMapping, bindparam, select

from service.feedback import SentCard
from service.storage.database import Database
from service.storage.rows import Row, client_key, delete_some, moment, put_rows
from service.storage.tables import SENT_CARDS

DAYS = 400
"""How long a card is kept that is not sent again: feedback that comes later is kept without its decision."""
_FORGOTTEN_AT_ONCE = 10
_DAY = len("2026-01-01")

_forget = delete_some(SENT_CARDS, SENT_CARDS.c.sent < bindparam("before"), _FORGOTTEN_AT_ONCE)
_find = select(SENT_CARDS).where(
    SENT_CARDS.c.client == bindparam("the_client"), SENT_CARDS.c.card.in_(bindparam("cards", expanding=True))
)


def keep_cards(connection: Connection, cards: Iterable[SentCard], sent: datetime) -> None:
    """Remember cards of one client in a transaction, most naturally that of the decisions they are about.

    One that comes again keeps the suggestions it had: some user may still look at them. Whenever one
    is new, some that are too old are forgotten.
    """
    at = moment(sent)
    if put_rows(connection, SENT_CARDS, (_row(each, at) for each in cards), _merged):
        connection.execute(_forget, {"before": moment(sent - timedelta(days=DAYS))})


def find_cards(connection: Connection, cards: Collection[str], client: str | None) -> Mapping[str, SentCard]:
    """Return those of some cards that a client got, by their ids."""
    found = connection.execute(_find, {"the_client": client_key(client), "cards": list(cards)}).mappings()
    return MappingProxyType({row["card"]: _card(row, client) for row in found})


class SentCards:
    """Finds the cards in a database."""

    def __init__(self, database: Database) -> None:
        """Look there."""
        self._database = database

    def find(self, cards: Collection[str], client_id: str | None) -> Mapping[str, SentCard]:
        """Return those of some cards that a client got, by their ids; raise StorageDownError."""
        with self._database.read() as connection:
            return find_cards(connection, cards, client_id)


def _row(card: SentCard, at: str) -> Row:
    return {
        "client": client_key(card.client_id),
        "card": card.card,
        "decision": card.decision_id,
        "order_reference": card.order,
        "topic": card.topic,
        "service": card.service_id,
        "suggestions": _suggestions_text(card.suggestions),
        "sent": at,
    }


def _card(row: RowMapping, client: str | None) -> SentCard:
    return SentCard(
        card=str(row["card"]),
        decision_id=str(row["decision"]),
        order=str(row["order_reference"]),
        topic=str(row["topic"]),
        service_id=str(row["service"]),
        suggestions=_suggestions(row["suggestions"]),
        client_id=client,
    )


def _merged(earlier: Row, new: Row) -> Row:
    """The new card wins, with the suggestions of both. On one day it counts as sent once, which spares writing."""
    suggestions = new["suggestions"]
    if suggestions != earlier["suggestions"]:
        suggestions = _suggestions_text(_suggestions(earlier["suggestions"]) | _suggestions(suggestions))
    same_day = earlier["sent"][:_DAY] == new["sent"][:_DAY]
    return {**new, "suggestions": suggestions, "sent": earlier["sent"] if same_day else new["sent"]}


def _suggestions_text(suggestions: Iterable[str]) -> str:
    return msgspec.json.encode(sorted(suggestions)).decode()


def _suggestions(text: object) -> frozenset[str]:
    return frozenset(msgspec.json.decode(str(text), type=list[str]))
