"""Ways to change an answer at a place named by its path."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

Json = dict[str, Any]
Change = Callable[[Json], None]


def put(path: str, value: Any) -> Change:
    """Set a member or element; a path is names, indexes and @urls of sub-extensions, split by slashes."""

    def change(json: Json) -> None:
        place, last = _place(json, path)
        place[last] = deepcopy(value)

    return change


def drop(path: str) -> Change:
    """Remove a member or element."""

    def change(json: Json) -> None:
        place, last = _place(json, path)
        del place[last]

    return change


def add(path: str, *values: Any) -> Change:
    """Append to a list."""

    def change(json: Json) -> None:
        place, last = _place(json, path)
        place[last].extend(deepcopy(list(values)))

    return change


def both(*changes: Change) -> Change:
    def change(json: Json) -> None:
        for each in changes:
            each(json)

    return change


def changed(json: Json, change: Change) -> Json:
    """Return a changed copy."""
    copy = deepcopy(json)
    change(copy)
    return copy


def _place(json: Any, path: str) -> tuple[Any, Any]:
    *way, last = path.split("/")
    for step in way:
        json = json[_key(json, step)]
    return json, _key(json, last)


def _key(place: Any, step: str) -> Any:
    if step.startswith("@"):
        return next(index for index, each in enumerate(place) if each["url"] == step[1:])
    return int(step) if isinstance(place, list) else step
