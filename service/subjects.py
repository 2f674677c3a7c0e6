"""What a call is to decide about: the orders of its context, those it only names, or what stands for them.

order-dispatch and appointment-book name orders that have to be fetched; the encounter hooks name none at all, and
are about the coverage and the orders on record (CRD 2.2.1, hooks.md).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple, assert_never

from cards.dialect import Dialect
from criteria.facts import SearchState
from fhir_mappers.chart import GivenResource
from fhir_mappers.element import Origin, reference
from service.appointments import Appointment
from service.base_url import BaseUrl
from service.draft_orders import ORDER_TYPES, DraftOrder, Validate, read_order
from service.hook_context import MOST_ORDERS, Named
from service.hook_request import HookRequest
from service.hooks import Scope
from service.problems import Issue, RequestProblem
from service.templates import reference_of

_UNASKED = frozenset({SearchState.FAILED, SearchState.NOT_OFFERED})
_NO_SEARCHES: Mapping[str, SearchState] = MappingProxyType({})
_NOT_REFERRED = "The appointment is based on an order that it names in a way that cannot be followed."
_NO_PLACE = (
    "The appointment contains the order and is based on others too: this version of CRD has no place for the answer."
)


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

    `is_held` says that the resource is here as the client has it and may carry the answer; only then it is sent
    back. `reason` says why an unread subject is not decided, where it is not simply that nobody sent it.
    """

    kind: Kind
    draft: DraftOrder
    target: Mapping[str, Any] | None = None
    is_held: bool = True
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Subjects:
    """What is decided about, the drafts that only stand beside it, and what was noticed on the way."""

    decided: tuple[Subject, ...]
    beside: tuple[DraftOrder, ...] = ()
    notes: tuple[str, ...] = ()


def subjects_of(
    request: HookRequest,
    resources: tuple[GivenResource, ...],
    base: BaseUrl | None,
    validate: Validate,
    *,
    searches: Mapping[str, SearchState] = _NO_SEARCHES,
) -> Subjects:
    """Return the subjects of a call, given everything that was gathered for it.

    `searches` says per resource type how looking for it ended. Raises RequestProblem: 412 when none of the orders a
    dispatch names could be had (CDS Hooks, prefetch), 400 when none of them exists and for one that cannot be read.
    """
    scope = request.service.scope
    if scope is Scope.DRAFTS or scope is Scope.SELECTIONS:
        decided = tuple(Subject(Kind.ORDER, each) for each in request.context.orders)
        return Subjects(decided, request.context.others)
    shelf = _Shelf(request, resources, base, validate)
    match scope:
        case Scope.DISPATCHED:
            return Subjects(_dispatched(request.context.named, shelf, searches))
        case Scope.APPOINTMENTS:
            return _booked(request, shelf)
        case Scope.ENCOUNTER:
            notes: list[str] = []
            return Subjects((*_visit(request, shelf), *_on_record(resources, shelf, notes)), notes=tuple(notes))
        case _:
            assert_never(scope)


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

    def find(self, name: str) -> GivenResource | None:
        """Return the resource of a relative, absolute or urn reference; None when it was not gathered."""
        found = reference_of(name, self._base)
        return self._by_reference.get(name if found is None else f"{found[0]}/{found[1]}")

    def stub(self, name: str, path: str) -> DraftOrder | None:
        """Return a stand-in for an order that was not gathered; None when its reference does not name an order."""
        found = reference_of(name, self._base)
        if found is None or found[0] not in ORDER_TYPES:
            return None
        return DraftOrder({"resourceType": found[0], "id": found[1]}, path)

    def order(self, given: GivenResource) -> DraftOrder:
        """Return a gathered resource as an order; raise RequestProblem naming where it came from."""
        where = given.where if given.where.startswith("fetched.") else f"$.{given.where}"
        where = f"{where}.resource" if where.endswith("]") else where
        return read_order(given.resource, where, self._patient, strict=False, validate=self._validate)

    def booked(self, appointment: Appointment, name: str) -> DraftOrder | None:
        """Return an order that an appointment is based on; None when it was not gathered or is no order."""
        if name.startswith("#"):
            return self._contained(appointment, name)
        found = self.find(name)
        return None if found is None or found.resource["resourceType"] not in ORDER_TYPES else self.order(found)

    def _contained(self, appointment: Appointment, name: str) -> DraftOrder | None:
        """Return a contained order as one that stands for itself."""
        found = appointment.contained(name)
        kind = None if found is None else found.resource.get("resourceType")
        if found is None or not isinstance(kind, str) or kind not in ORDER_TYPES:
            return None
        order = read_order(found.resource, found.path, self._patient, strict=False, validate=self._validate)
        return replace(order, resource=appointment.apart(found))


