"""How assertions are named: the same order on the same evidence keeps its id (decision contract, section 2)."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from cards.coverage_information import EXTENSION
from service.digests import canonical, digest

_ASSERTIONS = UUID("5e9a2c52-0e0b-5c3c-9a31-6f3c4d1d7a10")
_FORM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)

_VERSION = re.compile(rb'"version":"[^"]*"')
"""A member, never part of a text: quotes in texts are escaped."""


def assertion_id(content: Mapping[str, Any]) -> str:
    """Return the coverage-assertion-id of what was decided: order, evidence, policy and configuration as JSON.

    The versions of resources are left out: a server gives a new one to what it stores again unchanged. A policy is
    told by its digest.
    """
    return str(uuid5(_ASSERTIONS, digest(_VERSION.sub(b'"version":null', canonical(content)))))


def is_assertion_id(name: str) -> bool:
    """Say whether a text can be one of our ids. Others may be of any length, and hold what no database takes."""
    return _FORM.fullmatch(name) is not None


def assertion_ids(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the assertion ids of the coverage information an order came with, those that can be ours."""
    extensions = resource.get("extension")
    members = [
        member
        for each in (extensions if isinstance(extensions, list) else [])
        if isinstance(each, Mapping) and each.get("url") == EXTENSION and isinstance(each.get("extension"), list)
        for member in each["extension"]
        if isinstance(member, Mapping) and member.get("url") == "coverage-assertion-id"
    ]
    return tuple(
        value for each in members if isinstance(value := each.get("valueString"), str) and is_assertion_id(value)
    )


def asserted(record: Mapping[str, Any], *, is_dated: bool = True) -> dict[str, Any]:
    """Return what an assertion rests on of a decision record: not what was noticed, nor where the order stands.

    An order without a date is read on the day of the call, which makes it no other order the day after.
    """
    left_out = {"approval", "notes"} if is_dated else {"approval", "notes", "on"}
    content = {key: value for key, value in record.items() if key not in left_out}
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
    return digest(canonical(content))
