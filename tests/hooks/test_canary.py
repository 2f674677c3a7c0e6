"""Marked names and values go through every path, errors included, and none of them comes out where others can read."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

import service.answer
import service.problems
import service.reporting
import service.telemetry
from criteria.facts import SearchState
from service.arrival import arrived
from service.call_report import present_report
from service.deadline import Deadline
from service.fhir_client import Fetched
from service.lifecycle import lifecycle
from service.logs import ALLOWED_FIELDS, log_event
from service.settings import Profile
from service.storage.database import StorageDownError
from tests.hooks.bodies import as_appointment, as_dispatch, as_encounter, as_select
from tests.hooks.canary import (
    BORN,
    DIGITS,
    FHIR_SERVER,
    MARK,
    MarkedServer,
    Watch,
    mark,
    marks_in,
    planted,
    planted_record,
)
from tests.hooks.clients import SERVICE_URL, Json, information_of, request_of
from tests.hooks.status_rows import REFUSED
from tests.hooks.test_registered import registered
from tests.service.builders import logged
from tests.service.loopback import Behaviour, answer, dripping, loopback, sending

CHARTS = (
    "oscar-margenza-after-two",
    "mmm-margenza-fourth-line",
    "mmm-margenza-her2-equivocal",
    "mmm-margenza-her2-low",
    "mmm-coverage-ended",
    "mmm-two-drugs-in-one",
    "mmm-kadcyla-continued",
)
KEPT = ("patient", "coverage", "payors")


@pytest.fixture
def watch() -> Iterator[Watch]:
    with logged() as lines:
        yield Watch(lines)


@pytest.fixture
def clean(watch: Watch, capfd: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """Say which marks came out."""

    def found() -> list[str]:
        printed = capfd.readouterr()
        return watch.leaks(printed.out, printed.err)

    return found


def discharge(body: Json) -> Json:
    return as_encounter(body, "encounter-discharge")


def own_url(body: Json) -> str:
    return f"/cds-services/her2-{body['hook']}"


def feedback(**changes: Any) -> Json:
    comment = {"reason": {"system": f"urn:{mark('system')}", "code": mark("code")}, "userComment": mark("comment")}
    item = {"outcome": "overridden", "outcomeTimestamp": "2026-09-15T08:00:00Z", mark("member"): 1}
    return {"feedback": [item | {"overrideReason": comment} | changes], mark("member"): mark("value")}


# ---------------------------------------------------------------------------------------------------- what is decided


@pytest.mark.parametrize("make", [dict, as_select, as_dispatch, as_appointment, as_encounter, discharge])
@pytest.mark.parametrize("chart", CHARTS)
def test_a_decided_call_leaves_no_mark(watch: Watch, clean: Any, chart: str, make: Any) -> None:
    client = watch.client()
    body = planted(make(request_of(chart)))
    called = watch.send(client, own_url(body), body)
    assert called.status_code == 200, called.text
    for action in called.get_json().get("systemActions", ()):
        found = information_of(action["resource"])["coverage-assertion-id"]
        for path in (f"/decisions/{found}", f"/decisions/{found}/feedback"):
            assert watch.send(client, path, method="GET").status_code == 200
    for card in called.get_json()["cards"]:
        url = f"{own_url(body)}/feedback"
        assert watch.send(client, url, feedback(card=card["uuid"])).status_code == 200
        for changes in ({"outcome": mark("outcome")}, {"outcomeTimestamp": BORN}, {"card": mark("card")}):
            wrong = feedback(**{"card": card["uuid"], **changes})
            assert watch.send(client, url, wrong).status_code == 400
    assert clean() == []


def test_the_marked_patient_is_decided_like_any_other(watch: Watch) -> None:
    for chart in CHARTS:
        watch.send(watch.client(), SERVICE_URL, planted(request_of(chart)))
    outcomes = {each for line in watch.lines.getvalue().splitlines() for each in json.loads(line).get("outcomes", ())}
    assert {"authorized", "not-met", "no-active-coverage", "documentation"} <= outcomes


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2", "cds-hooks"])
def test_every_dialect_leaves_no_mark(watch: Watch, clean: Any, version: str) -> None:
    for chart in CHARTS:
        assert watch.send(watch.client(dialect=version), SERVICE_URL, planted(request_of(chart))).status_code == 200
    assert clean() == []


@pytest.mark.parametrize("chart", CHARTS)
def test_what_is_fetched_leaves_no_mark(watch: Watch, clean: Any, chart: str) -> None:
    body = request_of(chart, fhir=True)
    body["prefetch"] = {key: value for key, value in body["prefetch"].items() if key in KEPT}
    server = MarkedServer(planted_record(chart))
    called = watch.send(watch.client(server), SERVICE_URL, planted(body))
    assert called.status_code == 200, called.text
    assert server.asked
    assert all(mark("") in each for each in server.asked)
    assert clean() == []


# ---------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(("call", "status"), [pytest.param(row[1], row[2], id=row[0]) for row in REFUSED])
def test_a_refused_call_leaves_no_mark(watch: Watch, clean: Any, call: Any, status: int) -> None:
    state = SearchState.ANSWERED if call.answers else SearchState.FAILED

    def fetch(url: str, token: str | None, deadline: Deadline) -> Fetched:
        empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
        return Fetched(state, body=empty) if call.answers else Fetched(state, reason="answered 503")

    client = watch.client(fetch, **{"default_payer": None, **call.settings})
    body = planted(call.body, strange="strict_orders" not in call.settings)
    response = watch.send(client, call.url, body, method=call.method, headers=dict(call.headers))
    assert response.status_code == status, response.text
    assert clean() == []


STRUCTURES: list[Any] = [mark("text"), [mark("list")], {mark("key"): mark("value")}, 174, True]
PLACES = (
    *[("context", each) for each in ("patientId", "userId", "draftOrders", "encounterId")],
    *[("", each) for each in ("hook", "hookInstance", "context", "prefetch", "fhirServer", "fhirAuthorization")],
    *[
        ("order", each)
        for each in (
            "resourceType",
            "id",
            "status",
            "intent",
            "subject",
            "medicationCodeableConcept",
            "authoredOn",
            "reasonCode",
            "dosageInstruction",
            "insurance",
            "requester",
            "extension",
            "contained",
            "identifier",
            "category",
            "_status",
        )
    ],
    *[("configuration", each) for each in ("davinci-crd.configuration", "davinci-crd.requestedVersion")],
)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("parent", "member"), PLACES)
def test_a_member_of_the_wrong_kind_leaves_no_mark(
    watch: Watch, clean: Any, parent: str, member: str, strict: bool
) -> None:
    client = watch.client(strict_orders=strict)
    for value in STRUCTURES:
        body = planted(request_of("mmm-margenza-fourth-line"))
        places: dict[str, Json] = {
            "": body,
            "context": body["context"],
            "order": body["context"]["draftOrders"]["entry"][0]["resource"],
            "configuration": body["extension"],
        }
        places[parent][member] = value
        assert watch.send(client, SERVICE_URL, body).status_code in {200, 400, 422}
    assert clean() == []


@pytest.mark.parametrize("key", ["observations", "conditions", "medications", "coverage", "payors", "patient"])
def test_a_chart_that_cannot_be_read_leaves_no_mark(watch: Watch, clean: Any, key: str) -> None:
    client = watch.client()
    for value in [*STRUCTURES, {"resourceType": mark("type")}, {"resourceType": "Bundle", "entry": STRUCTURES}]:
        body = planted(request_of("mmm-margenza-fourth-line"))
        body["prefetch"][key] = value
        assert watch.send(client, SERVICE_URL, body).status_code in {200, 400, 412}
    assert clean() == []


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (f'{{"hook": "{mark("cut")}', {}, 400),
        (f'{{"hook": NaN, "x": "{mark("nan")}"}}', {}, 400),
        (f'{{"{mark("key")}": 1' * 10, {}, 400),
        ('{"a":' * 10_000 + f'"{mark("deep")}"' + "}" * 10_000, {}, 400),
        ("[" * 100_000 + mark("deep") + "]" * 100_000, {}, 400),
        (f'"{mark("large") * 200_000}"', {}, 413),
        (mark("text"), {"Content-Type": f"text/{mark('type')}"}, 415),
        (mark("text"), {"Content-Type": f"application/json; charset={mark('charset')}"}, 415),
        (mark("text"), {"Content-Encoding": mark("encoding")}, 415),
        (f'{{"{mark("key")}"}}'.encode("utf-16"), {}, 400),
        (mark("bytes").encode() + b"\xff\xfe\x00", {}, 400),
    ],
    ids=["cut", "NaN", "open", "nested", "lists", "large", "type", "charset", "encoding", "utf-16", "bytes"],
)
def test_what_is_no_request_leaves_no_mark(
    watch: Watch, clean: Any, content: str | bytes, headers: dict[str, str], status: int
) -> None:
    for path in (SERVICE_URL, f"{SERVICE_URL}/feedback"):
        assert watch.send(watch.client(), path, content, headers=headers).status_code == status
    assert clean() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "ZQ7X-METHOD"])
def test_an_address_leaves_no_mark(watch: Watch, clean: Any, method: str) -> None:
    client = watch.client()
    for start in ("", "/decisions", "/policies", "/fhir/Questionnaire", "/cds-services", "/metrics", "/readyz"):
        for end in (mark("path"), f"{mark('path')}/feedback", f"%00{mark('path')}", f"..%2f{mark('path')}"):
            response = watch.send(client, f"{start}/{end}?patient={mark('query')}", method=method)
            assert response.status_code in {200, 404, 405, 415}
    for path in ("/cds-services", "/policies", "/livez", "/readyz", "/metrics", SERVICE_URL):
        watch.send(client, f"{path}?patient={mark('query')}&{mark('query')}=1", method=method)
    assert clean() == []


# ------------------------------------------------------------------------------------------------------------ callers


def test_a_caller_who_is_not_known_leaves_no_mark(watch: Watch, clean: Any, tmp_path: Path) -> None:
    body = planted(request_of("oscar-margenza-after-two"))
    with registered(tmp_path, open_telemetry=True, calls_per_client=1) as here:
        client = watch.watch(here.app).test_client()
        signed: list[dict[str, Any]] = [
            {"jti": mark("jti")},
            {"jti": mark("jti")},  # used before
            {"sub": mark("sub"), mark("claim"): mark("claim"), "jti": mark("other-jti")},
            {"issuer": f"https://{mark('issuer')}.example.org"},
            {"tenant": mark("tenant")},
            {"aud": f"https://{mark('audience')}.example.org"},
            {"exp": mark("exp")},
        ]
        tokens = [here.headers(f"https://crd.payer.example.org{SERVICE_URL}", **each) for each in signed]
        tokens += [{"Authorization": f"Bearer {mark('token')}"}, {"Authorization": mark("token")}, {}]
        tokens += [{"Authorization": f"Bearer {MARK}.{MARK}.{MARK}"}, {"Authorization": f"Basic {mark('token')}"}]
        statuses = [watch.send(client, SERVICE_URL, body, headers=each).status_code for each in tokens]
    assert statuses == [200, 401, 200, *[401] * (len(tokens) - 3)]
    assert clean() == []
    parts = [part for each in tokens for part in each.get("Authorization", "").removeprefix("Bearer ").split(".")]
    said = watch.lines.getvalue() + "".join(text for _, text in watch.shown)
    assert not [part for part in parts if len(part) > 20 and part in said]


def test_a_call_too_many_leaves_no_mark(watch: Watch, clean: Any, tmp_path: Path) -> None:
    with registered(tmp_path, open_telemetry=True, calls_per_client=1) as here:
        client = watch.watch(here.app).test_client()
        address = f"https://crd.payer.example.org{SERVICE_URL}"
        body = planted(request_of("oscar-margenza-after-two"))
        inner: list[int] = []
        decided = vars(service.answer)["map_record"]

        def call_meanwhile(*args: Any) -> Any:
            if not inner:
                inner.append(0)
                inner[0] = watch.send(client, SERVICE_URL, body, headers=here.headers(address)).status_code
            return decided(*args)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("service.answer.map_record", call_meanwhile)
            assert watch.send(client, SERVICE_URL, body, headers=here.headers(address)).status_code == 200
    assert inner == [429]
    assert clean() == []


@pytest.mark.parametrize("authorization", [f"Bearer {mark('token')}", mark("token"), f"Basic {mark('token')}"])
def test_who_is_no_operator_leaves_no_mark(watch: Watch, clean: Any, authorization: str) -> None:
    client = watch.client(profile=Profile.PRODUCTION)
    headers = {"Authorization": authorization}
    assert watch.send(client, "/metrics", method="GET", headers=headers).status_code == 401
    assert clean() == []


@pytest.mark.parametrize(
    "document",
    [
        {mark("key"): mark("value")},
        {"keys": [mark("key")]},
        {"keys": [{"kty": mark("kty"), "kid": mark("kid")}]},
        None,
    ],
)
def test_keys_that_cannot_be_had_leave_no_mark(watch: Watch, clean: Any, tmp_path: Path, document: Any) -> None:
    with pytest.MonkeyPatch.context() as patch, registered(tmp_path, open_telemetry=True) as here:
        fetched = Fetched(SearchState.FAILED if document is None else SearchState.ANSWERED, body=document)
        patch.setattr("service.fhir_client.FhirClient.key_sets", lambda *_: lambda *_: fetched)
        client = watch.watch(here.app).test_client()
        address = f"https://crd.payer.example.org{SERVICE_URL}"
        headers = here.headers(address, issuer="https://kit.example.org", jti=mark("jti"))
        assert watch.send(client, SERVICE_URL, {}, headers=headers).status_code == 401
    assert clean() == []


# ------------------------------------------------------------------------------------------------------------- faults

_WORDS = json.dumps({"resourceType": "Bundle", "entry": [mark("answer")], mark("key"): mark("value")}).encode()
_OUTCOME = json.dumps(
    {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": mark("outcome")}]}
).encode()

BEHAVIOURS: dict[str, Behaviour] = {
    "words": sending(answer(_WORDS, X_Mark=mark("reply-header"), Set_Cookie=mark("reply-cookie"))),
    "an outcome": sending(answer(_OUTCOME)),
    "no JSON": sending(answer(mark("garbage").encode())),
    "another type": sending(answer(json.dumps({"resourceType": mark("kind")}).encode())),
    "a list": sending(answer(json.dumps([mark("list")]).encode())),
    "500": sending(answer(_OUTCOME, f"500 {mark('reason')}")),
    "503": sending(answer(_OUTCOME, "503 Service Unavailable", Retry_After=mark("retry"))),
    "401": sending(answer(_OUTCOME, "401 Unauthorized", WWW_Authenticate=f"Bearer realm={mark('realm')}")),
    "404": sending(answer(_OUTCOME, "404 Not Found")),
    "a redirect": sending(answer(b"", "302 Found", Location=f"http://127.0.0.1:1/{mark('location')}")),
    "no HTTP": sending(mark("line").encode() + b"\r\n\r\n"),
    "an encoding": sending(answer(_WORDS, Content_Encoding=mark("encoding"))),
    "no gzip": sending(answer(_WORDS, Content_Encoding="gzip")),
    "a drip": dripping(answer(_WORDS)[:60], b" "),
    "nothing": sending(b""),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_fhir_server_that_misbehaves_leaves_no_mark(watch: Watch, clean: Any, behaviour: str) -> None:
    body = request_of("mmm-margenza-fourth-line", fhir=True, without=["observations", "conditions"])
    with loopback(BEHAVIOURS[behaviour]) as server:
        marked = planted(body)
        marked["fhirServer"] = f"http://127.0.0.1:{server.port}/{mark('fhir-server')}"
        client = watch.client(deadline_seconds=0.4)
        assert watch.send(client, SERVICE_URL, marked).status_code == 200
        assert any(mark("fhir-server").encode() in each for each in server.requests)
    assert clean() == []


def test_a_fhir_server_that_is_not_there_or_not_allowed_leaves_no_mark(watch: Watch, clean: Any) -> None:
    body = request_of("mmm-margenza-fourth-line", fhir=True, without=["observations"])
    for host in ("127.0.0.1:1", f"{mark('host')}.example.org", "169.254.169.254", f"[::1]:1/{mark('path')}"):
        marked = planted(body)
        marked["fhirServer"] = f"http://{host}/{mark('fhir-server')}"
        assert watch.send(watch.client(deadline_seconds=0.4), SERVICE_URL, marked).status_code == 200
    assert clean() == []


def explode(*_: Any, **__: Any) -> Any:
    """A defect whose words are the whole patient."""
    body = planted(request_of("mmm-margenza-fourth-line"))
    raise ValueError(json.dumps(body))


@pytest.mark.parametrize(
    "place",
    [
        "service.answer.map_record",
        "service.answer.subjects_of",
        "service.answer.compose_answer",
        "service.deciding.evaluate",
        "service.hook_routes.read_request",
        "service.hook_routes.complete",
        "service.hook_routes.report_searches",
        "service.prefetch.read_whole",
        "service.storage.ledger.Ledger.past",
        "service.storage.ledger.Ledger.record",
    ],
)
def test_a_defect_of_ours_leaves_no_mark(watch: Watch, clean: Any, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = watch.client()
    monkeypatch.setattr(place, explode)
    response = watch.send(client, SERVICE_URL, planted(request_of("mmm-margenza-fourth-line")))
    assert response.status_code == 500
    assert response.headers["X-Correlation-Id"] in response.text
    assert response.headers["X-Correlation-Id"] in watch.lines.getvalue()
    assert clean() == []


def test_a_defect_while_fetching_leaves_no_mark(watch: Watch, clean: Any) -> None:
    body = planted(request_of("mmm-margenza-fourth-line", fhir=True, without=["observations"]))
    assert watch.send(watch.client(explode), SERVICE_URL, body).status_code == 500
    assert clean() == []


def test_a_defect_while_feedback_is_taken_leaves_no_mark(
    watch: Watch, clean: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = watch.client()
    monkeypatch.setattr("service.hook_routes.take_feedback", explode)
    assert watch.send(client, f"{SERVICE_URL}/feedback", feedback(card=mark("card"))).status_code == 500
    assert clean() == []


# Flask itself logs what goes wrong after an answer is made: the address, and a traceback with its words.
@pytest.mark.parametrize("place", ["service.reporting._ended", "service.headers._allow_origin"])
def test_a_defect_after_the_answer_leaves_no_mark(
    watch: Watch, clean: Any, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = watch.client()
    monkeypatch.setattr(place, explode)
    body = planted(request_of("mmm-margenza-fourth-line"))
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    assert watch.send(client, f"{SERVICE_URL}?patient={mark('query')}", body).status_code == 500
    monkeypatch.undo()
    assert clean() == []


def test_an_answer_that_breaks_a_rule_leaves_no_mark(watch: Watch, clean: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = watch.client()
    monkeypatch.setattr("service.answer.CONFIGURATION_REMARKS", mark("remarks"))
    body = planted(request_of("mmm-margenza-fourth-line"))
    body["extension"] = {"davinci-crd.configuration": {"max-cards": mark("number")}}
    assert watch.send(client, SERVICE_URL, body).status_code == 500
    assert '"rules"' in watch.lines.getvalue()
    assert clean() == []


def down(*_: Any, **__: Any) -> Any:
    raise StorageDownError("closed")


def test_a_database_that_is_down_leaves_no_mark(watch: Watch, clean: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = watch.client()
    monkeypatch.setattr("service.storage.database.Database._begun", down)
    body = planted(request_of("oscar-margenza-after-two"))
    called = watch.send(client, SERVICE_URL, body)
    assert (called.status_code, called.headers["Her2-Crd-Recorded"]) == (200, "false")
    assert watch.send(client, f"{SERVICE_URL}/feedback", feedback(card=str(uuid4()))).status_code == 503
    assert watch.send(client, f"/decisions/{mark('path')}", method="GET").status_code == 503
    assert watch.send(client, "/readyz", method="GET").status_code == 503
    assert clean() == []


def test_a_database_that_refuses_a_value_leaves_no_mark(
    watch: Watch, clean: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of such an error has the statement and every value of it."""

    def refuse(*_: Any) -> Any:
        raise IntegrityError("INSERT INTO decisions", {"patient": mark("name")}, ValueError(mark("value")))

    client = watch.client()
    monkeypatch.setattr("service.storage.ledger.Ledger.record", refuse)
    assert watch.send(client, SERVICE_URL, planted(request_of("oscar-margenza-after-two"))).status_code == 500
    assert clean() == []


