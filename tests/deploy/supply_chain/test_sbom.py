import json
import sys
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.utils import canonicalize_name

from deploy.supply_chain import sbom
from deploy.supply_chain.licences import Declared, Rules
from deploy.supply_chain.locks import Locked, read_lock
from deploy.supply_chain.sbom import SBOM, bill_of_materials, current, main, written
from tests.test_house_rules import REGISTRY, ROOT, lines_matching

PROJECT = {"name": "her2-crd", "version": "0.1.0", "description": "a service"}
RULES = Rules(spdx={"MIT License": "MIT"}, words=frozenset(), exceptions={}, elsewhere={})
FLASK, BLINKER = canonicalize_name("flask"), canonicalize_name("blinker")
LOCKED = (
    Locked(BLINKER, "1.9", Marker("python_version < '4'"), ("1" * 64, "2" * 64), frozenset({FLASK})),
    Locked(FLASK, "3.1", None, ("0" * 64,), frozenset({canonicalize_name("her2-crd")})),
)
DECLARED = {FLASK: Declared("3.1", "MIT License"), BLINKER: Declared("1.9", "BSD License")}


def small() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written(bill_of_materials(PROJECT, LOCKED, DECLARED, RULES)))
    return found


def test_a_component_has_version_licence_and_hashes() -> None:
    blinker, flask = small()["components"]
    assert (flask["name"], flask["version"], flask["purl"]) == ("flask", "3.1", "pkg:pypi/flask@3.1")
    assert flask["licenses"] == [{"license": {"acknowledgement": "declared", "id": "MIT"}}]
    assert blinker["licenses"] == [{"license": {"acknowledgement": "declared", "name": "BSD License"}}]
    (files,) = blinker["externalReferences"]
    assert files["hashes"] == [{"alg": "SHA-256", "content": each * 64} for each in ("1", "2")]
    assert blinker["properties"] == [{"name": "her2-crd:marker", "value": 'python_version < "4"'}]


def test_it_says_what_needs_what() -> None:
    found = small()
    needs = {each["ref"]: each.get("dependsOn", []) for each in found["dependencies"]}
    assert needs == {
        "her2-crd": ["pkg:pypi/flask@3.1"],
        "pkg:pypi/flask@3.1": ["pkg:pypi/blinker@1.9"],
        "pkg:pypi/blinker@1.9": [],
    }
    assert found["metadata"] == {"component": {**PROJECT, "bom-ref": "her2-crd", "type": "application"}}


def test_it_is_the_same_every_time_and_holds_no_time() -> None:
    assert small() == small()
    assert not small().keys() & {"serialNumber", "timestamp"}


def test_a_package_whose_licence_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="the licence of blinker is not known"):
        bill_of_materials(PROJECT, LOCKED, {FLASK: DECLARED[FLASK]}, RULES)


def test_the_committed_file_is_that_of_the_lock() -> None:
    assert SBOM.read_text(encoding="utf-8") == current(), "write it with make sbom"


def test_the_committed_file_holds_the_lock_and_no_address() -> None:
    found = json.loads(SBOM.read_text(encoding="utf-8"))
    hashes = {
        each["name"]: (each["version"], {one["content"] for one in each["externalReferences"][0]["hashes"]})
        for each in found["components"]
    }
    assert hashes == {each.name: (each.version, set(each.hashes)) for each in read_lock(ROOT / "requirements.txt")}
    assert all(each["licenses"] for each in found["components"])
    assert list(lines_matching(REGISTRY, [SBOM])) == []


def test_a_file_that_is_not_that_of_the_lock_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sbom", "--check"])
    assert main() == 0
    text = SBOM.read_text(encoding="utf-8").replace('"version": "3.1.3"', '"version": "3.1.2"')
    assert text != SBOM.read_text(encoding="utf-8")
    monkeypatch.setattr(sbom, "current", lambda: text)
    assert main() == 1
    assert "make sbom" in capsys.readouterr().err
