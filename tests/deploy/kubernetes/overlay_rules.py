"""What must hold between the documents of an overlay, and what an overlay promises."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from tests.deploy.kubernetes.rendering import Document, name_of, of_kind, one, templates, variables

NAMESPACE = "her2-crd"
PREPARE = ("phase", "prepare")


def _from_secret(name: str) -> Document:
    return {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": name, "key": "DATABASE_URL"}}}


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return bool(selector) and selector.items() <= labels.items()


def overlay_complaints(documents: list[Document]) -> Iterator[str]:
    """What is wrong between the documents of any overlay."""
    for each in documents:
        if each["kind"] != "Namespace" and each["metadata"].get("namespace") != NAMESPACE:
            yield f"{name_of(each)} is in another namespace"
        if each["kind"] == "Secret":
            yield f"{name_of(each)} is committed"
    if one(documents, "Namespace")["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
        yield "the namespace takes any pod"
    yield from _selector_complaints(documents)
    yield from _network_complaints(documents)


def _selector_complaints(documents: list[Document]) -> Iterator[str]:
    deployment = one(documents, "Deployment")
    pods = deployment["spec"]["template"]["metadata"]["labels"]
    others = [template["metadata"]["labels"] for name, template in templates(documents) if name != name_of(deployment)]
    selectors = {"Deployment": deployment["spec"]["selector"]["matchLabels"]}
    selectors["Service"] = one(documents, "Service")["spec"]["selector"]
    for budget in of_kind(documents, "PodDisruptionBudget"):
        selectors["PodDisruptionBudget"] = budget["spec"]["selector"]["matchLabels"]
    for number, spread in enumerate(deployment["spec"]["template"]["spec"].get("topologySpreadConstraints", ())):
        selectors[f"spread {number}"] = spread["labelSelector"]["matchLabels"]
    for name, selector in selectors.items():
        if not _matches(selector, pods):
            yield f"{name} does not select the service"
        if any(_matches(selector, labels) for labels in others):
            yield f"{name} selects other pods too"
    targets = {each["name"] for each in deployment["spec"]["template"]["spec"]["containers"][0]["ports"]}
    if any(port["targetPort"] not in targets for port in one(documents, "Service")["spec"]["ports"]):
        yield "Service leads to no port"


def _network_complaints(documents: list[Document]) -> Iterator[str]:
    """Every pod is under a policy for both directions, and nothing is allowed to everybody."""
    for name, template in templates(documents):
        policies = [
            each["spec"]
            for each in of_kind(documents, "NetworkPolicy")
            if _matches(each["spec"]["podSelector"].get("matchLabels", {}), template["metadata"]["labels"])
        ]
        for direction in ("Ingress", "Egress"):
            if not any(direction in each["policyTypes"] for each in policies):
                yield f"{name} has no policy for {direction}"
        for each in policies:
            rules = [*each.get("ingress", ()), *each.get("egress", ())]
            if not all(rule.get("ports") and (rule.get("from") or rule.get("to")) for rule in rules):
                yield f"{name} has a rule for all peers or all ports"


def single_complaints(documents: list[Document]) -> Iterator[str]:
    """One process group at a file that outlives it."""
    spec = one(documents, "Deployment")["spec"]
    if spec.get("replicas") != 1 or spec.get("strategy") != {"type": "Recreate"}:
        yield "two pods may write to the file"
    if any(of_kind(documents, kind) for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget", "Job")):
        yield "it is scaled or migrated from outside"
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    url = variables(container, documents).get("DATABASE_URL") or ""
    kept = {each["name"] for each in pod["volumes"] if "persistentVolumeClaim" in each}
    folders = {each["mountPath"] for each in container["volumeMounts"] if each["name"] in kept}
    if str(PurePosixPath(url.removeprefix("sqlite:///")).parent) not in folders:
        yield "the records go with the pod"


def cluster_complaints(documents: list[Document]) -> Iterator[str]:
    """Replicas that are never all gone, on tables that were brought up to date before."""
    deployment = one(documents, "Deployment")["spec"]
    if "replicas" in deployment:
        yield "applying it undoes what the autoscaler did"
    if deployment.get("strategy") != {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}:
        yield "a rollout takes replicas away"
    scaler = one(documents, "HorizontalPodAutoscaler")["spec"]
    if scaler["scaleTargetRef"] != {"apiVersion": "apps/v1", "kind": "Deployment", "name": "her2-crd"}:
        yield "the autoscaler scales something else"
    if not 2 <= scaler["minReplicas"] < scaler["maxReplicas"]:
        yield "fewer than two replicas"
    if [each["resource"]["name"] for each in scaler["metrics"]] != ["cpu"]:
        yield "the autoscaler does not look at the CPU"
    if one(documents, "PodDisruptionBudget")["spec"].get("minAvailable") != 1:
        yield "all replicas may be taken away at once"
    keys = {each["topologyKey"] for each in deployment["template"]["spec"].get("topologySpreadConstraints", ())}
    if not {"kubernetes.io/hostname", "topology.kubernetes.io/zone"} <= keys:
        yield "all replicas may be on one machine"
    if _from_secret("her2-crd-database") not in deployment["template"]["spec"]["containers"][0]["env"]:
        yield "the database is not that of a Secret"
    yield from _migration_complaints(documents)


def _migration_complaints(documents: list[Document]) -> Iterator[str]:
    job = one(documents, "Job")
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    if container["env"] != [_from_secret("her2-crd-migration")] or "envFrom" in container:
        yield "the Job reads other settings than the address of its database"
    if container.get("args") != ["migrate"] or "command" in container:
        yield "the Job does not migrate"
    serving = one(documents, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    if container["image"] != serving["image"]:
        yield "the Job is of another version"
    prepared = {name_of(each) for each in documents if PREPARE in each["metadata"].get("labels", {}).items()}
    needed = {name_of(job), f"ServiceAccount {pod['serviceAccountName']}", "Namespace her2-crd"}
    labels = job["spec"]["template"]["metadata"]["labels"]
    policies = of_kind(documents, "NetworkPolicy")
    needed |= {name_of(each) for each in policies if _matches(each["spec"]["podSelector"]["matchLabels"], labels)}
    if prepared != needed:
        yield f"prepared are {sorted(prepared)}, needed are {sorted(needed)}"
