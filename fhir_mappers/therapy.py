"""Medication resources and procedures -> what the patient was given, and what was done.

Which status counts follows the clinical readings, section 4.1: an administration proves most, an order least, and what
was never given is no exposure.
"""

from collections.abc import Callable, Iterator
from types import MappingProxyType

from criteria.facts import Diagnosis, Exposure, ExposureKind, Procedure
from criteria.vocabulary import Vocabulary
from fhir_mappers.dates import NO_SPAN, Span, date_range, dated, period, point, span
from fhir_mappers.drug_identification import drug_of
from fhir_mappers.element import (
    Concept,
    Origin,
    Resolve,
    concept,
    concepts,
    flag,
    mapping,
    mappings,
    text,
)
from fhir_mappers.order import reasons_of

Mapper = Callable[[Origin, Resolve, Vocabulary], Exposure | None]

_GIVEN = frozenset({"completed", "in-progress", "stopped"})
_STATED = frozenset({"active", "completed", "stopped"})
# These may or may not mean that the drug was received: they count like an order, as a possibility.
_POSSIBLE = frozenset({"on-hold", "unknown"})
_NOT_HANDED_OVER = frozenset({"in-progress", "on-hold", "stopped"})
_REAL_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_INTENTS = frozenset({"neoadjuvant", "adjuvant", "curative", "palliative"})
_REASON_KEYS = ("statusReason", "statusReasonCodeableConcept")


def map_exposure(origin: Origin, resolve: Resolve, vocabulary: Vocabulary) -> Exposure | None:
    """Return the exposure a medication resource proves, None when it proves none.

    Reads MedicationAdministration, MedicationStatement, MedicationDispense and MedicationRequest.
    """
    return EXPOSURES[origin.type](origin, resolve, vocabulary)


def _administration(origin: Origin, resolve: Resolve, vocabulary: Vocabulary) -> Exposure | None:
    status = _status(origin)
    if status not in _GIVEN | _POSSIBLE:
        return None
    kind = ExposureKind.ADMINISTERED if status in _GIVEN else ExposureKind.ORDERED
    path, given = dated(origin, origin.resource, "effective")
    return _exposure(origin, resolve, vocabulary, kind=kind, taken=given, path=path)


def _statement(origin: Origin, resolve: Resolve, vocabulary: Vocabulary) -> Exposure | None:
    status = _status(origin)
    if status not in _STATED | _POSSIBLE:
        return None
    kind = ExposureKind.STATED if status in _STATED else ExposureKind.ORDERED
    path, taken = dated(origin, origin.resource, "effective")
    if status == "active" and path != "effectivePeriod":
        taken = Span(taken.start, None)  # a drug that is being taken did not end on the day it was noted
    return _exposure(origin, resolve, vocabulary, kind=kind, taken=taken, path=path)


def _dispense(origin: Origin, resolve: Resolve, vocabulary: Vocabulary) -> Exposure | None:
    status = _status(origin)
    if status in _NOT_HANDED_OVER:
        origin.note("status", "not handed over: does not count")
    if status != "completed":
        return None
    key = "whenHandedOver" if "whenHandedOver" in origin.resource else "whenPrepared"
    day = date_range(origin, origin.resource, key)
    return _exposure(origin, resolve, vocabulary, kind=ExposureKind.DISPENSED, taken=Span(day, day), path=key)


def _request(origin: Origin, resolve: Resolve, vocabulary: Vocabulary) -> Exposure | None:
    resource = origin.resource
    if _status(origin) not in _STATED | {"on-hold"} or text(origin, resource, "intent") not in _REAL_ORDERS:
        return None
    if flag(origin, resource, "doNotPerform"):
        return None
    authored = Span(date_range(origin, resource, "authoredOn"), None)
    if flag(origin, resource, "reportedBoolean") or mapping(origin, resource, "reportedReference") is not None:
        taken, path = _reported_span(origin) or (authored, "authoredOn")
        return _exposure(origin, resolve, vocabulary, kind=ExposureKind.STATED, taken=taken, path=path)
    return _exposure(origin, resolve, vocabulary, kind=ExposureKind.ORDERED, taken=authored, path="authoredOn")


