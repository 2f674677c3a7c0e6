"""JSON Schema shapes of the case files, and the days and codes their short forms stand for."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from criteria.dates import add_months
from tests import builders
from tests.builders import Json

TEXT: Json = {"type": "string", "minLength": 1}
TEXTS: Json = {"type": "array", "minItems": 1, "items": TEXT}
TEXT_OR_TEXTS: Json = {"anyOf": [TEXT, TEXTS]}
COUNT: Json = {"type": "integer"}
FLAG: Json = {"type": "boolean"}
DECIMAL: Json = {"type": "string", "pattern": r"^(<=?|>=?)?\d+(\.\d+)?$"}
DAY: Json = {
    "type": "string",
    "pattern": r"^(\d{4}(-\d{2}(-\d{2})?)?|\d+ (days?|weeks?|months?|years?) (before|after)|same day)$",
}
DAYS: Json = {"anyOf": [DAY, {"type": "array", "minItems": 1, "items": DAY}]}

SYSTEMS: Mapping[str, str] = MappingProxyType(
    {
        "rxnorm": builders.RXNORM,
        "ndc": builders.NDC,
        "hcpcs": builders.HCPCS,
        "icd10": builders.ICD10,
        "snomed": builders.SNOMED,
        "loinc": builders.LOINC,
    }
)
_RELATIVE = re.compile(r"(\d+) (day|week|month|year)s? (before|after)")


def shape(*required: str, **properties: Json) -> Json:
    """Return the schema of a mapping with these keys and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


def one_of(*values: str) -> Json:
    return {"enum": list(values)}


CONCEPT: Json = {"anyOf": [TEXT, shape(text=TEXT, **dict.fromkeys(SYSTEMS, TEXT_OR_TEXTS)) | {"minProperties": 1}]}


def day(words: str, on: date) -> str:
    """Return the FHIR date of "2024-03", "42 days before", "6 months after" or "same day", told from the day `on`."""
    if words == "same day":
        return on.isoformat()
    found = _RELATIVE.fullmatch(words)
    if found is None:
        return words
    amount = int(found[1]) * (1 if found[3] == "after" else -1)
    match found[2]:
        case "day":
            return (on + timedelta(days=amount)).isoformat()
        case "week":
            return (on + timedelta(weeks=amount)).isoformat()
        case "month":
            return add_months(on, amount).isoformat()
        case _:
            return add_months(on, 12 * amount).isoformat()


def concept(words: Any) -> Json:
    """Return the CodeableConcept of a text, or of {system: code, …, text: …}."""
    if isinstance(words, str):
        return builders.concept(text=words)
    codes = [
        (SYSTEMS[system], code)
        for system, given in words.items()
        if system != "text"
        for code in ([given] if isinstance(given, str) else given)
    ]
    return builders.concept(*codes, text=words.get("text"))


def amount(words: str, unit: str) -> Json:
    """Return the Quantity of "2.0" or, with a comparator, "<2.0"."""
    number = words.lstrip("<>=")
    return builders.quantity(number, unit, comparator=words.removesuffix(number) or None)
