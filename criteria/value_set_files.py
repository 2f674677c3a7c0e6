"""Read value-set files strictly: every mapping knows its line, nothing is guessed, every mistake is collected.

Plain scalars are only true, false, null and numbers; everything else is text. A code that looks like a number must
therefore stand in quotes, and a country or payer called NO stays text.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.resources.abc import Traversable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from criteria.errors import Defect

_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")


class Located(dict[str, Any]):
    """A mapping of a data file that knows where it starts."""

    __slots__ = ("column", "file", "line")

    def __init__(self, file: str, line: int, column: int) -> None:
        """Start an empty mapping at a place, lines and columns counted from one."""
        super().__init__()
        self.file = file
        self.line = line
        self.column = column


class _UnreadableError(Exception):
    """The file is not the kind of YAML that is read here."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.place = (line + 1, column + 1)


def read_mapping(name: str, content: bytes) -> Located | Defect:
    """Return the mapping a YAML file consists of, or what is wrong with the file.

    The events of the C parser are composed here: this keeps line numbers and takes a third of the time of the
    library's own constructor.
    """
    try:
        events = iter(YAML(typ="safe", pure=False).parse(content))
        top = _compose(name, events)
    except _UnreadableError as error:
        return Defect(name, *error.place, "$", str(error))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        return Defect(name, mark.line + 1, mark.column + 1, "$", f"not YAML: {error.problem}")
    except YAMLError:
        return Defect(name, 1, 1, "$", "not YAML: holds a character that YAML does not allow")
    if not isinstance(top, Located):
        return Defect(name, 1, 1, "$", "is not a mapping")
    return top


def _compose(file: str, events: Iterator[Any]) -> Any:
    """Build the document bottom-up without recursion; a second document is an error, not ignored."""
    top: list[Any] = []
    holders: list[Any] = [top]
    keys: list[str | None] = [None]
    for event in events:
        match event:
            case ScalarEvent():
                holder = holders[-1]
                if isinstance(holder, Located) and keys[-1] is None:
                    keys[-1] = _new_key(holder, event)
                    continue
                value = _scalar(event)
            case MappingStartEvent():
                value = Located(file, event.start_mark.line + 1, event.start_mark.column + 1)
            case SequenceStartEvent():
                value = []
            case MappingEndEvent() | SequenceEndEvent():
                holders.pop()
                keys.pop()
                continue
            case DocumentStartEvent() if top:
                raise _UnreadableError(event.start_mark.line, event.start_mark.column, "a second document begins here")
            case AliasEvent():
                raise _UnreadableError(event.start_mark.line, event.start_mark.column, "aliases are not read")
            case _:
                continue
        _put(holders[-1], keys, value, event)
        if not isinstance(event, ScalarEvent):
            holders.append(value)
            keys.append(None)
    return top[0] if top else None


def _put(holder: Any, keys: list[str | None], value: Any, event: Any) -> None:
    if isinstance(holder, list):
        holder.append(value)
        return
    key = keys[-1]
    if key is None:
        raise _UnreadableError(event.start_mark.line, event.start_mark.column, "a key is not text")
    holder[key] = value
    keys[-1] = None


def _new_key(holder: Located, event: Any) -> str:
    key = str(event.value)
    if key in holder:
        raise _UnreadableError(event.start_mark.line, event.start_mark.column, f"key {key!r} stands twice")
    return key


def _scalar(event: Any) -> Any:
    value = event.value
    if not event.implicit[0]:
        return value
    if value in _WORDS:
        return _WORDS[value]
    if _INTEGER.fullmatch(value):
        return int(value)
    return Decimal(value) if _DECIMAL.fullmatch(value) else value


@dataclass(slots=True)
class ValueSetFiles:
    """The value-set files of all roots by name, and the defects found so far."""

    files: dict[str, list[Located]] = field(default_factory=dict)
    defects: list[Defect] = field(default_factory=list)

    @classmethod
    def read(cls, roots: Sequence[Traversable], known: frozenset[str]) -> "ValueSetFiles":
        """Read every *.yaml of every root; a name that is not known is a defect."""
        found = cls()
        for root in roots:
            for entry in sorted(root.iterdir(), key=lambda each: each.name):
                name, _, ending = entry.name.rpartition(".")
                if ending != "yaml":
                    continue
                if name not in known:
                    found.defects.append(Defect(str(entry), 1, 1, "$", f"no value set is called {name}"))
                    continue
                content = read_mapping(str(entry), entry.read_bytes())
                if isinstance(content, Defect):
                    found.defects.append(content)
                else:
                    found.files.setdefault(name, []).append(content)
        return found

    def defect(self, at: Located, path: str, message: str) -> None:
        """Record a mistake at a mapping."""
        self.defects.append(Defect(at.file, at.line, at.column, path, message))

    def tops(self, name: str, keys: Iterable[str]) -> list[Located]:
        """Return the top mappings of a file in all roots; other keys than `keys` are defects."""
        found = self.files.get(name, [])
        for top in found:
            self.check(top, "$", required=frozenset(), optional=frozenset(keys))
        return found

    def check(self, at: Located, path: str, required: frozenset[str], optional: frozenset[str]) -> bool:
        """Say whether a mapping holds all required keys, filled, and no unknown ones; record what it does not."""
        keys = at.keys()
        if required <= keys and keys <= required | optional and all(at[key] not in (None, "") for key in required):
            return True
        for key in sorted(keys - required - optional):
            self.defect(at, f"{path}.{key}", "unknown key")
        for key in sorted(required):
            if at.get(key) in (None, ""):
                self.defect(at, f"{path}.{key}", "is missing")
        return False

    def rows(
        self,
        holders: Iterable[Located],
        key: str,
        path: str,
        *,
        required: frozenset[str],
        optional: frozenset[str] = frozenset(),
    ) -> Iterator[Located]:
        """Yield the well-formed rows of a list that stands under `key` in each holder."""
        for holder in holders:
            rows = holder.get(key)
            if rows is None:
                continue
            if not isinstance(rows, list):
                self.defect(holder, f"{path}.{key}", "is not a list")
                continue
            for index, row in enumerate(rows):
                at = f"{path}.{key}[{index}]"
                if not isinstance(row, Located):
                    self.defect(holder, at, "is not a mapping")
                elif self.check(row, at, required, optional):
                    yield row
