"""The sub-commands of `her2-crd`; without one it serves."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.logs import configure_logs
from service.setting_values import SettingsError, read_database
from service.settings import Settings, read_settings
from service.storage.database import Database, StorageDownError
from service.storage.schema import CURRENT, SchemaError, upgrade


@dataclass(frozen=True, slots=True)
class Command:
    """A sub-command: what it is called, what it takes, and what it does with an environment.

    `run` returns the exit code. It reads the settings it needs itself, so that a job that migrates can do with one.
    """

    name: str
    help: str
    run: Callable[[Namespace, Mapping[str, str]], int]
    add_arguments: Callable[[ArgumentParser], None] = lambda _parser: None


def database_of(environ: Mapping[str, str]) -> Database:
    """Return the database of an environment; raise SettingsError."""
    given = environ.get("DATABASE_URL")
    return Database.of(Settings().database if given is None else read_database("DATABASE_URL", given))


def migrate(_arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Bring the tables of the database up to date."""
    database = database_of(environ)
    try:
        upgrade(database)
    finally:
        database.dispose()
    print(f"The tables of the database are up to date (version {CURRENT}).")
    return 0


def audit(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Verify, replay or export the record."""
    # Replaying needs everything that the service needs, and migrating nothing of it.
    from service import audit_command  # noqa: PLC0415

    database = database_of(environ)
    try:
        match arguments.action:
            case "verify":
                return audit_command.run_verify(database, arguments.heads)
            case "replay":
                return audit_command.run_replay(read_settings(environ), database)
            case _:
                return audit_command.run_export(database)
    finally:
        database.dispose()


def _add_audit_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=("verify", "replay", "export"), help="see docs/records.md")
    parser.add_argument("--heads", type=Path, help="verify: heads that were printed earlier and kept elsewhere")


COMMANDS = (
    Command("migrate", "bring the tables of the database up to date", migrate),
    Command("audit", "prove the record of decisions, or write it out", audit, _add_audit_arguments),
)


def run(arguments: Sequence[str], environ: Mapping[str, str], serve: Callable[[], int]) -> int:
    """Do what the arguments say and return the exit code: 0 when all is well, 2 when nothing could be begun.

    Arguments that are none end the process with 2 and a sentence, as argparse does.
    """
    parser = ArgumentParser(prog="her2-crd", description="Serves, unless it is told to do something else.")
    names = parser.add_subparsers(title="commands", dest="command")
    for each in COMMANDS:
        own = names.add_parser(each.name, help=each.help, description=each.help)
        own.set_defaults(chosen=each)
        each.add_arguments(own)
    given = parser.parse_args(arguments)
    if given.command is None:
        return serve()
    chosen: Command = given.chosen
    configure_logs()
    try:
        return chosen.run(given, environ)
    except SettingsError as error:
        print(f"her2-crd {chosen.name} does nothing. {error}", file=sys.stderr)
        return 2
    except (SchemaError, StorageDownError) as error:
        print(f"her2-crd {chosen.name} failed: {error}", file=sys.stderr)
        return 1