def test_a_call_that_waited_too_long_leaves_no_mark(watch: Watch, clean: Any) -> None:
    def late() -> int:
        arrived(time.monotonic() - 60)
        return watch.send(client, SERVICE_URL, planted(request_of("oscar-margenza-after-two"))).status_code

    client = watch.client()
    assert copy_context().run(late) == 503
    assert '"queue_milliseconds":6' in watch.lines.getvalue()
    assert clean() == []


def test_a_process_that_is_not_ready_leaves_no_mark(watch: Watch, clean: Any) -> None:
    client = watch.client()
    lifecycle(client.application).stopping = True
    assert watch.send(client, f"/readyz?patient={mark('query')}", method="GET").status_code == 503
    assert clean() == []


# -------------------------------------------------------------------------------------------------------- the harness


def test_every_kind_of_refusal_is_among_those_that_are_sent() -> None:
    assert {status for _, _, status, _ in REFUSED} >= {400, 404, 405, 412, 413, 415, 422}


def test_every_place_of_a_patient_holds_a_mark() -> None:
    body = planted(request_of("mmm-margenza-fourth-line", fhir=True))
    held = marks_in(json.dumps(body))
    assert DIGITS in held
    assert BORN in held
    for place in (
        *("ex-06", "name", "given", "phone", "street", "zip", "contact", "identifier", "subscriber", "div", "note"),
        *("extension", "extension-url", "primitive-extension", "member", "inner-member", "inner-value", "tag"),
        *("display", "text", "unit", "meta-source", "prefetch-key", "prefetch-outcome", "token-of-fhir", "mrn"),
        *("token-scope", "value-of-request", "member-of-request", "extension-key", "extension-value", "dr-01"),
    ):
        assert mark(place) in held, place
    assert FHIR_SERVER in json.dumps(body)
    record = marks_in(json.dumps([dict(each) for each in planted_record("mmm-margenza-fourth-line").resources]))
    assert {mark("ex-06"), mark("note"), DIGITS, BORN} <= set(record)


