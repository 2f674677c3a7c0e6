"""Typed getters over plain FHIR JSON: what has the wrong type is recorded with its path and counts as absent.

A chart resource is never refused as a whole: one bad element costs that element. The getters take the object, the
key and the object's own path, and build the full path only when there is something to record. Nothing that is
recorded contains a value of the record, because issues end in decision records and logs.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from criteria.facts import Source

Json = Mapping[str, Any]
Resolve = Callable[[str], Json | None]
"""Finds a resource by its normalised reference; None when it is not at hand."""

NOTHING: Json = MappingProxyType({})
"""Stands for an array entry that is not an object, so that the entries after it keep their index."""

LARGEST_EXPONENT = 18
"""Beyond ten to this power a JSON number is no clinical quantity, and writing it out in full could fill the memory."""


@dataclass(frozen=True, slots=True)
class Issue:
    """An element that could not be read: the resource, the element path and what is wrong, without its value."""

    reference: str
    path: str
    words: str

    def __str__(self) -> str:
        return f"{self.reference}: {self.path}: {self.words}"


class Origin(Struct, frozen=True):
    """The resource being read: what its facts name as their source, and where its issues go.

    `reference` is "Type/id"; a resource without an id is named by the place it came from.
    """

    resource: Json
    type: str
    reference: str
    version: str | None
    issues: list[Issue]

    @classmethod
    def of(cls, resource: Json, issues: list[Issue], where: str | None = None) -> "Origin":
        """Return the origin of a resource; `where` names it when it has no id."""
        kind, identity, meta = resource.get("resourceType"), resource.get("id"), resource.get("meta")
        if not isinstance(kind, str):
            kind = "Resource"
        reference = f"{kind}/{identity}" if identity and isinstance(identity, str) else where or kind
        version = meta.get("versionId") if isinstance(meta, dict) else None
        return cls(resource, kind, reference, version if isinstance(version, str) else None, issues)

    def source(self, path: str = "") -> Source:
        """Return the source of a fact read from `path`, which starts below the resource ("status")."""
        return Source(self.reference, f"{self.type}.{path}" if path else self.type, self.version)

    def note(self, path: str, words: str) -> None:
        """Record an issue at `path`, which starts below the resource."""
        self.issues.append(Issue(self.reference, f"{self.type}.{path}" if path else self.type, words))


class Coding(Struct, frozen=True):
    """A code as sent: the system is still a URL, absent parts are empty."""

    system: str
    code: str
    display: str


class Concept(Struct, frozen=True):
    """A CodeableConcept as sent; hashable, so that what it means can be cached."""

    codings: tuple[Coding, ...]
    text: str

    @property
    def label(self) -> str:
        """Return what a human calls it: the text, else the first display, else the first code."""
        if self.text:
            return self.text
        said = (*(each.display for each in self.codings), *(each.code for each in self.codings))
        return next((words for words in said if words), "")

    @property
    def is_empty(self) -> bool:
        return not self.codings and not self.text


NO_CONCEPT = Concept((), "")


def below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def text(origin: Origin, holder: Json, key: str, path: str = "") -> str | None:
    """Return a non-blank string, else None; another type is an issue."""
    value = holder.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    origin.note(below(path, key), "not a string")
    return None


def texts(origin: Origin, holder: Json, key: str, path: str = "") -> tuple[str, ...]:
    """Return the non-blank strings of an array; a single string counts as an array of one."""
    value = holder.get(key)
    if value is None:
        return ()
    entries = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) for entry in entries):
        origin.note(below(path, key), "not an array of strings")
    return tuple(entry.strip() for entry in entries if isinstance(entry, str) and entry.strip())


def flag(origin: Origin, holder: Json, key: str, path: str = "") -> bool | None:
    """Return a boolean, else None; "true" in quotes is an issue, not a boolean."""
    value = holder.get(key)
    if value is None or isinstance(value, bool):
        return value
    origin.note(below(path, key), "not a boolean")
    return None


def number(origin: Origin, holder: Json, key: str, path: str = "") -> Decimal | None:
    """Return an exact number, else None. JSON numbers arrive as int or Decimal; a string is not a number."""
    value = holder.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        origin.note(below(path, key), "not a number")
        return None
    if isinstance(value, int):
        if abs(value) < 10**LARGEST_EXPONENT:
            return Decimal(value)
    elif value.is_finite() and abs(value.adjusted()) < LARGEST_EXPONENT:
        return value
    origin.note(below(path, key), "number out of range")
    return None


def mapping(origin: Origin, holder: Json, key: str, path: str = "") -> Json | None:
    """Return an object, else None. An array of exactly one object is read as that object."""
    value = holder.get(key)
    if value is None or isinstance(value, dict):
        return value
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return value[0]
    origin.note(below(path, key), "not an object")
    return None


def mappings(origin: Origin, holder: Json, key: str, path: str = "") -> Sequence[Json]:
    """Return the objects of an array; a lone object is an array of one, a bad entry an issue, kept as NOTHING."""
    value = holder.get(key)
    if value is None:
        return ()
    if isinstance(value, dict):
        return (value,)
    if not isinstance(value, list):
        origin.note(below(path, key), "not an array of objects")
        return ()
    for index, entry in enumerate(value):
        if not isinstance(entry, dict):
            origin.note(f"{below(path, key)}[{index}]", "not an object")
            return [each if isinstance(each, dict) else NOTHING for each in value]
    return value


def codings(origin: Origin, holder: Json, key: str = "coding", path: str = "") -> tuple[Coding, ...]:
    """Return the codings of an array of Coding; those that say nothing are left out."""
    value = holder.get(key)
    if value is None:
        return ()
    found = []
    for index, entry in enumerate(value if type(value) is list else mappings(origin, holder, key, path)):
        if type(entry) is not dict:
            origin.note(f"{below(path, key)}[{index}]", "not an object")
            continue
        system, code, display = entry.get("system", ""), entry.get("code", ""), entry.get("display", "")
        if not (type(system) is type(code) is type(display) is str):
            origin.note(f"{below(path, key)}[{index}]", "a part of the coding is not a string")
            system, code, display = (part if isinstance(part, str) else "" for part in (system, code, display))
        if code or display:
            found.append(Coding(system.strip(), code.strip(), display.strip()))
    return tuple(found)


def concept_of(origin: Origin, value: Json, path: str) -> Concept:
    """Return the CodeableConcept that stands at `path`. A bare Coding in its place is read as its only coding."""
    found = codings(origin, value, "coding", path)
    if not found and "code" in value and "coding" not in value:
        found = codings(origin, {"coding": [value]}, "coding", path)
    return Concept(found, text(origin, value, "text", path) or "")


def concept(origin: Origin, holder: Json, key: str, path: str = "") -> Concept:
    """Return a CodeableConcept; NO_CONCEPT when absent. A plain string in its place is read as its text."""
    value = holder.get(key)
    if value is None:
        return NO_CONCEPT
    if isinstance(value, str):
        origin.note(below(path, key), "not an object")
        return Concept((), value.strip())
    if type(value) is dict and (usual := _usual_concept(value)) is not None:
        return usual
    found = mapping(origin, holder, key, path)
    return NO_CONCEPT if found is None else concept_of(origin, found, below(path, key))


def concepts(origin: Origin, holder: Json, key: str, path: str = "") -> tuple[Concept, ...]:
    """Return the CodeableConcepts of an array, in their places: an unreadable one stays as NO_CONCEPT."""
    entries = mappings(origin, holder, key, path)
    return tuple(
        _usual_concept(entry) or concept_of(origin, entry, f"{below(path, key)}[{index}]")
        for index, entry in enumerate(entries)
    )


def _usual_concept(value: Json) -> Concept | None:
    """Return a CodeableConcept with a list of codings and nothing amiss, None for any other: `concept_of` reads that.

    Nearly all have this form, and a third of what a chart holds are concepts.
    """
    sent = value.get("coding")
    if type(sent) is not list:
        return None
    found = []
    try:
        for each in sent:
            code, display = each.get("code", "").strip(), each.get("display", "").strip()
            if not (code or display):
                return None
            found.append(Coding(each.get("system", "").strip(), code, display))
        return Concept(tuple(found), value.get("text", "").strip())
    except AttributeError:
        return None  # what is no object has no `get`, what is no text no `strip`


def extension(origin: Origin, holder: Json, url: str, path: str = "") -> Json | None:
    """Return the first extension with this URL."""
    if "extension" not in holder:
        return None
    return next((entry for entry in mappings(origin, holder, "extension", path) if entry.get("url") == url), None)


FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""A logical id (FHIR R4 datatypes.html#id); to be matched in full."""
_TYPE_AND_ID = re.compile(r"(?:^|/)([A-Z][A-Za-z]+/[^/?#|\s]+)(?:/_history/[^/]+)?$")


