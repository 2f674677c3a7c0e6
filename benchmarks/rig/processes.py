"""Processes and files of a harness, none of which outlives it, whatever ends it."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent.parent
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Child:
    """A process in a group and session of its own: a signal from the keyboard does not reach it, `kill` reaches all."""

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        *,
        cwd: Path = ROOT,
        user: int | None = None,
    ) -> None:
        """Start the command; what it says goes to the end of the log."""
        with log.open("ab") as said:
            # The commands are this interpreter and the database server of this machine.
            self._process = subprocess.Popen(  # noqa: S603
                command,
                cwd=cwd,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                user=user,
                group=user if user is None else _group_of(user),
                extra_groups=None if user is None else (),
            )
        self.log = log

    @property
    def pid(self) -> int:
        """Return the number of the process, which is that of its group too."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Return the exit status, None while it runs."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, not to the others of its group."""
        self._process.send_signal(number)

    def wait(self, seconds: float) -> int | None:
        """Return the exit status, None when it still runs after so long."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End the whole group at once, as kill -9 does."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 10) -> int | None:
        """Ask the process to end, then end what is left of its group; return its status, None when it had to be made.

        Killing comes last in any case: a worker must not outlive a master that ended badly.
        """
        if self.status is None:
            self.send(number)
        status = self.wait(seconds)
        self.kill()
        return status

    def last_words(self, most: int = 2000) -> str:
        """Return the end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-most:]


def _group_of(user: int) -> int:
    import pwd  # noqa: PLC0415 - only where there are users to choose from

    return pwd.getpwuid(user).pw_gid


@contextmanager
def child(command: Sequence[str], environ: Mapping[str, str], log: Path, *, user: int | None = None) -> Iterator[Child]:
    """Start a process and end it with the block."""
    started = Child(command, environ, log, user=user)
    try:
        yield started
    finally:
        started.end()


def group_members(group: int) -> tuple[int, ...]:
    """Return the processes of a group that still run."""
    return tuple(sorted(pid for pid, (_, its_group) in _processes().items() if its_group == group))


def children_of(parent: int) -> tuple[int, ...]:
    """Return the processes that a process started."""
    return tuple(sorted(pid for pid, (its_parent, _) in _processes().items() if its_parent == parent))


def _processes() -> dict[int, tuple[int, int]]:
    """Return parent and group of every process that has not ended."""
    found: dict[int, tuple[int, int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                # The name stands in brackets and may hold anything, so what follows it is what can be split.
                state, parent, group, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
                if state != "Z":
                    found[int(folder.name)] = int(parent), int(group)
    return found


def resident_bytes(pid: int) -> int:
    """Return how much memory a process has in use; 0 when it is gone."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def open_files(pid: int) -> int:
    """Return how many file descriptors a process has open; 0 when it is gone."""
    with suppress(OSError):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return 0


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that is gone with the block. Other users may pass through it, not look into it."""
    with TemporaryDirectory(prefix="her2-crd-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@contextmanager
def ended_cleanly() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP end the block as an exception does, so that everything in it is put away.

    The second signal does nothing: who presses Ctrl-C twice must not leave servers behind.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        for each in _ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = {each: signal.signal(each, end) for each in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
