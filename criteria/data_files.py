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
from ruamel.yaml.error import MarkedYAMLError

from criteria.errors import Defect, LibraryError

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
    """Parse a YAML 1.2 file; raise LibraryError for what is not YAML or has a key twice."""
    text = file.read_text(encoding="utf-8")
    try:
        content = YAML(typ="safe", pure=False).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = " ".join(str(error.problem or error).split())
        raise LibraryError((Defect(name, line, column, "$", problem),)) from error
    return DataFile(name, text, _without_dates(content))


def _without_dates(value: Any) -> Any:
    """Turn YAML timestamps back into text: dates are text in our files and checked by schema."""
    match value:
        case dict():
            return {key: _without_dates(each) for key, each in value.items()}
        case list():
            return [_without_dates(each) for each in value]
        case date():
            return value.isoformat()
        case _:
            return value


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
