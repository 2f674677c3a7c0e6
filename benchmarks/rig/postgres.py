"""A PostgreSQL cluster of our own on loopback, from the binaries of this machine; gone with its folder."""

import getpass
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from benchmarks.rig.processes import Child
from benchmarks.rig.web import HOST

REQUIRED = "REQUIRE_POSTGRES"
"""With this variable at 1 a machine without PostgreSQL is an error, not a row that is not played."""

PACKAGED = Path("/usr/lib/postgresql")
"""Where Debian and its kin keep the servers, by version; they put none of them on the PATH."""

_START_SECONDS = 20
_NOT_ROOT = "postgres"


class NoPostgresError(Exception):
    """PostgreSQL cannot be started here; the text says why."""


def binaries() -> Path:
    """Return the folder of the newest server that is installed; raise NoPostgresError."""
    packaged = sorted(PACKAGED.glob("*/bin/initdb"), key=_version)
    found = packaged[-1] if packaged else shutil.which("initdb")
    if found is None:
        raise NoPostgresError("PostgreSQL is not installed on this machine")
    return Path(found).resolve().parent


def _version(initdb: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(initdb))]


def is_required(environ: Mapping[str, str]) -> bool:
    """Say whether a machine without PostgreSQL is an error."""
    return environ.get(REQUIRED) == "1"


class Postgres:
    """A cluster that can be stopped and started again; its data stay until the folder is gone."""

    def __init__(self, folder: Path) -> None:
        """Make the cluster, without starting it; raise NoPostgresError."""
        self._binaries = binaries()
        self._data, self._log = folder / "postgres", folder / "postgres.log"
        self._account = _account()
        self._user = self._account.pw_name if self._account else getpass.getuser()
        self._server: Child | None = None
        self._databases = count(1)
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port: int = probe.getsockname()[1]
        self._make()

    def _make(self) -> None:
        self._data.mkdir(mode=0o700)
        if self._account:
            os.chown(self._data, self._account.pw_uid, self._account.pw_gid)
        # Trust is for whoever reaches this port of loopback while the harness runs.
        options = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", f"--username={self._user}")
        made = subprocess.run(  # noqa: S603 - the database server of this machine
            [str(self._binaries / "initdb"), *options, "--pgdata", str(self._data)],
            user=self._account.pw_uid if self._account else None,
            group=self._account.pw_gid if self._account else None,
            extra_groups=() if self._account else None,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise NoPostgresError(f"initdb: {made.stderr.strip().splitlines()[-1:]}")

    def start(self) -> None:
        """Start the server and wait until it answers; raise NoPostgresError."""
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 100,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._binaries / "postgres"), "-D", str(self._data), *options]
        environ = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        user = self._account.pw_uid if self._account else None
        self._server = Child(command, environ, self._log, cwd=Path("/"), user=user)
        end = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._server.status is not None or time.monotonic() > end:
                words = self._server.last_words()
                self.stop()
                raise NoPostgresError(f"the server did not start: {words}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self) -> None:
        """Stop the server at once, without saying goodbye to its clients; it recovers when it starts again."""
        if self._server is not None:
            self._server.end(signal.SIGQUIT)
        self._server = None

    def new_database(self, template: str | None = None) -> str:
        """Return the address of a fresh database; with a template it begins with the tables of that one."""
        name = f"her2_{next(self._databases)}"
        like = f" TEMPLATE {template}" if template else ""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}{like}".encode())
        return self.url(name)

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://{self._user}@{HOST}:{self.port}/{name}"


def _account() -> pwd.struct_passwd | None:
    """Return the account to run the server as, None for the present one: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in (_NOT_ROOT, "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgresError("PostgreSQL does not run as root, and there is no account postgres or nobody")


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Give a running cluster that ends with the block; raise NoPostgresError."""
    cluster = Postgres(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
