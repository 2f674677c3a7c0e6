"""The names data files may use for what a record shows, as sets of names by what they name.

What no mapper can learn is in no fact: a leaf with a misspelt name would answer the same for every patient, and a
diagnosis nobody can have is even a no. So every such name is checked when the library loads.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum

Names = Mapping[str, frozenset[str]]


class Named(StrEnum):
    """What a name can be of, in the words of an error; as a `format` it says so in a JSON Schema."""

    CONDITIONS = "set of conditions"
    SITE = "primary site"
    DOCUMENT = "kind of document"
    MEASUREMENT = "kind of measurement"
    GENE = "gene"
    DRUG = "drug"


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """Return the words for a name that does not exist: the nearest that do help to mend it."""
    # Without a cutoff: even for a name far from all others, some that exist show how such names look.
    nearest = get_close_matches(name, sorted(known), n=3, cutoff=0)
    return f"no {what} is called {name}; nearest: {', '.join(nearest)}"
