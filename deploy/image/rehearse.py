"""Build the Dockerfile and run its image, without a container engine: `make rehearsal`.

Each stage is this machine's own file system under a layer of memory, so its instructions really run. What the base
image holds is not rehearsed: here are compilers, there are none. Then the image runs as an engine runs it with a
read-only root: as the user of the image, with its variables, writing to /tmp and the folder of the database alone. It
must pass its own health check, answer an order, and end when told to.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from deploy.image.context import copy_context
from deploy.image.dockerfile import Stage, read_dockerfile
from deploy.image.roots import Build, Root, mount

CHECKOUT = Path(__file__).resolve().parents[2]
STATE = "/var/lib/her2-crd"
START_SECONDS = 60
STOP_SECONDS = 30


class Rehearsal:
    """The image at work: the last stage's root, read-only, with its volumes."""

    def __init__(self, stage: Stage, root: Root) -> None:
        """Make the root read-only and mount what an operator mounts."""
        self._root = root
        user = stage.last("USER")
        entry = stage.last("ENTRYPOINT")
        health = stage.last("HEALTHCHECK")
        if user is None or entry is None or health is None:
            raise SystemExit("the image lacks USER, ENTRYPOINT or HEALTHCHECK")
        self._user = user.text
        self.entry = entry.words
        self._health: Sequence[str] = json.loads(health.text.removeprefix("CMD "))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        given = {"HER2_CRD_PROFILE": "development", "HER2_CRD_HOST": "127.0.0.1", "PORT": str(self.port)}
        self._environment = {**stage.environment, **given}
        # A new volume gets the owner and mode of the folder that it is mounted on.
        folder = root.inside(STATE).stat()
        owned = f"uid={folder.st_uid},gid={folder.st_gid},mode={folder.st_mode & 0o7777:o}"
        mount("-t", "tmpfs", "-o", owned, "tmpfs", root.inside(STATE))
        mount("-t", "tmpfs", "-o", "mode=1777,noexec", "tmpfs", root.inside("/tmp"))  # noqa: S108
        mount("-o", "remount,ro", root.path)

    def _command(self, words: Sequence[str]) -> Sequence[str]:
        return self._root.start(words, self._environment, self._user)

    def fails(self, words: Sequence[str]) -> bool:
        """Say whether a command in the image fails."""
        return subprocess.run(self._command(words), check=False, capture_output=True).returncode != 0

    def serve(self) -> "subprocess.Popen[bytes]":
        """Return the service, healthy; raise SystemExit when it does not get there."""
        server = subprocess.Popen(self._command(self.entry))
        deadline = time.monotonic() + START_SECONDS
        while self.fails(self._health):
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                raise SystemExit("the service does not pass the image's health check")
            time.sleep(0.2)
        return server

    def written(self) -> Sequence[str]:
        """Return the files that were written, by their paths in the image."""
        found = [file for top in (STATE, "/tmp") for file in self._root.inside(top).rglob("*") if file.is_file()]  # noqa: S108
        return sorted(f"/{file.relative_to(self._root.path)}" for file in found)


def answer_order(port: int) -> int:
    """Send the example order; return the status."""
    body = (CHECKOUT / "examples" / "requests" / "order-sign.json").read_bytes()
    address = f"http://127.0.0.1:{port}/cds-services/her2-order-sign"
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy has no business with loopback
    with opener.open(request, timeout=30) as response:
        return int(response.status)


def expect(what: str, *, expected: object, seen: object) -> None:
    """Print a row; raise SystemExit when the two differ."""
    print(f"{what:<46} expected {expected!s:<6} seen {seen}", flush=True)
    if expected != seen:
        raise SystemExit("the rehearsal failed")


def rehearse(work: Path) -> None:
    """Build and run; raise SystemExit or CalledProcessError at the first thing that is not as it must be."""
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", work)
    context = work / "context"
    copy_context(CHECKOUT, context)
    dockerfile = read_dockerfile((CHECKOUT / "Dockerfile").read_text(encoding="utf-8"))
    # A virtual environment that is active here is none there, and neither is a folder for temporary files.
    own = ("HER2_CRD_", "VIRTUAL_ENV", "TMPDIR")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    path = f"{sys.base_prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    build = Build(work, CHECKOUT, context, {**ours, "PATH": path})
    image = Rehearsal(dockerfile.image, build.run(dockerfile))
    print(f"built {shlex.join(sorted(file.name for file in build.roots['wheel'].inside('/dist').iterdir()))}")
    expect("writing beside the code fails", expected=True, seen=image.fails(["touch", "/opt/her2-crd/touched"]))
    expect("writing to the folder of the database fails", expected=False, seen=image.fails(["test", "-w", STATE]))
    expect("pip is missing", expected=True, seen=image.fails(["python", "-c", "import pip"]))
    expect("the check of the policies fails", expected=False, seen=image.fails(["python", "-m", "criteria", "check"]))
    expect("her2-crd migrate fails", expected=False, seen=image.fails([*image.entry, "migrate"]))
    server = image.serve()
    try:
        expect("status of an order", expected=200, seen=answer_order(image.port))
        started = time.monotonic()
        server.send_signal(signal.SIGTERM)
        expect("status of the process after SIGTERM", expected=0, seen=server.wait(STOP_SECONDS))
    finally:
        server.kill()
    written = image.written()
    expect("a database is in its folder", expected=True, seen=any(file.startswith(STATE) for file in written))
    print(f"it stopped in {time.monotonic() - started:.1f} s and had written {', '.join(written)}")


def working_folder(*needed: Path) -> Path:
    """Return a folder to mount on, with nothing in it that is needed; raise SystemExit where there is none.

    It is there anyway and stays, because nothing may be removed that has mounts in it.
    """
    for folder in (Path("/var/tmp"), Path("/mnt"), Path("/srv")):  # noqa: S108
        if folder.is_dir() and not any(each.is_relative_to(folder) for each in needed):
            return folder
    raise SystemExit("no folder to work in")


def main() -> None:
    """Rehearse in a mount namespace of its own, where a mount is seen by nobody else and goes away with the process."""
    namespace = str(Path("/proc/self/ns/mnt").readlink())
    match sys.argv[1:]:
        case []:
            again = [sys.executable, "-m", "deploy.image.rehearse", namespace]
            os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", *again])  # noqa: S606
        case [left] if left != namespace:
            rehearse(working_folder(CHECKOUT, Path(sys.base_prefix)))
        case _:
            raise SystemExit("not in a mount namespace of its own")


if __name__ == "__main__":
    main()
