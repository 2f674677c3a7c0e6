"""Reading the orders of a call: what decides must be readable, every other defect is named and tolerated.

Real clients send sloppy orders (`category` as an object, no requester), and CRD forbids errors over absent optional
elements (conf-12). An order whose drug, patient, dates, reasons, dose or coverage cannot be read is refused
instead, because guessing at one of those decides about something that nobody ordered.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fhir_mappers.element import FHIR_ID
from fhir_mappers.r4 import Problem
from fhir_mappers.r4 import validate as defects_of
from service.exact_json import encode
from service.problems import Issue, RequestProblem

Validate = Callable[[Mapping[str, Any]], tuple[Problem, ...]]


@dataclass(frozen=True, slots=True)
class OrderType:
    """One kind of order: where it names its patient, and which elements must be readable if they are there."""

    patient: str
    readable: frozenset[str]
    required: tuple[str, ...]


def _order_type(*required: str, patient: str = "subject", optional: tuple[str, ...] = ()) -> OrderType:
    return OrderType(patient, frozenset({*required, *optional, "id", "status", "intent", patient}), required)


_MEDICATION = ("medicationCodeableConcept", "medicationReference")

ORDER_TYPES: Mapping[str, OrderType] = MappingProxyType(
    {
        "MedicationRequest": _order_type(
            "status",
            "intent",
            "subject",
            optional=(
                *_MEDICATION,
                "medication[x]",
                "authoredOn",
                "reasonCode",
                "reasonReference",
                "dosageInstruction",
                "insurance",
            ),
        ),
        "ServiceRequest": _order_type("status", "intent", "subject"),
        "DeviceRequest": _order_type("intent", "subject"),
        "CommunicationRequest": _order_type("status"),
        "NutritionOrder": _order_type("status", "intent", "patient", patient="patient"),
        "VisionPrescription": _order_type("status", "patient", patient="patient"),
    }
)

_MODIFIERS = frozenset({"modifierExtension", "_modifierExtension", "implicitRules", "_implicitRules"})
_MODIFIERS_WRITTEN = tuple(sorted(f'"{name}":'.encode() for name in _MODIFIERS))
_MEMBER = re.compile(r"[a-zA-Z]{1,40}")
_FIRST_YEAR, _LAST_YEAR = "1900", "2199"
PATIENT_REFERENCE = re.compile(rf"(?:https?://[^\s?#]+/)?Patient/({FHIR_ID.pattern})(?:/_history/{FHIR_ID.pattern})?")
_URN = re.compile(r"urn:uuid:([0-9a-fA-F\-]{36})")

# Defects inside of a readable element that leave it readable: members FHIR does not know, empty lists, blank texts.
PROFILE_RULE = "business-rule"
_UNKNOWN_MEMBER = "is not an element of this type"


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """One order of the call: the client's own mapping, its JSON path, and the defects that were tolerated."""

    resource: Mapping[str, Any]
    path: str
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """Return the relative reference, e.g. "MedicationRequest/rx1"."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"


def read_order(
    resource: Mapping[str, Any], path: str, patient_id: str, *, strict: bool, validate: Validate
) -> DraftOrder:
    """Return the order; raise RequestProblem when an element that decides cannot be read.

    `resource["resourceType"]` is one of ORDER_TYPES. With `strict` any FHIR defect is refused.
    """
    kind = ORDER_TYPES[resource["resourceType"]]
    missing = [*unreadable_id(resource, path), *_missing(resource, kind, path), *_unclear_negation(resource, path)]
    if missing:
        raise RequestProblem(400, tuple(missing))
    refused: list[Issue] = []
    notes: list[str] = []
    for problem in (*validate(resource), *_profile_problems(resource)):
        # The problem's path begins with the type, ours with the place in the body.
        issue = Issue(path + problem.path.removeprefix(str(resource["resourceType"])), problem.code, problem.message)
        if strict or not _leaves_readable(problem, kind):
            refused.append(issue)
        else:
            notes.append(f"{issue.path} {issue.text}")
    refused += _patient_issues(resource, kind, path, patient_id)
    if resource["resourceType"] == "MedicationRequest" and not refused:
        refused += _medication_issues(resource, path)
        if _may_hold_modifiers(resource):
            refused += _modifiers(resource, path)
    if refused:
        raise RequestProblem(_status(refused), tuple(refused))
    return DraftOrder(resource, path, tuple(notes))


def _status(refused: Sequence[Issue]) -> int:
    """Valid FHIR that only CRD does not allow is a 422 (hook-13)."""
    return 422 if all(issue.code == PROFILE_RULE for issue in refused) else 400


def defective_elements(resource: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the elements of a resource in which FHIR is not kept to."""
    steps = (problem.path.split(".") for problem in defects_of(resource))
    return frozenset(each[1].partition("[")[0] for each in steps if len(each) > 1)


