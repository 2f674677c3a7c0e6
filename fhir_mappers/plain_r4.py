"""A quick look at a resource: what is plainly right needs no model, anything unusual is left to it.

A full check with fhir.resources takes a third of a millisecond for one order. Nearly all orders hold nothing but
ordinary members with ordinary values, and that can be seen along the models' own element tables in a tenth of it.
Every rule here is narrower than the model's: "no" means "not plainly", never "wrong".
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any

from fhir_mappers.dates import parse_date
from fhir_mappers.element import FHIR_ID

Check = Callable[[Any], bool]

_CODE = re.compile(r"[!-~]+(?: [!-~]+)*")
_URI = re.compile(r"[!-~]+")
_DAY = re.compile(r"(?:19|20)\d\d-\d\d-\d\d")
_MOMENT = re.compile(_DAY.pattern + r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)")
_RANGE = re.compile(r"min_length=(-?\d+), max_length=(\d+)")


@dataclass(frozen=True, slots=True)
class PlainShape:
    """What a plain object of one type may hold: a check per member, members that must be there, choices of types."""

    members: Mapping[str, Check]
    required: tuple[str, ...]
    choice_of: Mapping[str, str]
    needed_choices: frozenset[str]

    def holds(self, value: Any) -> bool:
        """Say whether a value is plainly an object of this shape."""
        if type(value) is not dict or not value:
            return False
        members = self.members
        for name, given in value.items():
            check = members.get(name)
            if check is None or not check(given):
                return False
        for name in self.required:
            if name not in value:
                return False
        return not self.choice_of or self._chooses_once(value)

    def _chooses_once(self, value: Mapping[str, Any]) -> bool:
        chosen = [choice for name in value if (choice := self.choice_of.get(name)) is not None]
        return len(set(chosen)) == len(chosen) and self.needed_choices.issubset(chosen)


def plain_list(check: Check) -> Check:
    """Return the check for a list of such values; an empty one is not plain."""

    def holds(value: Any) -> bool:
        return type(value) is list and bool(value) and all(map(check, value))

    return holds


def plain_code(codes: Iterable[str]) -> Check:
    """Return the check for one of these codes."""
    return partial(_one_of, frozenset(codes))


def plain_primitive(annotation: str, codes: Collection[str]) -> Check | None:
    """Return the check for a primitive by the annotation of its model field; None for one that is never plain."""
    if codes:
        return plain_code(codes)
    found = re.search(r"([A-Z]\w+)\(", annotation)
    if found is None:
        return _boolean if "bool" in annotation else None
    if bounds := _RANGE.search(annotation):
        return partial(_whole, int(bounds[1]), int(bounds[2]))
    return _CHECKS.get(found[1])


def _one_of(codes: frozenset[str], value: Any) -> bool:
    return type(value) is str and value in codes


def _boolean(value: Any) -> bool:
    return type(value) is bool


def _whole(lowest: int, highest: int, value: Any) -> bool:
    return type(value) is int and lowest <= value <= highest


def _number(value: Any) -> bool:
    return type(value) is int or (type(value) is Decimal and value.is_finite())


def _words(value: Any) -> bool:
    return type(value) is str and bool(value.strip())


def _matching(pattern: re.Pattern[str]) -> Check:
    matches = pattern.fullmatch

    def holds(value: Any) -> bool:
        return type(value) is str and matches(value) is not None

    return holds


def _day(value: Any) -> bool:
    return type(value) is str and _DAY.fullmatch(value) is not None and parse_date(value) is not None


def _moment(value: Any) -> bool:
    return type(value) is str and _MOMENT.fullmatch(value) is not None and parse_date(value) is not None


def _time(value: Any) -> bool:
    return _day(value) or _moment(value)


_CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "String": _words,
        "Markdown": _words,
        "Code": _matching(_CODE),
        "Id": _matching(FHIR_ID),
        "Uri": _matching(_URI),
        "Canonical": _matching(_URI),
        "Decimal": _number,
        "Date": _day,
        "DateTime": _time,
        "Instant": _moment,
    }
)
