"""The schema files themselves: sound, closed, without a slip of the pen, and with a rule for every refusal."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest

from cards.checks.answer_check import schema_name
from cards.checks.schemas import SchemaFiles
from cards.dialect import DIALECTS

FILES = SchemaFiles.read()
ADDRESS = "https://her2-crd.example.org/checks/"
NAMES = sorted(FILES.by_name)

ANNOTATIONS = {"$schema", "$id", "title", "description", "rule"}
OF_SCHEMAS = {"items", "contains", "not", "if", "then", "else", "additionalProperties"}
OF_LISTS = {"allOf", "anyOf", "oneOf"}
OF_NAMES = {"properties", "$defs"}
ASSERTIONS = {
    "type",
    "enum",
    "const",
    "required",
    "dependentRequired",
    "pattern",
    "format",
    "minimum",
    "exclusiveMinimum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
    "uniqueItems",
}
ASKING = {"if", "not", "contains", "anyOf", "oneOf"}
"""Below these a part that does not hold refuses nothing by itself."""


def parts(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield every schema inside of a schema with its path."""
    if not isinstance(schema, Mapping):
        return
    yield path, schema
    for keyword, value in schema.items():
        if keyword in OF_SCHEMAS:
            yield from parts(value, (*path, keyword))
        elif keyword in OF_LISTS:
            for index, each in enumerate(value):
                yield from parts(each, (*path, keyword, str(index)))
        elif keyword in OF_NAMES:
            for name, each in value.items():
                yield from parts(each, (*path, keyword, name))


def target(name: str, reference: str) -> tuple[str, Any]:
    file, _, pointer = reference.partition("#")
    place: Any = FILES.by_name[file or name]
    for step in filter(None, pointer.split("/")):
        place = place[step]
    return file or name, place


def ungoverned(name: str, schema: Any, rule: str = "", path: str = "") -> Iterator[str]:
    """Yield the places from which a schema can refuse without any rule on the way there."""
    found = schema.get("rule", rule) if isinstance(schema, Mapping) else rule
    if not found and refuses(schema):
        yield path or "/"
    for keyword, file, each in below(name, schema):
        yield from ungoverned(file, each, found, f"{path}/{keyword}")


def refuses(schema: Any) -> bool:
    return schema is False or (isinstance(schema, Mapping) and bool((ASSERTIONS | ASKING - {"if"}) & schema.keys()))


def below(name: str, schema: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield the schemas that refuse on behalf of this one: keyword, file, schema."""
    for keyword, value in schema.items() if isinstance(schema, Mapping) else ():
        if keyword == "$ref":
            yield keyword, *target(name, value)
        elif keyword in OF_SCHEMAS - ASKING:
            yield keyword, name, value
        elif keyword == "allOf":
            yield from ((keyword, name, each) for each in value)
        elif keyword == "properties":
            yield from ((f"{keyword}/{member}", name, each) for member, each in value.items())


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_a_json_schema_under_its_own_address(name: str) -> None:
    schema = FILES.by_name[name]
    jsonschema_rs.meta.validate(dict(schema))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == ADDRESS + name
    assert schema["title"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_uses_keywords_that_exist(name: str) -> None:
    known = ANNOTATIONS | OF_SCHEMAS | OF_LISTS | OF_NAMES | ASSERTIONS | {"$ref"}
    assert {keyword for _, each in parts(FILES.by_name[name]) for keyword in each} - known == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_required_member_is_one_that_the_schema_knows(name: str) -> None:
    for path, each in parts(FILES.by_name[name]):
        if each.get("additionalProperties") is False:
            assert set(each.get("required", ())) <= each["properties"].keys(), path


def test_every_definition_is_used() -> None:
    used = {
        (file, pointer)
        for name, schema in FILES.by_name.items()
        for _, each in parts(schema)
        if "$ref" in each
        for file, _, pointer in [each["$ref"].partition("#")]
        for file in [file or name]
    }
    defined = {(name, f"/$defs/{each}") for name, schema in FILES.by_name.items() for each in schema.get("$defs", ())}
    assert defined - used == set()


@pytest.mark.parametrize("name", [*(schema_name(each) for each in DIALECTS.values()), "secondary-hook.json"])
def test_nothing_is_refused_without_a_rule(name: str) -> None:
    assert list(ungoverned(name, FILES.by_name[name])) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"required": ["a"]},
        {"properties": {"a": False}},
        {"allOf": [{"rule": "r: x", "minItems": 1}, {"minItems": 1}]},
        {"items": {"not": {"type": "string"}}},
        {"$ref": "crd-answer.json#/$defs/topicCode"},
        {"if": {"rule": "r: x", "type": "string"}, "then": {"maxLength": 2}},
    ],
)
def test_a_refusal_without_a_rule_is_found(schema: Any) -> None:
    assert list(ungoverned("answer.json", schema)) != []


def test_a_refusal_without_a_rule_is_an_error_and_no_silence() -> None:
    with pytest.raises(ValueError, match="without a rule"):
        FILES.rule({"required": ["a"]}, ["required"])


def test_the_innermost_rule_on_the_way_is_named() -> None:
    schema = {"rule": "outer: x", "properties": {"a": {"$ref": f"{ADDRESS}values.json#/$defs/text"}, "b": False}}
    assert FILES.rule(schema, ["properties", "a", "$ref", "pattern"]).startswith("text: ")
    assert FILES.rule(schema, ["properties", "b"]) == "outer: x"


def test_a_schema_that_is_not_shipped_is_refused_at_start() -> None:
    with pytest.raises(KeyError):
        FILES.together("crd-3.0.json")


def test_a_schema_that_is_none_is_refused_at_start() -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        FILES.validator({"type": "colour"})


def test_a_reference_to_nowhere_is_refused_at_start() -> None:
    with pytest.raises(jsonschema_rs.ValidationError, match="not present"):
        FILES.validator({"$ref": f"{ADDRESS}nowhere.json"})


def test_the_files_are_written_without_repeated_members() -> None:
    def refuse(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in pairs}) == len(pairs)
        return dict(pairs)

    for name in NAMES:
        json.loads((files("cards.checks") / "schemas" / name).read_text("utf-8"), object_pairs_hook=refuse)
