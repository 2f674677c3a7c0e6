"""A marked patient: every place of a request that can hold something of a person holds a mark.

And a watch that sends calls and looks for marks in everything the service says to others than the caller: log lines,
standard error, the pages for machines, traces, and the bodies of errors, which end up in logs elsewhere.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from werkzeug.test import TestResponse

from criteria.facts import SearchState
from examples.ehr import Record, respond
from service.app import create_app
from service.deadline import Deadline
from service.exact_json import decode
from service.fhir_client import Fetch, Fetched
from service.hook_routes import AnswerHook
from service.logs import JsonLines
from service.operating import Operation
from tests.hooks.clients import FHIR, PUBLIC_URL, TODAY, Json, record_of
from tests.service.builders import FixedClock, development, shipped_data

MARK = "zq7x"
DIGITS = "17401740174"
BORN = "1961-03-17"
"""What marks a day or a number is found by itself."""

FOUND = re.compile(rf"{MARK}[\w.-]*|{DIGITS}|{BORN}", re.IGNORECASE)

FHIR_SERVER = f"http://127.0.0.1:9/{MARK}-fhir-server"
_CLIENTS_OWN = re.compile(rf"{MARK}-(token|header|query)[\w.-]*", re.IGNORECASE)
"""What not even the answer may repeat: it is no part of the patient's record."""

_REFERENCE = re.compile(r"(.*/)?([A-Z][A-Za-z]+/)([A-Za-z0-9.-]{1,50})")
_HAVE_NO_NOTE = frozenset({"Patient", "Coverage", "Organization", "Encounter", "Medication", "Practitioner"})


def mark(place: str) -> str:
    """Return the mark of a place: a legal id, token, name and key."""
    return f"{MARK}-{place}"


def marks_in(text: str) -> list[str]:
    """Return the marks that a text holds, each once."""
    return sorted({each.lower() for each in FOUND.findall(text)})


HEADERS = {
    "User-Agent": mark("header-agent"),
    "X-Correlation-Id": mark("header-correlation"),
    "X-Request-Id": mark("header-request"),
    "X-Forwarded-For": mark("header-forwarded"),
    "Referer": f"https://ehr.example.org/{mark('header-referer')}",
    "Cookie": f"session={mark('header-cookie')}",
    "Accept-Language": mark("header-language"),
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tracestate": f"vendor={mark('header-state')}",
    "baggage": f"patient={mark('header-baggage')}",
}


# ---------------------------------------------------------------------------------------------------------- planting


def planted(body: Any, *, strange: bool = True) -> Any:
    """Return a request with its marks; what is no object stays as it is.

    `strange` marks stand where FHIR knows no element.
    """
    if not isinstance(body, Mapping):
        return body
    made: Json = json.loads(json.dumps(_grown(body, strange=strange), default=float))
    _plant_context(made.get("context"))
    made[mark("member-of-request")] = mark("value-of-request")
    if isinstance(made.get("prefetch"), dict):
        outcome = {"severity": "error", "code": "exception", "diagnostics": mark("prefetch-outcome")}
        made["prefetch"][mark("prefetch-key")] = {"resourceType": "OperationOutcome", "issue": [outcome]}
        made["prefetch"][f"{mark('prefetch')} bad key"] = {"resourceType": mark("prefetch-type")}
    if made.get("extension") is None:
        made["extension"] = {}
    if isinstance(made["extension"], dict):
        made["extension"] |= {mark("extension-key"): mark("extension-value")}
    if made.get("fhirServer") == FHIR:
        made["fhirServer"] = FHIR_SERVER
        made["fhirAuthorization"] = {
            "access_token": mark("token-of-fhir"),
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": mark("token-scope"),
            "subject": mark("token-subject"),
        }
    return made


def planted_record(name: str) -> Record:
    """Return the record of an example chart with the marks of a request made of it."""
    return Record(
        [json.loads(json.dumps(_grown(each, strange=True), default=float)) for each in record_of(name).resources]
    )


