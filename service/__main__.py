"""The command `her2-crd`: serve on the address of the settings until told to stop."""

import logging
import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import Flask
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from criteria.errors import LibraryError
from service.app import create_app
from service.clients import ClientsError
from service.logs import JsonLines
from service.multiprocess import prepare_multiprocess, worker_exited
from service.operating import worker_started, worker_stopping
from service.settings import Settings, SettingsError, read_settings

THREADS = 16
GRACEFUL_SECONDS = 25
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

# gunicorn's messages that are of the process alone: nothing of a request can be in them.
_OF_THE_PROCESS = frozenset(
    {
        "Can't connect to %s",
        "Connection in use: %s",
        "Invalid address: %s",
        "WORKER TIMEOUT (pid:%s)",
        "Worker (pid:%s) exited with code %s.",
        "Worker (pid:%s) was sent %s!",
        "Worker (pid:%s) was sent %s! Perhaps out of memory?",
    }
)

# A header of ours that cannot be sent counts among the errors of requests. The type stubs do not know these yet.
_DEFECTS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)  # type: ignore[attr-defined]

_STATUS: Mapping[type[Exception], tuple[int, str]] = MappingProxyType(
    {
        errors.ExpectationFailed: (417, "Expectation Failed"),
        errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
        errors.LimitRequestLine: (414, "URI Too Long"),
        errors.UnsupportedTransferCoding: (501, "Not Implemented"),
    }
)
"""What is answered to requests that gunicorn cannot read; to others 400."""


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


class Worker(ThreadWorker):
    """gunicorn's worker of threads, which does not quote a request that it cannot read."""

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """Say that no more calls should come, and end those that are here."""
        server: Any = self.app
        worker_stopping(server.load())
        super().handle_exit(sig, frame)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer such a request; leave the rest to gunicorn, which quotes nothing then."""
        if not isinstance(exc, errors.ParseException) or isinstance(exc, _DEFECTS):
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("a request that cannot be read")
        status, reason = _STATUS.get(type(exc), (400, "Bad Request"))
        try:
            util.write_error(client, status, reason, "")
        except OSError:
            self.log.debug("nobody waits for the answer")


class Server(BaseApplication):
    """gunicorn with one process of threads: a call mostly waits for the caller's FHIR server."""

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
            "workers": 1,
            "worker_class": Worker,
            "threads": THREADS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "preload_app": True,
            "control_socket_disable": True,
            "proc_name": "her2-crd",
            "post_fork": lambda _arbiter, _worker: worker_started(self._app),
            "child_exit": lambda _arbiter, worker: worker_exited(worker.pid),
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


def development_notice(settings: Settings) -> str:
    """Return the one line that says what a development server does not do."""
    payer = f"default payer {settings.default_payer}" if settings.default_payer else "no default payer"
    exposed = "" if settings.host in _LOOPBACK else f" OTHER MACHINES CAN CALL IT (listening on {settings.host})."
    callers = "callers are authenticated" if settings.clients else "callers are NOT authenticated"
    return (
        f"DEVELOPMENT PROFILE at {settings.public_url}: {callers}, FHIR servers on loopback and http are "
        f"allowed, {payer}. Never use it with real patients.{exposed}"
    )


def main() -> int:
    """Serve; return 0 after a stop, 2 when the settings or the policies cannot run."""
    try:
        settings = read_settings(os.environ)
        if settings.in_development:
            print(development_notice(settings), flush=True)
        prepare_multiprocess(settings.workers)
        Server(create_app(settings), settings).run()
    except SettingsError as error:
        print(f"her2-crd does not start. {error}", file=sys.stderr)
        return 2
    except ClientsError as error:
        print(f"her2-crd does not start. The registry of clients has mistakes:\n{error}", file=sys.stderr)
        return 2
    except LibraryError as error:
        print(f"her2-crd does not start. The policies have mistakes:\n{error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
