"""The command `python -m criteria check [FOLDER ...]`: load every data file and print what is wrong with it.

A folder is laid out like this package: `policies/` and `value_sets/`, of which either may be missing.
"""

import sys
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path

from criteria.errors import LibraryError
from criteria.library import Library
from criteria.loading import load_library, shipped_data
from criteria.vocabulary import load_vocabulary

USAGE = "usage: python -m criteria check [FOLDER ...]"
PARTS = ("policies", "value_sets")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the shipped data and the folders named; return 0 when clean, 1 with defects, 2 for any other call."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] != ["check"]:
        print(USAGE, file=sys.stderr)
        return 2
    folders = [Path(name) for name in given[1:]]
    strangers = [str(each) for each in folders if not any((each / part).is_dir() for part in PARTS)]
    if strangers:
        print(f"{USAGE}\nneither policies/ nor value_sets/ in: {', '.join(strangers)}", file=sys.stderr)
        return 2
    try:
        print(_summary(*_load([shipped_data(), *folders])))
    except LibraryError as error:
        for defect in error.defects:
            print(defect)
        return 1
    return 0


def _load(roots: Sequence[Traversable]) -> tuple[Library, int]:
    """Return the library of all roots and the number of their value sets."""
    value_sets = [each / "value_sets" for each in roots if (each / "value_sets").is_dir()]
    library = load_library(roots, load_vocabulary(value_sets))
    return library, sum(each.name.endswith(".yaml") for folder in value_sets for each in folder.iterdir())


def _summary(library: Library, value_sets: int) -> str:
    leaves = sum(len(policy.leaves) for policy in library.policies.values())
    counts = (
        (len(library.payers), "payer"),
        (len(library.policies), "policy"),
        (leaves, "leaf"),
        (value_sets, "value set"),
    )
    return f"clean: {', '.join(_count(number, name) for number, name in counts)}"


def _count(number: int, name: str) -> str:
    plurals = {"policy": "policies", "leaf": "leaves"}
    return f"{number} {name if number == 1 else plurals.get(name, f'{name}s')}"


if __name__ == "__main__":
    sys.exit(main())
