"""Dosage instructions -> dose and interval: of several doses the highest, of several intervals none."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from criteria.bounds import Bounds
from criteria.facts import Source
from fhir_mappers.element import Json, Origin, mapping, mappings, number, text
from fhir_mappers.quantities import NOT_UNDERSTOOD, Units, quantity, range_

MILLIGRAMS: Units = {"mg": Decimal(1), "g": Decimal(1000), "ug": Decimal("0.001"), "mcg": Decimal("0.001")}
MILLIGRAMS_PER_KILOGRAM: Units = {f"{unit}/kg": factor for unit, factor in MILLIGRAMS.items()}

_DAYS = {
    "h": Decimal(1) / 24,
    "d": Decimal(1),
    "wk": Decimal(7),
    "mo": Decimal(28),  # the shortest month: limits ask whether doses may come too soon
    "a": Decimal(365),
}
_LONGEST_TEXT = 1000
_AMOUNT = re.compile(r"(?<![\d.,-])(\d{1,7}(?:\.\d{1,4})?)\s*mg\b(?!\s*vials?\b)(?:\s*(?:/|per\b)\s*(\w+))?")
_PER_KILOGRAM = {"": False, "dose": False, "kg": True}
_LIMIT = re.compile(r"\b(?:max|maximum|exceed|up to|cap(?:ped)?)\b")


class Dosage(NamedTuple):
    """The dose of one administration and the days between two; None where not exactly one is stated."""

    dose_mg: Bounds | None = None
    dose_mg_per_kg: Bounds | None = None
    source: Source | None = None
    observed: str = ""
    interval_days: Decimal | None = None


class _Dose(NamedTuple):
    bounds: Bounds
    per_kg: bool
    path: str
    observed: str


def read_dosage(origin: Origin, key: str = "dosageInstruction") -> Dosage:
    """Return dose and interval of all dosage instructions together.

    Rates and maximum doses are no doses. Text is read only where no dose is coded.
    """
    instructions = mappings(origin, origin.resource, key)
    if not instructions:
        return Dosage()
    doses = [dose for index, each in enumerate(instructions) for dose in _coded(origin, each, f"{key}[{index}]")]
    doses = doses or [
        dose for index, each in enumerate(instructions) for dose in _worded(origin, each, f"{key}[{index}]")
    ]
    absolute, per_kg = _the_one(origin, doses, key, per_kg=False), _the_one(origin, doses, key, per_kg=True)
    found = [each for each in (per_kg, absolute) if each is not None]
    return Dosage(
        dose_mg=None if absolute is None else absolute.bounds,
        dose_mg_per_kg=None if per_kg is None else per_kg.bounds,
        source=origin.source(found[0].path) if found else None,
        observed="; ".join(each.observed for each in found),
        interval_days=_interval(origin, instructions, key),
    )


def _the_one(origin: Origin, doses: list[_Dose], key: str, *, per_kg: bool) -> _Dose | None:
    """Return the dose of a kind; of several the highest, since a limit must hold for each of them."""
    found = [each for each in doses if each.per_kg is per_kg]
    if not found:
        return None
    if any(each.bounds != found[0].bounds for each in found[1:]):
        origin.note(key, "states several doses: the highest is judged")
    return max(found, key=_height)


def _height(dose: _Dose) -> Decimal:
    """Return what a dose surely reaches; one without a lower end surely reaches nothing."""
    low = dose.bounds.low
    return Decimal(0) if low is None else low


def _coded(origin: Origin, instruction: Json, path: str) -> Iterator[_Dose]:
    for index, entry in enumerate(mappings(origin, instruction, "doseAndRate", path)):
        at = f"{path}.doseAndRate[{index}]"
        for key in ("doseQuantity", "doseRange"):
            holder = mapping(origin, entry, key, at)
            if holder is not None:
                yield from _dose(origin, entry, key, holder, at)


def _dose(origin: Origin, entry: Json, key: str, holder: Json, path: str) -> Iterator[_Dose]:
    end = (
        holder
        if key == "doseQuantity"
        else mapping(origin, holder, "low", path) or mapping(origin, holder, "high", path)
    )
    unit = "" if end is None else _unit(end)
    units = MILLIGRAMS_PER_KILOGRAM if unit in MILLIGRAMS_PER_KILOGRAM else MILLIGRAMS
    if unit not in units:
        origin.note(f"{path}.{key}", NOT_UNDERSTOOD)
        return
    bounds = (
        quantity(origin, entry, key, units, path) if key == "doseQuantity" else range_(origin, entry, key, units, path)
    )
    if bounds is not None:
        per_kg = units is MILLIGRAMS_PER_KILOGRAM
        yield _Dose(bounds, per_kg, f"{path}.{key}", f"{bounds} {'mg/kg' if per_kg else 'mg'}")


def _unit(value: Json) -> str:
    unit = value.get("code") or value.get("unit")
    return unit if isinstance(unit, str) else ""


def _worded(origin: Origin, instruction: Json, path: str) -> Iterator[_Dose]:
    """Yield the doses a text states; a text that states several of a kind, or a maximum, states none."""
    words = text(origin, instruction, "text", path)
    if words is None:
        return
    words = words[:_LONGEST_TEXT].lower()
    if _LIMIT.search(words):
        return
    found = [(Decimal(amount), _PER_KILOGRAM[per]) for amount, per in _AMOUNT.findall(words) if per in _PER_KILOGRAM]
    for kind in (False, True):
        amounts = {amount for amount, per_kg in found if per_kg is kind}
        if len(amounts) == 1:
            amount = amounts.pop()
            observed = f"{amount} {'mg/kg' if kind else 'mg'}"
            yield _Dose(Bounds.exactly(amount), kind, f"{path}.text", observed)


def _interval(origin: Origin, instructions: Sequence[Json], key: str) -> Decimal | None:
    """Return the days between doses when the instructions state one interval; a range or a mere code states none."""
    found = set()
    for index, each in enumerate(instructions):
        path = f"{key}[{index}].timing"
        timing = mapping(origin, each, "timing", f"{key}[{index}]")
        repeat = None if timing is None else mapping(origin, timing, "repeat", path)
        if repeat is not None and (days := _days(origin, repeat, f"{path}.repeat")) is not None:
            found.add(days)
    return found.pop() if len(found) == 1 else None


def _days(origin: Origin, repeat: Json, path: str) -> Decimal | None:
    if "periodMax" in repeat or "frequencyMax" in repeat:
        return None
    period = number(origin, repeat, "period", path)
    unit = text(origin, repeat, "periodUnit", path)
    days = None if unit is None else _DAYS.get(unit)
    if period is None or days is None:
        return None
    frequency = number(origin, repeat, "frequency", path)
    frequency = Decimal(1) if frequency is None else frequency
    if period <= 0 or frequency <= 0:
        origin.note(path, "not a positive number")
        return None
    return period * days / frequency
