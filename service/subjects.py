"""What a call is to decide about: the orders of its context, those it only names, or what stands for them.

order-dispatch and appointment-book name orders that have to be fetched; the encounter hooks name none at all, and
are about the coverage and the orders on record (CRD 2.2.1, hooks.md).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, assert_never

from fhir_mappers.chart import GivenResource
from service.appointments import Appointment
from service.base_url import BaseUrl
from service.draft_orders import DraftOrder, Validate, read_order
from service.hook_context import Named
from service.hook_request import HookRequest
from service.hooks import Scope
from service.problems import Issue, RequestProblem
from service.templates import reference_of


class Kind(Enum):
    """How a subject is decided."""

    ORDER = "order"
    """By the policy; the answer is written to it, or to its target."""
    UNREAD = "unread"
    """Not at all: the order could not be read."""
    ON_RECORD = "on record"
    """By the policy, if there is one; the answer has cards about it and leaves it alone."""
    VISIT = "visit"
    """An encounter, about which only a coverage that is not in force is said."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to decide about. `target` carries the coverage information in place of the order.

    `is_held` says that the resource is here as the client has it; only then it can be sent back.
    """

    kind: Kind
    draft: DraftOrder
    target: Mapping[str, Any] | None = None
    is_held: bool = True


@dataclass(frozen=True, slots=True)
class Subjects:
    """What is decided about, the drafts that only stand beside it, and what was noticed on the way."""

    decided: tuple[Subject, ...]
    beside: tuple[DraftOrder, ...] = ()
    notes: tuple[str, ...] = ()


def subjects_of(
    request: HookRequest, resources: tuple[GivenResource, ...], base: BaseUrl | None, validate: Validate
) -> Subjects:
    """Return the subjects of a call, given everything that was gathered for it.

    Raises RequestProblem: 412 when none of the orders a dispatch names could be had (CDS Hooks, prefetch), 400 for
    one that can be had and not be read.
    """
    shelf = _Shelf(request, resources, base, validate)
    match request.service.scope:
        case Scope.DRAFTS | Scope.SELECTIONS:
            decided = tuple(Subject(Kind.ORDER, each) for each in request.context.orders)
            return Subjects(decided, request.context.others)
        case Scope.DISPATCHED:
            return Subjects(_dispatched(request.context.named, shelf))
        case Scope.APPOINTMENTS:
            return Subjects(tuple(_booked(request, shelf)))
        case Scope.ENCOUNTER:
            notes: list[str] = []
            return Subjects((*_visit(request, shelf), *_on_record(resources, shelf, notes)), notes=tuple(notes))
        case _:
            assert_never(request.service.scope)


class _Shelf:
    """What was gathered, by the references that may name it."""

    def __init__(
        self, request: HookRequest, resources: tuple[GivenResource, ...], base: BaseUrl | None, validate: Validate
    ) -> None:
        self._patient, self._base, self._validate = request.patient_id, base, validate
        self._by_reference: dict[str, GivenResource] = {}
        for each in resources:
            names = [f"{each.resource['resourceType']}/{each.resource.get('id')}", each.full_url]
            for name in names:
                if name is not None:
                    self._by_reference.setdefault(name, each)

    def find(self, reference: str) -> GivenResource | None:
        """Return the resource of a relative, absolute or urn reference; None when it was not gathered."""
        found = reference_of(reference, self._base)
        name = reference if found is None else f"{found[0]}/{found[1]}"
        return self._by_reference.get(name)

    def order(self, given: GivenResource) -> DraftOrder:
        """Return a gathered resource as an order; raise RequestProblem naming where it came from."""
        where = given.where if given.where.startswith("fetched.") else f"$.{given.where}"
        where = f"{where}.resource" if where.endswith("]") else where
        return read_order(given.resource, where, self._patient, strict=False, validate=self._validate)


def _dispatched(named: tuple[Named, ...], shelf: _Shelf) -> tuple[Subject, ...]:
    subjects = []
    issues = []
    for each in named:
        found = shelf.find(each.reference)
        if found is None:
            issues.append(Issue(each.path, "not-found", "was not in prefetch and could not be fetched"))
            kind, _, identity = each.reference.partition("/")
            stub = DraftOrder({"resourceType": kind, "id": identity}, each.path)
            subjects.append(Subject(Kind.UNREAD, stub, is_held=False))
        else:
            subjects.append(Subject(Kind.ORDER, shelf.order(found)))
    if len(issues) == len(named):
        raise RequestProblem(412, tuple(issues))
    return tuple(subjects)


def _booked(request: HookRequest, shelf: _Shelf) -> Iterator[Subject]:
    """Yield the order each appointment is based on; an appointment without one stands for itself.

    From CRD 2.1 on the answer is written to the order (FHIR-50318), in 2.0 to the appointment. Where that is based on
    several orders it has no single answer, and each order gets its own.
    """
    seen: set[str] = set()
    for appointment in request.context.appointments:
        found = [each for name in appointment.based_on if (each := shelf.find(name)) is not None]
        itself = DraftOrder(appointment.resource, appointment.path)
        if not appointment.based_on:
            yield Subject(Kind.ORDER, itself)
        elif not found:
            yield Subject(Kind.UNREAD, itself)
        else:
            yield from _orders_of(request, appointment, [shelf.order(each) for each in found], seen)


def _orders_of(
    request: HookRequest, appointment: Appointment, orders: list[DraftOrder], seen: set[str]
) -> Iterator[Subject]:
    if request.dialect.annotates_appointments and len(orders) == 1:
        yield Subject(Kind.ORDER, orders[0], target=appointment.resource)
        return
    for order in orders:
        if order.reference not in seen:
            seen.add(order.reference)
            yield Subject(Kind.ORDER, order)


def _visit(request: HookRequest, shelf: _Shelf) -> Iterator[Subject]:
    """Yield the encounter, if it was gathered, else a stand-in that cannot be written to."""
    reference = f"Encounter/{request.context.encounter_id}"
    found = shelf.find(reference)
    if found is not None:
        yield Subject(Kind.VISIT, DraftOrder(found.resource, f"$.{found.where}"))
    else:
        stub = {"resourceType": "Encounter", "id": request.context.encounter_id}
        yield Subject(Kind.VISIT, DraftOrder(stub, "$.context.encounterId"), is_held=False)


def _on_record(resources: tuple[GivenResource, ...], shelf: _Shelf, notes: list[str]) -> Iterator[Subject]:
    """Yield the active drug orders on record; one that cannot be read is noted, the client did not send it."""
    seen: set[str] = set()
    for each in resources:
        resource = each.resource
        if resource["resourceType"] != "MedicationRequest" or resource.get("status") != "active":
            continue
        try:
            order = shelf.order(each)
        except RequestProblem as problem:
            notes += [f"{issue.path} {issue.text}: not decided" for issue in problem.issues]
            continue
        if order.reference not in seen:
            seen.add(order.reference)
            yield Subject(Kind.ON_RECORD, order)
