"""Reading an element path of a decision record on the resource it was read from."""

import re
from typing import Any

from tests.builders import Json

STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


def present(resource: Json, path: str) -> bool:
    """Say whether a path such as Observation.component[1].value leads to something; `value` is any value[x]."""
    kind, _, rest = path.partition(".")
    assert kind == resource["resourceType"]
    found: list[Any] = [resource]
    for name, index in STEP.findall(rest):
        values = [
            value for each in found if isinstance(each, dict) for key, value in each.items() if is_element(key, name)
        ]
        found = [item for value in values for item in chosen(value, index)]
    return any(each is not None for each in found)


def is_element(key: str, name: str) -> bool:
    return key == name or (key.startswith(name) and key[len(name) :][:1].isupper())


def chosen(value: Any, index: str) -> list[Any]:
    if not isinstance(value, list):
        return [value]
    return value[int(index) : int(index) + 1] if index else value
