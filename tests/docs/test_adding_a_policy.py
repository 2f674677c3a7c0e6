"""The files shown in docs/adding-a-policy.md work as they stand: checked, loaded, and an order decided with them."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from criteria.__main__ import main as check_data
from criteria.errors import LibraryError
from criteria.library import Library
from criteria.predicates import PREDICATES
from criteria.vocabulary import Vocabulary
from service.app import create_app
from service.services import load_data
from service.settings import Profile, Settings
from tests import builders
from tests.docs.blocks import write, yaml_files
from tests.policies import expectations, runner
from tests.policies.case_file import PolicyCase, cases_of
from tests.policies.expectations import differences
from tests.policies.runner import FixedClock
from tests.wire import coverage_information

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "adding-a-policy.md").read_text(encoding="utf-8")
POLICY = "example-health/melanoma-exemplimab"
CASES = f"cases/{POLICY}.yaml"
MELANOMA = (builders.ICD10, "C43.59", "Malignant melanoma of other part of trunk")
EXEMPLYA = builders.concept((builders.HCPCS, "J0000", "Injection, exemplimab-zzzz, 1 mg"))
PEMBROLIZUMAB = builders.concept(text="pembrolizumab")
SEARCHES = (
    *("conditions", "observations", "medicationRequests", "medicationAdministrations", "medicationStatements"),
    *("medicationDispenses", "procedures", "allergies", "adverseEvents", "diagnosticReports", "documents"),
    "questionnaireResponses",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(yaml_files(TEXT), tmp_path_factory.mktemp("my-data"))


@pytest.fixture(scope="module")
def settings(folder: Path) -> Settings:
    return Settings(profile=Profile.DEVELOPMENT, database="sqlite://", data=folder)


@pytest.fixture(scope="module")
def data(settings: Settings) -> tuple[Library, Vocabulary]:
    return load_data(settings)


@pytest.fixture
def client(settings: Settings, data: tuple[Library, Vocabulary]) -> FlaskClient:
    return create_app(settings, library=data, clock=FixedClock(date(2026, 10, 1))).test_client()


def order(
    client: FlaskClient, found: dict[str, list[Any]], *, reason: builders.Codes = MELANOMA
) -> tuple[dict[str, Any], Any]:
    """The coverage information of an order of the new drug, and the record of its decision."""
    draft = builders.medication_request(
        drug=EXEMPLYA, on="2026-10-01", reasonCode=[builders.concept(reason)], insurance=[{"reference": "Coverage/c1"}]
    )
    payer = builders.organization(payer="example-health")
    prefetch = {
        "patient": builders.patient(),
        "coverage": bundle(builders.coverage(period={"start": "2026-01-01"}), payer),
        **{key: bundle(*found.get(key, ())) for key in SEARCHES},
    }
    body = {
        "hook": "order-sign",
        "hookInstance": "0c9ee0bc-3b4b-4d6f-9b3a-4d3c2b1a0f9e",
        "context": {"userId": "Practitioner/dr", "patientId": "p1", "draftOrders": bundle(draft)},
        "prefetch": prefetch,
    }
    answered = client.post("/cds-services/her2-order-sign", json=body)
    assert answered.status_code == 200, answered.get_json()
    (action,) = answered.get_json()["systemActions"]
    said = coverage_information(action["resource"])
    return said, client.get(f"/decisions/{said['coverage-assertion-id']}").get_json()


def bundle(*resources: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def treated(percent: int) -> dict[str, list[Any]]:
    lvef = builders.concept((builders.LOINC, "10230-1"))
    return {
        "conditions": [builders.condition(code=builders.concept(MELANOMA))],
        "observations": [builders.observation(code=lvef, value=builders.quantity(percent, "%"), on="2026-09-01")],
        "medicationAdministrations": [builders.administration(drug=PEMBROLIZUMAB, on="2026-02-01")],
        "documents": [builders.document_reference(date="2026-09-20T10:00:00Z")],
    }


def test_the_check_command_finds_the_files_clean(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_data(["check", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("clean: ")


def test_the_policy_is_added_to_the_shipped_ones(data: tuple[Library, Vocabulary]) -> None:
    assert POLICY in data[0].policies
    assert {"oscar/cg101", "mmm/mp-rx-fp-48-23"} <= data[0].policies.keys()


def test_an_order_that_meets_the_new_policy_is_authorized(client: FlaskClient) -> None:
    said, record = order(client, treated(percent=60))
    assert (record["outcome"], record["policy"]["id"]) == ("authorized", POLICY)
    assert (said["covered"], said["pa-needed"], said["billingCode"]["code"]) == ("covered", "satisfied", "J0000")
    assert said["expiry-date"] == "2027-03-31"


def test_an_order_for_another_cancer_is_not_met(client: FlaskClient) -> None:
    said, record = order(client, treated(percent=60) | {"conditions": []}, reason=builders.BREAST_CANCER)
    assert (record["outcome"], said["covered"]) == ("not-met", "not-covered")
    assert "Melanoma" in said["reason"]["text"]


def test_an_order_on_an_empty_chart_is_unknown_and_asks(client: FlaskClient) -> None:
    said, record = order(client, {})
    assert (record["outcome"], said["pa-needed"], said["doc-needed"]) == ("documentation", "auth-needed", "clinical")
    assert said["questionnaire"].endswith("/fhir/Questionnaire/example-health-melanoma-exemplimab-initial|1.0.0")


@pytest.mark.parametrize(
    "address", [f"/policies/{POLICY}", "/fhir/Questionnaire/example-health-melanoma-exemplimab-initial"]
)
def test_the_policy_and_its_questionnaire_are_served(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 200


def documented_cases(folder: Path) -> tuple[PolicyCase, ...]:
    return cases_of(folder / CASES)


def test_the_cases_of_the_document_are_decided_as_they_say(
    folder: Path, data: tuple[Library, Vocabulary], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (runner, expectations):
        monkeypatch.setattr(module, "shipped", lambda: data)
    cases = documented_cases(folder)
    assert {case.name: differences(case) for case in cases} == {case.name: [] for case in cases}
    assert len(cases) > 1


@pytest.mark.parametrize(
    ("path", "from_", "to"),
    [
        (f"policies/{POLICY}.yaml", "within_days: 90}", "within: 90}"),
        (f"policies/{POLICY}.yaml", "is: [cancer-melanoma]", "is: [cancer-melanom"),
        (f"policies/{POLICY}.yaml", "is: [cancer-melanoma]", "is: [cancer-melanom]"),
        (f"policies/{POLICY}.yaml", "kind: lvef", "kind: lvf"),
        (f"policies/{POLICY}.yaml", "kinds: [oncology-note]", "kinds: [oncology-notes]"),
        (f"policies/{POLICY}.yaml", "decides: [exemplimab]", "decides: [exemplumab]"),
        ("value_sets/conditions.yaml", 'from: "C43"', "from: C4"),
        ("value_sets/drugs.yaml", "actives:", "active:"),
        ("policies/example-health/payer.yaml", "identifiers:", "identifier:"),
    ],
)
def test_a_mistake_in_a_block_is_found(tmp_path: Path, path: str, from_: str, to: str) -> None:
    files = yaml_files(TEXT)
    assert from_ in files[path]
    files[path] = files[path].replace(from_, to)
    with pytest.raises(LibraryError) as raised:
        load_data(Settings(profile=Profile.DEVELOPMENT, data=write(files, tmp_path)))
    assert path.rsplit("/", 1)[1] in str(raised.value)


@pytest.mark.parametrize("text", ["```yaml\nid: x\n```\n", "```yaml\n# a.yaml\nid: x\n```\n" * 2])
def test_a_block_without_a_path_of_its_own_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"its path|shown twice"):
        yaml_files(text)


def test_the_list_of_predicates_is_the_product_s_with_every_parameter() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]*) \|", TEXT, flags=re.MULTILINE)
    listed = {name: dict.fromkeys(re.findall(r"\[?`[a-z_]+`", parameters)) for name, parameters in rows}
    expected = {
        name: dict.fromkeys(
            f"`{key}`" if key in predicate.SCHEMA["required"] else f"[`{key}`" for key in predicate.SCHEMA["properties"]
        )
        for name, predicate in PREDICATES.items()
    }
    assert listed == expected
    assert list(listed) == list(expected)


def test_the_folder_shown_is_the_one_the_blocks_make() -> None:
    assert set(re.findall(r"[a-z_-]+\.yaml$", TEXT.split("```")[1], flags=re.MULTILINE)) == {
        path.rsplit("/", 1)[1] for path in yaml_files(TEXT)
    }
