import json
import logging

import pytest

from service.logs import ALLOWED_FIELDS, LOGGER, JsonLines, begin_correlation, configure_logs, correlation_id, log_event
from tests.service.builders import logged


def test_an_event_is_one_json_line_of_allowed_fields() -> None:
    with logged() as stream:
        correlation = begin_correlation()
        log_event("answered", level="warning", status=200, milliseconds=1.5, patient="Canary", token="secret")
    line = json.loads(stream.getvalue())
    assert list(line) == ["time", "level", "event", "correlation_id", "status", "milliseconds"]
    assert (line["level"], line["event"], line["correlation_id"]) == ("warning", "answered", correlation)
    assert line["time"].endswith("+00:00")


def test_a_level_that_is_switched_off_writes_nothing() -> None:
    with logged() as stream:
        LOGGER.setLevel(logging.ERROR)
        log_event("answered")
    assert stream.getvalue() == ""


def test_line_breaks_in_a_field_stay_inside_of_the_line() -> None:
    with logged() as stream:
        log_event("answered", service_id='x"\n{"event":"forged"}')
    assert len(stream.getvalue().splitlines()) == 1


def test_messages_of_other_libraries_are_left_out() -> None:
    record = logging.LogRecord("urllib3", logging.WARNING, "x", 1, "GET /Condition?patient=Canary", (), None)
    line = json.loads(JsonLines().format(record))
    assert line["event"] == "message of urllib3"
    assert "Canary" not in str(line)


def test_urllib3_is_kept_from_logging_urls() -> None:
    with logged():
        assert not logging.getLogger("urllib3.connectionpool").isEnabledFor(logging.ERROR)


def test_logs_go_to_standard_error_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    with logged():
        configure_logs()
        log_event("started")
    captured = capsys.readouterr()
    assert '"event":"started"' in captured.err
    assert captured.out == ""


def test_outside_of_a_call_there_is_no_correlation_id() -> None:
    import contextvars  # noqa: PLC0415 - an empty context is what this test is about

    assert contextvars.Context().run(correlation_id) == "none"


def test_no_field_for_free_text_is_allowed() -> None:
    assert not {"message", "text", "body", "url", "patient", "token", "error"} & set(ALLOWED_FIELDS)
