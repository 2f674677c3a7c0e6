"""The record of decisions: appended to each client's hash chain together with what it issues, or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import asdict
from sqlalchemy import Connection, Insert, Row, Select, bindparam, insert, select, update

from criteria.outcome import Approval
from service.digests import canonical, digest
from service.feedback import SentCard
from service.past import Asserted, Authorization, Past, Treatment
from service.problems import ServiceError
from service.records import Json
from service.storage.database import Database
from service.storage.rows import insert as upsert
from service.storage.sealing import Sealed
from service.storage.sent_cards import keep_cards
from service.storage.tables import AUTHORIZATIONS, CHAINS, DECISIONS, ORDERS, RETAINED

BEGINNING = "0" * 64
"""What the first record of a chain follows."""


class IssuedMeanwhileError(ServiceError):
    """Another call issued an authorization for the same treatment since this one read the past."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Everything to be kept of one call, together or not at all.

    `contents` are those of its decisions, in the order of the answer. `sealed` is the retained input, encrypted.
    """

    client: str
    call: str
    moment: datetime
    contents: Sequence[Json]
    asserted: Sequence[Asserted]
    issued: Sequence[Authorization]
    cards: Sequence[SentCard]
    sealed: Sealed | None = None

    def __post_init__(self) -> None:
        """Refuse an entry that has not one assertion for each decision."""
        if [each["assertion"] for each in self.contents] != [each.assertion for each in self.asserted]:
            raise ValueError("each decision of an entry has its assertion")

    @property
    def recorded(self) -> str:
        """Return the moment as it is kept."""
        return self.moment.astimezone(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision as it is kept, by its place in the chain of its client. `content` is the JSON that was hashed."""

    client: str
    position: int
    assertion: str
    call: str
    recorded: str
    content: str
    previous: str
    hash: str


class Ledger:
    """Keeps decisions in the database. Every method raises StorageDownError while that does not answer."""

    def __init__(self, database: Database) -> None:
        """Keep them in this database, whose schema is current."""
        self._database = database
        self._begin_chain = upsert(CHAINS, database.dialect).on_conflict_do_nothing()
        again = upsert(ORDERS, database.dialect)
        self._keep_order = again.on_conflict_do_update(
            index_elements=[ORDERS.c.client, ORDERS.c.assertion],
            set_={"authorization": again.excluded.authorization},
            where=again.excluded.authorization.is_not(None),
        )

    def past(self, client: str, patient: str, assertions: Sequence[str]) -> Past:
        """Return what was asserted under these ids to this client, and what was authorized for its patient."""
        with self._database.read() as connection:
            found = connection.execute(_AUTHORIZED, {"of_client": client, "of_patient": patient}).all()
            rows = connection.execute(_ASSERTED, {"of_client": client, "ids": assertions}).all() if assertions else []
        return Past.of(map(_asserted, rows), map(kept_authorization, found))

    def record(self, entry: Entry) -> None:
        """Append an entry; raise IssuedMeanwhileError when an authorization of it must not be issued any more."""
        with self._database.write() as connection:
            chain = self._lock_chain(connection, entry.client)
            _refuse_second(connection, entry)
            rows = list(_chained(entry, chain.length, chain.head))
            if rows:
                connection.execute(_DECISION, rows)
                end = {"of_client": entry.client, "length": rows[-1]["position"], "head": rows[-1]["hash"]}
                connection.execute(_EXTEND, end)
                connection.execute(self._keep_order, [_order_row(entry.client, each) for each in entry.asserted])
            if entry.issued:
                connection.execute(_AUTHORIZE, [_authorization_row(each) for each in entry.issued])
            keep_cards(connection, entry.cards, entry.moment)
            if entry.sealed is not None:
                retained = {
                    "call": entry.call,
                    "client": entry.client,
                    "recorded": entry.recorded,
                    "sealed": entry.sealed,
                }
                connection.execute(_RETAIN, retained)

    def find(self, assertion: str) -> KeptDecision | None:
        """Return the newest decision under an assertion id; None when there is none."""
        with self._database.read() as connection:
            row = connection.execute(_FOUND, {"of_assertion": assertion}).first()
        return None if row is None else kept_decision(row)

    def retained(self, call: str) -> bytes | None:
        """Return the sealed input of a call; None when it was not retained, or is no longer."""
        with self._database.read() as connection:
            found: bytes | None = connection.execute(_SEALED, {"of_call": call}).scalar()
        return found

    def _lock_chain(self, connection: Connection, client: str) -> Any:
        """Return where a client's chain ends, which nobody else changes before this transaction is over."""
        found = connection.execute(_CHAIN, {"of_client": client}).first()
        if found is None:
            connection.execute(self._begin_chain, {"client": client, "length": 0, "head": BEGINNING})
            found = connection.execute(_CHAIN, {"of_client": client}).one()
        return found


