"""The table that a harness prints: what was done, what was expected, what was seen, and how many records were lost."""

import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import IO, assert_never

_COLUMNS = (("done", 42), ("expected", 36), ("seen", 36), ("measured", 20), ("lost", 4), ("", 9))


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was done. `expected` and `seen` are the same words when all is well.

    `measured` holds figures, which nobody expects to the letter. `lost` counts acknowledged decisions that are not in
    the store afterwards; None where a row is about something else.
    """

    done: str
    expected: str
    seen: str
    measured: str = ""
    lost: int | None = None

    @property
    def is_as_expected(self) -> bool:
        """Say whether what was seen is what was expected, and nothing was lost."""
        return self.seen == self.expected and not self.lost


@dataclass(frozen=True, slots=True)
class Skip:
    """A row that could not be played on this machine, and why."""

    done: str
    why: str


Line = Row | Skip


def heading() -> str:
    """Return the first two lines of the table."""
    names = [name.upper().ljust(width) for name, width in _COLUMNS]
    return "\n".join(("  ".join(names).rstrip(), "  ".join("-" * width for _, width in _COLUMNS)))


def text_of(line: Line) -> str:
    """Return a line of the table; what is too long for its column goes on below."""
    match line:
        case Row():
            lost = "" if line.lost is None else str(line.lost)
            cells = (line.done, line.expected, line.seen, line.measured, lost)
            mark = "ok" if line.is_as_expected else "DIFFERENT"
        case Skip():
            cells = (line.done, "", f"not played: {line.why}", "", "")
            mark = "skipped"
        case _:
            assert_never(line)
    return _wrapped((*cells, mark))


def _wrapped(cells: Sequence[str]) -> str:
    widths = [width for _, width in _COLUMNS]
    columns = [textwrap.wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines = zip_longest(*columns, fillvalue="")
    return "\n".join(
        "  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip() for parts in lines
    )


def summary(lines: Sequence[Line]) -> str:
    """Return the last line: how many rows are as expected."""
    rows = [each for each in lines if isinstance(each, Row)]
    good = sum(each.is_as_expected for each in rows)
    lost = sum(each.lost or 0 for each in rows)
    skipped = f", {len(lines) - len(rows)} not played" if len(rows) < len(lines) else ""
    return f"{len(rows)} rows, {good} as expected{skipped}; lost records: {lost}"


def status_of(lines: Iterable[Line]) -> int:
    """Return the exit status: 0 when rows were played and every one of them is as expected, else 1."""
    rows = [each for each in lines if isinstance(each, Row)]
    return 0 if rows and all(each.is_as_expected for each in rows) else 1


def print_table(lines: Iterable[Line], out: IO[str] | None = None) -> int:
    """Print each line as soon as it is there, then the summary and what it is about; return the exit status."""
    out = out or sys.stdout
    print(heading(), file=out, flush=True)
    played = []
    for line in lines:
        played.append(line)
        print(text_of(line), file=out, flush=True)
    print(f"\n{summary(played)}", file=out, flush=True)
    return status_of(played)