def unreadable_id(resource: Mapping[str, Any], path: str) -> list[Issue]:
    """Return what is wrong with the id of a resource of the context (found-36): no action can name it without one."""
    given = resource.get("id")
    if given is None:
        return [Issue(f"{path}.id", "required", "is required and missing")]
    if not isinstance(given, str) or not FHIR_ID.fullmatch(given):
        return [Issue(f"{path}.id", "value", "is not a FHIR id")]
    return []


def _unclear_negation(resource: Mapping[str, Any], path: str) -> list[Issue]:
    """What forbids a drug must not be read as an order for it, nor the other way round."""
    name = "doNotPerform"
    if isinstance(resource.get(name), bool) or not {name, f"_{name}"} & resource.keys():
        return []
    return [Issue(f"{path}.{name}", "value", "is neither true nor false")]


def _may_hold_modifiers(resource: Mapping[str, Any]) -> bool:
    """Say whether the name of a modifier stands anywhere in a resource; nearly never, and then nobody walks it."""
    written = encode(resource)
    return any(name in written for name in _MODIFIERS_WRITTEN)


def _modifiers(value: Any, path: str) -> Iterator[Issue]:
    """Yield what may change the meaning of an order in a way that is not understood, at any depth.

    FHIR R4 extensibility.html#modifierExtension and resource.html#Resource: whoever does not know a modifier or the
    implicit rules shall not process the resource as if they were not there.
    """
    match value:
        case dict():
            for name, inner in value.items():
                if name in _MODIFIERS and inner:
                    yield Issue(f"{path}.{name.removeprefix('_')}", "not-supported", "is not understood")
                elif isinstance(inner, (dict, list)):
                    # The sender's own names stay out of the answer.
                    yield from _modifiers(inner, f"{path}.{name if _MEMBER.fullmatch(name) else '?'}")
        case list():
            for index, inner in enumerate(value):
                yield from _modifiers(inner, f"{path}[{index}]")
        case _:
            pass


def _missing(resource: Mapping[str, Any], kind: OrderType, path: str) -> list[Issue]:
    absent = [
        Issue(f"{path}.{name}", "required", "is required and missing") for name in kind.required if name not in resource
    ]
    # JSON null is no FHIR value; models let it pass, readers would stumble over it.
    nulls = [
        Issue(f"{path}.{name}", "value", "is null")
        for name in kind.readable
        if name in resource and resource[name] is None
    ]
    return absent + sorted(nulls, key=lambda issue: issue.path)


def _profile_problems(resource: Mapping[str, Any]) -> Iterator[Problem]:
    """What CRD requires beyond FHIR (profile of MedicationRequest, 2.2.1); clients leave both out."""
    if resource["resourceType"] == "MedicationRequest":
        for name in ("authoredOn", "requester"):
            if name not in resource and f"_{name}" not in resource:
                yield Problem(f"MedicationRequest.{name}", "is missing, and the CRD profile requires it", PROFILE_RULE)


def _leaves_readable(problem: Problem, kind: OrderType) -> bool:
    steps = problem.path.split(".")
    element = steps[1].partition("[")[0] if len(steps) > 1 else ""
    if problem.path.endswith(".medication[x]"):
        element = "medication[x]"
    if element not in kind.readable:
        return True
    return problem.code in {"invariant", PROFILE_RULE} or problem.message == _UNKNOWN_MEMBER


def _patient_issues(resource: Mapping[str, Any], kind: OrderType, path: str, patient_id: str) -> list[Issue]:
    subject = resource.get(kind.patient)
    if subject is None:
        return []
    place = f"{path}.{kind.patient}"
    reference = subject.get("reference") if isinstance(subject, Mapping) else None
    found = isinstance(reference, str) and (PATIENT_REFERENCE.fullmatch(reference) or _URN.fullmatch(reference))
    if not found:
        return [Issue(f"{place}.reference", "value", "does not refer to a patient")]
    if found[1] != patient_id:
        return [Issue(f"{place}.reference", "value", "is another patient than context.patientId")]
    return []


def _medication_issues(resource: Mapping[str, Any], path: str) -> list[Issue]:
    """A medication without any code, text or reference is valid FHIR and tells nobody what was ordered.

    Neither does an order date of another age: everything is judged relative to it.
    """
    authored = resource.get("authoredOn")
    if isinstance(authored, str) and not _FIRST_YEAR <= authored[:4] <= _LAST_YEAR:
        return [Issue(f"{path}.authoredOn", "value", f"lies outside of the years {_FIRST_YEAR} to {_LAST_YEAR}")]
    concept, reference = (resource.get(name) for name in _MEDICATION)
    if isinstance(concept, Mapping) and not _says_something(concept):
        return [Issue(f"{path}.medicationCodeableConcept", "required", "has neither code nor text")]
    if isinstance(reference, Mapping) and not any(_is_text(reference.get(name)) for name in ("reference", "display")):
        return [Issue(f"{path}.medicationReference", "required", "has neither reference nor display")]
    return []


def _says_something(concept: Mapping[str, Any]) -> bool:
    codings: Sequence[Mapping[str, Any]] = concept.get("coding") or ()
    return _is_text(concept.get("text")) or any(
        _is_text(coding.get(name)) for coding in codings for name in ("code", "display")
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
