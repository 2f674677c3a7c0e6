"""Reading the context of a hook: who, which patient, and what is to be decided about.

Sources: CDS Hooks Library 1.0.1 (order-sign, order-select, appointment-book, encounter-start, encounter-discharge
1.0; order-dispatch 1.0 and 1.1) and CRD 2.2.1 (CRD…Context). The Bundle's `fullUrl` and `type` may be missing:
clients of CRD 2.0.1 leave them out.
"""

import re
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, assert_never

from fhir_mappers.chart import GivenResource
from fhir_mappers.element import FHIR_ID
from service.appointments import Appointment, read_appointment
from service.draft_orders import ORDER_TYPES, PROFILE_RULE, DraftOrder, Validate, read_order
from service.hooks import HookService, Scope
from service.members import object_of, text_of, texts_of
from service.problems import request_problem

COMPANIONS = frozenset({"Medication", "RequestGroup"})
"""What clients put beside the orders: the ordered product as a resource, and the regimen the orders belong to."""

MOST_ORDERS = 50
"""Orders or appointments of one call. Each is decided against the whole record, and an order set has a dozen."""

_REFERENCE = re.compile(rf"([A-Z][A-Za-z]+)/{FHIR_ID.pattern}", re.ASCII)
_USER = re.compile(r"(\w+)/[\w\-.]+", re.ASCII)


class Named(NamedTuple):
    """An order that the context names without holding it: "MedicationRequest/rx1", and the JSON path of the name."""

    reference: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HookContext:
    """What a context says. Which of the members below `encounter_id` are filled depends on the hook's scope.

    `orders` are to be decided, `others` are drafts beside them; `named` are orders to be fetched. `members` is the
    context as templates see it, in the shape of the newest version of the hook.
    """

    members: Mapping[str, Any]
    patient_id: str
    user: str | None = None
    encounter_id: str | None = None
    orders: tuple[DraftOrder, ...] = ()
    others: tuple[DraftOrder, ...] = ()
    companions: tuple[GivenResource, ...] = ()
    named: tuple[Named, ...] = ()
    appointments: tuple[Appointment, ...] = ()

    is_empty: bool = False
    """The context holds nothing to decide about, although the hook is about what it holds."""


@dataclass(frozen=True, slots=True)
class OrderReading:
    """How orders are read: `strict` refuses any FHIR defect; defects that are tolerated are noted otherwise."""

    validate: Validate
    notes: list[str]
    strict: bool = False


def read_context(given: Mapping[str, Any], service: HookService, reading: OrderReading) -> HookContext:
    """Return what a context says for a service; raise RequestProblem with the JSON path of what is wrong."""
    patient = _id(given, "patientId")
    if patient is None:
        raise request_problem("$.context.patientId", "required", "is required and missing")
    encounter = _id(given, "encounterId")
    if encounter is None and service.needs_encounter:
        raise request_problem("$.context.encounterId", "required", "is required and missing")
    user = _user(given, service.users)
    read = HookContext(members=given, patient_id=patient, user=user, encounter_id=encounter)
    match service.scope:
        case Scope.DRAFTS:
            drafted = _drafts(read, reading)
            return replace(drafted, is_empty=not drafted.orders)
        case Scope.SELECTIONS:
            return _selections(_drafts(read, reading))
        case Scope.DISPATCHED:
            return _dispatched(read)
        case Scope.APPOINTMENTS:
            return _booked(read, reading)
        case Scope.ENCOUNTER:
            return read
        case _:
            assert_never(service.scope)


def _id(given: Mapping[str, Any], name: str) -> str | None:
    """Return a bare id. Clients without an encounter send null or empty text as often as nothing."""
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not FHIR_ID.fullmatch(value):
        raise request_problem(f"$.context.{name}", "value", "must be an id without a type")
    return value


def _user(given: Mapping[str, Any], types: frozenset[str]) -> str | None:
    if not types:
        return None
    user = text_of(given, "userId", "$.context.userId")
    form = _USER.fullmatch(user)
    if form is None or form[1] not in types:
        known = " or ".join(f"{each}/id" for each in sorted(types))
        raise request_problem("$.context.userId", "value", f"must be {known}")
    return user


def _drafts(read: HookContext, reading: OrderReading) -> HookContext:
    entries = _entries(read.members, "draftOrders", reading)
    orders: list[DraftOrder] = []
    companions: list[GivenResource] = []
    for resource, path, full_url in entries:
        kind = text_of(resource, "resourceType", f"{path}.resourceType")
        if kind in COMPANIONS:
            companions.append(GivenResource(resource, path.removeprefix("$."), full_url))
        elif kind in ORDER_TYPES:
            order = read_order(resource, path, read.patient_id, strict=reading.strict, validate=reading.validate)
            orders.append(order)
        else:
            raise request_problem(f"{path}.resourceType", "not-supported", "is not a type of order")
    _refuse_repeated((order.reference, f"{order.path}.id") for order in orders)
    return replace(read, orders=tuple(orders), companions=tuple(companions))


