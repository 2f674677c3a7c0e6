"""Log lines: one JSON object each, made of allowed fields only.

A field that is not on the list is dropped, so that no text of a record, no token and no URL with a patient's id
can reach a log by way of a library or a hasty line of code. JSON encoding keeps line breaks out.
"""

import logging
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO
from uuid import uuid4

from service.exact_json import encode

LOGGER = logging.getLogger("her2_crd")

ALLOWED_FIELDS = (
    "event",
    "correlation_id",
    "trace_id",
    "route",
    "service_id",
    "client",
    "operator",
    "status",
    "milliseconds",
    "own_milliseconds",
    "fhir_milliseconds",
    "storage_milliseconds",
    "queue_milliseconds",
    "outcomes",
    "policies",
    "recorded",
    "searches",
    "feedback",
    "checks",
    "reason",
    "rules",
    "exception",
    "location",
)

_CORRELATION_ID: ContextVar[str] = ContextVar("correlation_id", default="none")
_TRACE_ID: ContextVar[str | None] = ContextVar("trace_id", default=None)
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def begin_correlation() -> str:
    """Give the present call a new id and return it; a caller's own id is never taken over."""
    fresh = str(uuid4())
    _CORRELATION_ID.set(fresh)
    _TRACE_ID.set(None)
    return fresh


def correlation_id() -> str:
    """Return the id of the present call, "none" outside of a call."""
    return _CORRELATION_ID.get()


def note_trace(trace_id: str) -> None:
    """Have the lines of the present call name its trace."""
    _TRACE_ID.set(trace_id)


def log_event(event: str, level: str = "info", **fields: Any) -> None:
    """Write one line; `fields` that are not allowed are dropped."""
    number = _LEVELS[level]
    if LOGGER.isEnabledFor(number):
        # Made here because Logger.log looks up the calling line on the stack, which no field of ours shows.
        LOGGER.handle(LOGGER.makeRecord(LOGGER.name, number, "", 0, event, (), None, extra={"fields": fields}))


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object of allowed fields; messages and tracebacks of others are left out."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        given: Mapping[str, Any] = getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            given = {"exception": record.exc_info[0].__name__, **given}
        # The message of a foreign logger may hold anything; only the logger's name is safe.
        event = record.msg if record.name == LOGGER.name else f"message of {record.name}"
        line = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        named = {"event": event, **(_present_call() if "correlation_id" not in given else {}), **given}
        return encode(line | {name: named[name] for name in ALLOWED_FIELDS if name in named}).decode()


def _present_call() -> dict[str, str]:
    named = {"correlation_id": correlation_id()}
    trace_id = _TRACE_ID.get()
    return named if trace_id is None else {**named, "trace_id": trace_id}


def configure_logs(stream: TextIO | None = None) -> None:
    """Send our events, and those of libraries without their words, to the stream (standard error by default)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    LOGGER.handlers = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    # Flask, for one, writes the address of a call and a traceback where nobody else takes them.
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if not isinstance(each.formatter, JsonLines)]
    root.addHandler(handler)
    # urllib3 warns with the whole URL, and ours hold the patient's id.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def catch_strays() -> None:
    """Have the process write a line of ours where Python itself would print a traceback or a value.

    That is of warnings, of a thread that an exception ends, and of an exception that nobody can be told of.
    """
    logging.captureWarnings(capture=True)
    threading.excepthook = lambda stray: _log_stray("thread-ended", stray.exc_type)
    sys.unraisablehook = lambda stray: _log_stray("exception-ignored", stray.exc_type)


def _log_stray(event: str, kind: type[BaseException]) -> None:
    if kind is not SystemExit:  # which is how a thread says that it ends
        log_event(event, level="error", exception=kind.__name__)
