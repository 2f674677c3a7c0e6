"""What operators and their machines see of a running service: metrics, readiness and traces.

And what the server tells it of its processes: that one begins to answer, is told to stop, or has ended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, request

from criteria.library import Library
from service.call_report import EndedCall
from service.clock import Clock
from service.exact_json import encode
from service.logs import catch_strays
from service.operators import require_operator
from service.readiness import Check, Readiness
from service.reporting import OPERATING, register_reporting
from service.settings import PREFIX, Settings, SettingsError
from service.stages import Stage, no_stage

if TYPE_CHECKING:
    from service.metric_page import Found
    from service.metrics import Metrics
    from service.telemetry import Tracing

_EXTENSION = "her2-crd"
_JSON = "application/json"
_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
_NO_CHECKS: Mapping[str, Check] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Operation:
    """The metrics, readiness and traces of one application; `tracing` is None where they are not wanted."""

    settings: Settings
    metrics: Metrics
    readiness: Readiness
    found: Found
    tracing: Tracing | None

    @classmethod
    def of(
        cls,
        settings: Settings,
        library: Library,
        clock: Clock,
        service_ids: Collection[str],
        checks: Mapping[str, Check] = _NO_CHECKS,
    ) -> Operation:
        """Return those of an application with these services, which is ready while the checks pass.

        Raises SettingsError where traces are wanted and OpenTelemetry is not installed.
        """
        # See service.multiprocess: what imports prometheus_client waits until the folder of its counts has a name.
        from service.metric_page import Found  # noqa: PLC0415
        from service.metrics import Metrics  # noqa: PLC0415

        readiness = Readiness({"policies": lambda: bool(library.policies), **checks})
        found = Found(readiness, library.policies.values())
        return cls(settings, Metrics(clock, service_ids), readiness, found, _tracing(settings))

    def stage(self, stage: Stage) -> AbstractContextManager[object]:
        """Make a block a stage of the present call's trace, if there is one."""
        return no_stage(stage) if self.tracing is None else self.tracing.stage(stage)

    def attach(self, app: Flask, service_ids: Collection[str]) -> None:
        """Report every call of the application, and add /readyz and /metrics to it."""
        register_reporting(app, service_ids, self.metrics, self._describe)
        app.register_blueprint(_routes(self))
        app.extensions[_EXTENSION] = self

    def _describe(self, call: EndedCall) -> None:
        if self.tracing is not None:
            self.tracing.describe_call(call)


def worker_started(app: Flask) -> None:
    """Begin what a process that answers needs; after the fork, because threads do not survive one."""
    catch_strays()
    operation = _operation(app)
    if operation.tracing is not None:
        operation.tracing.start(app)


def worker_stopping(app: Flask) -> None:
    """Be ready no more: calls under way end, and no other should come. Signal handlers may call this."""
    _operation(app).readiness.begin_shutdown()


def _operation(app: Flask) -> Operation:
    operation: Operation = app.extensions[_EXTENSION]
    return operation


def _tracing(settings: Settings) -> Tracing | None:
    if not settings.open_telemetry:
        return None
    try:
        from service.telemetry import Tracing  # noqa: PLC0415 - an extra, imported only where it is wanted
    except ImportError:
        text = "needs OpenTelemetry, which is not installed; it is the extra otel of her2-crd"
        raise SettingsError(f"{PREFIX}OPEN_TELEMETRY", text) from None
    return Tracing()


def _routes(operation: Operation) -> Blueprint:
    routes = Blueprint(OPERATING, __name__)

    @routes.get("/readyz")
    def ready() -> Response:
        """Say whether calls should come here. Orchestrators have no token, so it says names of checks and no more."""
        failing = operation.readiness.failing()
        if not failing:
            return Response(encode({"status": "ready"}), content_type=_JSON)
        body = {"status": "not-ready", "failing": list(failing)}
        return Response(encode(body), status=503, content_type=_JSON)

    @routes.get("/metrics")
    def metrics() -> Response:
        require_operator(request.headers.get("Authorization"), operation.settings)
        return Response(operation.metrics.page(operation.found), content_type=_EXPOSITION)

    return routes
