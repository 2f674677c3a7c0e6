"""What became of cards, as clients reported it."""

from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from sqlalchemy import bindparam, select

from service.digests import digest
from service.exact_json import decode, encode
from service.feedback import Feedback, report_json
from service.feedback_request import Accepted, Overridden
from service.storage.database import Database
from service.storage.rows import Row, client_key, moment, put_rows
from service.storage.sealing import Seal, Sealed, SealError
from service.storage.tables import FEEDBACK

MOST_LISTED = 1_000
"""Reports of one decision that are listed, the newest ones. A person makes a handful; all are kept."""

_OF_THE_CARD = ("topic", "order", "service")
_of_decision = (
    select(FEEDBACK)
    .where(FEEDBACK.c.decision == bindparam("the_decision"))
    .order_by(FEEDBACK.c.at.desc(), FEEDBACK.c.action)
    .limit(MOST_LISTED)
)


class Feedbacks:
    """Keeps reports in a database.

    What a user wrote can name a patient: it is encrypted, and without a seal it is not kept.
    """

    def __init__(self, database: Database, seal: Seal | None = None) -> None:
        """Keep them there."""
        self._database, self._seal = database, seal

    def put(self, reports: Iterable[Feedback]) -> None:
        """Keep all reports of one client, or none and raise StorageDownError.

        One that comes again replaces itself, and stays linked to the card it was.
        """
        rows = [self._row(each) for each in reports]
        with self._database.write() as connection:
            put_rows(connection, FEEDBACK, rows, _merged)

    def of_decision(self, decision_id: str) -> tuple[dict[str, Any], ...]:
        """Return the reports on the cards of a decision as they are listed, oldest action first.

        Raises StorageDownError.
        """
        with self._database.read() as connection:
            found = connection.execute(_of_decision, {"the_decision": decision_id}).all()
        return tuple(self._listed(row.content, row.comment) for row in reversed(found))

    def _row(self, report: Feedback) -> Row:
        listed = report_json(report)
        why = listed.get("overrideReason", {})
        comment = why.get("userComment")
        if comment is not None:
            why |= {"userComment": None, "commentWithheld": True}
        is_sealed = comment is not None and self._seal is not None
        return {
            "client": client_key(report.client_id),
            "action": _action(report),
            "card": report.item.card,
            "decision": report.decision_id,
            "at": moment(report.item.at),
            "content": encode(listed).decode(),
            "comment": self._seal.close(comment.encode()) if self._seal and is_sealed else None,
        }

    def _listed(self, content: str, comment: bytes | None) -> dict[str, Any]:
        listed: dict[str, Any] = decode(content.encode())
        if comment is not None and self._seal is not None:
            try:
                text = self._seal.open(Sealed(comment)).decode()
            except SealError:
                # Its key was taken away, and so is what it closed.
                return listed
            listed["overrideReason"]["userComment"] = text
            del listed["overrideReason"]["commentWithheld"]
        return listed


def _action(report: Feedback) -> str:
    """Return what tells two actions of a client apart.

    Card and moment are not enough: where moments are whole seconds, two suggestions of a card can have been accepted
    in the same one, and reported one by one. A reason or comment that was corrected is no action of its own.
    """
    outcome = report.item.outcome
    match outcome:
        case Accepted(suggestions):
            chosen = sorted(set(suggestions))
        case Overridden():
            chosen = []
        case _:
            assert_never(outcome)
    return digest(encode([report.item.card, moment(report.item.at), chosen]))


def _merged(earlier: Row, new: Row) -> Row:
    """The new report wins, but a card that was known once stays known."""
    if new["decision"] is not None or earlier["decision"] is None:
        return new
    before: Mapping[str, Any] = decode(earlier["content"].encode())
    content = decode(new["content"].encode()) | {name: before[name] for name in _OF_THE_CARD if name in before}
    return {**new, "decision": earlier["decision"], "content": encode(content).decode()}
