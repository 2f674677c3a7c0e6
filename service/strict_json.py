"""JSON objects in which nothing can be read in two ways: for tokens and key sets, whose readers must agree.

Two members of one name are the classic way to show one value to whoever checks and another to whoever acts, and
RFC 7515 section 4 lets a reader refuse them. PyJWT, like most, takes the last one and says nothing.
"""

import json
from typing import Any, NoReturn

from service.exact_json import JsonError


def read_object(text: bytes) -> dict[str, Any]:
    """Return the members of a JSON object in UTF-8; raise JsonError, whose text repeats nothing of the input."""
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_members, parse_constant=_no_number)
    except JsonError:
        raise
    except (ValueError, RecursionError):
        raise JsonError("not JSON in UTF-8, or nested too deep") from None
    if not isinstance(value, dict):
        raise JsonError("not a JSON object")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonError("an object with a member that stands twice")
    return members


def _no_number(_name: str) -> NoReturn:
    """Python reads NaN and Infinity, which are no JSON."""
    raise JsonError("not JSON: NaN and Infinity are no numbers")
