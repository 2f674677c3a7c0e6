"""Whole order-sign calls: what the answer holds for each order, and that everything it points to is there."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B.questionnaire import Questionnaire

from examples.chart import load_charts
from tests.hooks.clients import (
    COVERAGE_INFORMATION,
    PUBLIC_URL,
    Api,
    Called,
    Json,
    api,
    information_of,
    named,
    nodes,
    orders_of,
    request_of,
    verdict_of,
)

CHARTS = [each.name.partition("-")[2] for each in load_charts() if each.fhir_server != "fails"]
ALL_CHARTS = pytest.mark.parametrize("name", CHARTS)
MARGENZA = {"coding": [{"system": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "J9353"}]}


def sign(name: str, service: Api | None = None) -> Called:
    called = (service or api()).sign(request_of(name))
    assert called.status == 200, called.text
    return called


def another_order(body: Json, identity: str, drug: Json) -> None:
    """Add a copy of the first draft order for another drug."""
    first = next(each for each in orders_of(body) if each["resourceType"] == "MedicationRequest")
    copied = {**first, "id": identity, "medicationCodeableConcept": drug}
    body["context"]["draftOrders"]["entry"].append({"resource": copied})


# ------------------------------------------------------------------ actions


@ALL_CHARTS
def test_each_order_has_one_update_that_is_the_order_and_coverage_information(name: str) -> None:
    body = request_of(name)
    drafts = [each for each in orders_of(body) if each["resourceType"] != "Medication"]
    called = api().sign(body)
    assert [each["resource"]["id"] for each in called.actions] == [each["id"] for each in drafts]
    for action, draft in zip(called.actions, drafts, strict=True):
        assert set(action) == {"type", "description", "resource"}
        assert action["type"] == "update"
        assert action["description"]
        without = {key: value for key, value in action["resource"].items() if key != "extension"}
        assert without == draft
        assert [each["url"] for each in action["resource"]["extension"]] == [COVERAGE_INFORMATION]


def test_orders_of_one_call_are_judged_in_the_light_of_each_other() -> None:
    body, service = request_of("mmm-kadcyla-dose"), api()
    alone = service.decision(service.sign(body), "MedicationRequest/order-13")
    another_order(body, "margenza-13", MARGENZA)
    called = service.sign(body)
    beside = service.decision(called, "MedicationRequest/order-13")
    verdicts = [verdict_of(each, "no-excluded-combination") for each in (alone, beside)]
    assert verdicts == ["met", "not-met"]
    assert beside["outcome"] == "not-met"
    ids = {
        called.information(f"MedicationRequest/{each}")["coverage-assertion-id"] for each in ("order-13", "margenza-13")
    }
    assert len(ids) == 2


def test_an_order_in_trouble_leaves_the_others_alone() -> None:
    body, service = request_of("mmm-margenza-fourth-line"), api()
    another_order(
        body,
        "unclear",
        {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "101306"}], "text": "Kadcyla"},
    )
    called = service.sign(body)
    assert service.decision(called, "MedicationRequest/unclear")["outcome"] == "review"
    assert len(called.actions) == 3


# Numbers, members nobody knows and the order of members are the client's: FHIR decimals carry precision.
ODD_ORDER = (
    '{"id":"order-06","resourceType":"MedicationRequest","zzz-not-fhir":{"kept":[1.10,1E+2,true]},"status":"draft",'
    '"extension":[{"url":"http://ehr.example.org/unknown","valueDecimal":1.10}],"intent":"order",'
    '"medicationCodeableConcept":{"text":"Margenza","coding":[{"code":"J9353","system":'
    '"http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"}]},"subject":{"reference":"Patient/ex-06"},'
    '"authoredOn":"2026-09-14","dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":997.50,"unit":"mg",'
    '"system":"http://unitsofmeasure.org","code":"mg"}}]}],"note":[{"text":"caf\\u00e9"}]}'
)


def pairs(text: str) -> Any:
    return json.loads(text, object_pairs_hook=list, parse_float=lambda number: f"number {number}")


def test_the_order_comes_back_with_its_digits_its_unknown_members_and_their_order() -> None:
    body = request_of("mmm-margenza-fourth-line")
    body["context"]["draftOrders"]["entry"][0]["resource"] = "ODD"
    called = api().sign(json.dumps(body).replace('"ODD"', ODD_ORDER))
    assert called.status == 200
    members = dict(pairs(called.text))
    updated = next(
        dict(dict(each)["resource"]) for each in map(list, members["systemActions"]) if "order-06" in str(each)
    )
    sent = dict(pairs(ODD_ORDER))
    assert list(updated) == list(sent)
    extensions = updated.pop("extension")
    assert extensions[:1] == sent.pop("extension")
    assert dict(extensions[1])["url"] == COVERAGE_INFORMATION
    assert len(extensions) == 2
    assert updated == sent
    assert '"value":997.50' in called.text


# CRD resp-29 and resp-35: nothing is sent when nothing is new; a day that went by is nothing new.
def test_an_order_that_already_says_so_is_not_updated() -> None:
    body = request_of("mmm-margenza-fourth-line")
    body["context"]["draftOrders"]["entry"][0]["resource"] = api().sign(body).order("MedicationRequest/order-06")
    for service in (api(), api(now=datetime(2026, 9, 15, 20, 0, tzinfo=UTC))):
        again = service.sign(body)
        assert [each["resource"]["id"] for each in again.actions] == ["capecitabine-06"]


# Of several repetitions the first that fits counts, so an outdated one of ours must not stay beside the new one.
def test_our_own_earlier_answer_is_replaced_when_the_evidence_has_changed() -> None:
    body, service = request_of("mmm-margenza-fourth-line"), api()
    body["context"]["draftOrders"]["entry"][0]["resource"] = service.sign(body).order("MedicationRequest/order-06")
    named(body, "Observation/her2-fish-06")["valueQuantity"]["value"] = 1.2
    earlier = information_of(orders_of(body)[0])
    information = service.sign(body).information("MedicationRequest/order-06")
    assert information["coverage-assertion-id"] != earlier["coverage-assertion-id"]
    # A conflict in the record takes no authorization back (decision contract, section 2).
    assert information["satisfied-pa-id"] == earlier["satisfied-pa-id"]


def test_coverage_information_of_another_payer_is_left_alone() -> None:
    body, service = request_of("mmm-margenza-fourth-line"), api()
    parts = [
        {"url": "coverage", "valueReference": {"reference": "Coverage/of-another-payer"}},
        {"url": "covered", "valueCode": "covered"},
        {"url": "date", "valueDate": "2026-09-01"},
        {"url": "coverage-assertion-id", "valueString": "theirs"},
    ]
    theirs = {"url": COVERAGE_INFORMATION, "extension": parts}
    orders_of(body)[0]["extension"] = [theirs]
    updated = service.sign(body).order("MedicationRequest/order-06")
    assert updated["extension"][0] == theirs
    assert len(updated["extension"]) == 2


# ------------------------------------------------------------------ what the answer points to


@ALL_CHARTS
def test_every_card_names_its_order_and_is_short_enough(name: str) -> None:
    called = sign(name)
    orders = {f"MedicationRequest/{each['resource']['id']}" for each in called.actions}
    for card in called.cards:
        assert len(card["summary"]) < 140
        references = {each["reference"] for each in card["extension"]["davinci-crd.associated-resource"]}
        assert references
        assert references <= orders
        assert any(reference in card["detail"] for reference in references)


@ALL_CHARTS
def test_policy_links_lead_to_an_anchor_of_a_page_that_is_served(name: str) -> None:
    service = api()
    links = [link["url"] for card in sign(name, service).cards for link in card.get("links", ())]
    for url in links:
        assert url.startswith(f"{PUBLIC_URL}/policies/")
        path, _, anchor = url.removeprefix(PUBLIC_URL).partition("#")
        response = service.client.get(path)
        assert response.status_code == 200
        assert anchor
        assert f'id="{anchor}"' in response.text


@ALL_CHARTS
def test_a_questionnaire_is_named_exactly_where_documentation_is_asked_for(name: str) -> None:
    service = api()
    called = sign(name, service)
    for action in called.actions:
        reference = f"MedicationRequest/{action['resource']['id']}"
        asks = service.decision(called, reference)["outcome"] == "documentation"
        assert ("questionnaire" in called.information(reference)) == asks


@pytest.mark.parametrize(
    ("name", "order"),
    [("oscar-margenza-first", "order-03"), ("mmm-margenza-her2-equivocal", "order-08")],
)
def test_the_questionnaire_is_served_at_its_version_and_asks_about_criteria(name: str, order: str) -> None:
    service = api()
    called = sign(name, service)
    canonical = called.information(f"MedicationRequest/{order}")["questionnaire"]
    url, version = canonical.split("|")
    response = service.client.get(url.removeprefix(PUBLIC_URL))
    assert response.status_code == 200
    assert response.content_type == "application/fhir+json"
    form = json.loads(response.text)
    assert (form["url"], form["version"]) == (url, version)
    Questionnaire.model_validate(form)
    ids = {each["id"] for each in nodes(service.decision(called, f"MedicationRequest/{order}")["criteria"])}
    links = [item["linkId"] for item in items(form)]
    assert len(links) == len(set(links))
    assert all(link.partition(".")[0] in ids for link in links), links


def items(holder: Json) -> Iterator[Json]:
    for each in holder.get("item", ()):
        yield each
        yield from items(each)
