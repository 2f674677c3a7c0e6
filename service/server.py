"""gunicorn as this service runs it: processes of threads, the application loaded once, logs in our form."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from service.lifecycle import Lifecycle, lifecycle
from service.logs import JsonLines
from service.settings import Settings
from service.worker import REFUSED, Worker

THREADS = 16
GRACEFUL_SECONDS = 25
"""Longer than any call: its request has 10 seconds to arrive, its answer less than 5 to be found."""

KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep idle connections, so that none sends a request on a connection that just ends."""

CONNECTIONS = 512
"""At once in one process; the others wait in the system's queue."""

BACKLOG = 512
_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory; gunicorn names its file and unlinks it at once

# gunicorn's messages that are of the process alone, and ours: nothing of a request can be in them.
_OF_THE_PROCESS = frozenset(
    {
        "Can't connect to %s",
        "Connection in use: %s",
        "Invalid address: %s",
        "WORKER TIMEOUT (pid:%s)",
        "Worker (pid:%s) exited with code %s.",
        "Worker (pid:%s) was sent %s!",
        "Worker (pid:%s) was sent %s! Perhaps out of memory?",
        REFUSED,
    }
)


class GunicornLines(JsonLines):
    """Writes a message of gunicorn as one of our lines: what happened, and nothing of a request."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. gunicorn's text may quote a header, so mostly the exception's type has to say it."""
        # A message comes from outside of any call, on a thread that may have answered one before.
        fields = {"correlation_id": "none"}
        if record.msg in _OF_THE_PROCESS:
            fields["reason"] = record.getMessage()
        if (exception := sys.exc_info()[0]) is not None:
            fields["exception"] = exception.__name__
        record.fields = fields
        return super().format(record)


class GunicornLog(Logger):
    """gunicorn's own log in our form, at the same place."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's handlers and have them write our lines."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(GunicornLines())


class Server(BaseApplication):
    """gunicorn with processes of threads: a call mostly waits for the caller's FHIR server.

    A process that dies is replaced. SIGTERM lets the calls under way end. SIGHUP replaces every process by a new copy
    of the application as it was loaded: settings, registry and policies are read at start only.
    """

    def __init__(self, app: Flask, settings: Settings) -> None:
        """Serve an application that is already loaded."""
        self._app = app
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn is to do; it takes nothing from files or the environment."""
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        chosen: dict[str, Any] = {
            "bind": f"{host}:{self._settings.port}",
            "workers": self._settings.workers,
            "worker_class": Worker,
            "threads": THREADS,
            "worker_connections": CONNECTIONS,
            "backlog": BACKLOG,
            "keepalive": KEEP_ALIVE_SECONDS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "max_requests": 0,
            "preload_app": True,
            "post_fork": self._forked,
            "child_exit": self._ended,
            # The sign of life of a process is a file. On a disk that hangs it would be killed for it.
            "worker_tmp_dir": str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None,
            "control_socket_disable": True,
            "proc_name": "her2-crd",
            "loglevel": "warning",
            "logger_class": GunicornLog,
            # A proxy's headers change nothing here: where the service is comes from HER2_CRD_PUBLIC_URL. gunicorn
            # would let any process on this machine set SCRIPT_NAME, and with it the paths that are answered.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application; WSGI's type and Flask's own differ in names only."""
        return self._app

    @property
    def lifecycle(self) -> Lifecycle:
        """Return what other parts do when processes come and go."""
        return lifecycle(self._app)

    @property
    def largest_body(self) -> int:
        """Return the size of the largest body that is read."""
        return self._settings.max_body_bytes

    def _forked(self, _arbiter: Any, _worker: Any) -> None:
        for each in self.lifecycle.forked:
            each()

    def _ended(self, _arbiter: Any, worker: Any) -> None:
        for each in self.lifecycle.ended:
            each(worker.pid)
