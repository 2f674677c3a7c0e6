"""Log lines: one JSON object each, made of allowed fields only.

A field that is not on the list is dropped, so that no text of a record, no token and no URL with a patient's id
can reach a log by way of a library or a hasty line of code. JSON encoding keeps line breaks out.
"""

import logging
import sys
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
    "service_id",
    "status",
    "milliseconds",
    "orders",
    "outcomes",
    "searches",
    "client",
    "reason",
    "rules",
    "exception",
    "location",
)

_CORRELATION_ID: ContextVar[str] = ContextVar("correlation_id", default="none")
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def begin_correlation() -> str:
    """Give the present call a new id and return it; a caller's own id is never taken over."""
    fresh = str(uuid4())
    _CORRELATION_ID.set(fresh)
    return fresh


def correlation_id() -> str:
    """Return the id of the present call, "none" outside of a call."""
    return _CORRELATION_ID.get()


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
        # The message of a foreign logger may hold anything; only the logger's name is safe.
        event = record.msg if record.name == LOGGER.name else f"message of {record.name}"
        line = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        named = {"event": event, "correlation_id": correlation_id(), **given}
        return encode(line | {name: named[name] for name in ALLOWED_FIELDS if name in named}).decode()


def configure_logs(stream: TextIO | None = None) -> None:
    """Send our events to the stream (standard error by default) and keep libraries that log URLs quiet."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    LOGGER.handlers = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    # urllib3 warns with the whole URL, and ours hold the patient's id.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
