"""Reading the request of a hook: what the caller wants decided, or the JSON path of what is wrong.

Nothing required is ever defaulted, and nothing optional is ever required: an absent optional member is no error
(CRD conf-12), unknown members are ignored (CRD found-33, hook-23). No message repeats a value of the body.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cards.dialect import CRD_VERSIONS, DIALECTS, Dialect
from fhir_mappers.r4 import validate as validate_r4
from service.callers import Caller
from service.configuration import Configuration, read_configuration
from service.draft_orders import Validate
from service.hook_context import HookContext, OrderReading, read_context
from service.hooks import HookService
from service.members import object_of, optional_object, text_of
from service.problems import request_problem

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URL = re.compile(r"https?://[^\s\\]+")
_TOKEN = re.compile(r"[!-~]*")
"""Visible ASCII: a token with a line break would write headers of its own."""

_RELEASE = re.compile(r"([0-9]+\.[0-9]+)(?:\.[0-9]+)?")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRequest:
    """A valid request.

    `dialect` is how the caller wants its answer written. `notes` name the defects of the request that were
    tolerated; those of an order are with the order. `remarks` are those about its configuration, which it is told.
    """

    service: HookService
    caller: Caller
    instance: str
    context: HookContext
    dialect: Dialect
    configuration: Configuration
    fhir: FhirAccess | None = None
    prefetch: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The request as it was parsed. It holds the access token."""

    @property
    def patient_id(self) -> str:
        """Return the id of the patient, without its type."""
        return self.context.patient_id


def read_request(
    body: Any, service: HookService, caller: Caller, *, strict_orders: bool = False, validate: Validate = validate_r4
) -> HookRequest:
    """Return the request that a parsed body makes of a service; raise RequestProblem with JSON paths."""
    if not isinstance(body, Mapping):
        raise request_problem("$", "structure", "the body must be a JSON object")
    notes: list[str] = []
    _check_hook(body, service)
    given = object_of(body, "context", "$.context")
    context = read_context(given, service, OrderReading(validate, notes, strict_orders))
    extension = _extension(body, notes)
    configuration, remarks = read_configuration(
        extension.get(_CONFIGURATION), service, f"$.extension['{_CONFIGURATION}']"
    )
    return HookRequest(
        service=service,
        caller=caller,
        instance=body["hookInstance"],
        context=context,
        dialect=_dialect(extension.get(_VERSION), caller),
        configuration=configuration,
        fhir=_fhir(body, notes),
        prefetch=optional_object(body, "prefetch", "$.prefetch") or {},
        notes=(*notes, *remarks),
        remarks=remarks,
        body=body,
    )


def _check_hook(body: Mapping[str, Any], service: HookService) -> None:
    hook = text_of(body, "hook", "$.hook")
    if hook != service.hook:
        raise request_problem("$.hook", "value", f"this service answers the hook {service.hook}")
    if not _UUID.fullmatch(text_of(body, "hookInstance", "$.hookInstance")):
        raise request_problem("$.hookInstance", "value", "must be a UUID")


def _fhir(body: Mapping[str, Any], notes: list[str]) -> FhirAccess | None:
    server = body.get("fhirServer")
    if server is not None and not (isinstance(server, str) and _URL.fullmatch(server)):
        raise request_problem("$.fhirServer", "value", "must be an http or https URL")
    token = _token(optional_object(body, "fhirAuthorization", "$.fhirAuthorization"))
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
    return given


def _dialect(requested: Any, caller: Caller) -> Dialect:
    """Return the dialect of the answer: what this request asks for, else what the caller usually speaks.

    A version that is not announced is an error in CRD 2.2.1; as a violation of a rule of CRD alone it is a 422
    (hook-13). The extension holds major and minor number only; a patch release we know the line of is understood.
    """
    if requested is None:
        return caller.dialect
    line = _RELEASE.fullmatch(requested) if isinstance(requested, str) else None
    if line is None or line[1] not in CRD_VERSIONS:
        text = f"this service answers CRD {', '.join(CRD_VERSIONS)}"
        raise request_problem(f"$.extension['{_VERSION}']", "not-supported", text, status=422)
    return DIALECTS[line[1]]
