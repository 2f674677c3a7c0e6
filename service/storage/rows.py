"""Rows with a key of client and something of its own: what several stores do with them, on both databases alike."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
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


_AT_ONCE = 8
"""Keys that are looked up by one statement: the text of one for any number would be made anew each time."""


@dataclass(frozen=True, slots=True)
class _Statements:
    """The statements of a table; made once, because making one costs more than running it."""

    own: str
    """The column of the key beside the client."""
    found: Select[Any]
    locked: Select[Any]
    insert: Any
    update: Update


@cache
def _statements(table: Table, dialect: str) -> _Statements:
    client, own = table.primary_key.columns
    keys: list[BindParameter[str]] = [bindparam(f"key_{number}") for number in range(_AT_ONCE)]
    found = select(table).where(client == bindparam("the_client"), own.in_(keys))
    return _Statements(
        own=own.name,
        found=found,
        locked=found.order_by(own).with_for_update(),
        # Only the key: what breaks another rule is an error, not a row to merge.
        insert=insert(table, dialect).on_conflict_do_nothing(index_elements=[client, own]).returning(own),
        update=update(table).where(client == bindparam("the_client"), own == bindparam("the_key")),
    )


def put_rows(connection: Connection, table: Table, rows: Iterable[Row], merge: Callable[[Row, Row], Row]) -> bool:
    """Keep rows of one client in a table whose key is `client` and one more column; say whether any is new.

    A row whose key is there already becomes what `merge` makes of the earlier and the new one. Nothing is lost when
    others keep the same keys at the same moment: a key that turns up in between is waited for and merged too.
    """
    statements = _statements(table, connection.dialect.name)
    wanted = _merged(rows, statements.own, merge)
    if not wanted:
        return False
    client = next(iter(wanted.values()))["client"]
    earlier = _look_up(connection, statements, statements.found, client, list(wanted))
    new = [row for key, row in wanted.items() if key not in earlier]
    kept = set(connection.execute(statements.insert, new).scalars()) if new else set()
    changed = [
        key
        for key, row in wanted.items()
        if key not in kept and (key not in earlier or merge(earlier[key], row) != earlier[key])
    ]
    for key, row in _look_up(connection, statements, statements.locked, client, changed).items():
        merged = {name: value for name, value in merge(row, wanted[key]).items() if value != row[name]}
        if merged:
            connection.execute(statements.update, {"the_client": client, "the_key": key, **merged})
    return bool(kept)


def _merged(rows: Iterable[Row], own: str, merge: Callable[[Row, Row], Row]) -> dict[str, Row]:
    """Return rows by their keys, in one order everywhere, or two transactions could wait for each other."""
    found: dict[str, Row] = {}
    for row in rows:
        key = row[own]
        found[key] = merge(found[key], row) if key in found else row
    return dict(sorted(found.items(), key=itemgetter(0)))


def _look_up(
    connection: Connection, statements: _Statements, statement: Select[Any], client: str, keys: list[str]
) -> dict[str, Row]:
    """Return the rows that there are, by their keys."""
    found: dict[str, Row] = {}
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        some += some[:1] * (_AT_ONCE - len(some))
        asked = {"the_client": client, **{f"key_{number}": key for number, key in enumerate(some)}}
        found |= {row[statements.own]: dict(row) for row in connection.execute(statement, asked).mappings()}
    return found


def delete_some(table: Table, condition: ColumnElement[bool], most: int) -> Delete:
    """Return a DELETE of a few rows, which waits for nobody: what others hold is left for another time."""
    key: list[Column[Any]] = list(table.primary_key.columns)
    chosen = select(*key).where(condition).limit(most).with_for_update(skip_locked=True)
    return delete(table).where(tuple_(*key).in_(chosen))