def _plant_context(context: Any) -> None:
    """Rename in the context what was renamed in the record."""
    if not isinstance(context, dict):
        return
    for key in ("patientId", "encounterId"):
        if isinstance(context.get(key), str):
            context[key] = mark(context[key])
    for key in ("userId", "performer", "order"):
        if isinstance(context.get(key), str):
            context[key] = _renamed(context[key])
    for key in ("selections", "dispatchedOrders"):
        if isinstance(context.get(key), list):
            context[key] = [_renamed(each) for each in context[key]]


def _renamed(reference: str) -> str:
    found = _REFERENCE.fullmatch(reference)
    if reference.startswith("#"):
        return f"#{mark(reference[1:])}"
    return reference if found is None else f"{found[1] or ''}{found[2]}{mark(found[3])}"


def _grown(value: Any, *, strange: bool) -> Any:
    if isinstance(value, list):
        return [_grown(each, strange=strange) for each in value]
    if not isinstance(value, Mapping):
        return value
    grown = {key: _leaf(key, each, value, strange=strange) for key, each in value.items()}
    return _grown_resource(grown, strange=strange) if isinstance(value.get("resourceType"), str) else grown


def _leaf(key: str, value: Any, parent: Mapping[str, Any], *, strange: bool) -> Any:
    """Mark what stands in a member; what decides (codes, days, the payer's number) stays."""
    match key, value:
        case "reference" | "fullUrl", str():
            return _renamed(value)
        case "display" | "comment" | "title" | "description", str():
            return mark(key)
        case "text", str():
            return mark("text") if "coding" in parent else f"{value} {mark('text-alone')}"
        case "unit", str() if "code" in parent:
            return mark("unit")
        case "value", int() | float() if not isinstance(value, bool):
            return float(f"{int(value)}.{DIGITS}")
        case "birthDate", _:
            return BORN
        case _:
            return _grown(value, strange=strange)


def _grown_resource(resource: Json, *, strange: bool) -> Json:
    kind = resource["resourceType"]
    if isinstance(resource.get("id"), str) and kind != "Bundle":
        resource["id"] = mark(resource["id"])
    if kind in {"Bundle", "OperationOutcome"} or not kind.isalpha():
        return resource
    resource["text"] = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{mark("div")}</div>'}
    resource["meta"] = {
        "source": f"urn:{mark('meta-source')}",
        "tag": [{"system": f"http://ehr.example.org/{mark('tag-system')}", "display": mark("tag")}],
    }
    url = f"http://ehr.example.org/{mark('extension-url')}"
    resource["extension"] = [*resource.get("extension", ()), {"url": url, "valueString": mark("extension")}]
    if strange:
        resource[mark("member")] = {mark("inner-member"): mark("inner-value")}
    resource["_language"] = {"extension": [{"url": url, "valueString": mark("primitive-extension")}]}
    if kind not in _HAVE_NO_NOTE:
        resource["note"] = [{"text": mark("note"), "authorString": mark("note-author")}]
    if kind != "Organization":  # a payer is known by its identifier
        resource["identifier"] = [{"system": f"http://ehr.example.org/{mark('mrn')}", "value": mark("identifier")}]
    if kind == "Patient":
        resource |= {
            "name": [{"text": mark("name"), "family": mark("family"), "given": [mark("given")]}],
            "telecom": [{"system": "phone", "value": mark("phone")}],
            "address": [{"line": [mark("street")], "city": mark("city"), "postalCode": mark("zip")}],
            "contact": [{"name": {"text": mark("contact")}}],
        }
    if kind == "Coverage":
        resource["subscriberId"] = mark("subscriber")
    return resource


# ---------------------------------------------------------------------------------------------------------- watching


