"""Who may read a decision, and what it shows: with its values where the inputs are retained, else without."""

import json
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.hooks.answers import CHARTS
from tests.hooks.clients import Json, api, information_of, nodes, request_of, resources_of
from tests.hooks.test_registered import HOOK, MARGENZA, MET, registered, written

OPERATOR = "an-operator-with-a-long-token"
SETTINGS: Json = {"operator_tokens": frozenset({sha256(OPERATOR.encode()).hexdigest()})}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("suffix", ["", "/feedback"])
def test_a_decision_is_open_to_its_client_and_to_operators_and_to_nobody_else(tmp_path: Path, suffix: str) -> None:
    with registered(tmp_path, **SETTINGS) as here:
        path = f"/decisions/{written(here.post(HOOK, request_of(MET)))[MARGENZA]['coverage-assertion-id']}{suffix}"
        assert here.get(path).status_code == 200
        assert here.get(path, bearer(OPERATOR)).status_code == 200
        assert here.get(path, issuer="https://old.example.org").status_code == 404
        for headers in ({}, bearer("another-token"), bearer(""), {"Authorization": OPERATOR}):
            assert here.get(path, headers).status_code == 401


def test_an_operator_is_no_client(tmp_path: Path) -> None:
    with registered(tmp_path, **SETTINGS) as here:
        assert here.post(HOOK, request_of(MET), bearer(OPERATOR)).status_code == 401
        assert here.get("/decisions/none", bearer(OPERATOR)).status_code == 404


def test_without_operators_no_token_is_one(tmp_path: Path) -> None:
    with registered(tmp_path) as here:
        assert here.get("/decisions/none", bearer(OPERATOR)).status_code == 401


# ------------------------------------------------------------------------------------------------- without values


def shown(name: str, *, retain: bool, **settings: Any) -> dict[str, Json]:
    """Return the record of each order of a chart, by assertion id."""
    here = api(retain_inputs=retain, **settings)
    called = here.sign(request_of(name))
    ids = [information_of(each["resource"])["coverage-assertion-id"] for each in called.actions]
    return {each: here.get(f"/decisions/{each}")[1] for each in ids}


@pytest.mark.parametrize("name", CHARTS)
def test_without_retained_inputs_the_verdicts_and_references_are_the_same_and_values_are_null(name: str) -> None:
    whole, bare = shown(name, retain=True), shown(name, retain=False)
    assert whole.keys() == bare.keys()
    for each, record in whole.items():
        without = bare[each]
        assert without["valuesKept"] is False
        for member in ("policy", "path", "outcome", "on", "approval"):
            assert without[member] == record[member]
        assert without["order"]["reference"] == record["order"]["reference"]
        if record["criteria"] is None:
            assert without["criteria"] is None
            continue
        for one, other in zip(nodes(record["criteria"]), nodes(without["criteria"]), strict=True):
            assert (one["id"], one["verdict"]) == (other["id"], other["verdict"])
            assert other["citation"] in (None, one["citation"])
            assert [(e["reference"], e["path"], e["role"]) for e in one["evidence"]] == [
                (e["reference"], e["path"], e["role"]) for e in other["evidence"]
            ]
            assert {e["observed"] for e in other["evidence"]} <= {None}
            assert [(n["kind"], n["open"]) for n in one["needs"]] == [(n["kind"], n["open"]) for n in other["needs"]]
            assert {n["text"] for n in other["needs"]} <= {None}


def test_leaves_keep_title_and_citation_as_long_as_the_policy_is_the_one_that_was_read() -> None:
    (record,) = [each for each in shown("mmm-margenza-fourth-line", retain=False).values() if each["criteria"]]
    (leaf,) = [each for each in nodes(record["criteria"]) if each["id"] == "her2-positive"]
    assert leaf["title"] == "HER2-positive by IHC 3+ or positive ISH"
    assert leaf["citation"]["document"] == "MP-RX-FP-56-23"


MARK = "Zebulon-Quartermain"


def marked(body: Json) -> Json:
    """The request with a mark in names, texts, displays, identifiers and values of every resource."""
    fresh: Json = json.loads(json.dumps(body))

    def mark(resource: Json) -> None:
        resource["text"] = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{MARK}</div>'}
        for value in list(resource.values()):
            for concept in value if isinstance(value, list) else [value]:
                if isinstance(concept, dict) and "coding" in concept:
                    concept["text"] = f"{concept.get('text', '')} {MARK}"
                    for coding in concept["coding"]:
                        coding["display"] = f"{coding.get('display', '')} {MARK}"
        if resource["resourceType"] == "Patient":
            resource["name"] = [{"family": MARK, "given": [MARK]}]
            resource["identifier"] = [{"value": MARK}]
        for entry in resource.get("entry", ()):
            mark(entry["resource"])

    for value in filter(None, fresh["prefetch"].values()):
        mark(value)
    for entry in fresh["context"]["draftOrders"]["entry"]:
        mark(entry["resource"])
    return fresh


def content_of(file: Path) -> bytes:
    with sqlite3.connect(file) as connection:
        text = "\n".join(connection.iterdump())
    connection.close()
    return text.encode() + file.read_bytes()


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("name", CHARTS)
def test_nothing_of_a_patient_lies_in_the_database_unencrypted(tmp_path: Path, name: str, *, retain: bool) -> None:
    file = tmp_path / "record.sqlite3"
    here = api(database=f"sqlite:///{file}", retain_inputs=retain)
    body = marked(request_of(name))
    assert here.sign(body).status == 200
    assert MARK.encode() not in content_of(file)
    assert MARK in json.dumps(body)


def test_a_name_in_the_place_of_an_id_is_not_kept(tmp_path: Path) -> None:
    """Ids and versions of the chart are read whatever they are; some systems make them of names."""
    file = tmp_path / "record.sqlite3"
    here = api(database=f"sqlite:///{file}", retain_inputs=False)
    body = request_of("mmm-margenza-fourth-line")
    for each in resources_of(body):
        if each["resourceType"] in {"Observation", "Condition"}:
            each |= {"id": f"{each['id']} {MARK}, 1960", "meta": {"versionId": f"of {MARK}"}}
    called = here.sign(body)
    record = here.decision(called, "MedicationRequest/order-06")
    assert MARK.encode() not in content_of(file)
    cited = {each["reference"] for node in nodes(record["criteria"]) for each in node["evidence"]}
    assert {"Observation/?", "Condition/?"} <= cited


def test_the_search_for_marks_finds_one(tmp_path: Path) -> None:
    file = tmp_path / "record.sqlite3"
    api(database=f"sqlite:///{file}").sign(request_of(MET))
    with sqlite3.connect(file) as connection:
        connection.execute("update decisions set content = ? where position = 1", (MARK,))
    connection.close()
    assert MARK.encode() in content_of(file)


def test_a_key_that_is_lost_shows_the_record_without_values(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/record.sqlite3"
    called = api(database=url).sign(request_of("mmm-margenza-fourth-line"))
    Path(f"{tmp_path}/record.sqlite3.key").unlink()
    name = called.information("MedicationRequest/order-06")["coverage-assertion-id"]
    status, record = api(database=url).get(f"/decisions/{name}")
    assert (status, record["valuesKept"]) == (200, False)
