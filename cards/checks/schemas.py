"""Our JSON Schemas and the rules they name.

Every schema says in `rule` what it asks for, "id: text"; a part without one belongs to the rule of the schema around
it. An error is reported by its rule alone: the validator's own message quotes the answer.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Self

import jsonschema_rs

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SchemaFiles:
    """The shipped schemas by file name, and the registry in which they find each other."""

    by_name: Mapping[str, Schema]
    registry: jsonschema_rs.Registry

    @classmethod
    def read(cls) -> Self:
        """Read the schemas of this package."""
        entries = (files("cards.checks") / "schemas").iterdir()
        by_name = {each.name: json.loads(each.read_text("utf-8")) for each in entries if each.name.endswith(".json")}
        registry = jsonschema_rs.Registry([(each["$id"], each) for each in by_name.values()])
        return cls(by_name, registry)

    def validator(self, schema: Schema) -> jsonschema_rs.Draft202012Validator:
        """Compile a schema; patterns cost linear time whatever text they meet, and nothing is fetched."""
        return jsonschema_rs.Draft202012Validator(
            dict(schema),
            registry=self.registry,
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(),
            offline=True,
        )

    def together(self, *names: str) -> Schema:
        """Return the schema that asks for all that these files ask for."""
        return {"allOf": [{"$ref": self.by_name[name]["$id"]} for name in names]}

    def rule(self, schema: Schema, path: Iterable[str | int]) -> str:
        """Return the innermost rule on the way a validator took through a schema, references included."""
        document: Schema = schema
        place: Any = schema
        found = _rule(place)
        for step in path:
            if step == "$ref":
                document, place = self._target(place["$ref"], document)
            else:
                place = place[step]
            found = _rule(place) or found
        if not found:
            raise ValueError("a schema refuses without a rule")
        return found

    def _target(self, reference: str, document: Schema) -> tuple[Schema, Any]:
        address, _, pointer = reference.partition("#")
        if address:
            document = self.by_name[address.rpartition("/")[2]]
        place: Any = document
        for step in filter(None, pointer.split("/")):
            place = place[step]
        return document, place


def _rule(schema: Any) -> str:
    found = schema.get("rule") if isinstance(schema, Mapping) else None
    return found if isinstance(found, str) else ""
