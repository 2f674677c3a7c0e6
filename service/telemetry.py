"""Traces by OpenTelemetry, for operators who want them: imported only when the setting is on.

What the library puts into a span (the address with its query, headers, the text of an exception, the caller's trace
state) can name a patient. So every span is made anew, of allowed parts, before it is sent.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from flask import Flask
from opentelemetry import propagate
from opentelemetry.context import Context, get_current
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    Span,
    SpanContext,
    SpanKind,
    Status,
    Tracer,
    format_trace_id,
    get_current_span,
)
from opentelemetry.util.types import AttributeValue

from service.call_report import EndedCall, unfailing
from service.logs import ALLOWED_FIELDS, correlation_id, note_trace
from service.stages import Stage, no_stage

PREFIX = "her2_crd."
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_METHOD = ("http.method", "http.request.method")
_ROUTE = "http.route"
ALLOWED_ATTRIBUTES = frozenset(
    {*_METHOD, _ROUTE, "http.status_code", "http.response.status_code", *(f"{PREFIX}{each}" for each in ALLOWED_FIELDS)}
)
"""Of a request its method, route and status, the route as we wrote it; and what a log line may say."""

_NAMES = frozenset(each.value for each in Stage)
_PROPAGATORS, _NONE = "OTEL_PROPAGATORS", "none"
_NOT_TRACED = r"^https?://[^/]+/(livez|readyz|metrics)$"
_NAME = "her2-crd"


class Tracing:
    """The traces of a process. Nothing is traced before `start`."""

    def __init__(self) -> None:
        """Begin without a thread, because one would not survive a fork."""
        self._tracer: Tracer | None = None
        self._provider: TracerProvider | None = None

    def start(self, app: Flask, exporter: SpanExporter | None = None) -> None:
        """Begin to trace an application that has not answered yet, in the process that answers.

        Spans go where OTEL_EXPORTER_OTLP_… says, unless an exporter is given. The trace of a caller is joined only
        where OTEL_PROPAGATORS says so, as no other id of a caller is taken over.
        """
        if os.environ.get(_PROPAGATORS, _NONE).strip().lower() == _NONE:
            propagate.set_global_textmap(NoTraceOfOthers())
        self._provider = TracerProvider(resource=_resource())
        self._provider.add_span_processor(BatchSpanProcessor(AllowedSpans(exporter or OTLPSpanExporter())))
        self._tracer = self._provider.get_tracer(_NAME)
        FlaskInstrumentor.instrument_app(  # type: ignore[no-untyped-call] # its arguments have no types
            app,
            request_hook=_note_trace,
            tracer_provider=self._provider,
            excluded_urls=_NOT_TRACED,
            enable_commenter=False,
        )

    def flush(self) -> bool:
        """Send what was traced so far; say whether there was time for it."""
        return self._provider is None or self._provider.force_flush()

    def stop(self) -> None:
        """Send what was traced, and nothing after it; an interpreter that ends does so by itself."""
        if self._provider is not None:
            self._provider.shutdown()

    def stage(self, stage: Stage) -> AbstractContextManager[object]:
        """Make a block a stage of the present trace. What it raises is not looked at."""
        if self._tracer is None:
            return no_stage(stage)
        return self._tracer.start_as_current_span(stage.value, record_exception=False, set_status_on_exception=False)

    @unfailing
    def describe_call(self, call: EndedCall) -> None:
        """Give the present span what the log line says of the call."""
        span = get_current_span()
        span.set_attribute(f"{PREFIX}correlation_id", correlation_id())
        for name, value in call.fields().items():
            if not isinstance(value, dict):
                span.set_attribute(f"{PREFIX}{name}", value)


def _resource() -> Resource:
    """Return what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say of this service, and its name if they do not."""
    named = Resource.create()
    if str(named.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return named.merge(Resource({SERVICE_NAME: _NAME}))
    return named


def _note_trace(span: Span, _environ: Mapping[str, object]) -> None:
    note_trace(format_trace_id(span.get_span_context().trace_id))


class NoTraceOfOthers(TextMapPropagator):
    """Takes nothing from a caller and tells nothing to a server.

    The library's own way to say so returns no context at all, which Flask's instrumentation falls over.
    """

    def extract(
        self,
        carrier: CarrierT,  # noqa: ARG002 - a header of the caller
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,  # noqa: ARG002 - what would read it
    ) -> Context:
        """Return the context that there is."""
        return get_current() if context is None else context

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        """Write nothing."""

    @property
    def fields(self) -> set[str]:
        """Return the headers that are written: none."""
        return set()


class AllowedSpans(SpanExporter):
    """Sends spans on, each made anew of what may be shown."""

    def __init__(self, exporter: SpanExporter) -> None:
        """Send them to this exporter."""
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send what may be shown of the spans."""
        return self._exporter.export([allowed(each) for each in spans])

    def shutdown(self) -> None:
        """End the exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Have the exporter send what it holds."""
        return self._exporter.force_flush(timeout_millis)


def allowed(span: ReadableSpan) -> ReadableSpan:
    """Return a span of allowed attributes, without events, links, trace state and words about its status."""
    attributes = {name: value for name, value in (span.attributes or {}).items() if name in ALLOWED_ATTRIBUTES}
    return ReadableSpan(
        name=_name(span, attributes),
        context=_bare(span.context),
        parent=_bare(span.parent),
        resource=span.resource,
        attributes=attributes,
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
    )


def _name(span: ReadableSpan, attributes: Mapping[str, AttributeValue]) -> str:
    """Name a call by method and route: of an address that does not exist the library takes the path."""
    if span.kind is not SpanKind.SERVER:
        return span.name if span.name in _NAMES else "other"
    methods = [each for name in _METHOD if (each := attributes.get(name)) in METHODS]
    return f"{methods[0] if methods else 'HTTP'} {attributes.get(_ROUTE, '')}".strip()


def _bare(context: SpanContext | None) -> SpanContext | None:
    if context is None:
        return None
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
