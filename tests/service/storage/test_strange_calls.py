"""What strange calls carry is refused or kept on each database: never a 500, never an outage for the others."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from service.app import create_app
from service.audit import verify
from service.audit_command import run_replay
from service.exact_json import decode
from service.settings import Settings
from service.storage.database import Database
from service.storage.schema import upgrade
from service.storage.trail import Trail
from tests.hooks.clients import (
    COVERAGE_INFORMATION,
    PUBLIC_URL,
    TODAY,
    Api,
    Json,
    RecordServer,
    orders_of,
    request_of,
    resources_of,
)
from tests.service.builders import FixedClock, development, shipped_data

OURS = "5e9a2c52-0e0b-5c3c-9a31-{:012d}"


@pytest.fixture(params=["sqlite_url", "postgresql_url"])
def settings(request: pytest.FixtureRequest, opened: Callable[[str], Database]) -> Settings:
    url: str = request.getfixturevalue(request.param)
    upgrade(opened(url))
    return development(public_url=PUBLIC_URL, database=url, max_body_bytes=100_000_000)


@pytest.fixture
def here(settings: Settings) -> Api:
    app = create_app(settings, shipped_data(), FixedClock(TODAY), RecordServer())
    return Api(app.test_client(), RecordServer())


def carrying(body: Json, *names: str) -> Json:
    members = [{"url": "coverage-assertion-id", "valueString": each} for each in names]
    orders_of(body)[0]["extension"] = [{"url": COVERAGE_INFORMATION, "extension": members}]
    return body


def with_nul(body: Json) -> Json:
    """A zero character wherever texts of the chart end in the record."""
    for each in resources_of(body):
        each["meta"] = {"versionId": "7\0"}
        if each["resourceType"] == "Observation":
            each["id"] += "\0"
        if each["resourceType"] == "Coverage":
            each["subscriberId"] = "\0"
    return body


def with_long_ids(body: Json) -> None:
    for each in resources_of(body):
        if each["resourceType"] == "Observation":
            each["id"] += "z" * 5_000


STRANGE: dict[str, Callable[[Json], Any]] = {
    "zero character in an assertion": lambda body: carrying(body, "a\0b"),
    "long assertion": lambda body: carrying(body, "x" * 100_000),
    "very many assertions": lambda body: carrying(body, *map(OURS.format, range(300_000))),
    "zero characters": with_nul,
    "numbers of any size": lambda body: orders_of(body)[0].update(of=[Decimal("1E400"), Decimal("1.10"), 10**30, -0.0]),
    "nested as deep as may be": lambda body: orders_of(body)[0].update(of=decode(b"[" * 58 + b"]" * 58)),
    "long ids of the chart": with_long_ids,
    "long user": lambda body: body["context"].update(userId="Practitioner/" + "a" * 5_000),
    "long id of an order": lambda body: orders_of(body)[0].update(id="a" * 64),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_call_is_answered_recorded_and_replayed(
    here: Api, settings: Settings, opened: Callable[[str], Database], name: str
) -> None:
    body = request_of("mmm-margenza-fourth-line")
    STRANGE[name](body)
    response = here.client.post("/cds-services/her2-order-sign", json=body)
    assert (response.status_code, response.headers["Her2-Crd-Recorded"]) == (200, "true")
    assert "satisfied-pa-id" in response.get_data(as_text=True)
    database = opened(settings.database)
    assert verify(Trail(database)).breaks == []
    assert run_replay(settings, database) == 0


@pytest.mark.parametrize("name", ["%00", "x" * 10_000, "%ED%A0%80"])
@pytest.mark.parametrize("suffix", ["", "/feedback"])
def test_a_strange_decision_does_not_exist(here: Api, name: str, suffix: str) -> None:
    assert here.get(f"/decisions/{name}{suffix}")[0] == 404
