"""Reading the whole record, for auditors: in the order of the chains, a few hundred rows at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, bindparam, or_, select

from service.storage.database import Database
from service.storage.ledger import KeptDecision, kept_decision
from service.storage.tables import CHAINS, DECISIONS, RETAINED

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain of a client ends: how many records it has, and the hash of the last one."""

    client: str
    length: int
    hash: str


@dataclass(frozen=True, slots=True)
class RetainedCall:
    """The sealed input of a call."""

    call: str
    client: str
    sealed: bytes


class Trail:
    """The record as it lies in the database. Every method raises StorageDownError while that does not answer."""

    def __init__(self, database: Database) -> None:
        """Read this database."""
        self._database = database

    def heads(self) -> tuple[Head, ...]:
        """Return the end of every chain, by client."""
        with self._database.read() as connection:
            rows = connection.execute(select(CHAINS).order_by(CHAINS.c.client)).all()
        return tuple(Head(row.client, row.length, row.head) for row in rows)

    def decisions(self) -> Iterator[KeptDecision]:
        """Yield every decision by client and position; those that are added meanwhile may come too."""
        after = {"client": "", "position": -1}
        while True:
            with self._database.read() as connection:
                rows = connection.execute(_NEXT_DECISIONS, after).all()
            yield from map(kept_decision, rows)
            if len(rows) < _BATCH:
                return
            after = {"client": rows[-1].client, "position": rows[-1].position}

    def retained(self) -> Iterator[RetainedCall]:
        """Yield every retained input, by the id of its call."""
        after = ""
        while True:
            with self._database.read() as connection:
                rows: list[Row[Any]] = list(connection.execute(_NEXT_RETAINED, {"after": after}).all())
            yield from (RetainedCall(row.call, row.client, row.sealed) for row in rows)
            if len(rows) < _BATCH:
                return
            after = rows[-1].call


_NEXT_DECISIONS = (
    select(DECISIONS)
    .where(
        or_(
            DECISIONS.c.client > bindparam("client"),
            and_(DECISIONS.c.client == bindparam("client"), DECISIONS.c.position > bindparam("position")),
        )
    )
    .order_by(DECISIONS.c.client, DECISIONS.c.position)
    .limit(_BATCH)
)
_NEXT_RETAINED = select(RETAINED).where(RETAINED.c.call > bindparam("after")).order_by(RETAINED.c.call).limit(_BATCH)
