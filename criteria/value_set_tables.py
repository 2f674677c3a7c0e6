"""Read lists of coded rows, patterns and named sets out of value-set files; what is wrong becomes a defect."""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from criteria.terms import CodeKey, TextPattern
from criteria.value_set_files import Located, ValueSetFiles

Value = TypeVar("Value")

CODED = frozenset({"system", "code", "display", "source"})
PATTERN = frozenset({"pattern", "source"})
NO_KEYS: frozenset[str] = frozenset()


class Tables:
    """Reads lists of coded rows and patterns, with the code systems at hand."""

    def __init__(self, files: ValueSetFiles) -> None:
        self.files = files
        self.systems: dict[str, str] = {}
        self.formats: dict[str, re.Pattern[str]] = {}
        tops = files.tops("systems", ("systems", "aliases"))
        for top in tops:
            for name, entry in mapping_of(files, top, "systems"):
                if not files.check(entry, f"$.systems.{name}", frozenset({"urls", "format"}), NO_KEYS):
                    continue
                self.formats[name] = compiled(files, entry, f"$.systems.{name}.format", entry["format"])
                self.systems.update(dict.fromkeys((name, *entry["urls"]), name))
        for row in files.rows(tops, "aliases", "$", required=frozenset({"seen", "system", "source"})):
            self.systems[row["seen"]] = row["system"]

    def coded(
        self,
        holders: Iterable[Located],
        key: str,
        path: str = "$",
        extra: Iterable[str] = (),
        optional: Iterable[str] = (),
    ) -> Iterator[tuple[CodeKey, Located]]:
        """Yield the rows of a list of codes, each code in the form of its system."""
        required = CODED | frozenset(extra)
        for row in self.files.rows(holders, key, path, required=required, optional=frozenset(optional)):
            form = self.formats.get(row["system"])
            if form is None:
                self.files.defect(row, f"{path}.{key}", f"no code system is called {row['system']}")
            elif not isinstance(row["code"], str) or form.search(row["code"]) is None:
                self.files.defect(row, f"{path}.{key}", f"not a code of {row['system']}: {row['code']}")
            else:
                yield (row["system"], row["code"]), row

    def meanings(
        self, holders: Iterable[Located], key: str, of: str = "meaning", path: str = "$", optional: Iterable[str] = ()
    ) -> dict[CodeKey, str]:
        """Return code -> meaning of a list of codes."""
        rows = self.coded(holders, key, path, (of,), optional)
        return self.table(rows, lambda row: str(row[of]))

    def table(
        self, rows: Iterable[tuple[CodeKey, Located]], value_of: Callable[[Located], Value]
    ) -> dict[CodeKey, Value]:
        """Return code -> value; a code with two different values is a defect."""
        table: dict[CodeKey, Value] = {}
        for key, row in rows:
            value = value_of(row)
            if table.setdefault(key, value) != value:
                self.files.defect(row, "$", f"code {key[1]} has two meanings")
        return table

    def code_set(self, holders: Iterable[Located], key: str, path: str = "$") -> frozenset[CodeKey]:
        """Return the codes of a list that needs no further meaning."""
        return frozenset(code for code, _ in self.coded(holders, key, path))

    def patterns(self, holders: Iterable[Located], key: str, of: str = "meaning") -> tuple[TextPattern, ...]:
        """Return the compiled text patterns of a list, in its order."""
        rows = self.files.rows(holders, key, "$", required=PATTERN | {of}, optional=frozenset({"scope"}))
        return tuple(
            TextPattern(row[of], compiled(self.files, row, f"$.{key}", row["pattern"]), row.get("scope") or "")
            for row in rows
        )

    def sets(self, holders: Iterable[Located], key: str, *, ranges: bool = False) -> Iterator[tuple[str, Located]]:
        """Yield the named sets of codes under a key."""
        required = frozenset({"title", "codes"})
        optional = frozenset({"ranges"}) if ranges else NO_KEYS
        for holder in holders:
            for name, entry in mapping_of(self.files, holder, key):
                if self.files.check(entry, f"$.{key}.{name}", required, optional):
                    yield name, entry

    def members(self, holders: Iterable[Located], key: str, *, ranges: bool = False) -> dict[CodeKey, frozenset[str]]:
        """Return code -> names of the sets it is in."""
        found: dict[CodeKey, set[str]] = {}
        for name, entry in self.sets(holders, key, ranges=ranges):
            for code, _ in self.coded([entry], "codes", f"$.{key}.{name}"):
                found.setdefault(code, set()).add(name)
        return {code: frozenset(names) for code, names in found.items()}


def mapping_of(files: ValueSetFiles, holder: Located, key: str) -> Iterator[tuple[str, Located]]:
    """Yield name and mapping of each entry of a mapping of mappings."""
    entries = holder.get(key)
    if entries is None:
        return
    if not isinstance(entries, Located):
        files.defect(holder, f"$.{key}", "is not a mapping")
        return
    for name, entry in entries.items():
        if isinstance(entry, Located):
            yield name, entry
        else:
            files.defect(entries, f"$.{key}.{name}", "is not a mapping")


def compiled(files: ValueSetFiles, at: Located, path: str, pattern: Any) -> re.Pattern[str]:
    """Compile a pattern; one that does not compile is a defect and matches nothing."""
    try:
        return re.compile(str(pattern))
    except re.error as error:
        files.defect(at, path, f"not a pattern: {error}")
        return re.compile(r"(?!)")


def number_of(files: ValueSetFiles, at: Located, path: str, value: Any) -> Decimal:
    """Return an exact number that is written as text; another value is a defect."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        files.defect(at, path, "not a number")
        return Decimal(0)
