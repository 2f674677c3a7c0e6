"""The command `her2-crd`: without further words, serve on the address of the settings until told to stop."""

import os
import sys
from traceback import format_tb

from criteria.errors import LibraryError
from service.app import create_app
from service.clients import ClientsError
from service.command_line import run
from service.multiprocess import prepare_multiprocess
from service.server import Server
from service.settings import Settings, SettingsError, read_settings
from service.storage.database import StorageDownError
from service.storage.schema import SchemaError
from service.storage.sealing import SealError

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


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
    """Serve; return 0 after a stop, 2 when the settings, the policies or the database cannot run."""
    try:
        settings = read_settings(os.environ)
        if settings.in_development:
            print(development_notice(settings), flush=True)
        prepare_multiprocess(settings.workers)
        Server(create_app(settings), settings).run()
    except (SettingsError, SchemaError, SealError, StorageDownError) as error:
        print(f"her2-crd does not start. {error}", file=sys.stderr)
        return 2
    except ClientsError as error:
        print(f"her2-crd does not start. The registry of clients has mistakes:\n{error}", file=sys.stderr)
        return 2
    except LibraryError as error:
        print(f"her2-crd does not start. The policies have mistakes:\n{error}", file=sys.stderr)
        return 2
    return 0


def command() -> int:
    """Do what the command line says; return the exit code, 1 for a defect of ours.

    Of a defect type and places are told, as everywhere: its text may hold a part of an address with a password, or
    what a record said.
    """
    try:
        return run(sys.argv[1:], os.environ, serve=main)
    except Exception as error:  # noqa: BLE001 - the last resort
        places = "".join(format_tb(error.__traceback__))
        print(f"her2-crd ended with a defect, {type(error).__name__}, here:\n{places}", end="", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(command())