def _dispatched(named: tuple[Named, ...], shelf: _Shelf, searches: Mapping[str, SearchState]) -> tuple[Subject, ...]:
    """Return the orders a dispatch names; raise RequestProblem when there is none of them.

    412 says that data could neither be sent nor asked for. Where somebody looked and the order is not there, the
    request names what does not exist (CRD found-32).
    """
    subjects, issues, is_unasked = [], [], False
    for each in named:
        found = shelf.find(each.reference)
        if found is not None:
            subjects.append(Subject(Kind.ORDER, shelf.order(found)))
            continue
        kind, _, identity = each.reference.partition("/")
        unasked = searches.get(kind, SearchState.NOT_OFFERED) in _UNASKED
        is_unasked = is_unasked or unasked
        text = "was not in prefetch and could not be fetched" if unasked else "is not an order that the client holds"
        issues.append(Issue(each.path, "not-found", text))
        stub = DraftOrder({"resourceType": kind, "id": identity}, each.path)
        subjects.append(Subject(Kind.UNREAD, stub, is_held=False))
    if len(issues) == len(named):
        raise RequestProblem(412 if is_unasked else 400, tuple(issues))
    return tuple(subjects)


def _booked(request: HookRequest, shelf: _Shelf) -> Subjects:
    """Return the orders appointments are based on; an appointment without one stands for itself.

    From CRD 2.1 on the answer is written to the order (FHIR-50318), in 2.0 to the appointment. Where that is based on
    several orders it has no single answer, and each order gets its own. An order that is contained can be updated
    with its appointment only.
    """
    decided: list[Subject] = []
    beside: list[DraftOrder] = []
    seen: set[str] = set()
    for appointment in request.context.appointments:
        if not appointment.is_meant:
            continue
        if not appointment.has_order:
            decided.append(Subject(Kind.ORDER, DraftOrder(appointment.resource, appointment.path)))
            continue
        for subject in _orders_of(appointment, _Orders.of(appointment, shelf), request.dialect):
            if subject.target is None:
                if subject.draft.reference in seen:
                    continue
                seen.add(subject.draft.reference)
            decided.append(subject)
            if subject.reason == _NO_PLACE:
                beside.append(subject.draft)
    return Subjects(tuple(decided), tuple(beside))


class _Orders(NamedTuple):
    """The orders an appointment is based on: those that stand for themselves, those it contains, those not at hand.

    `is_unnamed` says that there is one more, which not even a stub can name.
    """

    own: Mapping[str, DraftOrder]
    contained: Mapping[str, DraftOrder]
    stubs: tuple[DraftOrder, ...]
    is_unnamed: bool

    @classmethod
    def of(cls, appointment: Appointment, shelf: _Shelf) -> "_Orders":
        """Look every order of an appointment up; two references to one order are one."""
        own: dict[str, DraftOrder] = {}
        contained: dict[str, DraftOrder] = {}
        missing: list[DraftOrder | None] = []
        for name in appointment.based_on:
            order = shelf.booked(appointment, name)
            if order is None:
                missing.append(shelf.stub(name, f"{appointment.path}.basedOn"))
            else:
                (contained if name.startswith("#") else own).setdefault(order.reference, order)
        stubs = tuple(each for each in missing if each is not None)
        return cls(own, contained, stubs, appointment.has_unreferenced or None in missing)

    @property
    def is_single(self) -> bool:
        """Say whether there is one order, and it is at hand."""
        return len(self.own) + len(self.contained) == 1 and not self.stubs and not self.is_unnamed


