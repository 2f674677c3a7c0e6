"""Digests: JSON in one form, and the SHA-256 of it."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

_canonical = msgspec.json.Encoder(order="sorted", decimal_format="number")


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return JSON with its members in order, so that the same content has the same digest."""
    return _canonical.encode(content)


def digest(content: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal digits."""
    return sha256(content).hexdigest()
