"""Numbers with units as exact intervals: comparators and ranges stay what they say, unknown units say nothing."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from criteria.bounds import Bounds
from fhir_mappers.element import Json, Origin, below, mapping, number, text

Units = Mapping[str, Decimal]
"""UCUM code -> factor to the base unit; the empty code stands for a number without a unit."""

UCUM = "http://unitsofmeasure.org"
PURE_NUMBER: Units = {"": Decimal(1), "1": Decimal(1)}
NOT_UNDERSTOOD = "unit not understood"


class Amount(NamedTuple):
    """An interval with the unit it was written with; the unit is not looked up yet."""

    bounds: Bounds
    unit: str


_NUMBER = r"(\d{1,12}(?:\.\d{1,12})?)"
_WORDS = {
    "<": r"<|less than|fewer than|lower than|below|under",
    "<=": r"<=|=<|≤|less than or equal to|at most|up to|no more than|not more than",
    ">": r">|greater than|more than|higher than|above|over",
    ">=": r">=|=>|≥|greater than or equal to|at least|no less than|not less than",
    "=": r"=",
}
_COMPARATOR_OF = {word: sign for sign, words in _WORDS.items() for word in words.split("|")}
_UNIT = r"\s*([^\s\d<>=~≤≥+,.-][^\s<>=~≤≥]*)?"
_LONGEST_FIRST = "|".join(re.escape(word) for word in sorted(_COMPARATOR_OF, key=len, reverse=True))
_ONE = re.compile(rf"(?:({_LONGEST_FIRST})\s*)?{_NUMBER}{_UNIT}")
_SPAN = re.compile(rf"{_NUMBER}{_UNIT}\s*(?:-|\u2013|to)\s*{_NUMBER}{_UNIT}")


def compared(value: Decimal, comparator: str | None) -> Bounds | None:
    """Return the interval a comparator makes of a value; None for one that gives no bound ("~", "ad")."""
    match comparator:
        case None | "=":
            return Bounds.exactly(value)
        case "<":
            return Bounds(None, value, high_open=True)
        case "<=":
            return Bounds(None, value)
        case ">":
            return Bounds(value, None, low_open=True)
        case ">=":
            return Bounds(value, None)
        case _:
            return None


def quantity_at(origin: Origin, value: Json, units: Units, path: str) -> Bounds | None:
    """Return the interval of the Quantity at `path` in the base unit of `units`; issues where it cannot be read."""
    amount = number(origin, value, "value", path)
    if amount is None:
        return None
    bounds = compared(amount, text(origin, value, "comparator", path))
    if bounds is None:
        origin.note(below(path, "comparator"), "gives no bound")
        return None
    factor = _factor(origin, value, units, path)
    if factor is None:
        return None
    return bounds if factor == 1 else bounds.times(factor)


def quantity(origin: Origin, holder: Json, key: str, units: Units, path: str = "") -> Bounds | None:
    """Return the interval of the Quantity under a key."""
    value = mapping(origin, holder, key, path)
    return None if value is None else quantity_at(origin, value, units, below(path, key))


def _factor(origin: Origin, value: Json, units: Units, path: str) -> Decimal | None:
    """Look the unit up: the UCUM code, without one the unit as printed. Two that contradict each other say nothing."""
    code, unit = text(origin, value, "code", path), text(origin, value, "unit", path)
    if code is not None and value.get("system", UCUM) != UCUM:
        code = None
    factor = units.get(code or unit or "")
    if factor is None:
        origin.note(path, NOT_UNDERSTOOD)
    elif unit is not None and units.get(unit, factor) != factor:
        origin.note(path, "unit and its code disagree")
        return None
    return factor


def range_(origin: Origin, holder: Json, key: str, units: Units, path: str = "") -> Bounds | None:
    """Return the interval of the Range under a key; a missing end is open-ended."""
    value = mapping(origin, holder, key, path)
    if value is None:
        return None
    at = below(path, key)
    ends = []
    for name in ("low", "high"):
        end = quantity(origin, value, name, units, at)
        if end is None and value.get(name) is not None:
            return None
        ends.append(None if end is None else end.point)
    low, high = ends
    if (low is None and high is None) or (low is not None and high is not None and high < low):
        origin.note(at, "not a range")
        return None
    return Bounds(low, high)


def ratio(origin: Origin, holder: Json, key: str, units: Units = PURE_NUMBER, path: str = "") -> Bounds | None:
    """Return numerator divided by denominator; a comparator is understood on the numerator only."""
    value = mapping(origin, holder, key, path)
    if value is None:
        return None
    at = below(path, key)
    over = quantity(origin, value, "numerator", units, at)
    under = quantity(origin, value, "denominator", units, at)
    divisor = None if under is None else under.point
    if over is None or divisor is None:
        return None
    if divisor <= 0:
        origin.note(below(at, "denominator"), "not a positive number")
        return None
    low = None if over.low is None else over.low / divisor
    high = None if over.high is None else over.high / divisor
    return Bounds(low, high, over.low_open, over.high_open)


def parse_amount(words: str) -> Amount | None:
    """Return the interval a short text states ("> 2.2", "2.0-2.2", "less than 1.8", "55-60 %"), with its unit.

    None when the text states anything else. "about 6" and "~6" have no bound; a comma may be a decimal point or
    separate thousands, so "1,050" is not read.
    """
    words = " ".join(words.lower().split())
    found = _SPAN.fullmatch(words)
    if found is not None:
        low, unit, high, last_unit = found.groups()
        if Decimal(high) < Decimal(low) or (unit is not None and last_unit is not None and unit != last_unit):
            return None
        return Amount(Bounds(Decimal(low), Decimal(high)), last_unit or unit or "")
    found = _ONE.fullmatch(words)
    if found is None:
        return None
    word, value, unit = found.groups()
    bounds = compared(Decimal(value), None if word is None else _COMPARATOR_OF[word])
    return None if bounds is None else Amount(bounds, unit or "")


def text_bounds(origin: Origin, words: str, units: Units, path: str) -> Bounds | None:
    """Return the interval a string value states, in the base unit; None, without an issue, when it states no number."""
    amount = parse_amount(words)
    if amount is None:
        return None
    factor = units.get(amount.unit)
    if factor is None:
        factor = next((each for code, each in units.items() if code.lower() == amount.unit), None)
    if factor is None:
        origin.note(path, NOT_UNDERSTOOD)
        return None
    return amount.bounds.times(factor)


def bounds(origin: Origin, holder: Json, stem: str, units: Units, path: str = "") -> Bounds | None:
    """Return the interval of a choice element ("value"): Quantity, Range, Ratio, integer, decimal or string."""
    if stem + "Quantity" in holder:
        return quantity(origin, holder, stem + "Quantity", units, path)
    if stem + "Range" in holder:
        return range_(origin, holder, stem + "Range", units, path)
    if stem + "Ratio" in holder:
        return ratio(origin, holder, stem + "Ratio", units, path)
    for ending in ("Integer", "Decimal"):
        if stem + ending in holder:
            return _bare_number(origin, holder, stem + ending, units, path)
    words = text(origin, holder, stem + "String", path)
    return None if words is None else text_bounds(origin, words, units, below(path, stem + "String"))


def _bare_number(origin: Origin, holder: Json, key: str, units: Units, path: str) -> Bounds | None:
    value = number(origin, holder, key, path)
    if value is None:
        return None
    factor = units.get("")
    if factor is None:
        origin.note(below(path, key), NOT_UNDERSTOOD)
        return None
    return Bounds.exactly(value * factor)
