"""How assertions are named: the same order on the same evidence keeps its id (decision contract, section 2)."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

import msgspec

from cards.coverage_information import EXTENSION

_ASSERTIONS = UUID("5e9a2c52-0e0b-5c3c-9a31-6f3c4d1d7a10")
_canonical = msgspec.json.Encoder(order="sorted", decimal_format="number")


def assertion_id(content: Mapping[str, Any]) -> str:
    """Return the coverage-assertion-id of what was decided: order, evidence, policy and configuration as JSON."""
    return str(uuid5(_ASSERTIONS, sha256(_canonical.encode(content)).hexdigest()))


def assertion_ids(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the assertion ids of the coverage information an order came with, whoever asserted them."""
    extensions = resource.get("extension")
    members = [
        member
        for each in (extensions if isinstance(extensions, list) else [])
        if isinstance(each, Mapping) and each.get("url") == EXTENSION and isinstance(each.get("extension"), list)
        for member in each["extension"]
        if isinstance(member, Mapping) and member.get("url") == "coverage-assertion-id"
    ]
    return tuple(value for each in members if isinstance(value := each.get("valueString"), str))


def order_digest(resource: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an order without coverage information, which every answer may change."""
    extensions = resource.get("extension")
    content = dict(resource)
    if isinstance(extensions, list):
        kept = [each for each in extensions if not (isinstance(each, Mapping) and each.get("url") == EXTENSION)]
        content.pop("extension")
        if kept:
            content["extension"] = kept
    return sha256(_canonical.encode(content)).hexdigest()
