"""Reading the page of metrics as Prometheus does."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from service.metric_page import Found
from service.metrics import Metrics
from service.readiness import Check, Readiness

Labels = Mapping[str, str]


def samples(page: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the numbers of a page by name and labels; fail for a page that is no page of metrics."""
    families = text_string_to_metric_families(page)
    found = {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}
    assert found
    return found


def number(page: str, name: str, **labels: str) -> float | None:
    """Return one number of a page, None when it is not there."""
    return samples(page).get((f"her2_crd_{name}", frozenset(labels.items())))


def ready(**checks: Check) -> Readiness:
    """Return the readiness of a process that is not told to stop."""
    return Readiness(checks, is_stopping=lambda: False)


def page_of(metrics: Metrics) -> str:
    """Return the page of metrics with nothing found out beside them."""
    return metrics.page(Found(ready(), [])).decode()
