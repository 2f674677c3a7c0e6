"""Build the wheel twice, under circumstances that differ, and compare: `make reproducible`.

Once in the checkout, and once from the context of the image's build, in another folder, with other permissions, times,
time zone, language and hash seed. So the wheel in the image is also shown to be that of the checkout.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.image.context import copy_context

__all__ = ["build", "build_elsewhere", "differences"]

CHECKOUT = Path(__file__).resolve().parents[2]
_BUILD = ("-m", "build", "--wheel", "--no-isolation", "--outdir")
_ELSEWHERE = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONHASHSEED": "4711"}


def build(source: Path, to: Path, environment: Mapping[str, str] | None = None, umask: int = 0o022) -> Path:
    """Build the wheel of a source tree; return it, or raise CalledProcessError with what the build said."""
    command = [sys.executable, *_BUILD, str(to), str(source)]
    variables = {**os.environ, **(environment or {})}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=variables, umask=umask)
    if done.returncode != 0:
        print(done.stdout, done.stderr, file=sys.stderr)
        done.check_returncode()
    (wheel,) = to.glob("*.whl")
    return wheel


def build_elsewhere(scratch: Path) -> Path:
    """Build what the image's build gets to see, somewhere else."""
    source = scratch / "another" / "place"
    copy_context(CHECKOUT, source)
    for number, file in enumerate(sorted(source.rglob("*"))):
        os.utime(file, (number, number))
        file.chmod(0o700 if file.is_dir() else 0o600)
    return build(source, scratch / "elsewhere", _ELSEWHERE, umask=0o077)


def differences(one: Path, other: Path) -> Iterator[str]:
    """Yield what differs between two wheels; nothing when they are equal to the byte."""
    if one.read_bytes() == other.read_bytes():
        return
    yield f"{_digest(one)} and {_digest(other)}"
    held = [_entries(one), _entries(other)]
    for name in sorted(held[0].keys() ^ held[1].keys()):
        yield f"{name} is in one of them only"
    for name in sorted(held[0].keys() & held[1].keys()):
        (entry, content), (other_entry, other_content) = held[0][name], held[1][name]
        if content != other_content:
            yield f"{name} has other content"
        elif (entry.date_time, entry.external_attr) != (other_entry.date_time, other_entry.external_attr):
            yield f"{name} has another time or mode"


def _entries(wheel: Path) -> Mapping[str, tuple[zipfile.ZipInfo, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        return {each.filename: (each, archive.read(each)) for each in archive.infolist()}


def _digest(wheel: Path) -> str:
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def main() -> int:
    """Compare two builds; leave the first in the folder that is given. Return 1 when they differ."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        here = build(CHECKOUT, scratch / "here")
        found = list(differences(here, build_elsewhere(scratch)))
        for each in found:
            print(each, file=sys.stderr)
        if not found:
            print(f"two builds of {here.name} are equal: sha256 {_digest(here)}")
        for target in sys.argv[1:]:
            Path(target).mkdir(parents=True, exist_ok=True)
            shutil.copy2(here, target)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
