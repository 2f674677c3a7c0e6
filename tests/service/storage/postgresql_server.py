"""A PostgreSQL of the operating system, started for tests in a folder of its own, and PgBouncer in front of it."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

REQUIRED = "TEST_POSTGRES"
"""`required`: a missing PostgreSQL or PgBouncer is a failure, not a reason to skip. No name of the form HER2_CRD_…:
those are settings, and the service does not start with one that it does not know."""
_START_SECONDS = 30.0


def missing(what: str) -> None:
    """Skip, unless whoever runs the tests says that there must be one."""
    text = f"there is no {what} on this machine, or it is not in its usual place"
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(text)
    pytest.skip(text)


def programs() -> Path | None:
    """Return the folder of initdb and postgres, the newest version first; None when there is none."""
    found = [Path(each).parent for each in [shutil.which("postgres")] if each]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: float(each.parent.name), reverse=True)
    return next((each for each in found if (each / "initdb").exists() and (each / "postgres").exists()), None)


def pgbouncer() -> str | None:
    """Return the path of PgBouncer, which lies where only root looks; None when there is none."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _other_user() -> str | None:
    """Return whom to run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    return next(each for each in ("postgres", "nobody") if each in known)


class Folder:
    """A folder that belongs to whom the servers run as."""

    def __init__(self) -> None:
        self.user = _other_user()
        self.path = Path(tempfile.mkdtemp(prefix="her2-crd-"))
        if self.user is not None:
            shutil.chown(self.path, self.user)

    def start(self, *command: str, log: str) -> subprocess.Popen[bytes]:
        with (self.path / log).open("ab") as output:
            return subprocess.Popen(
                command, cwd=self.path, user=self.user, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def run(self, *command: str, log: str) -> None:
        if self.start(*command, log=log).wait(timeout=60) != 0:
            raise RuntimeError((self.path / log).read_text(errors="replace"))

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class Server:
    """A server on a port of loopback that can be stopped and started again."""

    def __init__(self, folder: Folder, port: int, command: tuple[str, ...], log: str) -> None:
        self.port = port
        self._folder, self._command, self._log = folder, command, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = self._folder.start(*self._command, log=self._log)
        end = time.monotonic() + _START_SECONDS
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self._folder.path / self._log).read_text(errors="replace"))
            time.sleep(0.02)

    def _accepts(self) -> bool:
        with suppress(psycopg.OperationalError), closing(psycopg.connect(self.url("postgres"), connect_timeout=2)):
            return True
        return False

    def url(self, name: str) -> str:
        return f"postgresql://crd@127.0.0.1:{self.port}/{name}"

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """Stop at once, which breaks every connection; without effect on one that is stopped."""
        if self._process is not None:
            self.send(signal.SIGINT)
            self._process.wait(timeout=30)
            self._process = None


@contextmanager
def running_postgresql(folder_of_programs: Path) -> Iterator[Server]:
    """Yield a server with the user crd, whom it asks for no password."""
    folder = Folder()
    try:
        data = str(folder.path / "data")
        initdb = str(folder_of_programs / "initdb")
        folder.run(
            initdb, "-D", data, "-U", "crd", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", log="initdb.log"
        )
        port = free_port()
        options = [
            f"port={port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "full_page_writes=off",
            "shared_buffers=16MB",
            "max_connections=60",
        ]
        arguments = [part for each in options for part in ("-c", each)]
        server = Server(folder, port, (str(folder_of_programs / "postgres"), "-D", data, *arguments), "postgres.log")
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        folder.remove()


@contextmanager
def running_pgbouncer(program: str, behind: Server) -> Iterator[Server]:
    """Yield a proxy that pools by transaction: two sessions of the server for all clients."""
    folder = Folder()
    try:
        port = free_port()
        (folder.path / "users.txt").write_text('"crd" ""\n')
        (folder.path / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"* = host=127.0.0.1 port={behind.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = trust\nauth_file = users.txt\n"
            "pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\nserver_login_retry = 1\n"
        )
        server = Server(folder, port, (program, "pgbouncer.ini"), "pgbouncer.log")
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        folder.remove()
