import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest

from service.logs import (
    ALLOWED_FIELDS,
    LOGGER,
    JsonLines,
    begin_correlation,
    catch_strays,
    configure_logs,
    correlation_id,
    log_event,
    note_trace,
)
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


def test_what_no_library_shows_elsewhere_becomes_a_line_without_its_words() -> None:
    with logged() as stream:
        logging.getLogger("flask.app.Canary2").warning("Exception on /decisions/%s", "Canary")
        error = ValueError("Canary")
        logging.getLogger("concurrent.futures").error("in a callback for Canary", exc_info=(ValueError, error, None))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [each["event"] for each in lines] == ["message of flask.app.Canary2", "message of concurrent.futures"]
    assert [each.get("exception") for each in lines] == [None, "ValueError"]
    assert "Canary" not in stream.getvalue().replace("flask.app.Canary2", "")


def test_lines_are_configured_once_however_often_that_is_asked_for() -> None:
    with logged() as stream:
        configure_logs(stream)
        log_event("started")
        logging.getLogger("other").warning("x")
    assert len(stream.getvalue().splitlines()) == 2


@pytest.fixture
def strays() -> Iterator[None]:
    kept = threading.excepthook, sys.unraisablehook
    with warnings.catch_warnings():
        yield
        logging.captureWarnings(capture=False)
        threading.excepthook, sys.unraisablehook = kept


class Ending:
    def __del__(self) -> None:
        raise ValueError("Canary")


@pytest.mark.usefixtures("strays")
def test_what_python_itself_would_print_becomes_a_line_without_its_words(capfd: pytest.CaptureFixture[str]) -> None:
    def fail(error: BaseException) -> None:
        raise error

    with logged() as stream:
        catch_strays()
        for error in (ValueError("Canary"), SystemExit("Canary")):
            thread = threading.Thread(target=fail, args=(error,))
            thread.start()
            thread.join()
        Ending()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(capture=False)
            logging.captureWarnings(capture=True)
            warnings.warn("Canary", stacklevel=1)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(each["event"], each.get("exception")) for each in lines] == [
        ("thread-ended", "ValueError"),
        ("exception-ignored", "ValueError"),
        ("message of py.warnings", None),
    ]
    shown = capfd.readouterr()
    assert "Canary" not in stream.getvalue() + shown.err + shown.out


def test_the_trace_of_a_call_is_named_until_the_next_call_begins() -> None:
    with logged() as stream:
        begin_correlation()
        note_trace("4bf9")
        log_event("answered")
        log_event("of the process", correlation_id="none")
        begin_correlation()
        log_event("answered")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [each.get("trace_id") for each in lines] == ["4bf9", None, None]


def test_no_field_for_free_text_is_allowed() -> None:
    assert not {"message", "text", "body", "url", "patient", "token", "error"} & set(ALLOWED_FIELDS)
