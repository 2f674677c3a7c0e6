"""Bodies made of valid ones by damage: what clients send that leave out, mix up, cut off or convert wrongly.

A body says what was done to it, so that a failure is read without its ten kilobytes of JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from hypothesis import strategies as st

from tests.hooks import wrong_values as wrong
from tests.hooks.damage import DAMAGES, Choices, damage

JSON = "application/json"


@dataclass(frozen=True)
class Body:
    """What is sent to a service.

    `source` names the valid request it was made of, `edits` are the kind of each damage and what it did.
    """

    service: str
    source: str
    edits: tuple[tuple[str, str], ...]
    data: bytes = field(repr=False)
    content_type: str | None = JSON


def _cut(choices: Choices, data: bytes) -> bytes:
    return data[: choices.number(len(data))]


def _flip(choices: Choices, data: bytes) -> bytes:
    spoiled = bytearray(data)
    for _ in range(1 + choices.number(4)):
        spoiled[choices.number(len(data))] ^= 1 << choices.number(8)
    return bytes(spoiled)


def _insert(choices: Choices, data: bytes) -> bytes:
    at = choices.number(len(data) + 1)
    more = choices.of([b"\x00", b"\xff", b"\xef\xbb\xbf", b",", b'"', b"\\", b"}", b"[", b"/* */", b"\r\n"])
    return data[:at] + more + data[at:]


def _recode(choices: Choices, data: bytes) -> bytes:
    encoding = choices.of(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"])
    return data.decode("utf-8", errors="replace").encode(encoding)


def _replace(choices: Choices, data: bytes) -> bytes:
    """Write something else than the body: twice the body, a list of it, the body as text, or nothing of it."""
    as_text = msgspec.json.encode(data.decode("utf-8", errors="replace"))
    others = [b"", b"null", b"[]", b"{}", b'""', b"0", b"<html></html>"]
    return choices.of([data * 2, data + b"\n" + data, as_text, b"[%b]" % data, choices.of(others)])


WIRE: Mapping[str, Callable[[Choices, bytes], bytes]] = {
    "cut": _cut,
    "flip": _flip,
    "insert": _insert,
    "recode": _recode,
    "replace": _replace,
}
CONTENT_TYPE = "content type"
WAYS = [*[None] * 34, *WIRE, CONTENT_TYPE]
CHOICE_BYTES = 64
"""Enough for three edits and the wire."""
KINDS = frozenset({*DAMAGES, *WIRE, CONTENT_TYPE})
"""Every kind of damage that is done here."""


Requests = Mapping[str, Mapping[str, bytes]]
"""Valid requests as JSON: id of the service they go to -> name -> body."""


def mutations(requests: Requests) -> st.SearchStrategy[Body]:
    """Return damaged bodies of valid requests; each service gets as many."""
    names = [(service, sorted(requests[service])) for service in sorted(requests)]
    return st.binary(min_size=CHOICE_BYTES, max_size=CHOICE_BYTES).map(
        lambda data: mutated(requests, names, Choices(data))
    )


def mutated(requests: Requests, names: Sequence[tuple[str, Sequence[str]]], choices: Choices) -> Body:
    """Return the body that the choices make of one of the requests."""
    service, sources = choices.of(names)
    source = choices.of(sources)
    on_the_wire = choices.of(WAYS)
    body = msgspec.json.decode(requests[service][source])
    wanted = choices.of([0, 1, 2] if on_the_wire else [1, 1, 1, 2, 3])
    edits = [found for _ in range(wanted) if (found := damage(choices, body)) is not None]
    data = msgspec.json.encode(body)
    content_type: str | None = JSON
    if on_the_wire == CONTENT_TYPE:
        content_type = choices.of(wrong.CONTENT_TYPES)
        edits.append((on_the_wire, repr(content_type)))
    elif on_the_wire is not None:
        data = WIRE[on_the_wire](choices, data)
        edits.append((on_the_wire, f"{len(data)} bytes"))
    return Body(service, source, tuple(edits), data, content_type)