def _orders_of(appointment: Appointment, orders: _Orders, dialect: Dialect) -> Iterator[Subject]:
    """Yield what is said of each order; only where none is at hand the appointment speaks for all of them."""
    itself = DraftOrder(appointment.resource, appointment.path)
    reason = _NOT_REFERRED if orders.is_unnamed else None
    if not orders.own and not orders.contained:
        # Every answer of a primary hook carries coverage information (hook-16), and nothing else is here to carry it.
        yield Subject(Kind.UNREAD, itself, reason=reason)
        return
    for order in orders.own.values():
        is_on_appointment = orders.is_single and dialect.annotates_appointments
        yield Subject(Kind.ORDER, order, target=appointment.resource if is_on_appointment else None)
    has_place = orders.is_single or _holds_several(dialect)
    for order in orders.contained.values():
        if has_place:
            yield Subject(Kind.ORDER, order, target=appointment.resource)
        else:
            yield Subject(Kind.UNREAD, order, target=appointment.resource, is_held=False, reason=_NO_PLACE)
    for stub in orders.stubs:
        yield Subject(Kind.UNREAD, stub, is_held=False)
    if orders.is_unnamed:
        yield Subject(Kind.UNREAD, itself, is_held=False, reason=reason)


def _holds_several(dialect: Dialect) -> bool:
    """Say whether one resource can carry the answers about several orders; without CRD the cards say them all."""
    return dialect.coverage_information is None or not dialect.coverage_information.one_id_per_coverage


def _visit(request: HookRequest, shelf: _Shelf) -> Iterator[Subject]:
    """Yield the encounter, if it was gathered, else a stand-in that cannot be written to."""
    found = shelf.find(f"Encounter/{request.context.encounter_id}")
    if found is not None and not _is_of_another(found.resource, request.patient_id):
        yield Subject(Kind.VISIT, DraftOrder(found.resource, f"$.{found.where}"))
    else:
        stub = {"resourceType": "Encounter", "id": request.context.encounter_id}
        yield Subject(Kind.VISIT, DraftOrder(stub, "$.context.encounterId"), is_held=False)


def _is_of_another(encounter: Mapping[str, Any], patient_id: str) -> bool:
    """Say whether an encounter is another patient's: for the call it does not exist (decision contract, section 1)."""
    whose = reference(Origin.of(encounter, []), encounter, "subject")
    return whose is not None and whose.startswith("Patient/") and whose != f"Patient/{patient_id}"


def _on_record(resources: tuple[GivenResource, ...], shelf: _Shelf, notes: list[str]) -> list[Subject]:
    """Return the active drug orders on record, the newest if they are too many for one call.

    One that cannot be read is noted: the client did not ask about it.
    """
    found: dict[str, DraftOrder] = {}
    for each in resources:
        resource = each.resource
        if resource["resourceType"] != "MedicationRequest" or resource.get("status") != "active":
            continue
        try:
            order = shelf.order(each)
        except RequestProblem as problem:
            notes += [f"{issue.path} {issue.text}: not decided" for issue in problem.issues]
            continue
        found.setdefault(order.reference, order)
    newest = sorted(found.values(), key=_authored, reverse=True)[:MOST_ORDERS]
    if len(newest) < len(found):
        left_out = len(found) - len(newest)
        notes.append(f"{left_out} active orders on record, older than the newest {MOST_ORDERS}: not decided")
    kept = {order.reference for order in newest}
    return [Subject(Kind.ON_RECORD, order) for name, order in found.items() if name in kept]


def _authored(order: DraftOrder) -> str:
    """Return when an order was written, to be compared as text; an order without a date is older than any other."""
    return str(order.resource.get("authoredOn", ""))