def _reported_span(origin: Origin) -> tuple[Span, str] | None:
    """Return the bounds of the timing a reported medication was taken in."""
    for index, each in enumerate(mappings(origin, origin.resource, "dosageInstruction")):
        path = f"dosageInstruction[{index}].timing.repeat"
        timing = mapping(origin, each, "timing", f"dosageInstruction[{index}]")
        repeat = None if timing is None else mapping(origin, timing, "repeat", f"dosageInstruction[{index}].timing")
        found = NO_SPAN if repeat is None else period(origin, repeat, "boundsPeriod", path)
        if found != NO_SPAN:
            return found, f"{path}.boundsPeriod"
    return None


EXPOSURES: MappingProxyType[str, Mapper] = MappingProxyType(
    {
        "MedicationAdministration": _administration,
        "MedicationStatement": _statement,
        "MedicationDispense": _dispense,
        "MedicationRequest": _request,
    }
)


def _status(origin: Origin) -> str | None:
    status = text(origin, origin.resource, "status")
    if status is None:
        origin.note("status", "is missing: does not count")
    return status


def _exposure(
    origin: Origin, resolve: Resolve, vocabulary: Vocabulary, *, kind: ExposureKind, taken: Span, path: str
) -> Exposure:
    status = origin.resource.get("status")
    is_ended = path == "effectivePeriod" and taken.end is not None
    return Exposure(
        # Without a date there is no element to cite but the resource itself.
        source=origin.source(path if taken.start is not None else ""),
        drug=drug_of(origin, origin.resource, resolve, vocabulary),
        kind=kind,
        start=taken.start,
        end=taken.end,
        ongoing=kind is ExposureKind.STATED and status == "active" and taken.end is None,
        stopped=status == "stopped",
        stop_reasons=_stop_reasons(origin, vocabulary),
        intent=_intent(origin, vocabulary),
        unclosed=kind is ExposureKind.ADMINISTERED and status == "in-progress" and not is_ended,
        reasons=_reasons(origin, resolve, vocabulary),
    )


def _reasons(origin: Origin, resolve: Resolve, vocabulary: Vocabulary) -> tuple[Diagnosis, ...]:
    if not {"reasonCode", "reasonReference"} & origin.resource.keys():
        return ()
    return reasons_of(origin, resolve, vocabulary)[0]


def _stop_reasons(origin: Origin, vocabulary: Vocabulary) -> frozenset[str]:
    """Return the meanings of the coded status reasons, and of mCODE's retired extension for them."""
    resource = origin.resource
    found = [each for key in _REASON_KEYS if key in resource for each in concepts(origin, resource, key)]
    if "extension" in resource:
        found.extend(_extensions(origin, vocabulary.therapy.extensions.get("termination-reason")))
    meanings = vocabulary.therapy.status_reasons
    keys = (vocabulary.key(coding.system, coding.code) for each in found for coding in each.codings)
    return frozenset(meanings[key] for key in keys if key in meanings)


def _intent(origin: Origin, vocabulary: Vocabulary) -> str | None:
    """Return the intent of the treatment (mCODE's extension); two that disagree state none."""
    if "extension" not in origin.resource:
        return None
    meanings = vocabulary.therapy.intents
    found = {
        meanings.get(vocabulary.key(coding.system, coding.code))
        for each in _extensions(origin, vocabulary.therapy.extensions.get("treatment-intent"))
        for coding in each.codings
    }
    stated = [meaning for meaning in found if meaning in _INTENTS]
    if len(stated) > 1:
        origin.note("extension", "states several intents: none is used")
    return stated[0] if len(stated) == 1 else None


def _extensions(origin: Origin, url: str | None) -> Iterator[Concept]:
    for index, entry in enumerate(mappings(origin, origin.resource, "extension")):
        if url is not None and entry.get("url") == url:
            for key in ("valueCodeableConcept", "valueCoding"):
                if key in entry:
                    yield concept(origin, entry, key, f"extension[{index}]")


def map_procedure(origin: Origin, vocabulary: Vocabulary) -> Procedure | None:
    """Return a procedure that was carried out, None for one that was not, or not yet, completed."""
    status = _status(origin)
    if status != "completed":
        return None
    code = concept(origin, origin.resource, "code")
    sets = vocabulary.therapy.procedures
    return Procedure(
        source=origin.source("code"),
        concepts=frozenset(
            name for coding in code.codings for name in sets.get(vocabulary.key(coding.system, coding.code), ())
        ),
        label=code.label or origin.reference,
        when=point(span(origin, origin.resource, "performed")),
    )
