"""JSON in and out without losing anything: decimals keep their digits, members their order, duplicates the last one.

FHIR decimals carry precision ("1.10" is not "1.1"), and Coverage Requirements Discovery sends the order back.
"""

import re
from decimal import Decimal
from typing import Any

import msgspec
from flask import Flask, Response
from flask.json.provider import JSONProvider

DEEPEST = 64
"""FHIR resources nest about 20 deep; beyond this a body is an attack, and walking it would end in RecursionError."""

LARGEST_EXPONENT = 400
"""A number like 1e999999999 is two bytes here and a gigabyte once something writes it out."""

_NO_SHAPE = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_AS_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_STRING = re.compile(rb'"[^"]*"')
_PLACE = re.compile(r"\(byte (\d+)\)")


class JsonError(ValueError):
    """The bytes are not JSON that this service reads; the text names the place and repeats nothing of the body."""


def _exact(number: str) -> Decimal:
    try:
        value = Decimal(number)
    except ArithmeticError:
        raise ValueError("exponent") from None
    if abs(value.adjusted()) > LARGEST_EXPONENT:
        raise ValueError("exponent")
    return value


_DECODER = msgspec.json.Decoder(float_hook=_exact)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def decode(body: bytes) -> Any:
    """Return the parsed value; raise JsonError for anything that is not JSON, or nests too deep."""
    try:
        value = _DECODER.decode(body)
    except RecursionError:
        raise JsonError(f"nested deeper than {DEEPEST} levels") from None
    except UnicodeDecodeError:
        raise JsonError("not UTF-8") from None
    except msgspec.ValidationError:
        raise JsonError("not exact: a number is too large or too small") from None
    except ValueError as error:
        place = _PLACE.search(str(error))
        raise JsonError(f"not JSON at byte {place[1]}" if place else "not JSON, or cut off") from None
    if _nests_too_deep(body):
        raise JsonError(f"nested deeper than {DEEPEST} levels")
    return value


def decode_own(body: bytes) -> Any:
    """Return the value of a JSON text that this service wrote: it may nest deeper than what is taken from outside."""
    return _DECODER.decode(body)


def encode(value: Any) -> bytes:
    """Return the value as compact UTF-8 JSON."""
    return _ENCODER.encode(value)


def _nests_too_deep(body: bytes) -> bool:
    """Peel brackets from the inside out, one level a pass; a tenth of the time of walking the parsed value."""
    shape = _brackets(body)
    for left in range(DEEPEST, 0, -1):
        if len(shape) <= 2 * left:  # so few brackets cannot nest deeper than is left
            return False
        shape = shape.replace(b"[]", b"")
    return bool(shape)


def _brackets(body: bytes) -> bytes:
    """Return the brackets of a JSON text that stand outside of its strings, all of one kind."""
    if b"\\" in body:  # so that each quote left begins or ends a string
        body = _ESCAPE.sub(b"", body)
    shape = body.translate(_AS_ONE_KIND, _NO_SHAPE)
    # Pairs of quotes that stand together change nothing for what follows, and are nearly all. Quotes are left around
    # brackets inside of strings only.
    return _STRING.sub(b"", shape.replace(b'""', b""))


class ExactJsonProvider(JSONProvider):
    """Flask's JSON, done by this module; Flask's own sorts members and turns 1.10 into 1.1."""

    def dumps(self, obj: Any, **_kwargs: Any) -> str:
        """Return the value as JSON text."""
        return encode(obj).decode()

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:
        """Return the parsed value; raise JsonError."""
        return decode(s if isinstance(s, bytes) else s.encode())

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a response whose body is the given value."""
        return Response(encode(self._prepare_response_obj(args, kwargs)), content_type="application/json")


def use_exact_json(app: Flask) -> None:
    """Make the application read and write JSON with this module."""
    app.json = ExactJsonProvider(app)
