"""What docs/deployment.md says is so: its manifests are good ones, its commands do what they are for."""

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.settings import READERS
from service.storage.sealing import Seal
from tests.deploy.kubernetes.rendering import Document, containers, of_kind, one, render, templates, variables
from tests.deploy.kubernetes.test_manifests import PROMISES, complaints
from tests.docs.blocks import blocks, write, yaml_files
from tests.test_house_rules import ROOT

TEXT = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")


@pytest.fixture(params=list(PROMISES))
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ours(overlay: str, tmp_path: Path) -> list[Document]:
    """The manifests of an operator who does as the document says."""
    shutil.copytree(ROOT / "deploy", tmp_path / "her2-crd" / "deploy")
    write(
        {name: text.replace("overlays/cluster", f"overlays/{overlay}") for name, text in yaml_files(TEXT).items()},
        tmp_path,
    )
    shutil.copy2(ROOT / "docs" / "clients.example.yaml", tmp_path / "ours" / "clients.yaml")
    return render(tmp_path / "ours")


def test_an_operator_s_manifests_keep_every_rule(overlay: str, ours: list[Document]) -> None:
    assert complaints(overlay, ours) == []


def test_an_operator_s_manifests_replace_everything_that_does_not_exist(ours: list[Document]) -> None:
    assert ".invalid" not in json.dumps(ours)
    images = {each["image"] for _, template in templates(ours) for each in containers(template)}
    (image,) = images
    assert image.startswith("registry.example.org/her2-crd@sha256:")


def test_an_operator_s_settings_are_added_to_ours_and_rolled_out(overlay: str, ours: list[Document]) -> None:
    before, after = render(ROOT / "deploy" / "overlays" / overlay), ours
    (container,) = one(after, "Deployment")["spec"]["template"]["spec"]["containers"]
    found = variables(container, after)
    assert (found["TZ"], found["HER2_CRD_WORKERS"], found["HER2_CRD_RETAIN_INPUTS"]) == (
        "America/Puerto_Rico",
        "2",
        "on",
    )
    names = [{each["metadata"]["name"] for each in of_kind(each_side, "ConfigMap")} for each_side in (before, after)]
    assert not names[0] & names[1]


def test_every_secret_that_is_read_is_described(overlay: str, ours: list[Document]) -> None:
    described = dict(re.findall(r"^\| `(her2-crd-[a-z-]+)` \| `(\w+)` \|", TEXT, flags=re.MULTILINE))
    read: dict[str, Any] = {}
    for _, template in templates(ours):
        environment = [each for one in containers(template) for each in one.get("env", ()) if "valueFrom" in each]
        read |= {
            each["valueFrom"]["secretKeyRef"]["name"]: each["valueFrom"]["secretKeyRef"]["key"] for each in environment
        }
        read |= {
            each["secret"]["secretName"]: "keys" for each in template["spec"].get("volumes", ()) if "secret" in each
        }
    assert read.items() <= described.items()
    assert read.keys() == described.keys() or overlay == "single"


def commands(beginning: str) -> list[list[str]]:
    lines = "\n".join(blocks(TEXT, "sh")).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.startswith(beginning)]


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_a_token_is_made_with_the_hash_that_the_settings_take() -> None:
    ((_, _, code),) = commands("python3 -c")
    token, digest = python(code).split()
    assert len(token) >= 43
    assert READERS["HER2_CRD_OPERATOR_TOKENS"][1]("HER2_CRD_OPERATOR_TOKENS", digest) == {digest}


def test_a_key_is_made_that_seals() -> None:
    ((_, _, code),) = commands("python -c")
    seal = Seal([python(code).encode()])
    assert seal.open(seal.close(b"text")) == b"text"


def test_the_backup_is_whole_while_somebody_writes(tmp_path: Path) -> None:
    (command,) = [each for each in commands("kubectl exec") if "python" in each]
    code = command[-1].replace("/var/lib/her2-crd", str(tmp_path))
    with sqlite3.connect(tmp_path / "her2-crd.sqlite3") as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE decisions (id)")
        connection.execute("INSERT INTO decisions VALUES (1)")
        connection.commit()
        connection.execute("INSERT INTO decisions VALUES (2)")
        python(code)
    connection.close()
    copy = sqlite3.connect(tmp_path / "backup.sqlite3")
    assert copy.execute("SELECT id FROM decisions").fetchall() == [(1,)]
    copy.close()


def test_what_the_commands_name_is_there(ours: list[Document]) -> None:
    (applied,) = [each for each in commands("kubectl apply") if "--filename" in each]
    assert (ROOT / applied[-1].removeprefix("her2-crd/")).is_file()
    named = {word for each in commands("kubectl") for word in each if word.startswith(("job/", "deployment/"))}
    there = {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in ours}
    assert named - there <= {"job/her2-crd-migrate"}
    assert "deployment/her2-crd" in named


def test_the_checks_that_are_named_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = re.findall(r"`make ([a-z-]+)`", TEXT)
    assert {"licences", "reproducible", "image-lint", "rehearsal", "manifests", "sbom", "lock"} <= set(named)
    assert set(named) <= set(targets)


def test_the_settings_that_are_named_exist() -> None:
    named = set(re.findall(r"\bHER2_CRD_[A-Z_]+\b", TEXT))
    assert named
    assert named <= READERS.keys()
