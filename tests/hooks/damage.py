"""Damage to a value of a body: left out, mixed up, doubled, or what belongs somewhere else."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from tests.hooks import wrong_values as wrong
from tests.hooks.wrong_values import CANARY

LONGEST_SHOWN = 80

Option = TypeVar("Option")


class Choices:
    """Bytes read as choices, two for each; when they are used up, the first option is chosen.

    Thousands of bodies are made, and a strategy that hypothesis draws from at every turn takes longer for one than the
    service does. Bytes are one draw, and still shrink to fewer and simpler choices.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._next = 0

    def number(self, below: int) -> int:
        """Return a number from 0; `below` is at least 1."""
        taken = self._data[self._next : self._next + 2]
        self._next += 2
        return int.from_bytes(taken, "big") % below

    def of(self, options: Sequence[Option]) -> Option:
        """Return one of the options."""
        return options[self.number(len(options))]


class Place(NamedTuple):
    """A value in a body: the object or list that holds it, under which name or index, and its path."""

    holder: Any
    key: Any
    path: str
    depth: int

    @property
    def value(self) -> Any:
        return self.holder[self.key]

    @value.setter
    def value(self, value: Any) -> None:
        self.holder[self.key] = value


_HOLDERS = (dict, list)


def places(body: Any) -> list[Place]:
    """Return every place of a body, parents before what is in them."""
    found: list[Place] = []
    _collect(body, "$", 1, found)
    return found


def _collect(holder: Any, path: str, depth: int, found: list[Place]) -> None:
    if isinstance(holder, dict):
        below = [Place(holder, name, f"{path}.{name}", depth) for name in holder]
    else:
        below = [Place(holder, index, f"{path}[{index}]", depth) for index in range(len(holder))]
    for each in below:
        found.append(each)
        value = each.holder[each.key]
        if isinstance(value, _HOLDERS):
            _collect(value, each.path, depth + 1, found)


_DATE = re.compile(r"\d{4}(-\d\d){0,2}(T.*)?")

# ------------------------------------------------------------------ damage to a value

Edit = Callable[[Choices, Place, Sequence[Place]], None]


def _set(*values: Any, raw: Sequence[bytes] = ()) -> Edit:
    """Return the edit that puts one of these values in place."""
    options = [*values, *(msgspec.Raw(each) for each in raw)]

    def edit(choices: Choices, place: Place, _: Sequence[Place]) -> None:
        place.value = _copy(choices.of(options))

    return edit


def _remove(_: Choices, place: Place, __: Sequence[Place]) -> None:
    del place.holder[place.key]


def _lengthen(choices: Choices, place: Place, _: Sequence[Place]) -> None:
    more = choices.of(["x", "\u00e9", " ", "\n"]) * choices.of([65, 140, 1_000, 60_000])
    place.value = f"{place.value}{more}{CANARY}"


def _nest(choices: Choices, place: Place, _: Sequence[Place]) -> None:
    """Wrap a value; a body may be 64 levels deep, so that some of these are just too deep."""
    name = choices.of([None, "extension", "contained", "resource", "item"])
    for _level in range(choices.of([1, 2, 20, 50, 70, 200])):
        place.value = [place.value] if name is None else {name: place.value}


def _unwrap(choices: Choices, place: Place, _: Sequence[Place]) -> None:
    """Write a list of one as its entry, and anything else as such a list, as converters from XML do."""
    value = place.value
    place.value = value[0] if isinstance(value, list) and value else [value]


def _repeat(choices: Choices, place: Place, _: Sequence[Place]) -> None:
    """Write an entry of a list again, or a member of an object twice with another value before it."""
    if isinstance(place.holder, list):
        place.holder.extend(_copy(place.value) for _copies in range(choices.of([1, 2, 50])))
    elif isinstance(place.value, dict) and place.value:
        name, value = next(iter(place.value.items()))
        members = {**place.value, name: value}
        twice = b"{%b:null,%b" % (msgspec.json.encode(name), msgspec.json.encode(members)[1:])
        place.value = msgspec.Raw(twice)
    else:
        place.value = [place.value, place.value]


def _swap(choices: Choices, place: Place, others: Sequence[Place]) -> None:
    other = choices.of(others)
    # Copies, because one of the two may hold the other.
    place.value, other.value = _copy(other.value), _copy(place.value)


def _graft(choices: Choices, place: Place, others: Sequence[Place]) -> None:
    place.value = _copy(choices.of(others).value)


