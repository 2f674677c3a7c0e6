"""Read the data files strictly: duplicate keys are errors, every mistake is named with file, line, column and path."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources.abc import Traversable
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from ruamel.yaml import YAML

from criteria.errors import Defect, LibraryError
from criteria.value_set_files import read_mapping

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    """Accept a calendar day; jsonschema does not check formats unless told to."""
    if isinstance(value, str):
        date.fromisoformat(value)
        return re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is not None
    return True


@dataclass(frozen=True, slots=True)
class DataFile:
    """A parsed YAML file with what is needed to name places in it."""

    name: str
    text: str
    content: Any

    def defect(self, path: Sequence[str | int], message: str) -> Defect:
        """Return a defect at a path inside the file."""
        line, column = _locate(self.text, path)
        shown = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        return Defect(self.name, line, column, shown, message)

    def check(self, schema: Mapping[str, Any], at: Sequence[str | int] = ()) -> tuple[Defect, ...]:
        """Validate the file, or the part at a path, against a JSON Schema."""
        part = self.content
        for step in at:
            part = part[step]
        errors = Draft202012Validator(schema, format_checker=_FORMATS).iter_errors(part)
        found = sorted(errors, key=lambda error: [str(step) for step in error.absolute_path])
        return tuple(self.defect([*at, *error.absolute_path], _in_words(error)) for error in found)


def read_yaml(file: Traversable, name: str) -> DataFile:
    """Parse a YAML file as strictly as the value sets; raise LibraryError for what cannot be read."""
    content = file.read_bytes()
    found = read_mapping(name, content)
    if isinstance(found, Defect):
        raise LibraryError((found,))
    return DataFile(name, content.decode("utf-8"), found)


def yaml_files(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    """Yield every YAML file below a folder with its relative name, in a fixed order."""
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            for name, file in yaml_files(entry):
                yield f"{entry.name}/{name}", file
        elif entry.name.endswith(".yaml"):
            yield entry.name, entry


def _in_words(error: ValidationError) -> str:
    """Say what is wrong in a policy author's words."""
    match error.validator:
        case "additionalProperties":
            schema: Any = error.schema
            known = ", ".join(sorted(schema.get("properties", {}))) or "none"
            return f"{error.message.split(' (')[0]}; known keys: {known}"
        case "required":
            return error.message.replace("is a required property", "is missing")
        case "enum":
            choices: Any = error.validator_value
            return f"{error.instance!r} is none of {', '.join(map(str, choices))}"
        case _:
            return error.message


def _locate(text: str, path: Sequence[str | int]) -> tuple[int, int]:
    """Return line and column of a path; only called when there is something wrong to show."""
    node: Any = YAML(typ="rt").load(text)
    line, column = 1, 1
    for step in path:
        try:
            place = node.lc.data[step]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
        line, column = place[0] + 1, place[1] + 1
        node = node[step]
    return line, column
