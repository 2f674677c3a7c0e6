"""Reading the appointments of appointment-book, and which orders they are based on.

R4 lets `Appointment.basedOn` refer to a ServiceRequest; any other order stands in the extension alternate-reference
of that element (CRD 2.2.1, profile-appointment).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.draft_orders import PATIENT_REFERENCE, unreadable_id
from service.problems import Issue, RequestProblem

ALTERNATE_REFERENCE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"


@dataclass(frozen=True, slots=True)
class Appointment:
    """One appointment: the client's own mapping, its JSON path, and the orders it is based on, as referred to."""

    resource: Mapping[str, Any]
    path: str
    based_on: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """Return the relative reference, e.g. "Appointment/a1"."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"


def read_appointment(resource: Mapping[str, Any], path: str, patient_id: str) -> Appointment:
    """Return the appointment; raise RequestProblem when it has no id, no status, or is another patient's."""
    issues = [*unreadable_id(resource, path), *_status_issues(resource, path)]
    issues += _patient_issues(resource, path, patient_id)
    if issues:
        raise RequestProblem(400, tuple(issues))
    return Appointment(resource, path, tuple(dict.fromkeys(_based_on(resource))))


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


def _based_on(resource: Mapping[str, Any]) -> Iterator[str]:
    for each in _list(resource.get("basedOn")):
        if not isinstance(each, Mapping):
            continue
        alternates = [
            extension.get("valueReference")
            for extension in _list(each.get("extension"))
            if isinstance(extension, Mapping) and extension.get("url") == ALTERNATE_REFERENCE
        ]
        for holder in (each, *alternates):
            reference = holder.get("reference") if isinstance(holder, Mapping) else None
            if isinstance(reference, str) and reference:
                yield reference


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
