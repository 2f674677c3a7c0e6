"""A small EHR: one patient's record, the prefetch it sends with a call, and the FHIR server behind it.

It knows as much of FHIR's REST interface as a decision at order signing asks for: read, search by patient, subject,
_id, code and status, and pages of five.
"""

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

PAGE_SIZE = 5
TOKEN = "example-token-of-one-call"  # noqa: S105 - opens nothing but the record of a made-up patient

_SUBJECTS = ("subject", "patient", "beneficiary")
_TOKEN = re.compile(r"\{\{(.*?)\}\}")
_STEP = re.compile(r"ofType\((\w+)\)|(resolve\(\))|(%?\w+)")

Json = Mapping[str, Any]


class UnsupportedSearchError(ValueError):
    """The search has a parameter that this server does not know."""


class Record:
    """The resources of a record, as a FHIR server finds them."""

    def __init__(self, resources: Sequence[Json]) -> None:
        """Keep the resources in the order given."""
        self.resources = tuple(resources)

    def read(self, name: str) -> Json | None:
        """Return the resource with a name such as Patient/ex-01."""
        return next((each for each in self.resources if _name(each) == name), None)

    def search(self, kind: str, parameters: Sequence[tuple[str, str]]) -> tuple[Json, ...]:
        """Return what a search finds; raise UnsupportedSearchError for a parameter that is not known."""
        found = [each for each in self.resources if each["resourceType"] == kind]
        for name, value in parameters:
            accepts = _filter(name, value.split(","))
            found = [each for each in found if accepts(each)]
        return tuple(found)

    def answer(self, url: str) -> Json | None:
        """Return what a relative URL finds: a resource, None for one that is not there, or a whole searchset."""
        parts = urlsplit(url)
        if "/" in parts.path:
            return self.read(parts.path)
        return searchset(self.search(parts.path, parse_qsl(parts.query)))


def searchset(found: Sequence[Json], base: str = "https://ehr.example.org/fhir", total: int | None = None) -> Json:
    """Return a Bundle of search results."""
    entries = [{"fullUrl": f"{base}/{_name(each)}", "resource": each} for each in found]
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(found) if total is None else total}
    return {**bundle, "entry": entries} if entries else bundle


def prefetch(templates: Mapping[str, str], keys: Sequence[str], context: Json, record: Record) -> dict[str, Any]:
    """Return the answers to the prefetch templates of these keys; null where a template stands for nothing."""
    given: dict[str, Any] = {}
    for key, template in templates.items():
        if key in keys:
            given[key] = _fill(template, {"context": context} | {f"%{name}": given[name] for name in given}, record)
    return given


def _fill(template: str, roots: Json, record: Record) -> Json | None:
    token = _TOKEN.search(template)
    if token is None:
        return record.answer(template)
    values = dict.fromkeys(each for path in token[1].split("|") for each in _evaluate(path, roots, record))
    if not values:
        return None
    return record.answer(template[: token.start()] + quote(",".join(values)) + template[token.end() :])


def _evaluate(path: str, roots: Json, record: Record) -> Iterator[str]:
    nodes: list[Any] = [roots]
    for of_type, resolve, name in _STEP.findall(path):
        parents = [each for each in nodes if isinstance(each, Mapping)]
        if of_type:
            nodes = [each for each in parents if each.get("resourceType") == of_type]
        elif resolve:
            nodes = [record.read(each.get("reference", "")) for each in parents]
        else:
            nodes = [value for each in parents for value in _members(each, name)]
    yield from (each for each in nodes if isinstance(each, str))


def _members(node: Json, name: str) -> Iterator[Any]:
    """Yield an element's values; `medication` is also medicationReference, as FHIRPath has it."""
    for key, value in node.items():
        if key == name or (key.startswith(name) and key[len(name) :][:1].isupper()):
            yield from value if isinstance(value, list) else [value]


def _filter(name: str, values: Sequence[str]) -> Callable[[Json], bool]:
    match name:
        case "_id":
            return lambda each: each["id"] in values
        case "patient" | "subject":
            names = {value if "/" in value else f"Patient/{value}" for value in values}
            return lambda each: any(each.get(key, {}).get("reference") in names for key in _SUBJECTS)
        case "status":
            return lambda each: each.get("status") in values
        case "code":
            return lambda each: any(
                f"{coding.get('system')}|{coding.get('code')}" in values
                for coding in each.get("code", {}).get("coding", ())
            )
        case _:
            raise UnsupportedSearchError(name)


def _name(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up; anything else is a mistake of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class FhirServer:
    """A record behind HTTP on a free port of loopback, from `with` to its end; `failing` answers 503 to everything."""

    def __init__(self, record: Record, *, failing: bool = False) -> None:
        """Take the port; nothing is answered before `with`."""
        self._server = _Server(("127.0.0.1", 0), _handler(record, failing=failing))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.base = f"http://127.0.0.1:{self._server.server_port}/fhir"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(record: Record, *, failing: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            status, body = self._answer()
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _answer(self) -> tuple[int, Json]:
            if failing:
                return 503, _outcome("transient")
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return 401, _outcome("login")
            return respond(record, self.path, f"http://{self.headers['Host']}/fhir")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has in http.server
            """Say nothing: the demonstration talks on standard output."""

    return Handler


def respond(record: Record, target: str, base: str) -> tuple[int, Json]:
    """Return status and body for a request target below /fhir/."""
    parts = urlsplit(target)
    path = parts.path.removeprefix("/fhir/")
    if "/" in path:
        found = record.read(path)
        return (404, _outcome("not-found")) if found is None else (200, found)
    parameters = parse_qsl(parts.query)
    number = next((int(value) for name, value in parameters if name == "_page"), 1)
    parameters = [each for each in parameters if each[0] != "_page"]
    try:
        matches = record.search(path, parameters)
    except UnsupportedSearchError:
        return 400, _outcome("not-supported")
    bundle = dict(searchset(matches[(number - 1) * PAGE_SIZE : number * PAGE_SIZE], base, len(matches)))
    if len(matches) > number * PAGE_SIZE:
        following = urlencode([*parameters, ("_page", str(number + 1))])
        bundle["link"] = [{"relation": "next", "url": f"{base}/{path}?{following}"}]
    return 200, bundle


def _outcome(code: str) -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}
