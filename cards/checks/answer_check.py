"""The check of an answer on its way out: compiled once, asked for every answer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

import jsonschema_rs

from cards.checks.across import violations_across
from cards.checks.judged import judged_parts, wire_steps
from cards.checks.schemas import Schema, SchemaFiles
from cards.checks.violation import Violation
from cards.dialect import DIALECTS, Dialect

_SECONDARY = "secondary-hook.json"


@dataclass(frozen=True, slots=True)
class _Judge:
    """The schema of a dialect and kind of hook, as it was read and compiled."""

    schema: Schema
    validator: jsonschema_rs.Draft202012Validator

    @classmethod
    def of(cls, files: SchemaFiles, *names: str) -> Self:
        schema = files.together(*names)
        return cls(schema, files.validator(schema))


@dataclass(frozen=True, slots=True)
class AnswerCheck:
    """Judges answers by the schemas of this package and the rules of `across`."""

    files: SchemaFiles
    judges: Mapping[tuple[str, bool], _Judge]

    @classmethod
    def load(cls) -> Self:
        """Read and compile the schemas of every dialect; raise when one is missing or is no schema."""
        files = SchemaFiles.read()
        judges = {}
        for each in DIALECTS.values():
            name = schema_name(each)
            judges[each.name, True] = _Judge.of(files, name)
            judges[each.name, False] = _Judge.of(files, name, _SECONDARY)
        return cls(files, MappingProxyType(judges))

    def violations(
        self, answer: Mapping[str, Any], dialect: Dialect, *, is_primary: bool, ours: Collection[str]
    ) -> tuple[Violation, ...]:
        """Return what the answer breaks; it may be sent when that is nothing.

        `ours` are the coverage-assertion-ids written for this call: other coverage information on an order is the
        client's or another payer's and is not judged. Numbers may be Decimal.
        """
        parts = judged_parts(answer, ours)
        judge = self.judges[dialect.name, is_primary]
        if judge.validator.is_valid(parts):
            return tuple(violations_across(parts, dialect))
        found = [
            Violation.at(wire_steps(answer, error.instance_path), self.files.rule(judge.schema, error.evaluation_path))
            for error in judge.validator.iter_errors(parts)
        ]
        return tuple(dict.fromkeys(found))


def schema_name(dialect: Dialect) -> str:
    """Return the file of a dialect's schema."""
    return f"crd-{dialect.name}.json" if dialect.carries_coverage_information else f"{dialect.name}.json"
