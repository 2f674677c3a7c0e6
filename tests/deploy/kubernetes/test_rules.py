"""The rules themselves: each sees its defect in a manifest that is otherwise ours."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.kubernetes.rendering import OVERLAYS, Document, name_of, of_kind, one, render
from tests.deploy.kubernetes.schemas import NOT_VALID, validate
from tests.deploy.kubernetes.test_manifests import VERSIONS, complaints

Defect = Callable[[list[Document]], Any]


def template(documents: list[Document], kind: str = "Deployment") -> Document:
    found: Document = one(documents, kind)["spec"]["template"]
    return found


def pod(documents: list[Document], kind: str = "Deployment") -> Document:
    found: Document = template(documents, kind)["spec"]
    return found


def container(documents: list[Document], kind: str = "Deployment") -> Document:
    found: Document = pod(documents, kind)["containers"][0]
    return found


def spec(documents: list[Document], kind: str = "Deployment") -> Document:
    found: Document = one(documents, kind)["spec"]
    return found


def without(documents: list[Document], kind: str) -> None:
    documents[:] = [each for each in documents if each["kind"] != kind]


def add(documents: list[Document], kind: str) -> None:
    documents.append({"kind": kind, "metadata": {"name": "a", "namespace": "her2-crd"}})


def rename(documents: list[Document], name: str) -> None:
    """A ConfigMap without a hash in its name, and the service that reads it."""
    for each in of_kind(documents, "ConfigMap"):
        if each["metadata"]["name"].startswith(f"{name}-"):
            each["metadata"]["name"] = name
    container(documents)["envFrom"][0]["configMapRef"]["name"] = name


def on_the_machine(volumes: list[Document]) -> list[Document]:
    return [{"name": each["name"], "hostPath": {"path": "/"}} for each in volumes]


def variable(documents: list[Document], name: str, value: str) -> None:
    environment = container(documents)["env"]
    environment[:] = [each for each in environment if each["name"] != name] + [{"name": name, "value": value}]


def policy(documents: list[Document], name: str) -> Document:
    (found,) = [each for each in documents if name_of(each) == f"NetworkPolicy {name}"]
    return found


IN_PODS: list[tuple[Defect, str]] = [
    (lambda d: pod(d).pop("securityContext"), "may run as root"),
    (lambda d: pod(d)["securityContext"].update(runAsUser=0), "may run as root"),
    (lambda d: pod(d)["securityContext"].pop("seccompProfile"), "has no seccomp profile"),
    (lambda d: pod(d).pop("automountServiceAccountToken"), "holds a token"),
    (lambda d: pod(d).pop("enableServiceLinks"), "gets variables of Services"),
    (lambda d: pod(d).update(hostNetwork=True), "shares the machine"),
    (lambda d: container(d).pop("securityContext"), "may get more rights"),
    (lambda d: container(d)["securityContext"]["capabilities"].update(add=["NET_ADMIN"]), "may get more rights"),
    (lambda d: container(d)["securityContext"].pop("readOnlyRootFilesystem"), "writes to its root"),
    (lambda d: container(d)["resources"].pop("limits"), "takes as much"),
    (lambda d: container(d)["resources"].pop("requests"), "takes as much"),
    (lambda d: container(d).update(image="her2-crd:latest"), "floats"),
    (lambda d: container(d).update(image="her2-crd"), "floats"),
    (lambda d: variable(d, "HER2_CRD_HOSTS", "0.0.0.0"), "HER2_CRD_HOSTS is no setting"),  # noqa: S104
    (lambda d: variable(d, "LD_PRELOAD", "x"), "LD_PRELOAD is no setting"),
    (lambda d: variable(d, "DATABASE_URL", "postgresql://a:b@c/d"), "DATABASE_URL is written out"),
    (lambda d: variable(d, "HER2_CRD_OPERATOR_TOKENS", "0" * 64), "HER2_CRD_OPERATOR_TOKENS is written out"),
    (lambda d: pod(d)["volumes"].append({"name": "a", "emptyDir": {}}), "mounts"),
    (lambda d: pod(d).update(volumes=on_the_machine(pod(d)["volumes"])), "of a kind that is not allowed"),
    (lambda d: container(d)["envFrom"][0]["configMapRef"].update(name="her2-crd-settings"), "is not there"),
    (lambda d: rename(d, "her2-crd-settings"), "can change unnoticed"),
    (lambda d: of_kind(d, "ConfigMap")[0]["metadata"].update(name="her2-crd-clients"), "is not there"),
]
WHILE_SERVING: list[tuple[Defect, str]] = [
    (lambda d: container(d).pop("startupProbe"), "startupProbe does not ask /livez"),
    (lambda d: container(d)["livenessProbe"]["httpGet"].update(path="/readyz"), "livenessProbe does not ask /livez"),
    (lambda d: container(d).pop("readinessProbe"), "readinessProbe does not ask /readyz"),
    (lambda d: container(d).pop("lifecycle"), "it stops while calls still come"),
    (lambda d: pod(d).update(terminationGracePeriodSeconds=30), "it is killed while it finishes calls"),
    (lambda d: container(d)["ports"][0].update(containerPort=80), "it listens on another port"),
    (lambda d: variable(d, "PROMETHEUS_MULTIPROC_DIR", "/elsewhere"), "it has no place for"),
]
BETWEEN: list[tuple[Defect, str]] = [
    (lambda d: one(d, "Service")["metadata"].pop("namespace"), "Service her2-crd is in another namespace"),
    (lambda d: add(d, "Secret"), "Secret a is committed"),
    (lambda d: one(d, "Namespace")["metadata"].update(labels={}), "the namespace takes any pod"),
    (lambda d: spec(d, "Service")["selector"].update(a="b"), "Service does not select the service"),
    (lambda d: spec(d, "Service")["ports"][0].update(targetPort="web"), "Service leads to no port"),
    (lambda d: spec(d)["selector"]["matchLabels"].update(a="b"), "Deployment does not select the service"),
    (lambda d: without(d, "NetworkPolicy"), "Deployment her2-crd has no policy for Ingress"),
    (lambda d: policy(d, "her2-crd")["spec"]["policyTypes"].remove("Egress"), "Deployment her2-crd has no policy for"),
    (lambda d: policy(d, "her2-crd")["spec"]["ingress"].append({}), "a rule for all peers or all ports"),
    (lambda d: policy(d, "her2-crd")["spec"]["egress"][0].pop("ports"), "a rule for all peers or all ports"),
]
IN_SINGLE: list[tuple[Defect, str]] = [
    (lambda d: spec(d).update(replicas=2), "two pods may write to the file"),
    (lambda d: spec(d).pop("strategy"), "two pods may write to the file"),
    (lambda d: add(d, "Job"), "it is scaled or migrated"),
    (lambda d: variable(d, "DATABASE_URL", "sqlite:////tmp/a.sqlite3"), "the records go with the pod"),
    (lambda d: without(d, "PersistentVolumeClaim"), "uses a volume that is not claimed"),
]
IN_CLUSTER: list[tuple[Defect, str]] = [
    (lambda d: spec(d).update(replicas=2), "applying it undoes what the autoscaler did"),
    (lambda d: spec(d)["strategy"]["rollingUpdate"].update(maxUnavailable=1), "a rollout takes replicas away"),
    (lambda d: spec(d, "HorizontalPodAutoscaler")["scaleTargetRef"].update(name="a"), "scales something else"),
    (lambda d: spec(d, "HorizontalPodAutoscaler").update(minReplicas=1), "fewer than two replicas"),
    (
        lambda d: spec(d, "HorizontalPodAutoscaler")["metrics"][0]["resource"].update(name="memory"),
        "not look at the CPU",
    ),
    (lambda d: spec(d, "PodDisruptionBudget").update(minAvailable=0), "all replicas may be taken away at once"),
    (lambda d: pod(d).pop("topologySpreadConstraints"), "all replicas may be on one machine"),
    (lambda d: variable(d, "DATABASE_URL", "sqlite:////a"), "the database is not that of a Secret"),
    (lambda d: container(d, "Job").update(args=[]), "the Job does not migrate"),
    (lambda d: container(d, "Job")["env"].append({"name": "PORT"}), "the Job reads other settings"),
    (lambda d: container(d, "Job").update(image="her2-crd:0.1"), "the Job is of another version"),
    (lambda d: pod(d, "Job").pop("securityContext"), "Job her2-crd-migrate: may run as root"),
    (lambda d: container(d, "Job").pop("securityContext"), "Job her2-crd-migrate: may get more rights"),
    (lambda d: one(d, "Job")["metadata"]["labels"].pop("phase"), "prepared are"),
    (lambda d: policy(d, "her2-crd-migration")["metadata"]["labels"].pop("phase"), "prepared are"),
    (lambda d: spec(d, "Service")["selector"].pop("app.kubernetes.io/component"), "Service selects other pods too"),
]


@pytest.mark.parametrize(
    ("overlay", "defect", "complaint"),
    [
        *[("single", *each) for each in [*IN_PODS, *WHILE_SERVING, *BETWEEN, *IN_SINGLE]],
        *[("cluster", *each) for each in IN_CLUSTER],
    ],
)
def test_a_defect_is_seen(overlay: str, defect: Defect, complaint: str) -> None:
    documents = render(OVERLAYS / overlay)
    defect(documents)
    assert any(complaint in each for each in complaints(overlay, documents))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "defect",
    [
        lambda d: container(d).update(readynessProbe=container(d).pop("readinessProbe")),
        lambda d: spec(d).update(replicas="1"),
        lambda d: spec(d).pop("selector"),
        lambda d: one(d, "Deployment").update(apiVersion="apps/v2"),
    ],
    ids=["misspelt key", "wrong type", "missing key", "unknown version"],
)
def test_what_kubernetes_does_not_take_is_not_valid(defect: Defect, version: str) -> None:
    documents = render(OVERLAYS / "single")
    validate(one(documents, "Deployment"), version)
    defect(documents)
    with pytest.raises(NOT_VALID):
        validate(one(documents, "Deployment"), version)
