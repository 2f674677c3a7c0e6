"""Prefetch templates: relative FHIR reads and searches with tokens in simple FHIRPath, shown to clients and run by us.

Grammar of a token (CDS Hooks 3.0): `path ('|' path)*`, where a path starts at `context` or at an earlier key
(`%coverage`) and goes on with element names, `ofType(Type)`, `resolve()` and, as CRD's own templates do,
`extension('url')`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import quote

from fhir_mappers.element import FHIR_ID
from service.base_url import BaseUrl

_TOKEN = re.compile(r"\{\{(.*?)\}\}")
_STEP = re.compile(r"ofType\((?P<type>\w+)\)|(?P<resolve>resolve\(\))|extension\('(?P<url>[^']+)'\)|(?P<name>%?\w+)")
_REFERENCE = re.compile(
    rf"(?:(?P<base>https?://[^\s?#]+)/)?(?P<type>[A-Z]\w+)/(?P<id>{FHIR_ID.pattern})(?:/_history/.+)?"
)
_AS_SENT = "=&?/:,;.-_~%$"
"""Characters of a template's own text that stay as they are; `|` between system and code is encoded."""


class TemplateKind(Enum):
    """What a template asks for; the first two are answered by any resource with the right id."""

    READ = "read"
    BY_ID = "by-id"
    SEARCH = "search"


Path = tuple[str, ...]
"""The steps of one path; `resolve()`, `ofType(…)` and `extension(…)` are written as in FHIRPath."""


@dataclass(frozen=True, slots=True)
class Template:
    """One prefetch template. `paths` are those of its only token; `needs` the earlier keys it refers to."""

    key: str
    text: str
    resource_type: str
    kind: TemplateKind
    paths: tuple[Path, ...]
    needs: frozenset[str]

    @classmethod
    def of(cls, key: str, text: str) -> "Template":
        """Read a template; raise ValueError when it is not in the grammar or has more or less than one token."""
        tokens = _TOKEN.findall(text)
        if len(tokens) != 1:
            raise ValueError(f"{key}: a template has one token")
        before, _, _ = text.partition("{{")
        resource_type = re.split(r"[/?]", before)[0]
        kind = TemplateKind.SEARCH
        if before == f"{resource_type}/":
            kind = TemplateKind.READ
        elif before == f"{resource_type}?_id=":
            kind = TemplateKind.BY_ID
        paths = tuple(tuple(_steps(key, path)) for path in tokens[0].split("|"))
        needs = frozenset(path[0].removeprefix("%") for path in paths if path[0].startswith("%"))
        return cls(key, text, resource_type, kind, paths, needs)

    def values(self, roots: Mapping[str, Any], base: BaseUrl | None) -> tuple[str, ...]:
        """Return the ids the token stands for, each once; references into other servers than `base` are none.

        `roots` holds "context", and per earlier key ("%coverage") the Bundle or resource that answered it.
        """
        found: dict[str, None] = {}
        for path in self.paths:
            nodes: list[Any] = [roots[path[0]]] if path[0] in roots else []
            for step in path[1:]:
                nodes = list(_take(step, nodes, base))
            found |= dict.fromkeys(node for node in nodes if isinstance(node, str) and FHIR_ID.fullmatch(node))
        return tuple(found)

    def url(self, base: BaseUrl, values: Sequence[str]) -> str:
        """Return the absolute URL that asks the server for these values."""
        before, _, after = _TOKEN.sub("{{}}", self.text).partition("{{}}")
        filled = quote(before, safe=_AS_SENT) + ",".join(values) + quote(after, safe=_AS_SENT)
        return f"{base}/{filled}"


def reference_of(text: str, base: BaseUrl | None) -> tuple[str, str] | None:
    """Return (type, id) of a reference to a resource on the server; None for contained, logical and foreign ones."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return None
    if match["base"] and (base is None or BaseUrl.of(match["base"]) != base):
        return None
    return match["type"], match["id"]


def _steps(key: str, path: str) -> Iterator[str]:
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(f"{key}: cannot read the path at {path[position:]!r}")
        yield match[0]
        position = match.end()
        if position < len(path) and path[position] == ".":
            position += 1


def _take(step: str, nodes: Iterable[Any], base: BaseUrl | None) -> Iterator[Any]:
    if step == "resolve()":
        yield from _resolved(nodes, base)
    elif step.startswith("ofType("):
        wanted = step[len("ofType(") : -1]
        yield from (node for node in nodes if isinstance(node, Mapping) and node.get("resourceType") == wanted)
    elif step.startswith("extension("):
        wanted = step[len("extension('") : -len("')")]
        yield from (each for node in nodes for each in _extensions(node) if each.get("url") == wanted)
    else:
        for node in nodes:
            if isinstance(node, Mapping):
                yield from _member(node, step)


def _extensions(node: Any) -> Iterator[Mapping[str, Any]]:
    given = node.get("extension") if isinstance(node, Mapping) else None
    yield from (each for each in (given if isinstance(given, list) else []) if isinstance(each, Mapping))


def _member(node: Mapping[str, Any], name: str) -> Iterator[Any]:
    """A choice of types is one element in FHIRPath: `medication` is medicationReference in JSON."""
    names = [name] if name in node else [key for key in node if key.startswith(name) and key[len(name) :][:1].isupper()]
    for each in names:
        value = node[each]
        if isinstance(value, list):
            yield from value
        else:
            yield value


def _resolved(nodes: Iterable[Any], base: BaseUrl | None) -> Iterator[dict[str, str]]:
    """Type and id are all that a template can want of a resource that we do not have yet."""
    for node in nodes:
        text = node.get("reference") if isinstance(node, Mapping) else node
        if isinstance(text, str) and (found := reference_of(text, base)):
            yield {"resourceType": found[0], "id": found[1]}
