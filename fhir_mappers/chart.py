"""The resources of one patient as an index: by reference, and which panels and reports hold which observation."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from criteria.vocabulary import Vocabulary
from fhir_mappers.element import Json, Origin, identifier_token, mappings, normalise_reference, references

# Elements that tie resources together: members of panels and reports, specimens of reports, stages of conditions.
_LINKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Observation": ("hasMember", "derivedFrom"),
        "DiagnosticReport": ("result", "specimen"),
        "Condition": ("stage",),
    }
)

MOST_HOLDERS = 32
"""Panels and reports that are looked at around one observation, the nearest first.

Real ones nest two or three deep. In a chain or a web of thousands each would be around each, which is quadratic.
"""


class GivenResource(NamedTuple):
    """A resource and the place it came from ("prefetch.conditions.entry[3]"), which notes name when it has no id.

    `full_url` is the fullUrl of its Bundle entry: references may name a resource by that ("urn:uuid:…").
    """

    resource: Mapping[str, Any]
    where: str
    full_url: str | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """The resources at hand and the vocabulary they are read with.

    `groups` maps an observation's reference to those of the panels and reports that hold it, nearest `MOST_HOLDERS`.
    `specimens` maps a report's reference to its specimens; `staged` an observation's to the condition that names it
    as its stage.
    """

    vocabulary: Vocabulary
    by_reference: Mapping[str, Json]
    groups: Mapping[str, frozenset[str]]
    specimens: Mapping[str, tuple[str, ...]]
    staged: Mapping[str, str]
    aliases: Mapping[str, str]

    def resolve(self, reference: str) -> Json | None:
        """Return the resource a reference names (relative, absolute or a Bundle's fullUrl); None when not at hand."""
        name = self.name_of(reference)
        return self.by_reference.get(name)

    def name_of(self, reference: str) -> str:
        """Return the "Type/id" of a reference, whichever way it names the resource."""
        return self.aliases.get(reference) or normalise_reference(reference)


def chart_of(given: Iterable[tuple[str, GivenResource]], vocabulary: Vocabulary) -> Chart:
    """Index the resources, each with its reference ("Type/id", or the place of one without an id)."""
    by_reference: dict[str, Json] = {}
    aliases: dict[str, str] = {}
    for name, each in given:
        by_reference[name] = each.resource
        if each.full_url is not None and each.full_url.startswith("urn:"):
            aliases[each.full_url] = name
    holders: dict[str, set[str]] = {}
    specimens: dict[str, tuple[str, ...]] = {}
    staged: dict[str, str] = {}
    for name, resource in by_reference.items():
        for key in _LINKS.get(resource["resourceType"], ()):
            if key not in resource:
                continue
            origin = Origin(resource, "", name, None, [])  # its issues are recorded when the resource itself is read
            match key:
                case "specimen":
                    found = references(origin, resource, key)
                    specimens[name] = tuple(f"{name}{each}" if each.startswith("#") else each for each in found)
                case "stage":
                    staged.update((aliases.get(each, each), name) for each in _assessments(origin))
                case _:
                    for member in references(origin, resource, key):
                        holders.setdefault(aliases.get(member, member), set()).add(name)
    return Chart(
        vocabulary,
        MappingProxyType(by_reference),
        MappingProxyType(_outward(holders)),
        MappingProxyType(specimens),
        MappingProxyType(staged),
        MappingProxyType(aliases),
    )


def _assessments(origin: Origin) -> Iterator[str]:
    for stage in mappings(origin, origin.resource, "stage"):
        yield from references(origin, stage, "assessment")


def _outward(holders: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    """Return the panels and reports around each observation; a ring of references ends where it started.

    Sorted, so that the order in which resources came does not decide which are the nearest.
    """
    ordered = {name: sorted(each)[:MOST_HOLDERS] for name, each in holders.items()}
    return {name: frozenset(_nearest(name, ordered)) for name in ordered}


def _nearest(name: str, holders: Mapping[str, list[str]]) -> dict[str, None]:
    found: dict[str, None] = {}
    level = [name]
    while level:
        outer: list[str] = []
        for holder in chain.from_iterable(holders.get(each, ()) for each in level):
            if len(found) == MOST_HOLDERS:
                return found
            if holder not in found:
                found[holder] = None
                outer.append(holder)
        level = outer
    return found


def patient_names(patient: GivenResource | None, patient_id: str) -> frozenset[str]:
    """Return every way to name the patient: id, fullUrl and, if the Patient is at hand, its identifiers."""
    names = {f"Patient/{patient_id}"}
    if patient is None:
        return frozenset(names)
    if patient.full_url is not None:
        names.add(normalise_reference(patient.full_url))
    origin = Origin(patient.resource, "Patient", f"Patient/{patient_id}", None, [])
    for index, entry in enumerate(mappings(origin, patient.resource, "identifier")):
        token = identifier_token(origin, entry, f"identifier[{index}]")
        if token is not None:
            names |= {f"Patient?identifier={token}", f"?identifier={token}"}
    return frozenset(names)