@dataclass
class MarkedServer:
    """Answers as the FHIR server of a marked record."""

    record: Record
    asked: list[str] = field(default_factory=list)

    def __call__(self, url: str, token: str | None, deadline: Deadline) -> Fetched:
        assert url.startswith(f"{FHIR_SERVER}/"), url
        assert token == mark("token-of-fhir")
        self.asked.append(url)
        path = url.removeprefix("http://127.0.0.1:9").replace(f"/{MARK}-fhir-server", "/fhir", 1)
        status, body = respond(self.record, path, FHIR_SERVER)
        if status != 200:
            return Fetched(SearchState.DENIED, reason=f"answered {status}")
        return Fetched(SearchState.ANSWERED, body=decode(json.dumps(body).encode()))


@dataclass
class Watch:
    """Sends calls to applications and keeps what they say. `lines` has the log, `shown` all else by where it stood."""

    lines: StringIO
    shown: list[tuple[str, str]] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    apps: list[Flask] = field(default_factory=list)
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def client(self, fetch: Fetch | None = None, answer: AnswerHook | None = None, **settings: Any) -> FlaskClient:
        """Return a client of a fresh application that is traced."""
        chosen = development(**({"public_url": PUBLIC_URL, "open_telemetry": True, "fhir_servers": ()} | settings))
        more = {} if answer is None else {"answer_hook": answer}
        return self.watch(create_app(chosen, shipped_data(), FixedClock(TODAY), fetch, **more)).test_client()

    def watch(self, app: Flask) -> Flask:
        """Trace an application, and look at its pages in the end."""
        # What pytest listens by would keep libraries from printing what nobody listens to.
        root = logging.getLogger()
        root.handlers = [each for each in root.handlers if isinstance(each.formatter, JsonLines)]
        operation: Operation = app.extensions["her2-crd"]
        if operation.tracing is not None:
            operation.tracing.start(app, self.exporter)
        self.apps.append(app)
        return app

    def send(self, client: FlaskClient, path: str, data: Any = None, method: str = "POST", **more: Any) -> TestResponse:
        """Send a call with marked headers, look at its answer and return it."""
        content = data if data is None or isinstance(data, str | bytes) else json.dumps(data, default=float)
        headers = HEADERS | {"Content-Type": "application/json"} | more.pop("headers", {})
        response = client.open(path, method=method, data=content, headers=headers, **more)
        self.statuses.add(response.status_code)
        self.show(f"headers of a {response.status_code}", str(response.headers))
        if response.status_code == 200:
            # The caller's own record may stand in its answer, the tokens of the call may not.
            self.show("an answer", " ".join(each[0] for each in _CLIENTS_OWN.finditer(response.text)))
        else:
            self.show(f"body of a {response.status_code}", response.text)
        return response

    def show(self, where: str, text: str) -> None:
        """Keep something that was said."""
        self.shown.append((where, text))

    def leaks(self, *printed: str) -> list[str]:
        """Return the marks that were found, each with its outlet; `printed` is what stood on the standard streams."""
        return sorted({f"{where}: {found}" for where, text in self._all(printed) for found in marks_in(text)})

    def _all(self, printed: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        for app in self.apps:
            operation: Operation = app.extensions["her2-crd"]
            if operation.tracing is not None:
                operation.tracing.stop()
            for path in ("/metrics", "/readyz", "/livez"):
                response = app.test_client().get(path, headers=HEADERS)
                yield path, response.text + str(response.headers)
        spans = self.exporter.get_finished_spans()
        yield "traces", f"{encode_spans(spans)}{[each.to_json() for each in spans]}"
        yield "log", self.lines.getvalue()
        yield from (("standard streams", text) for text in printed)
        yield from self.shown


def own_url(body: Json) -> str:
    return f"/cds-services/her2-{body['hook']}"


def feedback(**changes: Any) -> Json:
    comment = {"reason": {"system": f"urn:{mark('system')}", "code": mark("code")}, "userComment": mark("comment")}
    item = {"outcome": "overridden", "outcomeTimestamp": "2026-09-15T08:00:00Z", mark("member"): 1}
    return {"feedback": [item | {"overrideReason": comment} | changes], mark("member"): mark("value")}
