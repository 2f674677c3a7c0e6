"""Reading the appointments of appointment-book, and which orders they are based on.

R4 lets `Appointment.basedOn` refer to a ServiceRequest; any other order stands in the extension alternate-reference
of that element (CRD 2.2.1, profile-appointment). Either may point to a resource the appointment contains.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from fhir_mappers.element import FHIR_ID
from service.draft_orders import PATIENT_REFERENCE, unreadable_id
from service.problems import Issue, RequestProblem

ALTERNATE_REFERENCE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"

_WITHDRAWN = frozenset({"cancelled", "entered-in-error", "fulfilled", "noshow"})
"""FHIR R4 valueset-appointmentstatus: an appointment that takes place no more, or took place already."""
_CONTAINED = UUID("0c1f6a4e-5d0e-5b0b-8d0e-3f6b6a1f2c77")
_MODIFIERS = ("modifierExtension", "implicitRules")


class Contained(NamedTuple):
    """A resource that an appointment contains, and its JSON path."""

    resource: Mapping[str, Any]
    path: str


@dataclass(frozen=True, slots=True)
class Appointment:
    """One appointment: the client's own mapping, its JSON path, and the orders it is based on, as referred to.

    `has_unreferenced` says that it is based on an order which it does not refer to: that one is named by identifier
    or in words only, and cannot be looked up.
    """

    resource: Mapping[str, Any]
    path: str
    based_on: tuple[str, ...] = ()
    has_unreferenced: bool = False

    @property
    def has_order(self) -> bool:
        """Say whether it is based on any order, known or not."""
        return bool(self.based_on) or self.has_unreferenced

    @property
    def is_meant(self) -> bool:
        """Say whether the appointment is still to take place."""
        return self.resource["status"] not in _WITHDRAWN

    def contained(self, name: str) -> Contained | None:
        """Return the contained resource that "#x" names; None when there is none."""
        for index, each in enumerate(_list(self.resource.get("contained"))):
            if isinstance(each, Mapping) and f"#{each.get('id')}" == name:
                return Contained(each, f"{self.path}.contained[{index}]")
        return None

    @property
    def reference(self) -> str:
        """Return the relative reference, e.g. "Appointment/a1"."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"

    def apart(self, contained: Contained) -> dict[str, Any]:
        """Return a contained resource that has an id as one that stands for itself, what it may refer to within it.

        Contained resources share the container of their holder (FHIR R4 references.html#contained), and their ids
        are valid there only: the record may have another order of the same id. What has a modifier that is not
        understood is left out, as it is of the record.
        """
        joined = f"{self.resource['id']}.{contained.resource['id']}"
        identity = joined if FHIR_ID.fullmatch(joined) else str(uuid5(_CONTAINED, joined))
        beside = [
            each
            for each in self.resource["contained"]
            if each is not contained.resource and isinstance(each, Mapping) and not any(map(each.get, _MODIFIERS))
        ]
        return {**contained.resource, "id": identity, "contained": beside}


def read_appointment(resource: Mapping[str, Any], path: str, patient_id: str) -> Appointment:
    """Return the appointment; raise RequestProblem when it has no id, no status, or is another patient's."""
    issues = [*unreadable_id(resource, path), *_status_issues(resource, path)]
    issues += _patient_issues(resource, path, patient_id)
    if issues:
        raise RequestProblem(400, tuple(issues))
    based_on = [tuple(_references(each)) for each in _entries(resource.get("basedOn"))]
    names = dict.fromkeys(chain.from_iterable(based_on))
    return Appointment(resource, path, tuple(names), has_unreferenced=() in based_on)


def _status_issues(resource: Mapping[str, Any], path: str) -> list[Issue]:
    status = resource.get("status")
    if status is None:
        return [Issue(f"{path}.status", "required", "is required and missing")]
    return [] if isinstance(status, str) else [Issue(f"{path}.status", "value", "must be text")]


def _patient_issues(resource: Mapping[str, Any], path: str, patient_id: str) -> Iterator[Issue]:
    """Name participants that are another patient; an appointment that names no patient is the one of the context."""
    for index, each in enumerate(_list(resource.get("participant"))):
        actor = each.get("actor") if isinstance(each, Mapping) else None
        reference = actor.get("reference") if isinstance(actor, Mapping) else None
        found = PATIENT_REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
        if found and found[1] != patient_id:
            text = "is another patient than context.patientId"
            yield Issue(f"{path}.participant[{index}].actor.reference", "value", text)


def _entries(based_on: Any) -> list[Any]:
    """Return the entries of basedOn. One that stands there without its list is still an order, prefetch asks for it."""
    return [] if based_on is None else based_on if isinstance(based_on, list) else [based_on]


def _references(entry: Any) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        return
    alternates = [
        extension.get("valueReference")
        for extension in _list(entry.get("extension"))
        if isinstance(extension, Mapping) and extension.get("url") == ALTERNATE_REFERENCE
    ]
    for holder in (entry, *alternates):
        reference = holder.get("reference") if isinstance(holder, Mapping) else None
        if isinstance(reference, str) and reference:
            yield reference


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