def _selections(read: HookContext) -> HookContext:
    """Part the drafts into those selected, which are decided, and the rest, which only stand beside them."""
    path = "$.context.selections"
    selected = set()
    references = {order.reference for order in read.orders}
    for index, each in enumerate(texts_of(read.members, "selections", path)):
        if not _REFERENCE.fullmatch(each):
            raise request_problem(f"{path}[{index}]", "value", "must be Type/id")
        # The selection may be of a companion, the Medication of an order say: then there is nothing to decide.
        if each not in references and each not in _companion_references(read):
            raise request_problem(f"{path}[{index}]", "not-found", "is not a resource of draftOrders")
        selected.add(each)
    orders = tuple(order for order in read.orders if order.reference in selected)
    others = tuple(order for order in read.orders if order.reference not in selected)
    return replace(read, orders=orders, others=others, is_empty=not orders)


def _companion_references(read: HookContext) -> set[str]:
    return {f"{each.resource['resourceType']}/{each.resource.get('id')}" for each in read.companions}


def _dispatched(read: HookContext) -> HookContext:
    """Read version 1.1 (`dispatchedOrders`, a list) or 1.0 (`order`, one reference) of order-dispatch."""
    given = read.members
    if "dispatchedOrders" in given or "order" not in given:
        path = "$.context.dispatchedOrders"
        found = [Named(each, f"{path}[{i}]") for i, each in enumerate(texts_of(given, "dispatchedOrders", path))]
        if not found:
            raise request_problem(path, "required", "names no order")
        _refuse_too_many(found, path)
    else:
        found = [Named(text_of(given, "order", "$.context.order"), "$.context.order")]
    for reference, path in found:
        form = _REFERENCE.fullmatch(reference)
        if form is None:
            raise request_problem(path, "value", "must be Type/id")
        if form[1] not in ORDER_TYPES:
            raise request_problem(path, "not-supported", "is not a type of order")
    _refuse_repeated(found)
    if not _REFERENCE.fullmatch(text_of(given, "performer", "$.context.performer")):
        raise request_problem("$.context.performer", "value", "must be Type/id")
    members = {**given, "dispatchedOrders": [each.reference for each in found]}
    return replace(read, members=members, named=tuple(found))


def _booked(read: HookContext, reading: OrderReading) -> HookContext:
    found: list[Appointment] = []
    companions: list[GivenResource] = []
    for resource, path, full_url in _entries(read.members, "appointments", reading):
        kind = text_of(resource, "resourceType", f"{path}.resourceType")
        if kind == "Appointment":
            found.append(read_appointment(resource, path, read.patient_id))
        else:
            # Clients may put the orders beside the appointments that are based on them.
            companions.append(GivenResource(resource, path.removeprefix("$."), full_url))
    _refuse_repeated((each.reference, f"{each.path}.id") for each in found)
    return replace(read, appointments=tuple(found), companions=tuple(companions), is_empty=not found)


def _refuse_too_many(found: Sized, path: str) -> None:
    if len(found) > MOST_ORDERS:
        raise request_problem(path, "too-costly", f"holds more than {MOST_ORDERS} entries; send them in several calls")


def _refuse_repeated(found: Iterable[tuple[str, str]]) -> None:
    """Refuse the second of two resources of one reference: no answer could tell which of them it is about."""
    seen: set[str] = set()
    for reference, path in found:
        if reference in seen:
            raise request_problem(path, "duplicate", "is named twice in this call")
        seen.add(reference)


class _Entry(NamedTuple):
    resource: Mapping[str, Any]
    path: str
    full_url: str | None


def _entries(context: Mapping[str, Any], member: str, reading: OrderReading) -> list[_Entry]:
    """Return the resources of a Bundle of the context with their paths.

    A missing `type` goes to the notes. What CRD alone requires of the Bundle is looked at only when reading strictly.
    """
    path = f"$.context.{member}"
    bundle = object_of(context, member, path)
    if bundle.get("resourceType") != "Bundle":
        raise request_problem(f"{path}.resourceType", "value", "must be Bundle")
    if not isinstance(bundle.get("type"), str):
        if reading.strict:
            raise request_problem(f"{path}.type", "required", "is required and missing")
        reading.notes.append(f"{path}.type is missing")
    elif reading.strict and bundle["type"] != "collection":
        raise request_problem(f"{path}.type", PROFILE_RULE, "must be collection in CRD", status=422)
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise request_problem(f"{path}.entry", "structure", "must be a list")
    _refuse_too_many(entries, f"{path}.entry")
    found: list[_Entry] = []
    for index, entry in enumerate(entries):
        place = f"{path}.entry[{index}]"
        if not isinstance(entry, Mapping):
            raise request_problem(place, "structure", "must be an object")
        resource = object_of(entry, "resource", f"{place}.resource")
        full_url = entry.get("fullUrl")
        if reading.strict and full_url is None:
            text = "is missing, and CRD requires it"
            raise request_problem(f"{place}.fullUrl", PROFILE_RULE, text, status=422)
        found.append(_Entry(resource, f"{place}.resource", full_url if isinstance(full_url, str) else None))
    return found
