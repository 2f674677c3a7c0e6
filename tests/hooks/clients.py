"""The service as whole requests meet it: shipped policies, a clock that stands still, a FHIR server of functions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from criteria.facts import SearchState
from examples.chart import Chart, load_charts
from examples.ehr import TOKEN, Record, respond
from examples.play import request_for
from service.app import create_app
from service.deadline import Deadline
from service.exact_json import decode
from service.fhir_client import Fetch, Fetched
from tests.service.builders import FixedClock, development, shipped_data

FHIR = "http://127.0.0.1:9/fhir"
"""Below the development profile's loopback rule; nothing is ever sent there."""
PUBLIC_URL = "https://crd.payer.example.org"
SERVICE_URL = "/cds-services/her2-order-sign"
TODAY = datetime(2026, 9, 15, 8, 0, tzinfo=UTC)
COVERAGE_INFORMATION = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"

Json = dict[str, Any]


@dataclass
class RecordServer:
    """Answers for a record as the demonstration's FHIR server does; `state` other than ANSWERED answers nothing."""

    record: Record = field(default_factory=lambda: Record(()))
    state: SearchState = SearchState.ANSWERED
    asked: list[str] = field(default_factory=list)

    def __call__(self, url: str, token: str | None, deadline: Deadline) -> Fetched:
        assert url.startswith(f"{FHIR}/")
        self.asked.append(url.removeprefix(f"{FHIR}/"))
        if self.state is not SearchState.ANSWERED:
            return Fetched(self.state, reason="answered 503")
        if token != TOKEN:
            return Fetched(SearchState.FAILED, reason="answered 401")
        status, body = respond(self.record, url.removeprefix("http://127.0.0.1:9"), FHIR)
        if status != 200:
            return Fetched(SearchState.DENIED, reason=f"answered {status}")
        return Fetched(SearchState.ANSWERED, body=decode(json.dumps(body).encode()))


@dataclass(frozen=True)
class Called:
    """An answer of the hook; `text` is what was on the wire."""

    status: int
    text: str

    @property
    def body(self) -> Json:
        found: Json = json.loads(self.text)
        return found

    @property
    def cards(self) -> list[Json]:
        return list(self.body["cards"])

    @property
    def actions(self) -> list[Json]:
        return list(self.body.get("systemActions", []))

    def order(self, name: str) -> Json:
        """Return an order as the answer updates it."""
        found = [each["resource"] for each in self.actions if _name(each["resource"]) == name]
        assert len(found) == 1, f"{len(found)} actions for {name}"
        return dict(found[0])

    def information(self, name: str) -> Json:
        """Return the parts of an order's coverage information; the last of several parts of one name."""
        return information_of(self.order(name))

    def topics(self) -> list[str]:
        return [each["source"]["topic"]["code"] for each in self.cards]


def information_of(order: Mapping[str, Any]) -> Json:
    found = [each for each in order["extension"] if each["url"] == COVERAGE_INFORMATION]
    assert len(found) == 1
    return {
        part["url"]: next((value for key, value in part.items() if key.startswith("value")), part.get("extension"))
        for part in found[0]["extension"]
    }


@dataclass
class Api:
    """The application under test and its FHIR server; it is also a `Service` for playing charts."""

    client: FlaskClient
    server: RecordServer

    def get(self, path: str) -> tuple[int, Any]:
        response = self.client.get(path)
        return response.status_code, response.get_json(silent=True)

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        response = self.client.post(path, json=body)
        return response.status_code, response.get_json(silent=True)

    def sign(self, body: Mapping[str, Any] | str) -> Called:
        """Call order-sign."""
        return self._call(SERVICE_URL, body)

    def call(self, body: Mapping[str, Any]) -> Called:
        """Call the service of the request's own hook."""
        return self._call(f"/cds-services/her2-{body['hook']}", body)

    def _call(self, url: str, body: Mapping[str, Any] | str) -> Called:
        content = body if isinstance(body, str) else json.dumps(body, default=float)
        response: TestResponse = self.client.post(url, data=content, content_type="application/json")
        return Called(response.status_code, response.get_data(as_text=True))

    def decision(self, called: Called, name: str) -> Json:
        """Return the record of the decision on an order."""
        status, found = self.get(f"/decisions/{called.information(name)['coverage-assertion-id']}")
        assert status == 200
        return dict(found)


def api(fetch: Fetch | None = None, now: datetime = TODAY, **settings: Any) -> Api:
    """Return a fresh application; `fetch` stands for the FHIR server in place of a record."""
    server = RecordServer()
    chosen = development(public_url=PUBLIC_URL, **settings)
    app = create_app(chosen, shipped_data(), FixedClock(now), fetch or server)
    return Api(app.test_client(), server)


def nodes(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every node of a tree of criteria."""
    yield tree
    for each in tree["of"]:
        yield from nodes(each)


def _name(resource: Mapping[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


@cache
def templates() -> Mapping[str, str]:
    """Return the prefetch templates that discovery shows."""
    status, found = api().get("/cds-services")
    assert status == 200
    return dict(found["services"][0]["prefetch"])


@cache
def _charts() -> Mapping[str, Chart]:
    return {each.name.partition("-")[2]: each for each in load_charts()}


def request_of(name: str, *, without: Sequence[str] = (), fhir: bool = False) -> Json:
    """Return a fresh order-sign request of an example chart: everything in prefetch but the keys `without`."""
    chart = _charts()[name]
    body = request_for(replace(chart, prefetch=None), templates(), FHIR if fhir else None)
    for key in without:
        del body["prefetch"][key]
    fresh: Json = json.loads(json.dumps(body))
    return fresh


def record_of(name: str) -> Record:
    """Return the record of an example chart."""
    return _charts()[name].record


def orders_of(body: Mapping[str, Any]) -> list[Json]:
    """Return the draft orders of a request."""
    return [each["resource"] for each in body["context"]["draftOrders"]["entry"]]


def resources_of(body: Mapping[str, Any]) -> list[Json]:
    """Return every resource of a request: prefetch, draft orders and what they contain."""
    found = orders_of(body)
    for value in body["prefetch"].values():
        if value is not None:
            found += (
                [each["resource"] for each in value.get("entry", ())] if value["resourceType"] == "Bundle" else [value]
            )
    return found


def named(body: Mapping[str, Any], name: str) -> Json:
    """Return a resource of a request to look at or to change."""
    return next(each for each in resources_of(body) if _name(each) == name)


def add(body: Mapping[str, Any], key: str, *resources: Mapping[str, Any]) -> None:
    """Add resources to a searchset of the prefetch."""
    body["prefetch"][key].setdefault("entry", []).extend({"resource": each} for each in resources)


def verdict_of(decision: Mapping[str, Any], criterion: str) -> str:
    """Return the verdict of a criterion in the record of a decision."""
    return next(str(each["verdict"]) for each in nodes(decision["criteria"]) if each["id"] == criterion)
