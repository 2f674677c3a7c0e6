"""What the page of metrics says of this moment: found out when somebody asks, and the same in every process."""

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from criteria.policy import Policy
from service import metric_table as table
from service.metric_table import Row
from service.readiness import Readiness


class Found(Collector):
    """Readiness, the loaded policies and the version."""

    def __init__(self, readiness: Readiness, policies: Iterable[Policy]) -> None:
        """Ask the readiness each time; the policies do not change."""
        self._readiness = readiness
        self._policies = tuple(policies)
        self._version = _version()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the rows of the table that are found out when asked."""
        results = self._readiness.results()
        yield _family(table.READY, [((), all(results.values()))])
        yield _family(table.CHECK, [((name,), passed) for name, passed in results.items()])
        yield _family(table.POLICY, [((each.id, each.version, each.digest), True) for each in self._policies])
        yield _family(table.BUILD, [((self._version, platform.python_version()), True)])


def _family(row: Row, values: Iterable[tuple[tuple[str, ...], bool]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(row.name, row.meaning, labels=row.labels)
    for labels, value in values:
        family.add_metric(labels, float(value))
    return family


def _version() -> str:
    """Return the version of the installed service; a checkout has none."""
    try:
        return version("her2-crd")
    except PackageNotFoundError:
        return "checkout"
