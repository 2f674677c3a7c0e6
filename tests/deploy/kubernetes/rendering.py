"""The manifests as the cluster gets them: rendered by kubectl, each document a mapping."""

import copy
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.test_house_rules import ROOT

OVERLAYS = ROOT / "deploy" / "overlays"
REQUIRED = "TEST_KUSTOMIZE"
"""`required`: a missing kubectl is a failure, not a reason to skip. No name of ours, HER2_CRD_…: those are settings,
and the service does not start with one that it does not know."""

Document = dict[str, Any]


def render(folder: Path) -> list[Document]:
    """Return the documents of an overlay; skip the test where there is no kubectl, unless one is required."""
    if shutil.which("kubectl") is None:
        if os.environ.get(REQUIRED) == "required":
            pytest.fail("kubectl is required, and is not on PATH")
        pytest.skip("no kubectl")
    return copy.deepcopy(_rendered(folder))


@cache
def _rendered(folder: Path) -> list[Document]:
    done = subprocess.run(["kubectl", "kustomize", str(folder)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(YAML(typ="safe", pure=True).load_all(done.stdout))


def of_kind(documents: list[Document], kind: str) -> list[Document]:
    return [each for each in documents if each["kind"] == kind]


def one(documents: list[Document], kind: str) -> Document:
    (found,) = of_kind(documents, kind)
    return found


def name_of(document: Document) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def templates(documents: list[Document]) -> Iterator[tuple[str, Document]]:
    """The name and pod template of whatever starts pods."""
    for each in documents:
        if "template" in each.get("spec", {}):
            yield name_of(each), each["spec"]["template"]


def containers(template: Document) -> list[Document]:
    return [*template["spec"].get("initContainers", ()), *template["spec"]["containers"]]


def variables(container: Document, documents: list[Document]) -> Mapping[str, str | None]:
    """The environment of a container; None for a value from a Secret."""
    maps = {each["metadata"]["name"]: each["data"] for each in of_kind(documents, "ConfigMap")}
    found: dict[str, str | None] = {}
    for source in container.get("envFrom", ()):
        found |= maps.get(source["configMapRef"]["name"], {})
    return found | {each["name"]: each.get("value") for each in container.get("env", ())}
