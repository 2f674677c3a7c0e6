"""Metrics of several processes: each counts in files of a common folder, and whoever is asked adds them up.

prometheus_client reads the name of the folder when it is imported, so this is done before anything imports it.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from service.setting_values import SettingsError

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder."""

_PREFIX = "her2-crd-metrics-"
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a name nobody can guess is made in it
"""Where Linux keeps files in memory. The counts are mapped into memory: on a full disk, writing one kills a process."""


def prepare_multiprocess(workers: int) -> None:
    """Name a folder for the counts of several processes, and empty the one that is named; raise SettingsError.

    One process needs none. What an earlier run left would be added to the counts of this one.
    """
    named = os.environ.pop(FOLDER, "")
    if named:
        _empty(Path(named))
        os.environ[FOLDER] = named
    elif workers > 1:
        parent = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
        _sweep(parent or Path(tempfile.gettempdir()))
        os.environ[FOLDER] = made = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent)
        atexit.register(_remove, made, os.getpid())


def _empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.db"):
            left.unlink()
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        raise SettingsError(FOLDER, "must be a folder that can be written") from None


def worker_exited(pid: int) -> None:
    """Forget what a process that ended was doing; what it counted stays counted."""
    if os.environ.get(FOLDER):
        from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - see the module's docstring

        mark_process_dead(pid)  # type: ignore[no-untyped-call] # the library is typed but for this


def _sweep(parent: Path) -> None:
    """Remove what processes left that were killed."""
    for folder in parent.glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not _is_running(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # of another user, or no process at all
        return True
    return True


def _remove(folder: str, owner: int) -> None:
    """Remove the folder with the process that made it; the others inherit this and leave it alone."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
