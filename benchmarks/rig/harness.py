"""Playing the lines of a harness: into one table, on files and processes that are gone afterwards."""

import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from benchmarks.rig.postgres import NoPostgresError
from benchmarks.rig.processes import ended_cleanly, scratch
from benchmarks.rig.server import NotStartedError
from benchmarks.rig.table import Line, Row, print_table
from benchmarks.rig.web import NoAnswerError

Play = Callable[[Path, Mapping[str, str]], Generator[Line, None, None]]
"""Yields the lines of a harness; it may put files into the folder, and reads variables of the environment."""

_LONGEST_WORDS = 300
_LAST_ERRORS = 5
_ERROR = '"level":"error"'


def played(play: Play, environ: Mapping[str, str]) -> int:
    """Print the table of a harness as it is played and return the exit status.

    The lines are closed before the folder goes, also when Ctrl-C comes between two of them.
    """
    with ended_cleanly(), scratch() as folder, closing(play(folder, environ)) as lines:
        status = print_table(lines)
        if status != 0:
            print("\n".join(complaints(folder)))
        return status


def complaints(folder: Path) -> Iterator[str]:
    """Yield the last errors in each log below a folder, which is gone when somebody wants to know why."""
    for log in sorted(folder.rglob("service.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line for line in lines if _ERROR in line or not line.startswith("{")]
        yield from (f"{log.parent.relative_to(folder)}: {line[:_LONGEST_WORDS]}" for line in errors[-_LAST_ERRORS:])


def guarded(done: str, rows: Iterator[Line]) -> Generator[Line, None, None]:
    """Yield the rows; when they break off because something does not start or answer, say so in a row of its own."""
    try:
        yield from rows
    except (NotStartedError, NoPostgresError, NoAnswerError, OSError, subprocess.TimeoutExpired) as error:
        yield Row(done, "played to the end", f"{type(error).__name__}: {str(error)[-_LONGEST_WORDS:]}")
