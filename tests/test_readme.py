"""What README.md says is so: its request is answered as shown, its settings, commands and links exist."""

import json
import re
import shlex
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.services import load_data
from service.settings import PREFIX, READERS, Settings, read_settings
from tests.docs.blocks import blocks
from tests.policies.runner import FixedClock
from tests.wire import COVERAGE_INFORMATION

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    "README.md",
    "CHANGELOG.md",
    "docs/adding-a-policy.md",
    "docs/architecture.md",
    "docs/clients.md",
    "docs/conformance.md",
    "docs/deployment.md",
    "docs/limits.md",
    "docs/observability.md",
    "docs/records.md",
]
NUMBER = re.compile(r"MMM-[0-9A-F]{12}")
ASSERTION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def shown(index: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(blocks(README, "json")[index])
    return found


def members(extension: Mapping[str, Any]) -> dict[str, str]:
    """The members of an extension as text; numbers that depend on the policy's text are masked."""
    found = {each["url"]: json.dumps(each, sort_keys=True) for each in extension["extension"]}
    return {url: ASSERTION.sub("(id)", NUMBER.sub("(number)", text)) for url, text in found.items()}


IN_MEMORY = {"DATABASE_URL": "sqlite://", PREFIX + "WORKERS": "1"}


def in_development(**environ: str) -> Settings:
    return read_settings({PREFIX + "PROFILE": "development", **environ})


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    days = [each["valueDate"] for each in shown(0)["extension"] if each["url"] == "date"]
    settings = in_development(**IN_MEMORY)
    return create_app(settings, load_data(settings), clock=FixedClock(date.fromisoformat(days[0]))).test_client()


@pytest.fixture(scope="module")
def answered(client: FlaskClient) -> Mapping[str, Any]:
    """The coverage information that the command of the README gets."""
    command = shlex.split(next(each for each in blocks(README, "sh") if "order-sign.json" in each))
    address = next(word for word in command if word.startswith("http"))
    name, value = command[command.index("-H") + 1].split(": ")
    body = (ROOT / command[command.index("-d") + 1].removeprefix("@")).read_bytes()
    answer = client.post(address.removeprefix(in_development().public_url), data=body, headers={name: value})
    assert answer.status_code == 200
    found: Mapping[str, Any] = answer.get_json()["systemActions"][0]["resource"]["extension"][0]
    return found


def test_the_request_is_answered_as_shown(answered: Mapping[str, Any]) -> None:
    assert shown(0)["url"] == answered["url"] == COVERAGE_INFORMATION
    assert members(shown(0)).items() <= members(answered).items()
    assert ASSERTION.search(json.dumps(shown(0)))
    assert len(set(NUMBER.findall(json.dumps(shown(0))))) == 1


def test_the_decision_has_the_leaf_shown(client: FlaskClient, answered: Mapping[str, Any]) -> None:
    (assertion,) = [each["valueString"] for each in answered["extension"] if each["url"] == "coverage-assertion-id"]
    record = client.get(f"/decisions/{assertion}").get_json()
    assert record["outcome"] == "authorized"
    assert shown(1) in record["criteria"]["of"]
    assert {"outcome", "policy", "path", "on", "notes", "criteria"} <= record.keys()


def settings_table() -> dict[str, str]:
    return dict(re.findall(r"^\| `((?:HER2_CRD_)?[A-Z_]+)` \| ([^|]+?) \|", README, flags=re.MULTILINE))


def test_every_setting_is_in_the_table_and_nothing_else() -> None:
    assert settings_table().keys() == READERS.keys()


def test_the_defaults_in_the_table_are_those_of_the_service() -> None:
    table = settings_table()
    defaults = {name: text.strip("`") for name, text in table.items() if text.startswith("`")}
    assert {name for name, text in table.items() if not text.startswith("`")} == {
        name for name, text in table.items() if text == "none"
    }
    assert Settings().profile.value == defaults.pop(PREFIX + "PROFILE")
    retained = defaults.pop(PREFIX + "RETAIN_INPUTS")
    assert (retained, Settings().retain_inputs, in_development().retain_inputs) == ("off", False, True)
    assert in_development(**defaults) == in_development()
    for key, (field, _) in READERS.items():
        if table[key] == "none":
            assert not getattr(in_development(), field)


def test_the_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`|=\S+ )make ([a-z]+)", README, flags=re.MULTILINE))
    assert {"run", "demo", "test", "check", "bench"} <= named <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_relative_link_leads_somewhere(document: str) -> None:
    file = ROOT / document
    for target in re.findall(r"\]\(([^)\s]+)\)", file.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        lead = file if path == "" else (file.parent / path).resolve()
        assert lead.exists(), target
        assert ROOT in (lead, *lead.parents), target
        if anchor:
            assert anchor in anchors(lead), target


def anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_project_s_description_is_the_readme() -> None:
    assert 'readme = "README.md"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
