"""Rows with a key of client and something of its own: what several stores do with them, on both databases alike."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Delete,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

Row = Mapping[str, Any]
Insert = postgresql.Insert | sqlite.Insert


def insert(table: Table, dialect: str) -> Insert:
    """Return an INSERT that can say what is done about a key that is there already."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def client_key(client: str | None) -> str:
    """Return a client as the tables name it: anybody, whom nobody asked for a name, by the empty text."""
    return client or ""


def moment(at: datetime) -> str:
    """Return a moment in UTC. All are of one length, so that texts compare as moments do, however a server sorts."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class _Statements:
    """The statements of a table; made once, because making one costs more than running it."""

    found: Select[Any]
    locked: Select[Any]
    insert: Any
    update: Update


@cache
def _statements(table: Table, dialect: str) -> _Statements:
    client, own = table.primary_key.columns
    found = select(table).where(client == bindparam("the_client"), own.in_(bindparam("the_keys", expanding=True)))
    return _Statements(
        found=found,
        locked=found.order_by(own).with_for_update(),
        # Only the key: what breaks another rule is an error, not a row to merge.
        insert=insert(table, dialect).on_conflict_do_nothing(index_elements=[client, own]).returning(own),
        update=update(table).where(client == bindparam("the_client"), own == bindparam("the_key")),
    )


def put_rows(connection: Connection, table: Table, rows: Sequence[Row], merge: Callable[[Row, Row], Row]) -> None:
    """Keep rows of one client in a table whose key is the client and one more column.

    A row whose key is there already becomes what `merge` makes of the earlier and the new one. Nothing is lost when
    others keep the same keys at the same moment: a key that turns up in between is waited for and merged too.
    """
    if not rows:
        return
    statements = _statements(table, connection.dialect.name)
    own = table.primary_key.columns[1].name
    known = {"the_client": rows[0][table.primary_key.columns[0].name]}
    # In one order everywhere, or two transactions could wait for each other.
    wanted = dict(sorted((row[own], row) for row in rows))
    earlier = _by_key(connection.execute(statements.found, {**known, "the_keys": list(wanted)}).mappings(), own)
    new = [row for key, row in wanted.items() if key not in earlier]
    kept = set(connection.execute(statements.insert, new).scalars()) if new else set()
    changed = [
        key
        for key, row in wanted.items()
        if key not in kept and (key not in earlier or merge(earlier[key], row) != earlier[key])
    ]
    if not changed:
        return
    found = connection.execute(statements.locked, {**known, "the_keys": changed}).mappings()
    for key, row in sorted(_by_key(found, own).items()):
        merged = {name: value for name, value in merge(row, wanted[key]).items() if value != row[name]}
        if merged:
            connection.execute(statements.update, {**known, "the_key": key, **merged})


def _by_key(found: Iterable[Mapping[Any, Any]], own: str) -> dict[Any, Row]:
    return {row[own]: dict(row) for row in found}


def delete_some(table: Table, condition: ColumnElement[bool], most: int) -> Delete:
    """Return a DELETE of a few rows, which waits for nobody: what others hold is left for another time."""
    key: list[Column[Any]] = list(table.primary_key.columns)
    chosen = select(*key).where(condition).limit(most).with_for_update(skip_locked=True)
    return delete(table).where(tuple_(*key).in_(chosen))
