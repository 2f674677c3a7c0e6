"""Reading the whole record, for auditors: in the order of the chains, a few hundred rows at a time."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, tuple_

from service.past import Authorization
from service.storage.database import Database
from service.storage.ledger import KeptDecision, kept_authorization, kept_decision
from service.storage.tables import AUTHORIZATIONS, CHAINS, DECISIONS, RETAINED

SECONDS = 60.0
"""How long a batch may take: nobody waits for an answer."""
WHOLE_SECONDS = 6 * 3600.0
"""How long a whole record may take that is read in one transaction."""
_BATCH = 500
_SEALED_BATCH = 20
"""A retained input has as many bytes as a chart."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain of a client ends: how many records it has, and the hash of the last one."""

    client: str
    length: int
    hash: str


@dataclass(frozen=True, slots=True)
class RetainedCall:
    """The sealed input of a call, with what was recorded of one of its decisions, None where there is none."""

    call: str
    client: str
    recorded: str
    sealed: bytes
    content: str | None


class Trail:
    """The record as it lies in the database. Every method raises StorageDownError while that does not answer."""

    def __init__(self, database: Database, connection: Connection | None = None) -> None:
        """Read this database, in a transaction of its own for each batch unless one is given."""
        self._database, self._connection = database, connection

    @contextmanager
    def at_one_moment(self) -> Iterator["Trail"]:
        """Give the record as it is now, whatever is added meanwhile."""
        with self._database.read(WHOLE_SECONDS) as connection:
            yield Trail(self._database, connection)

    def heads(self) -> tuple[Head, ...]:
        """Return the end of every chain, by client."""
        with self._read() as connection:
            rows = connection.execute(select(CHAINS).order_by(CHAINS.c.client)).all()
        return tuple(Head(row.client, row.length, row.head) for row in rows)

    def decisions(self) -> Iterator[KeptDecision]:
        """Yield every decision by client and position; those that are added meanwhile may come too."""
        after = {"client": "", "position": -1}
        while True:
            with self._read() as connection:
                rows = connection.execute(_NEXT_DECISIONS, after).all()
            yield from map(kept_decision, rows)
            if len(rows) < _BATCH:
                return
            after = {"client": rows[-1].client, "position": rows[-1].position}

    def retained(self) -> Iterator[RetainedCall]:
        """Yield every retained input, by the id of its call."""
        after = ""
        while True:
            with self._read() as connection:
                rows: list[Row[Any]] = list(connection.execute(_NEXT_RETAINED, {"after": after}).all())
            yield from (RetainedCall(row.call, row.client, row.recorded, row.sealed, row.content) for row in rows)
            if len(rows) < _SEALED_BATCH:
                return
            after = rows[-1].call

    def authorizations(self) -> Iterator[Authorization]:
        """Yield every authorization, by its number."""
        after = ""
        while True:
            with self._read() as connection:
                rows: list[Row[Any]] = list(connection.execute(_NEXT_AUTHORIZATIONS, {"after": after}).all())
            yield from map(kept_authorization, rows)
            if len(rows) < _BATCH:
                return
            after = rows[-1].number

    def _read(self) -> AbstractContextManager[Connection]:
        return nullcontext(self._connection) if self._connection is not None else self._database.read(SECONDS)


# A comparison of rows is one that both databases answer by the index; with AND and OR they read all from the beginning.
_NEXT_DECISIONS = (
    select(DECISIONS)
    .where(tuple_(DECISIONS.c.client, DECISIONS.c.position) > tuple_(bindparam("client"), bindparam("position")))
    .order_by(DECISIONS.c.client, DECISIONS.c.position)
    .limit(_BATCH)
)
_OF_CALL = (
    select(DECISIONS.c.content)
    .where(DECISIONS.c.call == RETAINED.c.call)
    .order_by(DECISIONS.c.client, DECISIONS.c.position)
    .limit(1)
    .scalar_subquery()
)
_NEXT_RETAINED = (
    select(RETAINED, _OF_CALL.label("content"))
    .where(RETAINED.c.call > bindparam("after"))
    .order_by(RETAINED.c.call)
    .limit(_SEALED_BATCH)
)
_NEXT_AUTHORIZATIONS = (
    select(AUTHORIZATIONS)
    .where(AUTHORIZATIONS.c.number > bindparam("after"))
    .order_by(AUTHORIZATIONS.c.number)
    .limit(_BATCH)
)
