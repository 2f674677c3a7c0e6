"""Reading the request of a hook: what the caller wants decided, or the JSON path of what is wrong.

Nothing required is ever defaulted, and nothing optional is ever required: an absent optional member is no error
(CRD conf-12), unknown members are ignored (CRD found-33, hook-23). No message repeats a value of the body.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fhir_mappers.chart import GivenResource
from fhir_mappers.element import FHIR_ID
from fhir_mappers.r4 import validate as validate_r4
from service.configuration import Configuration, read_configuration
from service.draft_orders import ORDER_TYPES, DraftOrder, Validate, read_order
from service.hooks import CRD_VERSIONS, HookService
from service.problems import Issue, RequestProblem, request_problem

COMPANIONS = frozenset({"Medication", "RequestGroup"})
"""What clients put beside the orders: the ordered product as a resource, and the regimen the orders belong to."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_USER = re.compile(r"(\w+)/[\w\-.]+", re.ASCII)
_USER_TYPES = frozenset({"Practitioner", "PractitionerRole"})
_URL = re.compile(r"https?://[^\s\\]+")
_TOKEN = re.compile(r"[!-~]*")
"""Visible ASCII: a token with a line break would write headers of its own."""

_CONFIGURATION = "davinci-crd.configuration"
_VERSION = "davinci-crd.requestedVersion"


