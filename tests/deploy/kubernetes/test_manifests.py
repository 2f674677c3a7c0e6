"""Both overlays: rendered by kubectl, valid for the versions of Kubernetes that are promised, and as they must be."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.clients import read_clients
from service.services import load_data
from service.settings import Profile, SettingsError, read_settings
from tests.deploy.kubernetes.overlay_rules import cluster_complaints, overlay_complaints, single_complaints
from tests.deploy.kubernetes.pod_rules import pod_complaints, service_complaints
from tests.deploy.kubernetes.rendering import (
    OVERLAYS,
    REQUIRED,
    Document,
    containers,
    of_kind,
    one,
    render,
    templates,
    variables,
)
from tests.deploy.kubernetes.schemas import NEWEST, validate

Rule = Callable[[list[Document]], Iterator[str]]
PROMISES: dict[str, Rule] = {"single": single_complaints, "cluster": cluster_complaints}
VERSIONS = ["1.30", "1.37"]


def complaints(overlay: str, documents: list[Document]) -> list[str]:
    rules = (pod_complaints, service_complaints, overlay_complaints, PROMISES[overlay])
    return [each for rule in rules for each in rule(documents)]


@pytest.mark.parametrize("overlay", PROMISES)
def test_an_overlay_is_as_it_must_be(overlay: str) -> None:
    assert complaints(overlay, render(OVERLAYS / overlay)) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", PROMISES)
def test_an_overlay_is_valid(overlay: str, version: str) -> None:
    for each in render(OVERLAYS / overlay):
        validate(each, version)


def test_the_newest_version_is_the_one_whose_schemas_are_here() -> None:
    assert NEWEST.startswith(VERSIONS[-1])


@pytest.mark.parametrize("overlay", PROMISES)
def test_the_service_starts_with_the_settings_of_an_overlay(overlay: str, tmp_path: Path) -> None:
    documents = render(OVERLAYS / overlay)
    (container,) = one(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    given = {"DATABASE_URL": "postgresql://user:password@db/crd", "HER2_CRD_OPERATOR_TOKENS": "0" * 64}
    found = {name: given[name] if value is None else value for name, value in variables(container, documents).items()}
    (clients,) = [each["data"] for each in of_kind(documents, "ConfigMap") if "clients.yaml" in each["data"]]
    (folder,) = [each["mountPath"] for each in container["volumeMounts"] if each["name"] == "clients"]
    assert found["HER2_CRD_CLIENTS"] == f"{folder}/clients.yaml"
    registry = tmp_path / "clients.yaml"
    registry.write_text(clients["clients.yaml"], encoding="utf-8")
    settings = read_settings(found | {"HER2_CRD_CLIENTS": str(registry)})
    assert settings.profile is Profile.PRODUCTION
    library, _ = load_data(settings)
    read_clients(registry, development=False, payers=library.payers)


# Why enableServiceLinks is off: Kubernetes would make these of the Service.
@pytest.mark.parametrize("name", ["HER2_CRD_PORT", "HER2_CRD_SERVICE_HOST"])
def test_the_service_would_not_start_with_variables_of_its_service(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: is not a setting"):
        read_settings({"HER2_CRD_PROFILE": "development", name: "tcp://10.0.0.1:80"})


@pytest.mark.parametrize("overlay", PROMISES)
def test_nothing_in_an_overlay_can_be_mistaken_for_something_that_exists(overlay: str) -> None:
    documents = render(OVERLAYS / overlay)
    images = {each["image"] for _, template in templates(documents) for each in containers(template)}
    assert images == {f"registry.invalid/her2-crd@sha256:{'0' * 64}"}
    for each in of_kind(documents, "ConfigMap"):
        hosts = re.findall(r"https?://([\w.-]+)", json.dumps(each["data"]))
        assert hosts
        assert all(host.endswith(".invalid") for host in hosts)


def test_a_missing_kubectl_is_a_failure_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception):
        render(OVERLAYS / "single")
    monkeypatch.setenv(REQUIRED, "required")
    with pytest.raises(pytest.fail.Exception, match="kubectl is required"):
        render(OVERLAYS / "single")
