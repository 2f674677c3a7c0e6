"""The watch for marks is watched: every place holds a mark, and what comes out is found."""

import json
import sys
from typing import Any

import pytest

import service.answer
import service.problems
import service.reporting
import service.telemetry
from service.call_report import present_report
from service.logs import ALLOWED_FIELDS, log_event
from tests.hooks.canary import (
    BORN,
    DIGITS,
    FHIR_SERVER,
    Watch,
    mark,
    marks_in,
    planted,
    planted_record,
)
from tests.hooks.clients import SERVICE_URL, request_of
from tests.hooks.status_rows import REFUSED


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
