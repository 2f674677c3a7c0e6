"""Small requests and an application with every collaborator faked; nothing here opens a socket."""

import io
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from criteria.facts import SearchState
from criteria.library import Library
from criteria.vocabulary import Vocabulary
from service.answer import Answered
from service.app import create_app
from service.base_url import BaseUrl
from service.callers import anybody
from service.deadline import Deadline
from service.exact_json import encode
from service.fhir_client import Fetched
from service.hook_request import HookRequest, read_request
from service.hooks import HookService, offered_services
from service.logs import LOGGER, configure_logs
from service.prefetch import Gathered
from service.services import Services, load_data
from service.settings import Profile, Settings
from service.storage.database import Database
from service.storage.schema import prepare

SERVICE_URL = "/cds-services/her2-order-sign"
FHIR = "https://ehr.example.org/fhir"
BASE = BaseUrl("https", "ehr.example.org", 443, "/fhir")
JSON = "application/json"


def medication_request(**changes: Any) -> dict[str, Any]:
    """Return a valid draft order; a change to None leaves the element out."""
    order: dict[str, Any] = {
        "resourceType": "MedicationRequest",
        "id": "rx1",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": "margetuximab"},
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-05-04",
        "requester": {"reference": "Practitioner/dr1"},
    }
    return {name: value for name, value in (order | changes).items() if value is not None}


def request_body(*orders: Any, **changes: Any) -> dict[str, Any]:
    """Return a valid order-sign request; a change to None leaves the member out."""
    entries = [{"resource": order} for order in (orders or (medication_request(),))]
    body: dict[str, Any] = {
        "hook": "order-sign",
        "hookInstance": "3f2c6f3a-4b86-4a58-9d0e-0b2f3f9e6a11",
        "context": {
            "userId": "Practitioner/dr1",
            "patientId": "p1",
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": entries},
        },
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


def context(**changes: Any) -> dict[str, Any]:
    """Return a valid context; a change to None leaves the member out."""
    whole = request_body()["context"] | changes
    return {name: value for name, value in whole.items() if value is not None}


def searchset(*resources: Mapping[str, Any], next_url: str | None = None) -> dict[str, Any]:
    """Return a page of search results."""
    links = {"link": [{"relation": "next", "url": next_url}]} if next_url else {}
    return {"resourceType": "Bundle", "type": "searchset", **links, "entry": [{"resource": each} for each in resources]}


def refusal(code: str, severity: str = "error") -> dict[str, Any]:
    """Return an OperationOutcome with one issue."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}


@cache
def service_row() -> HookService:
    """Return the order-sign service with two observation codes."""
    return offered_services([("http://loinc.org", "48676-1"), ("http://loinc.org", "29463-7")])["her2-order-sign"]


def hook_request(**changes: Any) -> HookRequest:
    """Return a parsed request."""
    return read_request(request_body(**changes), service_row(), anybody(development()))


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Our log lines as text, the logger put back afterwards."""
    kept = (LOGGER.handlers, LOGGER.level, LOGGER.propagate)
    root = logging.getLogger()
    root_handlers = list(root.handlers)
    urllib3_level = logging.getLogger("urllib3").level
    stream = io.StringIO()
    configure_logs(stream)
    try:
        yield stream
    finally:
        LOGGER.handlers, LOGGER.propagate = kept[0], kept[2]
        root.handlers = root_handlers
        LOGGER.setLevel(kept[1])
        logging.getLogger("urllib3").setLevel(urllib3_level)


@dataclass(frozen=True)
class FixedClock:
    """A clock that stands still."""

    moment: datetime = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def today(self) -> date:
        return self.moment.date()


@dataclass
class FakeServer:
    """Answers by URL below the base; everything else is an empty search, and every call is remembered."""

    answers: dict[str, Fetched] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)

    def __call__(self, url: str, token: str | None, deadline: Deadline) -> Fetched:
        relative = url.removeprefix(f"{FHIR}/")
        self.asked.append(relative)
        self.tokens.add(token)
        for start, answer in self.answers.items():
            if relative.startswith(start):
                return answer
        return Fetched(SearchState.ANSWERED, body=searchset())


def ok(body: Mapping[str, Any]) -> Fetched:
    """Return the answer of a server that answers."""
    return Fetched(SearchState.ANSWERED, body=body)


@dataclass
class RecordingAnswer:
    """Stands for the decision: remembers what it was asked and says nothing."""

    calls: list[tuple[HookRequest, Gathered, Services]] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=lambda: {"cards": []})
    error: Exception | None = None

    def __call__(self, request: HookRequest, gathered: Gathered, services: Services) -> Answered:
        self.calls.append((request, gathered, services))
        if self.error is not None:
            raise self.error
        return Answered(encode(self.answer), is_recorded=True)


@cache
def shipped_data() -> tuple[Library, Vocabulary]:
    """Return the shipped policies and vocabulary, loaded once for all tests of this process."""
    return load_data(development())


def development(**changes: Any) -> Settings:
    """Return development settings."""
    known: dict[str, Any] = {
        "profile": Profile.DEVELOPMENT,
        "database": "sqlite://",
        "workers": 1,
        "retain_inputs": True,
        "default_payer": "oscar",
        "fhir_servers": (BASE,),
    }
    return Settings(**(known | changes))


def memory() -> Database:
    """Return a database in memory with all tables."""
    database = Database.of("sqlite://")
    prepare(database)
    return database


@dataclass
class World:
    """An application and the fakes around it."""

    app: Flask
    client: FlaskClient
    answer: RecordingAnswer
    server: FakeServer

    def post(self, body: Any, **kwargs: Any) -> TestResponse:
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.post(SERVICE_URL, data=data, **({"content_type": JSON} | kwargs))


def world(**settings: Any) -> World:
    """Return a fresh application with fakes."""
    answer, server = RecordingAnswer(), FakeServer()
    app = create_app(development(**settings), shipped_data(), FixedClock(), server, answer)
    return World(app, app.test_client(), answer, server)


def issues(response: Response) -> list[tuple[str | None, str]]:
    """Return (JSON path, code) of every issue of an OperationOutcome answer."""
    assert response.content_type == "application/fhir+json", response.data
    outcome = json.loads(response.data)
    assert outcome["resourceType"] == "OperationOutcome"
    return [(issue.get("diagnostics"), issue["code"]) for issue in outcome["issue"]]