def _rename(choices: Choices, place: Place, _: Sequence[Place]) -> None:
    """Give a member a name that is spelt wrong, is a primitive's companion, or promises another type."""
    if not isinstance(place.holder, dict):
        place.value = {str(place.key): place.value}
        return
    name: str = place.key
    stem = re.sub(r"(?<=[a-z])[A-Z].*", "", name)
    endings = ["String", "Quantity", "DateTime", "Boolean", "Reference", "CodeableConcept", "Period", ""]
    names = [name.upper(), f"_{name}", f"{name}s", f"{name} ", *(f"{stem}{each}" for each in endings)]
    place.holder[choices.of(names)] = place.holder.pop(name)


def _add(choices: Choices, place: Place, _: Sequence[Place]) -> None:
    """Add what nobody asked for beside a value."""
    if isinstance(place.holder, dict):
        name = choices.of(["extension", "contained", "modifierExtension", "_id", "implicitRules", "x", ""])
        place.holder[name] = choices.of([CANARY, [{"url": CANARY}], {"x": [None]}, None])
    else:
        place.holder.insert(0, choices.of([None, CANARY, {}, {"resource": None}, []]))


def _is_reference(place: Place) -> bool:
    return place.key in {"reference", "userId", "patientId", "encounterId", "fullUrl", "id"}


def _is_date(place: Place) -> bool:
    return isinstance(place.value, str) and _DATE.fullmatch(place.value) is not None


def _is_type(place: Place) -> bool:
    return bool(place.key == "resourceType")


def _is_text(place: Place) -> bool:
    return isinstance(place.value, str)


def _is_number(place: Place) -> bool:
    return isinstance(place.value, int | float) and not isinstance(place.value, bool)


class Damage(NamedTuple):
    """A kind of edit and where it is done, when there is such a place in the body."""

    edit: Edit
    where: Callable[[Place], bool] = lambda _: True


DAMAGES: Mapping[str, Damage] = {
    "remove": Damage(_remove),
    "another type": Damage(_set(*wrong.WRONG_TYPES)),
    "null": Damage(_set(None)),
    "empty": Damage(_set(*wrong.EMPTY)),
    "long text": Damage(_lengthen, _is_text),
    "deep": Damage(_nest),
    "number": Damage(_set(*wrong.NUMBERS, raw=wrong.RAW_NUMBERS), _is_number),
    "number instead": Damage(_set(*wrong.NUMBERS, raw=wrong.RAW_NUMBERS)),
    "no number": Damage(_set(*wrong.NOT_NUMBERS), _is_number),
    "literal": Damage(_set(raw=wrong.LITERALS)),
    "odd text": Damage(_set(*wrong.ODD_TEXTS), _is_text),
    "broken text": Damage(_set(raw=wrong.RAW_TEXTS), _is_text),
    "reference": Damage(_set(*wrong.REFERENCES), _is_reference),
    "date": Damage(_set(*wrong.DATES), _is_date),
    "resource type": Damage(_set(*wrong.TYPES), _is_type),
    "repeat": Damage(_repeat),
    "swap": Damage(_swap),
    "graft": Damage(_graft),
    "rename": Damage(_rename),
    "unwrap": Damage(_unwrap),
    "add": Damage(_add),
}

REGIONS: Sequence[Callable[[Place], bool]] = (
    lambda place: place.depth <= 2,
    lambda place: place.path.startswith("$.context.") and place.depth <= 7,
    lambda place: place.path.startswith("$.context."),
    lambda place: place.path.startswith("$.prefetch."),
    lambda _: True,
)
"""Most places of a body are in the prefetch, so a place is drawn from a region first."""


def damage(choices: Choices, body: Any) -> tuple[str, str] | None:
    """Damage a body at one place; return the kind and what was done, None when there is no place left."""
    everywhere = places(body)
    if not everywhere:
        return None
    kind = choices.of(sorted(DAMAGES))
    region = choices.of(REGIONS)
    edit, where = DAMAGES[kind]
    fitting = [each for each in everywhere if where(each)] or everywhere
    place = choices.of([each for each in fitting if region(each)] or fitting)
    edit(choices, place, everywhere)
    return kind, f"{place.path} is {_shown(place)}"


def _shown(place: Place) -> str:
    try:
        text = repr(place.value)
    except LookupError:
        return "gone"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}... ({len(text)} characters)"


def _copy(value: Any) -> Any:
    """Return a copy that shares nothing; what is raw stays raw."""
    if isinstance(value, dict):
        return {name: _copy(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_copy(each) for each in value]
    return value
