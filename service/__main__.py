"""The command `her2-crd`: serve on the address of the settings until told to stop."""

import os
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from criteria.errors import LibraryError
from service.app import create_app
from service.clients import ClientsError
from service.settings import Settings, SettingsError, read_settings

THREADS = 16
GRACEFUL_SECONDS = 25
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


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
            "worker_class": "gthread",
            "threads": THREADS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "preload_app": True,
            "control_socket_disable": True,
            "proc_name": "her2-crd",
            "loglevel": "warning",
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
