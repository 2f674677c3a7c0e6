"""Read the data files strictly: duplicate keys are errors, every mistake is named with file, line, column and path."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, SequenceNode

from criteria.errors import Defect, LibraryError
from criteria.names import Names, no_such
from criteria.value_set_files import read_mapping

_NO_NAMES: Names = MappingProxyType({})


def _is_date(value: object) -> bool:
    """Accept a calendar day; jsonschema does not check formats unless told to."""
    if isinstance(value, str):
        date.fromisoformat(value)
        return re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is not None
    return True


def _is_known(known: frozenset[str], value: object) -> bool:
    """Accept a name that exists; what is no text is the schema's `type` to refuse."""
    return not isinstance(value, str) or value in known


def _formats(names: Names) -> FormatChecker:
    """Return what a `format` of a schema accepts: a date, or the names that exist of something."""
    formats = FormatChecker(formats=())
    formats.checks("date", raises=ValueError)(_is_date)
    for what, known in names.items():
        formats.checks(what)(partial(_is_known, known))
    return formats


@dataclass(frozen=True, slots=True)
class DataFile:
    """A parsed YAML file with what is needed to name places in it.

    `name` is the file's name inside its data folder, `place` where it lies, for whoever mends it.
    """

    name: str
    place: str
    text: str
    content: Any

    def defect(self, path: Sequence[str | int], message: str) -> Defect:
        """Return a defect at a path inside the file."""
        line, column = _locate(self.text, path)
        shown = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        return Defect(self.place, line, column, shown, message)

    def check(
        self, schema: Mapping[str, Any], at: Sequence[str | int] = (), names: Names = _NO_NAMES
    ) -> tuple[Defect, ...]:
        """Validate the file, or the part at a path, against a JSON Schema whose formats may be `names`."""
        part = self.content
        for step in at:
            part = part[step]
        errors = Draft202012Validator(schema, format_checker=_formats(names)).iter_errors(part)
        found = sorted(errors, key=lambda error: [str(step) for step in error.absolute_path])
        return tuple(each for error in found for each in self._defects([*at, *error.absolute_path], error, names))

    def _defects(self, place: list[str | int], error: ValidationError, names: Names) -> Iterator[Defect]:
        """Yield the defects of one schema error: each unknown key at its own place."""
        if error.validator == "additionalProperties":
            schema: Any = error.schema
            instance: Any = error.instance
            allowed = schema.get("properties", {})
            known = ", ".join(sorted(allowed)) or "none"
            for key in instance:
                if key not in allowed:
                    yield self.defect([*place, key], f"{key!r} is not a key here; known keys: {known}")
        elif error.validator == "format" and error.validator_value in names:
            what, name = str(error.validator_value), str(error.instance)
            key = [name] if "propertyNames" in error.schema_path else []
            yield self.defect([*place, *key], no_such(what, name, names[what]))
        else:
            yield self.defect(place, _in_words(error))


def read_yaml(file: Traversable, name: str) -> DataFile:
    """Parse a YAML file as strictly as the value sets; raise LibraryError for what cannot be read."""
    content = file.read_bytes()
    try:
        found = read_mapping(str(file), content)
    except ValueError:
        found = Defect(str(file), 1, 1, "$", "holds a whole number of more digits than are read")
    if isinstance(found, Defect):
        raise LibraryError((found,))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:  # the parser reads UTF-16 too
        raise LibraryError((Defect(str(file), 1, 1, "$", "is not UTF-8"),)) from None
    return DataFile(name, str(file), text, found)


def yaml_files(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    """Yield every YAML file below a folder with its name inside it, in a fixed order."""
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            for name, file in yaml_files(entry):
                yield f"{entry.name}/{name}", file
        elif entry.name.endswith((".yaml", ".yml")):
            yield entry.name, entry


def _in_words(error: ValidationError) -> str:
    """Say what is wrong in a policy author's words."""
    match error.validator:
        case "required":
            return error.message.replace("is a required property", "is missing")
        case "enum":
            choices: Any = error.validator_value
            return f"{error.instance!r} is none of {', '.join(map(str, choices))}"
        case _:
            return error.message


def _locate(text: str, path: Sequence[str | int]) -> tuple[int, int]:
    """Return line and column of a path; only called when there is something wrong to show."""
    node: Any = YAML(typ="rt").compose(text)
    line, column = 1, 1
    for step in path:
        found = _child(node, step)
        if found is None:
            break
        mark, node = found
        line, column = mark.line + 1, mark.column + 1
    return line, column


def _child(node: Any, step: str | int) -> tuple[Any, Any] | None:
    """Return the mark and the node of a member; a mapping's member starts at its key."""
    if isinstance(node, MappingNode):
        return next(((key.start_mark, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark, node.value[step]
    return None
