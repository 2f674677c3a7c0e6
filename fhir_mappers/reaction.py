"""AllergyIntolerance and AdverseEvent -> reactions to a drug: which drug, which effects, how severe, how certain."""

import re
from collections.abc import Iterable, Sequence
from types import MappingProxyType

from criteria.dates import DateRange
from criteria.facts import DrugReading, Reaction, Reading
from criteria.vocabulary import Vocabulary
from fhir_mappers.dates import date_range, point, span
from fhir_mappers.drug_identification import drug_of, identify, ingredients_of
from fhir_mappers.element import (
    Concept,
    Json,
    Origin,
    Resolve,
    concept,
    concepts,
    mapping,
    mappings,
    reference_of,
    resolved,
    text,
    texts,
)
from fhir_mappers.referred import origin_of, within

NEVER_EXISTED = frozenset({"refuted", "entered-in-error"})
_PAST = frozenset({"inactive", "resolved"})
_CONFIRMED = MappingProxyType({"confirmed": True, "presumed": False, "unconfirmed": False})
_SEVERE = MappingProxyType(
    {
        "severe": True,
        "high": True,
        "serious": True,
        "moderate": False,
        "mild": False,
        "low": False,
        "non-serious": False,
    }
)
_HYPERSENSITIVITY = re.compile(r"hypersensitiv|anaphyla", re.IGNORECASE)
_DRUGS = frozenset({"medication", "biologic"})
_HAS_MEDICATION = frozenset(
    {"MedicationAdministration", "MedicationStatement", "MedicationDispense", "MedicationRequest"}
)


def map_reactions(origin: Origin, resolve: Resolve, vocabulary: Vocabulary) -> tuple[Reaction, ...]:
    """Return the reactions an AllergyIntolerance (one) or an AdverseEvent (one a suspect) states."""
    if origin.type == "AdverseEvent":
        return _adverse_event(origin, resolve, vocabulary)
    found = _allergy(origin, vocabulary)
    return () if found is None else (found,)


def _allergy(origin: Origin, vocabulary: Vocabulary) -> Reaction | None:
    resource = origin.resource
    verification = _code(concept(origin, resource, "verificationStatus"))
    if verification in NEVER_EXISTED:
        origin.note("verificationStatus", "the reaction never existed: does not count")
        return None
    past = _code(concept(origin, resource, "clinicalStatus")) in _PAST
    if past:
        origin.note("clinicalStatus", "the reaction is past: it proves no present intolerance")
    reactions = mappings(origin, resource, "reaction")
    substances = [concept(origin, each, "substance", f"reaction[{index}]") for index, each in enumerate(reactions)]
    stated = tuple(each for each in (concept(origin, resource, "code"), *substances) if not each.is_empty)
    if not stated:
        origin.note("code", "names no substance")
        return None
    effects = _labels(
        effect
        for index, each in enumerate(reactions)
        for effect in concepts(origin, each, "manifestation", f"reaction[{index}]")
    )
    is_drug = not _DRUGS.isdisjoint(texts(origin, resource, "category"))
    severe = _severity(
        text(origin, resource, "criticality"),
        *(text(origin, each, "severity", f"reaction[{index}]") for index, each in enumerate(reactions)),
    )
    kind = text(origin, resource, "type")
    # `type` is optional and often left out; a severe reaction that is not called an intolerance is taken as an allergy.
    allergic = kind == "allergy" or (kind is None and severe is True)
    return Reaction(
        source=origin.source("code"),
        drug=identify(vocabulary, stated),
        effects=effects,
        severe=severe,
        hypersensitivity=allergic or (is_drug and _is_hypersensitivity(effects)),
        confirmed=False if past else _CONFIRMED.get(verification),
        when=_onset(origin, reactions),
    )


def _onset(origin: Origin, reactions: Sequence[Json]) -> DateRange | None:
    """Return when the reaction occurred; the onset of the allergy may be its first notice, so it comes second."""
    for index, each in enumerate(reactions):
        if "onset" in each:
            return date_range(origin, each, "onset", f"reaction[{index}]")
    return point(span(origin, origin.resource, "onset")) or date_range(origin, origin.resource, "lastOccurrence")


def _adverse_event(origin: Origin, resolve: Resolve, vocabulary: Vocabulary) -> tuple[Reaction, ...]:
    resource = origin.resource
    if text(origin, resource, "actuality") == "potential":
        origin.note("actuality", "did not happen: does not count")
        return ()
    effects = _labels([concept(origin, resource, "event")])
    severe = _severity(
        _code(concept(origin, resource, "seriousness")),
        _code(concept(origin, resource, "severity")),
    )
    when = date_range(origin, resource, "date" if "date" in resource else "detected")
    suspects = mappings(origin, resource, "suspectEntity")
    return tuple(
        Reaction(
            source=origin.source(f"suspectEntity[{index}].instance"),
            drug=drug,
            effects=effects,
            severe=severe,
            hypersensitivity=_is_hypersensitivity(effects),
            when=when,
        )
        for index, each in enumerate(suspects)
        if (drug := _suspect(origin, each, f"suspectEntity[{index}]", resolve, vocabulary)) is not None
    )


def _suspect(origin: Origin, entity: Json, path: str, resolve: Resolve, vocabulary: Vocabulary) -> DrugReading | None:
    """Return the drug a suspect entity refers to; one that is not at hand is unrecognised, under its reference."""
    holder = mapping(origin, entity, "instance", path)
    name = None if holder is None else reference_of(origin, holder, f"{path}.instance")
    if holder is None:
        return None
    display = Concept((), text(origin, holder, "display", f"{path}.instance") or "")
    found = None if name is None else resolved(origin, name, resolve)
    if name is None or found is None:
        origin.note(f"{path}.instance", "the suspect is not at hand")
        reading = identify(vocabulary, () if display.is_empty else (display,))
        return reading if reading.label else DrugReading(Reading.UNRECOGNISED, frozenset(), name or path)
    at = origin_of(origin, name, found)
    if at.type in _HAS_MEDICATION:
        return drug_of(at, found, within(origin, resolve), vocabulary)
    stated = tuple(each for each in (concept(at, found, "code"), display) if not each.is_empty)
    reading = identify(vocabulary, stated, ingredients_of(at, within(origin, resolve)))
    return reading if reading.label else DrugReading(reading.reading, reading.keys, name, reading.basis)


def _labels(effects: Iterable[Concept]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.label for each in effects if each.label))


def _code(value: Concept) -> str:
    """Return a status code; senders also write it as plain text."""
    return next((coding.code for coding in value.codings if coding.code), value.text).lower()


def _severity(*codes: str | None) -> bool | None:
    """Return True when one code says severe, False when they only say less, None when none says anything."""
    said = [_SEVERE[code] for code in codes if code is not None and code in _SEVERE]
    return any(said) if said else None


def _is_hypersensitivity(effects: tuple[str, ...]) -> bool:
    return any(_HYPERSENSITIVITY.search(effect) for effect in effects)
