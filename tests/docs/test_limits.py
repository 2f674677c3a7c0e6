"""What docs/limits.md says is so: every number in it is the one in the code, and no limit in the code is missing."""

import re
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from service.settings import Settings

LIMITS = (Path(__file__).resolve().parents[2] / "docs/limits.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| .*\| ([0-9.]+) \| [^|]+ \| `([\w.]+)`[^|]*\|$", re.MULTILINE)
MODULES = ("circuits", "connections", "fetches", "jwks", "prefetch", "receiving", "server", "worker")


def documented(text: str = LIMITS) -> list[tuple[float, str]]:
    return [(float(number), name) for number, name in ROW.findall(text)]


def in_code(name: str) -> float:
    """Return the number of a name such as `connections.READ_SECONDS` or `settings.Settings.deadline_seconds`."""
    module, _, rest = name.partition(".")
    if rest.startswith("Settings."):
        defaults: Mapping[str, object] = {each.name: each.default for each in fields(Settings)}
        return float(str(defaults[rest.removeprefix("Settings.")]))
    return float(getattr(import_module(f"service.{module}"), rest))


@pytest.mark.parametrize(("number", "name"), documented(), ids=[name for _, name in documented()])
def test_a_limit_is_the_one_in_the_code(number: float, name: str) -> None:
    assert in_code(name) == number


def test_every_row_of_the_tables_is_compared() -> None:
    rows = [line for line in LIMITS.splitlines() if line.startswith("| ") and re.search(r"`\w+\.[\w.]+`", line)]
    assert len(rows) == len(documented()) > 30


def test_no_limit_of_these_modules_is_left_out() -> None:
    limits = {
        f"{module}.{name}"
        for module in MODULES
        for name in vars(import_module(f"service.{module}"))
        if re.fullmatch(r"(MOST|LARGEST|LONGEST)_[A-Z_]+|[A-Z_]+_SECONDS", name)
    }
    # These bound what a process remembers; nobody notices when they are reached.
    assert limits - {name for _, name in documented()} == {"circuits.MOST_CIRCUITS", "worker.MOST_LEAVING"}


def test_a_number_that_differs_is_noticed() -> None:
    ((number, name),) = documented("| a connection | 0.6 | the next | `connections.CONNECT_SECONDS` |")
    assert in_code(name) != number
