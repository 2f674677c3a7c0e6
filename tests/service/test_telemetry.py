"""Traces: what is sent of a call is its route, its status and what the log may say, whatever the library collects."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from opentelemetry import propagate
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from service.app import create_app
from service.lifecycle import lifecycle
from service.operating import Operation
from service.stages import Stage
from service.telemetry import ALLOWED_ATTRIBUTES, Tracing, allowed
from tests.hooks.clients import FHIR, SERVICE_URL, RecordServer, record_of, request_of
from tests.service.builders import FixedClock, development, logged, shipped_data
from tests.service.collector import collector

CANARY = "Canary-Zebulon-4711"
MET = "oscar-margenza-after-two"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Traced:
    """A service whose spans are kept."""

    def __init__(self, **settings: Any) -> None:
        known = {"fhir_servers": (), "default_payer": None, "open_telemetry": True}
        chosen = development(**(known | settings))
        self.app = create_app(chosen, shipped_data(), FixedClock(), RecordServer(record_of(MET)))
        self.exporter = InMemorySpanExporter()
        operation: Operation = self.app.extensions["her2-crd"]
        assert operation.tracing is not None
        self.tracing: Tracing = operation.tracing
        self.tracing.start(self.app, self.exporter)
        self.client = self.app.test_client()

    def spans(self) -> Sequence[ReadableSpan]:
        """Return what was sent, everything that was traced so far."""
        assert self.tracing.flush()
        return self.exporter.get_finished_spans()


@pytest.fixture(autouse=True)
def propagator() -> Iterator[None]:
    kept = propagate.get_global_textmap()
    yield
    propagate.set_global_textmap(kept)


@pytest.fixture
def here() -> Iterator[Traced]:
    traced = Traced()
    yield traced
    traced.tracing.stop()


def sent(spans: Sequence[ReadableSpan]) -> str:
    """Everything that a span says, as it goes over the wire."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans  # noqa: PLC0415

    return f"{encode_spans(spans)}{[each.to_json() for each in spans]}"


def test_a_call_is_a_span_with_its_stages_and_what_the_log_says_of_it(here: Traced) -> None:
    with logged() as stream:
        response = here.client.post(SERVICE_URL, json=request_of(MET, without=["conditions"], fhir=True))
    assert response.status_code == 200
    gather, record, decide, call = here.spans()
    assert (gather.name, record.name, decide.name) == ("gather", "record", "decide")
    assert record.parent
    assert record.parent.span_id == (decide.context and decide.context.span_id)
    assert call.name == "POST /cds-services/<service_id>"
    assert {each.parent and each.parent.span_id for each in (gather, decide)} == {call.context and call.context.span_id}
    attributes = dict(call.attributes or {})
    assert attributes["http.status_code"] == 200
    assert attributes["her2_crd.outcomes"] == ("authorized", "no-policy")
    assert attributes["her2_crd.correlation_id"] == response.headers["X-Correlation-Id"]
    assert attributes.keys() <= ALLOWED_ATTRIBUTES
    line = json.loads(stream.getvalue().splitlines()[-1])
    assert line["trace_id"] == format(call.context.trace_id, "032x")
    assert call.resource.attributes["service.name"] == "her2-crd"


def test_a_line_of_a_call_that_is_not_traced_names_no_trace(here: Traced) -> None:
    here.client.get("/cds-services")
    with logged() as stream:
        create_app(development(), shipped_data()).test_client().get("/cds-services")
    assert "trace_id" not in stream.getvalue()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_what_machines_ask_all_day_is_not_traced(here: Traced, path: str) -> None:
    assert here.client.get(path).status_code == 200
    assert here.client.get(f"/cds-services?x=http://y{path}").status_code == 200
    assert [each.name for each in here.spans()] == ["GET /cds-services"]


HEADERS = {
    "User-Agent": CANARY,
    "Authorization": f"Bearer {CANARY}",
    "X-Forwarded-For": CANARY,
    "X-Request-Id": CANARY,
    "Referer": f"https://ehr.example.org/{CANARY}",
    "traceparent": PARENT,
    "tracestate": f"vendor={CANARY}",
    "baggage": f"patient={CANARY}",
}


def spoiled() -> Mapping[str, Any]:
    body = request_of(MET)
    body["context"]["patientId"] = CANARY
    return body


@pytest.mark.parametrize("stability", ["", "http", "http/dup"])
@pytest.mark.parametrize("propagators", [None, "none", "tracecontext,baggage"])
def test_nothing_of_a_request_stands_in_a_span(
    monkeypatch: pytest.MonkeyPatch, stability: str, propagators: str | None
) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", stability)
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", ".*")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE", ".*")
    if propagators is not None:
        monkeypatch.setenv("OTEL_PROPAGATORS", propagators)
    here = Traced()
    calls = [
        ("GET", f"/decisions/{CANARY}", None),
        ("GET", f"/nothing/{CANARY}?patient={CANARY}", None),
        ("GET", f"/policies?patient={CANARY}", None),
        (CANARY.upper(), SERVICE_URL, None),
        ("POST", f"/cds-services/{CANARY}", {}),
        ("POST", SERVICE_URL, spoiled()),
        ("POST", SERVICE_URL, request_of(MET, without=["conditions"], fhir=True)),
    ]
    for method, path, body in calls:
        here.client.open(path, method=method, json=body, headers=HEADERS, base_url="http://localhost")
    spans = here.spans()
    here.tracing.stop()
    assert len([each for each in spans if each.parent is None or each.parent.is_remote]) == len(calls)
    assert CANARY.lower() not in sent(spans).lower()
    assert FHIR not in sent(spans)
    assert "ex-02" not in sent(spans)
    joined = {format(each.context.trace_id, "032x") == PARENT.split("-")[1] for each in spans}
    assert joined == {propagators == "tracecontext,baggage"}


def test_a_defect_is_an_error_without_its_words(here: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr("service.answer.map_record", fail)
    with logged():
        assert here.client.post(SERVICE_URL, json=request_of(MET)).status_code == 500
    spans = here.spans()
    assert [each.name for each in spans] == ["gather", "decide", "POST /cds-services/<service_id>"]
    assert spans[-1].status.status_code is StatusCode.ERROR
    assert not [each for each in spans if each.events or each.links or each.status.description]
    assert CANARY not in sent(spans)


def test_what_the_library_collects_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.telemetry.allowed", lambda span: span)
    here = Traced()
    here.client.get(f"/nothing/{CANARY}", headers=HEADERS)
    spans = here.spans()
    here.tracing.stop()
    assert CANARY in sent(spans)
    assert CANARY not in sent([allowed(each) for each in spans])


def test_spans_go_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(development(open_telemetry=True), shipped_data(), FixedClock(), RecordServer())
    operation: Operation = app.extensions["her2-crd"]
    assert operation.tracing is not None
    monkeypatch.setattr("service.operating.catch_strays", lambda: None)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "payer-crd")
    with collector() as received, logged():
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.address)
        for each in lifecycle(app).forked:
            each()
        app.test_client().get(f"/decisions/{CANARY}", headers=HEADERS)
        operation.tracing.stop()
    assert received.paths == ["/v1/traces"]
    (body,) = received.bodies
    # Texts stand in a protobuf as they are.
    assert b"payer-crd" in body
    assert b"GET /decisions/<decision_id>" in body
    assert CANARY.encode() not in body


def test_before_it_is_started_nothing_is_traced_and_it_can_be_stopped() -> None:
    tracing = Tracing()
    with tracing.stage(Stage.GATHER):
        pass
    tracing.stop()
    assert tracing.flush()
