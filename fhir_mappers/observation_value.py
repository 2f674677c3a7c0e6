"""The value, interpretation and notes of an Observation or of one of its components, as what they say.

Reading order inside one part (clinical readings section 2.3): value, then interpretation, then notes.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from criteria.bounds import Bounds
from criteria.dates import DateRange
from fhir_mappers.chart import Chart
from fhir_mappers.element import (
    NO_CONCEPT,
    Coding,
    Concept,
    Json,
    Origin,
    below,
    concept,
    concepts,
    flag,
    mappings,
    number,
    text,
)
from fhir_mappers.quantities import Units, bounds


class _CountUnits(dict[str, Decimal]):
    """Units of pure numbers: none, "1", UCUM annotations ("{ratio}", "{copies}/{cell}"), and words for them."""

    _PURE = re.compile(r"(?:/?\{[^{}]*\}|/?1|[./])*|ratio|:1|(?:cop(?:y|ies)|signals?|cells?|nuclei|nucleus|per|[/ ])+")

    def get(self, unit: str, default: Decimal | None = None) -> Decimal | None:  # type: ignore[override] # as dict.get
        """Return 1 for every unit that counts things."""
        return Decimal(1) if self._PURE.fullmatch(unit.lower()) else default


COUNTS: Units = _CountUnits()

_NUMERIC = frozenset({"valueQuantity", "valueRange", "valueRatio", "valueInteger", "valueDecimal"})


class Part(Struct, frozen=True):
    """An Observation, or one of its components: the object, its path below the resource, and what it is about."""

    holder: Json
    path: str
    code: Concept


class Observed(Struct, frozen=True):
    """An Observation being read: what all of its parts share.

    `counted` is False for preliminary ones. `when` is the clinically relevant time, without one the time of issue.
    `specimen` and `group_keys` tie it to other results; only markers need them.
    """

    origin: Origin
    chart: Chart
    counted: bool
    when: DateRange | None
    specimen: str | None = None
    group_keys: frozenset[str] = frozenset()

    def components(self) -> Iterator[Part]:
        """Yield the components with what each is about."""
        if "component" not in self.origin.resource:
            return
        for index, holder in enumerate(mappings(self.origin, self.origin.resource, "component")):
            path = f"component[{index}]"
            yield Part(holder, path, concept(self.origin, holder, "code", path))


class Statement(Struct, frozen=True):
    """What one element says: codings as sent, and words that may say the same again.

    `path` is the element's, below the resource; `yes` the value of a boolean.
    """

    path: str
    observed: str
    codings: tuple[Coding, ...] = ()
    words: tuple[str, ...] = ()
    yes: bool | None = None

    def shown(self, means: str) -> str:
        """Return what to show a reader: the words as sent; a bare code or yes is shown with what it means."""
        return self.observed if self.words else f"{means} ({self.observed})"


def value_key(part: Part) -> str | None:
    """Return the name of the value element, None without a value or with a reason for its absence."""
    if "dataAbsentReason" in part.holder:
        return None
    for key in part.holder:
        if key.startswith("value"):
            return key
    return None


def stated_value(observed: Observed, part: Part, key: str) -> Statement | None:
    """Return what a coded, textual, boolean or integer value says; None for another type or an unreadable value."""
    origin, holder, path = observed.origin, part.holder, below(part.path, "value")
    match key:
        case "valueCodeableConcept":
            return _of_concept(concept(origin, holder, key, part.path), path)
        case "valueString":
            words = text(origin, holder, key, part.path)
            return None if words is None else Statement(path, words, words=(words,))
        case "valueBoolean":
            yes = flag(origin, holder, key, part.path)
            return None if yes is None else Statement(path, "yes" if yes else "no", yes=yes)
        case "valueInteger":
            count = number(origin, holder, key, part.path)
            return None if count is None else Statement(path, f"{count:f}", words=(f"{count:f}",))
        case _:
            return None


def stated_value_of(observed: Observed, part: Part) -> Statement | None:
    """Return what the value says, whatever its type, when it says it in codes, words or yes and no."""
    key = value_key(part)
    return None if key is None else stated_value(observed, part, key)


def interpretations(observed: Observed, part: Part) -> Iterator[Statement]:
    """Yield what the interpretations say."""
    if "interpretation" not in part.holder:
        return
    for index, each in enumerate(concepts(observed.origin, part.holder, "interpretation", part.path)):
        found = _of_concept(each, below(part.path, f"interpretation[{index}]"))
        if found is not None:
            yield found


def notes(observed: Observed, part: Part) -> Iterator[Statement]:
    """Yield what the notes say; components have none."""
    if "note" not in part.holder:
        return
    for index, each in enumerate(mappings(observed.origin, part.holder, "note", part.path)):
        path = below(part.path, f"note[{index}]")
        words = text(observed.origin, each, "text", path)
        if words is not None:
            yield Statement(f"{path}.text", words, words=(words,))


def measured(observed: Observed, part: Part, key: str, units: Units) -> Bounds | None:
    """Return the interval a numeric or textual value states in the base unit, None when it states none."""
    if key not in _NUMERIC and key != "valueString":
        return None
    return bounds(observed.origin, part.holder, "value", units, part.path)


def is_numeric(key: str) -> bool:
    """Say whether a value of this element is a number."""
    return key in _NUMERIC


def shown_amount(part: Part, key: str, amount: Bounds) -> str:
    """Return an amount with the unit it was sent in, for the decision record."""
    value = part.holder[key]
    if isinstance(value, str):
        return value.strip()
    sent = value.get("unit") or value.get("code") if isinstance(value, dict) else None
    if not isinstance(sent, str) or key == "valueRatio":
        return str(amount)
    said = value.get("value")
    return f"{value.get('comparator', '')}{said} {sent}" if said is not None else f"{amount} {sent}"


def _of_concept(value: Concept, path: str) -> Statement | None:
    if value is NO_CONCEPT or value.is_empty:
        return None
    words = tuple(dict.fromkeys(each for each in (value.text, *(coding.display for coding in value.codings)) if each))
    return Statement(path, value.label, value.codings, words)
