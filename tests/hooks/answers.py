"""Answers to the example charts, and what discovery shows: read by the tests of requirements."""

from functools import cache
from typing import Any

from examples.chart import load_charts
from tests.hooks.clients import Called, Json, api, request_of

CHARTS = [each.name.partition("-")[2] for each in load_charts() if each.fhir_server != "fails"]
EQUIVOCAL = "mmm-margenza-her2-equivocal"
FIRST = "oscar-margenza-first"
FOURTH_LINE = "mmm-margenza-fourth-line"
CARD_TYPES = {
    "appropriate-use",
    "claim",
    "clinical-reminder",
    "contraindication",
    "cost",
    "coverage-info",
    "duplicate-therapy",
    "guideline",
    "insurance",
    "limits",
    "network",
    "off-guideline",
    "therapy-alternatives-opt",
    "therapy-alternatives-req",
    "unsolicited-determ",
}
"""Codes of the value set cardType (CRD 2.2.1)."""


@cache
def answer(name: str) -> Called:
    """The answer to an example chart as it is."""
    called = api().sign(request_of(name))
    assert called.status == 200, called.text
    return called


def every_card(*topics: str) -> list[Json]:
    """The cards of these topics of all example charts, at least one; without topics all cards."""
    cards = [card for name in CHARTS for card in answer(name).cards]
    found = [card for card in cards if not topics or card["source"]["topic"]["code"] in topics]
    assert found
    return found


def configured(name: str, **settings: Any) -> Called:
    """The answer to a chart whose caller sends these settings."""
    body = request_of(name)
    codes = {code.replace("_", "-"): value for code, value in settings.items()}
    called = api().sign({**body, "extension": {"davinci-crd.configuration": codes}})
    assert called.status == 200, called.text
    return called


def services() -> list[Json]:
    """The services that discovery shows."""
    status, found = api().get("/cds-services")
    assert status == 200
    assert found["services"]
    return list(found["services"])


def options(service: Json) -> list[Json]:
    found = service["extension"]["davinci-crd.configuration-options"]
    assert found
    return list(found)