@dataclass(frozen=True, slots=True)
class FhirAccess:
    """Where the caller's FHIR server is, as it says, and the token for it; `repr` does not show the token."""

    server: str
    token: str | None

    def __repr__(self) -> str:
        """Leave the token out: whatever shows this object must not show it."""
        return f"FhirAccess(server={self.server!r}, token={'***' if self.token else None})"


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A valid request. `companions` are resources beside the orders.

    `notes` name the defects of the request that were tolerated; those of an order are with the order.
    """

    service: HookService
    instance: str
    user: str
    patient_id: str
    encounter_id: str | None
    orders: tuple[DraftOrder, ...]
    context: Mapping[str, Any]
    configuration: Configuration
    companions: tuple[GivenResource, ...] = ()
    fhir: FhirAccess | None = None
    prefetch: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_request(
    body: Any, service: HookService, *, strict_orders: bool = False, validate: Validate = validate_r4
) -> HookRequest:
    """Return the request that a parsed body makes of a service; raise RequestProblem with JSON paths."""
    if not isinstance(body, Mapping):
        raise request_problem("$", "structure", "the body must be a JSON object")
    notes: list[str] = []
    _check_hook(body, service)
    context = _object(body, "context", "$.context")
    user, patient_id, encounter_id = _people(context)
    entries = _order_entries(context, service.orders, notes if not strict_orders else None)
    extension = _extension(body, notes)
    configuration, remarks = read_configuration(
        extension.get(_CONFIGURATION), service, f"$.extension['{_CONFIGURATION}']"
    )
    orders, companions = _split(entries, patient_id, strict=strict_orders, validate=validate)
    return HookRequest(
        service=service,
        instance=body["hookInstance"],
        user=user,
        patient_id=patient_id,
        encounter_id=encounter_id,
        orders=orders,
        context=context,
        configuration=configuration,
        companions=companions,
        fhir=_fhir(body, notes),
        prefetch=_optional_object(body, "prefetch", "$.prefetch") or {},
        notes=(*notes, *remarks),
    )


def _check_hook(body: Mapping[str, Any], service: HookService) -> None:
    hook = _text(body, "hook", "$.hook")
    if hook != service.hook:
        raise request_problem("$.hook", "value", f"this service answers the hook {service.hook}")
    if not _UUID.fullmatch(_text(body, "hookInstance", "$.hookInstance")):
        raise request_problem("$.hookInstance", "value", "must be a UUID")


def _people(context: Mapping[str, Any]) -> tuple[str, str, str | None]:
    user = _text(context, "userId", "$.context.userId")
    form = _USER.fullmatch(user)
    if form is None or form[1] not in _USER_TYPES:
        raise request_problem("$.context.userId", "value", "must be Practitioner/id or PractitionerRole/id")
    patient = _text(context, "patientId", "$.context.patientId")
    if not FHIR_ID.fullmatch(patient):
        raise request_problem("$.context.patientId", "value", "must be an id without a type")
    encounter = context.get("encounterId")
    # Clients without an encounter send null or empty text as often as nothing.
    if encounter is None or encounter == "":
        return user, patient, None
    if not isinstance(encounter, str) or not FHIR_ID.fullmatch(encounter):
        raise request_problem("$.context.encounterId", "value", "must be an id without a type")
    return user, patient, encounter


class _Entry(NamedTuple):
    resource: Mapping[str, Any]
    path: str
    full_url: str | None


def _order_entries(context: Mapping[str, Any], member: str, notes: list[str] | None) -> list[_Entry]:
    """Return the resources of the Bundle of orders with their paths; its `fullUrl` may be missing.

    A missing `type` goes to the notes, and is refused when there are none.
    """
    path = f"$.context.{member}"
    bundle = _object(context, member, path)
    if bundle.get("resourceType") != "Bundle":
        raise request_problem(f"{path}.resourceType", "value", "must be Bundle")
    if not isinstance(bundle.get("type"), str):
        if notes is None:
            raise request_problem(f"{path}.type", "required", "is required and missing")
        notes.append(f"{path}.type is missing")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise request_problem(f"{path}.entry", "structure", "must be a list")
    found: list[_Entry] = []
    for index, entry in enumerate(entries):
        place = f"{path}.entry[{index}]"
        if not isinstance(entry, Mapping):
            raise request_problem(place, "structure", "must be an object")
        resource = _object(entry, "resource", f"{place}.resource")
        full_url = entry.get("fullUrl")
        found.append(_Entry(resource, f"{place}.resource", full_url if isinstance(full_url, str) else None))
    return found


def _split(
    entries: list[_Entry], patient_id: str, *, strict: bool, validate: Validate
) -> tuple[tuple[DraftOrder, ...], tuple[GivenResource, ...]]:
    orders: list[DraftOrder] = []
    companions: list[GivenResource] = []
    for resource, path, full_url in entries:
        kind = _text(resource, "resourceType", f"{path}.resourceType")
        if kind in COMPANIONS:
            companions.append(GivenResource(resource, path.removeprefix("$."), full_url))
        elif kind in ORDER_TYPES:
            orders.append(read_order(resource, path, patient_id, strict=strict, validate=validate))
        else:
            raise request_problem(f"{path}.resourceType", "not-supported", "is not a type of order")
    seen: set[str] = set()
    for order in orders:
        if order.reference in seen:
            raise request_problem(f"{order.path}.id", "duplicate", "is the id of another order of this call")
        seen.add(order.reference)
    return tuple(orders), tuple(companions)


def _fhir(body: Mapping[str, Any], notes: list[str]) -> FhirAccess | None:
    server = body.get("fhirServer")
    if server is not None and not (isinstance(server, str) and _URL.fullmatch(server)):
        raise request_problem("$.fhirServer", "value", "must be an http or https URL")
    token = _token(_optional_object(body, "fhirAuthorization", "$.fhirAuthorization"))
    if server is None:
        if token is not None:
            notes.append("$.fhirAuthorization without fhirServer: not used")
        return None
    return FhirAccess(server, token)


def _token(authorization: Mapping[str, Any] | None) -> str | None:
    """Return the access token; open servers are called with an empty one, which is none."""
    if authorization is None:
        return None
    path = "$.fhirAuthorization"
    token = authorization.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        code = "required" if token is None else "value"
        raise request_problem(f"{path}.access_token", code, "must be the text of an access token")
    kind = authorization.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise request_problem(f"{path}.token_type", "value", "must be Bearer")
    return token or None


def _extension(body: Mapping[str, Any], notes: list[str]) -> Mapping[str, Any]:
    given = body.get("extension")
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        notes.append("$.extension is not an object: ignored")
        return {}
    version = given.get(_VERSION)
    if version is not None and version not in CRD_VERSIONS:
        # CRD 2.2 makes this an error; as a violation of a rule of CRD alone it is a 422 (hook-13).
        text = f"this service answers CRD {', '.join(CRD_VERSIONS)}"
        raise request_problem(f"$.extension['{_VERSION}']", "not-supported", text, status=422)
    return given


def _text(parent: Mapping[str, Any], name: str, path: str) -> str:
    value = parent.get(name)
    if value is None:
        raise request_problem(path, "required", "is required and missing")
    if not isinstance(value, str) or not value:
        raise request_problem(path, "value", "must be text")
    return value


def _object(parent: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    value = _optional_object(parent, name, path)
    if value is None:
        raise request_problem(path, "required", "is required and missing")
    return value


def _optional_object(parent: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any] | None:
    value = parent.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise RequestProblem(400, (Issue(path, "structure", "must be an object"),))
    return value
