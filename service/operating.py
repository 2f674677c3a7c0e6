"""What operators and their machines see of a running service: metrics, readiness and traces."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, request

from criteria.library import Library
from service.call_report import EndedCall
from service.clock import Clock
from service.exact_json import encode
from service.lifecycle import lifecycle
from service.logs import catch_strays
from service.multiprocess import worker_exited
from service.operators import require_operator
from service.readiness import Check, Readiness
from service.reporting import OPERATING, register_reporting
from service.settings import PREFIX, Settings, SettingsError
from service.stages import Stage, no_stage

if TYPE_CHECKING:
    from service.metric_page import Found
    from service.metrics import CircuitStates, Metrics
    from service.telemetry import Tracing

EXTENSION = "her2-crd"
"""Where an application has its Operation."""

_JSON = "application/json"
_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Operation:
    """The metrics, readiness and traces of one application; `tracing` is None where they are not wanted."""

    app: Flask
    settings: Settings
    metrics: Metrics
    readiness: Readiness
    found: Found
    tracing: Tracing | None

    @classmethod
    def of(
        cls, app: Flask, settings: Settings, library: Library, clock: Clock, checks: Mapping[str, Check]
    ) -> Operation:
        """Return those of an application, which is ready while the checks pass and it is not told to stop.

        Raises SettingsError where traces are wanted and OpenTelemetry is not installed.
        """
        # See service.multiprocess: what imports prometheus_client waits until the folder of its counts has a name.
        from service.metric_page import Found  # noqa: PLC0415
        from service.metrics import Metrics  # noqa: PLC0415

        processes = lifecycle(app)
        known = {"policies": lambda: bool(library.policies), **checks}
        readiness = Readiness(known, is_stopping=lambda: processes.stopping)
        found = Found(readiness, library.policies.values())
        return cls(app, settings, Metrics(clock), readiness, found, _tracing(settings))

    def stage(self, stage: Stage) -> AbstractContextManager[object]:
        """Make a block a stage of the present call's trace, if there is one."""
        return no_stage(stage) if self.tracing is None else self.tracing.stage(stage)

    def begin(self, service_ids: Collection[str], circuits: CircuitStates) -> None:
        """Report every call of these services and show how these circuits stand; answer /readyz and /metrics."""
        self.metrics.expect_services(service_ids)
        self.metrics.watch_circuits(circuits)
        register_reporting(self.app, service_ids, self.metrics, self._describe)
        self.app.register_blueprint(_routes(self))
        self.app.extensions[EXTENSION] = self
        processes = lifecycle(self.app)
        processes.forked += [catch_strays, self._start_tracing]
        processes.ended.append(worker_exited)

    def _start_tracing(self) -> None:
        """Begin in the process that answers: threads do not survive a fork."""
        if self.tracing is not None:
            self.tracing.start(self.app)

    def _describe(self, call: EndedCall) -> None:
        if self.tracing is not None:
            self.tracing.describe_call(call)


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