_CHAIN = select(CHAINS.c.length, CHAINS.c.head).where(CHAINS.c.client == bindparam("of_client")).with_for_update()
_EXTEND = (
    update(CHAINS)
    .where(CHAINS.c.client == bindparam("of_client"))
    .values(length=bindparam("length"), head=bindparam("head"))
)
_DECISION: Insert = insert(DECISIONS)
_AUTHORIZE: Insert = insert(AUTHORIZATIONS)
_RETAIN: Insert = insert(RETAINED)
_ASSERTED = select(ORDERS).where(
    ORDERS.c.client == bindparam("of_client"), ORDERS.c.assertion.in_(bindparam("ids", expanding=True))
)
_AUTHORIZED: Select[Any] = select(AUTHORIZATIONS).where(
    AUTHORIZATIONS.c.client == bindparam("of_client"), AUTHORIZATIONS.c.patient == bindparam("of_patient")
)
_FOUND = (
    select(DECISIONS)
    .where(DECISIONS.c.assertion == bindparam("of_assertion"))
    .order_by(DECISIONS.c.recorded.desc(), DECISIONS.c.position.desc())
    .limit(1)
)
_SEALED = select(RETAINED.c.sealed).where(RETAINED.c.call == bindparam("of_call"))


def chain_hash(previous: str, content: bytes) -> str:
    """Return the hash of a record: of its content and of the hash before it, so that no record can be changed alone."""
    return digest(previous.encode() + b"\n" + content)


def issued_digest(issued: Authorization) -> str:
    """Return what a chain says of an authorization: it covers all of its row, so that this cannot be changed unseen."""
    return digest(canonical(msgspec.to_builtins(issued)))


def _chained(entry: Entry, length: int, head: str) -> Iterator[Json]:
    sealed = None if entry.sealed is None else digest(entry.sealed)
    issued = [issued_digest(each) for each in entry.issued]
    for position, each in enumerate(entry.contents, start=length + 1):
        content = canonical(
            {
                **each,
                "client": entry.client,
                "position": position,
                "call": entry.call,
                "recorded": entry.recorded,
                "retained": sealed,
                "issued": issued,
            }
        )
        previous, head = head, chain_hash(head, content)
        yield {
            "client": entry.client,
            "position": position,
            "assertion": each["assertion"],
            "call": entry.call,
            "recorded": entry.recorded,
            "content": content.decode(),
            "previous": previous,
            "hash": head,
        }


def _refuse_second(connection: Connection, entry: Entry) -> None:
    """Raise IssuedMeanwhileError when one of these treatments has an authorization in force already.

    The chain's row is locked: nobody can issue one for this client between this look and the end of the transaction.
    """
    for issued in entry.issued:
        of = {"of_client": entry.client, "of_patient": issued.treatment.patient}
        for row in connection.execute(_AUTHORIZED, of):
            other = kept_authorization(row)
            if other.treatment == issued.treatment and other.holds(issued.issued):
                raise IssuedMeanwhileError("an authorization of this treatment was issued meanwhile")


def _order_row(client: str, asserted: Asserted) -> Mapping[str, Any]:
    return {"client": client, **asdict(asserted)}


def _asserted(row: Row[Any]) -> Asserted:
    return Asserted(**{name: getattr(row, name) for name in Asserted.__struct_fields__})


def _authorization_row(issued: Authorization) -> Mapping[str, Any]:
    treatment = issued.treatment
    return {
        "number": issued.number,
        "client": treatment.client,
        "patient": treatment.patient,
        "member": treatment.member,
        "payer": treatment.payer,
        "drug": treatment.drug,
        "cancer": treatment.cancer,
        "assertion": issued.assertion,
        "issued": issued.issued,
        "expires": issued.approval.expires,
        "months": issued.approval.months,
        "remark": issued.approval.remark or "",
    }


def kept_authorization(row: Row[Any]) -> Authorization:
    """Return the authorization of a row of the table."""
    return Authorization(
        number=row.number,
        treatment=Treatment(row.client, row.patient, row.member, row.payer, row.drug, row.cancer),
        assertion=row.assertion,
        issued=row.issued,
        approval=Approval(row.months, row.expires, row.remark or None),
    )


def kept_decision(row: Row[Any]) -> KeptDecision:
    """Return the decision of a row of the table."""
    return KeptDecision(**{each.name: getattr(row, each.name) for each in fields(KeptDecision)})
