"""Find drug names in a short text: the longest name counts, so that a name inside a longer one is not read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

LONGEST_TEXT = 400
"""Characters of a text that are read: the name of a drug stands at the beginning, and some patterns look ahead."""

_HYPHENS = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-"})
_WORD_START = re.compile(r"(?<![a-z])[a-z0-9]")
_META = frozenset(r"\?*+|()[]{}.^$")
_HEAD = 2


class Name(NamedTuple):
    """A name as written: the drug and where it stands in the text."""

    key: str
    start: int
    end: int


class _Entry(NamedTuple):
    key: str
    literal: str
    pattern: re.Pattern[str] | None

    def end_at(self, text: str, start: int) -> int:
        """Return where the name ends when it stands at `start`, else -1."""
        if self.pattern is not None:
            found = self.pattern.match(text, start)
            return -1 if found is None else found.end()
        end = start + len(self.literal)
        if not text.startswith(self.literal, start) or (end < len(text) and "a" <= text[end] <= "z"):
            return -1
        return end


def plain_text(text: str) -> str:
    """Return the text as names are matched on: lower case, single spaces, simple hyphens, cut to LONGEST_TEXT."""
    return " ".join(text[:LONGEST_TEXT].lower().translate(_HYPHENS).split())


@dataclass(frozen=True, slots=True, eq=False)
class DrugNames:
    """All names, by the first letters of those that begin with plain letters."""

    by_head: Mapping[str, tuple[_Entry, ...]]
    anywhere: tuple[_Entry, ...]

    @classmethod
    def of(cls, names: Iterable[tuple[str, str]]) -> "DrugNames":
        """Build from pairs of name (a lower-case regular expression) and key; raise re.error when one is wrong."""
        heads: dict[str, list[_Entry]] = {}
        anywhere: list[_Entry] = []
        for name, key in names:
            literal = _literal_head(name)
            pattern = None if literal == name else re.compile(rf"(?:{name})(?![a-z])")
            entry = _Entry(key, literal, pattern)
            if len(literal) < _HEAD:
                anywhere.append(entry)
            else:
                heads.setdefault(literal[:_HEAD], []).append(entry)
        return cls({head: tuple(entries) for head, entries in heads.items()}, tuple(anywhere))

    def find(self, text: str) -> list[Name]:
        """Return the names in a plain text from left to right; where two drugs share a name, both."""
        found: list[Name] = []
        read_to = 0
        for word in _WORD_START.finditer(text):
            start = word.start()
            if start < read_to:
                continue
            candidates = (*self.by_head.get(text[start : start + _HEAD], ()), *self.anywhere)
            ends = [(entry.end_at(text, start), entry.key) for entry in candidates]
            longest = max((end for end, _ in ends), default=-1)
            if longest > start:
                found.extend(Name(key, start, longest) for key in sorted({key for end, key in ends if end == longest}))
                read_to = longest
        return found


def compiles(name: str) -> bool:
    """Say whether a name is a correct pattern; most are plain words, which always are."""
    if _META.isdisjoint(name):
        return True
    try:
        re.compile(name)
    except re.error:
        return False
    return True


def _literal_head(name: str) -> str:
    """Return the characters before the first one with a meaning, without one that may be missing or repeat."""
    if _has_alternatives(name):
        return ""
    for index, character in enumerate(name):
        if character in _META:
            return name[: index - 1] if character in "?*{" and index else name[:index]
    return name


def _has_alternatives(name: str) -> bool:
    """Say whether a "|" stands outside all brackets."""
    depth = 0
    for character in name:
        depth += (character in "([") - (character in ")]")
        if character == "|" and depth == 0:
            return True
    return False
