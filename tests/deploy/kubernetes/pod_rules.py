"""What must hold for every pod: what it may do, where it writes, what it is made of."""

import re
from collections.abc import Iterator

from service.server import GRACEFUL_SECONDS
from service.settings import READERS
from tests.deploy.kubernetes.rendering import Document, containers, of_kind, templates, variables

OTHER_VARIABLES = {"TZ", "PROMETHEUS_MULTIPROC_DIR"}
SECRET_VARIABLES = {"DATABASE_URL", "HER2_CRD_OPERATOR_TOKENS"}
CLAIMED = {"persistentVolumeClaim"}
WRITABLE = {"emptyDir"} | CLAIMED
READABLE = {"configMap", "secret"}
HASHED = re.compile(r".+-[0-9a-z]{10}")
IMAGE = re.compile(r"[a-z0-9./-]+(?::[\w.-]+)?@sha256:[0-9a-f]{64}|[a-z0-9./-]+:(?!latest$)[\w.-]+")


def pod_complaints(documents: list[Document]) -> Iterator[str]:
    for name, template in templates(documents):
        for each in (_rights, _volumes, _containers):
            yield from (f"{name}: {complaint}" for complaint in each(template, documents))


def _rights(template: Document, _documents: list[Document]) -> Iterator[str]:
    pod = template["spec"]
    context = pod.get("securityContext", {})
    if not context.get("runAsNonRoot") or context.get("runAsUser", 0) == 0:
        yield "may run as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield "holds a token of the cluster"
    if pod.get("enableServiceLinks") is not False:
        yield "gets variables of Services"
    if any(pod.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC")):
        yield "shares the machine"


def _volumes(template: Document, documents: list[Document]) -> Iterator[str]:
    volumes = {each["name"]: each for each in template["spec"].get("volumes", ())}
    mounted = {each["name"] for container in containers(template) for each in container.get("volumeMounts", ())}
    if volumes.keys() != mounted:
        yield f"mounts {sorted(mounted)} of {sorted(volumes)}"
    for each in volumes.values():
        if not each.keys() & (WRITABLE | READABLE):
            yield f"volume {each['name']} is of a kind that is not allowed"
    claims = {each["metadata"]["name"] for each in of_kind(documents, "PersistentVolumeClaim")}
    claimed = {each["persistentVolumeClaim"]["claimName"] for each in volumes.values() if each.keys() & CLAIMED}
    if not claimed <= claims:
        yield "uses a volume that is not claimed"
    maps = {each["metadata"]["name"] for each in of_kind(documents, "ConfigMap")}
    used = [each["configMap"]["name"] for each in volumes.values() if "configMap" in each]
    used += [source["configMapRef"]["name"] for one in containers(template) for source in one.get("envFrom", ())]
    for name in used:
        if name not in maps:
            yield f"ConfigMap {name} is not there"
        elif not HASHED.fullmatch(name):
            yield f"ConfigMap {name} can change unnoticed"


def _containers(template: Document, documents: list[Document]) -> Iterator[str]:
    for each in containers(template):
        context = each.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False or context.get("capabilities") != {"drop": ["ALL"]}:
            yield "may get more rights"
        if not context.get("readOnlyRootFilesystem"):
            yield "writes to its root"
        resources = each.get("resources", {})
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
            yield "takes as much of the machine as it likes"
        if not IMAGE.fullmatch(each["image"]):
            yield f"image {each['image']} floats"
        for name, value in variables(each, documents).items():
            if name not in READERS and name not in OTHER_VARIABLES:
                yield f"{name} is no setting"
            if name in SECRET_VARIABLES and value is not None and not value.startswith("sqlite:"):
                yield f"{name} is written out"


def service_complaints(documents: list[Document]) -> Iterator[str]:
    """What must hold for the pods that serve: probes, and a stop that loses no call."""
    (deployment,) = of_kind(documents, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        if container.get(probe, {}).get("httpGet") != {"path": path, "port": "http"}:
            yield f"{probe} does not ask {path}"
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    if pause < 1:
        yield "it stops while calls still come"
    if pod["terminationGracePeriodSeconds"] <= pause + GRACEFUL_SECONDS:
        yield "it is killed while it finishes calls"
    ports = {each["name"]: str(each["containerPort"]) for each in container["ports"]}
    environment = variables(container, documents)
    if ports.get("http") != environment.get("PORT"):
        yield "it listens on another port than the one that is named"
    written = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
    if not {"/tmp", environment.get("PROMETHEUS_MULTIPROC_DIR")} <= written:  # noqa: S108
        yield "it has no place for scratch files or counts"
