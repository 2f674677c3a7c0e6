"""Whole order-sign calls: what the answer holds for each order, and that everything it points to is there."""

import json
import re
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
    add,
    api,
    named,
    nodes,
    orders_of,
    request_of,
    resources_of,
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
    information = service.sign(body).information("MedicationRequest/order-06")
    assert information["pa-needed"] != "satisfied"


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


# ------------------------------------------------------------------ the record of a decision

MARGENZA_INITIAL = [
    "adult",
    "breast-cancer",
    "recurrent-unresectable-or-metastatic",
    "her2-positive",
    "two-prior-anti-her2-regimens",
    "anti-her2-in-metastatic-setting",
    "fourth-line-or-later",
    "with-listed-chemotherapy",
]


def verdict_of(decision: Json, criterion: str) -> str:
    return next(str(each["verdict"]) for each in nodes(decision["criteria"]) if each["id"] == criterion)


def test_a_decision_has_the_policy_the_path_and_the_criteria_under_their_ids() -> None:
    service = api()
    decision = service.decision(sign("mmm-margenza-fourth-line", service), "MedicationRequest/order-06")
    assert set(decision["policy"]) == {"id", "version", "effective", "digest"}
    assert (decision["policy"]["id"], decision["path"], decision["on"]) == (
        "mmm/mp-rx-fp-56-23",
        "initial",
        "2026-09-14",
    )
    assert decision["criteria"]["id"] == "initial"
    assert [each["id"] for each in decision["criteria"]["of"]] == MARGENZA_INITIAL


def decisions(service: Api, called: Called) -> Iterator[Json]:
    for action in called.actions:
        yield service.decision(called, f"MedicationRequest/{action['resource']['id']}")


@ALL_CHARTS
def test_every_leaf_keeps_the_contract(name: str) -> None:
    service = api()
    for decision in decisions(service, sign(name, service)):
        tree = decision["criteria"]
        if tree is None:
            continue
        found = list(nodes(tree))
        for leaf in (each for each in found if not each["of"]):
            assert leaf["citation"]["document"]
            assert leaf["citation"]["section"]
            assert leaf["needs"] if leaf["verdict"] == "unknown" else leaf["evidence"], leaf["id"]
        if tree["verdict"] == "unknown":
            assert any(need["open"] for each in found for need in each["needs"])


@ALL_CHARTS
def test_evidence_refers_to_an_element_that_is_present_in_the_request(name: str) -> None:
    service, body = api(), request_of(name)
    sent = {f"{each['resourceType']}/{each['id']}": each for each in resources_of(body)}
    seen = 0
    for decision in decisions(service, service.sign(body)):
        for node in nodes(decision["criteria"]) if decision["criteria"] else ():
            for evidence in node["evidence"]:
                if evidence["reference"].startswith("Searched("):
                    continue
                resource = sent[evidence["reference"]]
                assert present(resource, evidence["path"]), (evidence["reference"], evidence["path"])
                seen += 1
        assert decision["criteria"] is None or seen


def test_evidence_of_an_order_without_a_date_refers_to_what_is_there() -> None:
    body, service = request_of("mmm-kadcyla-dose"), api()
    body["prefetch"]["medicationAdministrations"]["entry"] = []
    drug = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "224905"}]}
    undated = {**orders_of(body)[0], "id": "undated", "status": "completed", "medicationCodeableConcept": drug}
    del undated["authoredOn"]
    add(body, "medicationRequests", undated)
    decision = service.decision(service.sign(body), "MedicationRequest/order-13")
    cited = [each for node in nodes(decision["criteria"]) for each in node["evidence"]]
    of_undated = [each for each in cited if each["reference"] == "MedicationRequest/undated"]
    assert of_undated
    assert all(present(undated, each["path"]) for each in of_undated), of_undated


STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


def present(resource: Json, path: str) -> bool:
    """Say whether a path such as Observation.component[1].value leads to something; `value` is any value[x]."""
    kind, _, rest = path.partition(".")
    assert kind == resource["resourceType"]
    found: list[Any] = [resource]
    for name, index in STEP.findall(rest):
        values = [
            value for each in found if isinstance(each, dict) for key, value in each.items() if is_element(key, name)
        ]
        found = [item for value in values for item in chosen(value, index)]
    return any(each is not None for each in found)


def is_element(key: str, name: str) -> bool:
    return key == name or (key.startswith(name) and key[len(name) :][:1].isupper())


def chosen(value: Any, index: str) -> list[Any]:
    if not isinstance(value, list):
        return [value]
    return value[int(index) : int(index) + 1] if index else value


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Observation.value", True),
        ("Observation.component[1].value", True),
        ("Observation.component[2].value", False),
        ("Observation.code.text", False),
    ],
)
def test_the_reader_of_paths_tells_present_from_absent(path: str, expected: bool) -> None:
    resource = {
        "resourceType": "Observation",
        "valueString": "x",
        "code": {},
        "component": [{}, {"valueBoolean": False}],
    }
    assert present(resource, path) is expected


# ------------------------------------------------------------------ the id of an assertion


def assertion(body: Json, now: datetime | None = None) -> str:
    service = api() if now is None else api(now=now)
    return str(service.sign(body).information("MedicationRequest/order-06")["coverage-assertion-id"])


def test_the_same_order_on_the_same_evidence_keeps_its_id() -> None:
    body = request_of("mmm-margenza-fourth-line")
    kept = assertion(body)
    assert assertion(body) == kept
    assert assertion(body, datetime(2026, 9, 20, tzinfo=UTC)) == kept
    for value in body["prefetch"].values():
        if value and "entry" in value:
            value["entry"].reverse()
    assert assertion(body) == kept
    add(body, "conditions", {"resourceType": "Condition", "id": "other", "subject": {"reference": "Patient/somebody"}})
    assert assertion(body) == kept


@pytest.mark.parametrize("change", ["result", "order", "configuration"])
def test_other_evidence_another_order_or_another_configuration_has_another_id(change: str) -> None:
    body = request_of("mmm-margenza-fourth-line")
    before = assertion(body)
    match change:
        case "result":
            named(body, "Observation/her2-fish-06")["valueQuantity"]["value"] = 5.1
        case "order":
            orders_of(body)[0]["dosageInstruction"][0]["text"] = "as discussed"
        case _:
            body["extension"] = {"davinci-crd.configuration": {"unsolicited-determ": False}}
    assert assertion(body) != before