def normalise_reference(reference: str) -> str:
    """Return "Type/id" for a relative or absolute reference, without version; a urn, "#x" and all else as it stands."""
    if reference.startswith(("#", "urn:")):
        return reference
    found = _TYPE_AND_ID.search(reference)
    return found.group(1) if found else reference


def reference_of(origin: Origin, value: Json, path: str = "") -> str | None:
    """Return the normalised reference of a Reference, else None.

    A logical reference becomes "Type?identifier=system|value", the form FHIR uses for conditional references.
    """
    literal = text(origin, value, "reference", path)
    if literal is not None:
        kind = value.get("type")
        if isinstance(kind, str) and "/" not in literal and not literal.startswith(("#", "urn:")):
            return f"{kind}/{literal}"
        return normalise_reference(literal)
    identifier = mapping(origin, value, "identifier", path)
    if identifier is None:
        return None
    token = identifier_token(origin, identifier, below(path, "identifier"))
    kind = value.get("type")
    return None if token is None else f"{kind if isinstance(kind, str) else ''}?identifier={token}"


def identifier_token(origin: Origin, identifier: Json, path: str = "") -> str | None:
    """Return "system|value" of an Identifier, None when it has no value."""
    value = text(origin, identifier, "value", path)
    return None if value is None else f"{text(origin, identifier, 'system', path) or ''}|{value}"


def reference(origin: Origin, holder: Json, key: str, path: str = "") -> str | None:
    """Return the normalised reference under a key. A plain string in its place is read as the reference."""
    value = holder.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        origin.note(below(path, key), "not an object")
        return normalise_reference(value.strip()) or None
    found = mapping(origin, holder, key, path)
    return None if found is None else reference_of(origin, found, below(path, key))


def references(origin: Origin, holder: Json, key: str, path: str = "") -> tuple[str, ...]:
    """Return the normalised references of an array; those that name nothing are left out."""
    entries = mappings(origin, holder, key, path)
    found = (reference_of(origin, entry, f"{below(path, key)}[{index}]") for index, entry in enumerate(entries))
    return tuple(each for each in found if each is not None)


def contained(origin: Origin, name: str) -> Json | None:
    """Return the contained resource that "#x" names; "#" alone is the resource itself."""
    if name == "#":
        return origin.resource
    held = mappings(origin, origin.resource, "contained")
    return next((each for each in held if each.get("id") in (name, name[1:])), None)


def resolved(origin: Origin, name: str, resolve: Resolve) -> Json | None:
    """Return the resource a normalised reference names: a contained one first, others through `resolve`."""
    found = contained(origin, name) if name.startswith("#") else None
    return resolve(name) if found is None else found
