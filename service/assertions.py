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


def asserted(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an assertion rests on of a decision record: not what was noticed, nor where the order stands."""
    content = {key: value for key, value in record.items() if key not in {"approval", "notes"}}
    return {**content, "order": {key: value for key, value in record["order"].items() if key != "status"}}


def order_digest(resource: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an order as it was meant.

    Coverage information is left out, which every answer may change; so are status and meta, because a draft that
    was signed and stored is the same order when it is dispatched.
    """
    extensions = resource.get("extension")
    content = {key: value for key, value in resource.items() if key not in {"meta", "status"}}
    if isinstance(extensions, list):
        kept = [each for each in extensions if not (isinstance(each, Mapping) and each.get("url") == EXTENSION)]
        del content["extension"]
        if kept:
            content["extension"] = kept
    return sha256(_canonical.encode(content)).hexdigest()
