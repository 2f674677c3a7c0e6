"""The record of a decision: the tree, evidence that is there, and an id that stands for order, evidence and policy."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from examples.chart import load_charts
from tests.hooks.clients import Api, Called, Json, add, api, named, nodes, orders_of, request_of, resources_of
from tests.hooks.paths import present

ALL_CHARTS = pytest.mark.parametrize(
    "name", [each.name.partition("-")[2] for each in load_charts() if each.fhir_server != "fails"]
)


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


def test_a_decision_has_the_policy_the_path_and_the_criteria_under_their_ids() -> None:
    service = api()
    decision = service.decision(service.sign(request_of("mmm-margenza-fourth-line")), "MedicationRequest/order-06")
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
    for decision in decisions(service, service.sign(request_of(name))):
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
