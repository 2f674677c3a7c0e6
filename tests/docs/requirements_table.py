"""Tables of requirements: each with the tests that show it, or why it does not apply.

docs/conformance.md has those of the specifications, SECURITY.md those of OWASP ASVS.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

HEADER = ("id", "level", "requirement", "shown by, or why not")
LEVELS = frozenset({"SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "L1", "L2", "L3"})

_ID = re.compile(r"[a-z]+(?:-[a-z]+)*-q?\d+|\d+(?:\.\d+){2}")
_TEST = re.compile(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`")
_TESTS = re.compile(rf"{_TEST.pattern}(?:, {_TEST.pattern})*(?:\. (?P<more>\S.*\.))?")


_FEWEST_WORDS = 4
"""Of a reason."""


class TableError(ValueError):
    """A table that cannot be read; the text names the line."""


class Status(Enum):
    """How a requirement is met; the words stand before the colon of the last cell."""

    IMPLEMENTED = "implemented"
    PARTLY = "partly"
    """Shown by tests as far as it goes; the words after them say what remains. Never a SHALL."""
    NOT_APPLICABLE = "not applicable"
    NOT_FOLLOWED = "not followed"
    """A recommendation that the service leaves aside for the reason given; never a SHALL."""
    NOT_YET = "not yet"
    """Owed and not built. Only for the requirements that a list of their own names, for the reason given there."""


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement. `tests` are (file, function) of one that is shown; `words` the reason of any other."""

    id: str
    level: str
    text: str
    status: Status
    words: str
    tests: tuple[tuple[str, str], ...]


def rows(markdown: str) -> list[Row]:
    """Return the rows of every table with our header; raise TableError for a row that is not one."""
    return [_row(cells, number) for number, cells in _cells(markdown)]


def requirements(text: str) -> dict[str, str]:
    """Return id and level of each line of a list of requirements; raise TableError when one stands twice."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, level = line.partition(" ")
            if name in found or level not in LEVELS:
                raise TableError(f"{name}: listed twice, or with an unknown level")
            found[name] = level
    return found


def reasons(text: str) -> dict[str, str]:
    """Return id and reason of each line of a list of what is not built; raise TableError for one without reason."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            if name in found or not reason:
                raise TableError(f"{name}: listed twice, or without a reason")
            found[name] = reason
    return found


def problems(found: list[Row], expected: dict[str, str], not_yet: dict[str, str], root: Path) -> list[str]:
    """Return what is wrong with the rows: against both lists, and tests that do not exist."""
    names = [row.id for row in found]
    owed = {row.id: row.words for row in found if row.status is Status.NOT_YET}
    return [
        *(f"{name}: stands {names.count(name)} times" for name in sorted(set(names)) if names.count(name) > 1),
        *(f"{name}: is missing" for name in expected if name not in names),
        *(f"{name}: is no requirement" for name in names if name not in expected),
        *(
            f"{row.id}: the level is {expected[row.id]}"
            for row in found
            if row.id in expected and row.level != expected[row.id]
        ),
        *(f"{name}: may not stand as not yet" for name, words in owed.items() if not_yet.get(name) != words),
        *(f"{name}: is listed as not yet, and its row says something else" for name in not_yet if name not in owed),
        *(
            f"{row.id}: there is no {file}::{test}"
            for row in found
            for file, test in row.tests
            if test not in _functions(root / file)
        ),
    ]


def _cells(markdown: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    inside = False
    for number, line in enumerate(markdown.splitlines(), start=1):
        cells = tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
        if not line.startswith("|"):
            inside = False
        elif cells == HEADER:
            inside = True
        elif inside and not re.fullmatch(r"[|\- ]+", line):
            yield number, cells


def _row(cells: tuple[str, ...], number: int) -> Row:
    if len(cells) != len(HEADER):
        raise TableError(f"line {number}: {len(cells)} cells")
    name, level, text, last = cells
    if not _ID.fullmatch(name) or level not in LEVELS:
        raise TableError(f"line {number}: {name!r} is no id, or {level!r} no level")
    if len(text.split()) < 3 or not text.endswith("."):
        raise TableError(f"line {number}: {name} does not say in a sentence what is asked")
    word, colon, words = last.partition(": ")
    status = next((each for each in Status if each.value == word), None)
    if status is None or not colon or len(words.split()) < 1:
        raise TableError(f"line {number}: {name} says neither by what it is shown nor why not")
    return Row(name, level, text, status, words, _tests(name, level, status, words, number))


def _tests(name: str, level: str, status: Status, words: str, number: int) -> tuple[tuple[str, str], ...]:
    if status in {Status.IMPLEMENTED, Status.PARTLY}:
        shown = _TESTS.fullmatch(words)
        if shown is None:
            raise TableError(f"line {number}: {name} is not shown by tests/file.py::test_name")
        if status is Status.PARTLY and (
            level.startswith("SHALL") or len((shown["more"] or "").split()) < _FEWEST_WORDS
        ):
            raise TableError(f"line {number}: {name} is a SHALL, or does not say what remains")
        return tuple((file, test) for file, test in _TEST.findall(words))
    if "::" in words:
        raise TableError(f"line {number}: {name} has a test and is {status.value}")
    if status is Status.NOT_FOLLOWED and level.startswith("SHALL"):
        raise TableError(f"line {number}: {name} is a SHALL and cannot be left aside")
    if len(words.split()) < _FEWEST_WORDS:
        raise TableError(f"line {number}: {name} gives no reason")
    return ()


@cache
def _functions(file: Path) -> frozenset[str]:
    """Names of the test functions of a file; none when there is no such file."""
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