def test_the_answer_to_the_caller_has_the_marks_of_its_own_record(watch: Watch) -> None:
    body = planted(request_of("mmm-margenza-fourth-line"))
    assert mark("ex-06") in watch.send(watch.client(), SERVICE_URL, body).text


def leak_in_log(_: pytest.MonkeyPatch, error: Exception) -> None:
    log_event("internal-error", reason=str(error))


def leak_in_print(_: pytest.MonkeyPatch, error: Exception) -> None:
    print(error, file=sys.stderr)  # noqa: T201 - the leak that is to be found


def leak_in_body(_: pytest.MonkeyPatch, error: Exception) -> None:
    raise service.problems.request_problem("$", "invalid", str(error))


def leak_in_path(_: pytest.MonkeyPatch, error: Exception) -> None:
    raise service.problems.request_problem(str(error), "invalid", "is wrong")


def leak_in_metrics(_: pytest.MonkeyPatch, error: Exception) -> None:
    present_report().refused = str(error)


def leak_in_traces(patch: pytest.MonkeyPatch, _: Exception) -> None:
    patch.setattr("service.telemetry.allowed", lambda span: span)


@pytest.mark.parametrize(
    ("leak", "outlet"),
    [
        (leak_in_log, "log: "),
        (leak_in_print, "standard streams: "),
        (leak_in_body, "body of a 400: "),
        (leak_in_path, "body of a 400: "),
        (leak_in_metrics, "/metrics: "),
        (leak_in_traces, "traces: "),
    ],
)
def test_a_leak_is_found_with_its_outlet(
    watch: Watch, clean: Any, leak: Any, outlet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = watch.client()
    read = vars(service.answer)["map_record"]

    def leaking(*args: Any) -> Any:
        leak(monkeypatch, ValueError(mark("name")))
        return read(*args)

    monkeypatch.setattr("service.answer.map_record", leaking)
    watch.send(client, SERVICE_URL, planted(request_of("mmm-margenza-fourth-line")))
    found = clean()
    assert [each for each in found if each.startswith(outlet)]
    assert not [each for each in found if not each.startswith(outlet)]


def test_a_field_that_is_not_allowed_is_no_leak(watch: Watch, clean: Any) -> None:
    assert "patient" not in ALLOWED_FIELDS
    log_event("answered", patient=mark("name"))
    assert watch.lines.getvalue()
    assert clean() == []


def test_a_token_in_an_answer_is_found(watch: Watch, clean: Any) -> None:
    body = planted(request_of("mmm-margenza-fourth-line"))
    body["context"]["draftOrders"]["entry"][0]["resource"]["note"] = [{"text": mark("token-of-fhir")}]
    watch.send(watch.client(), SERVICE_URL, body)
    assert clean() == [f"an answer: {mark('token-of-fhir')}"]
