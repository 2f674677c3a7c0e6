"""File systems for the stages of a build without a container engine: this machine's own, under a layer of memory.

Needs root and a mount namespace of its own (`unshare --mount`): the mounts go away with its last process, and nothing
that is written gets to this machine's files.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.image.dockerfile import Dockerfile, DockerfileError, Instruction, Stage

__all__ = ["Build", "Root", "mount"]


def mount(*arguments: str | Path) -> None:
    """Mount something; raise CalledProcessError where this is not allowed."""
    subprocess.run(["mount", *map(str, arguments)], check=True)


@dataclass(slots=True)
class Root:
    """The file system of one stage, and where in it the next instruction works."""

    path: Path
    folder: str = "/"
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def fresh(cls, at: Path, checkout: Path) -> "Root":
        """Lay a layer over this machine's files, in which the checkout cannot be seen."""
        for name in ("upper", "work", "root"):
            (at / name).mkdir(parents=True)
        root = at / "root"
        mount("-t", "overlay", "-o", f"lowerdir=/,upperdir={at}/upper,workdir={at}/work", "overlay", root)
        mount("--bind", "/proc", root / "proc")
        # The checkout first: it may be in /tmp. One on another disk cannot be seen anyway.
        for empty in (checkout, Path("/dev"), Path("/tmp")):  # noqa: S108
            if (inside := root / empty.relative_to("/")).is_dir():
                mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", inside)
        (root / "dev" / "shm").mkdir()
        (root / "dev" / "shm").chmod(0o1777)
        for device in ("null", "zero", "random", "urandom"):
            (root / "dev" / device).touch()
            mount("--bind", f"/dev/{device}", root / "dev" / device)
        # The base image's Python is for everybody. Here it may be in the folder of the user who installed it.
        for folder in Path(sys.base_prefix).parents:
            (root / folder.relative_to("/")).chmod(0o755)
        return cls(root)

    def inside(self, path: str) -> Path:
        """Return where a path of the stage is on this machine."""
        return self.path / (Path(self.folder) / path).relative_to("/")

    def start(self, command: Sequence[str], environment: Mapping[str, str], user: str = "0:0") -> Sequence[str]:
        """Return the command that runs another one in here, as this user and with this environment alone."""
        variables = [f"{name}={value}" for name, value in environment.items()]
        enter = ["chroot", f"--userspec={user}", "--groups=", str(self.path), "env", "-i", f"--chdir={self.folder}"]
        return [*enter, *variables, *command]


class Build:
    """The stages that were built so far, by name."""

    def __init__(self, work: Path, checkout: Path, context: Path, environment: Mapping[str, str]) -> None:
        """Build with these variables, as a builder of an engine has some of its own."""
        self.roots: dict[str, Root] = {}
        self._work = work
        self._checkout = checkout
        self._context = context
        self._environment = environment

    def run(self, dockerfile: Dockerfile) -> Root:
        """Return the root of the last stage; raise DockerfileError or CalledProcessError for what does not work."""
        root = None
        for number, stage in enumerate(dockerfile.stages):
            root = self._stage(stage, self._work / str(number))
            self.roots[stage.name or str(number)] = root
        if root is None:
            raise DockerfileError("no stage")
        return root

    def _stage(self, stage: Stage, at: Path) -> Root:
        root = Root.fresh(at, self._checkout)
        for each in stage.instructions:
            match each.keyword:
                case "RUN":
                    self._execute(root, each)
                case "COPY":
                    self._copy(root, each)
                case "ENV":
                    root.environment |= each.pairs
                case "WORKDIR":
                    root.folder = each.text
                    root.inside(".").mkdir(parents=True, exist_ok=True)
                case _:
                    pass  # says how the image runs, or what it is called
        return root

    def _source(self, stage: str | None, path: str) -> Path:
        return self.roots[stage].inside(path) if stage else self._context / path

    def _execute(self, root: Root, instruction: Instruction) -> None:
        targets = []
        for each in instruction.mounts:
            source, target = self._source(each.stage, each.source), root.inside(each.target)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.mkdir(exist_ok=True) if source.is_dir() else target.touch()
            mount("--bind", source, target)
            targets.append(target)
        shell = root.start(["sh", "-c", instruction.text], {**self._environment, **root.environment})
        subprocess.run(shell, check=True, stdout=subprocess.DEVNULL)
        for target in targets:
            subprocess.run(["umount", str(target)], check=True)

    def _copy(self, root: Root, instruction: Instruction) -> None:
        flags = dict(instruction.flags)
        *sources, target = instruction.words
        for each in sources:
            source, to = self._source(flags.get("from"), each), root.inside(target)
            if source.is_dir():
                shutil.copytree(source, to, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy2(source, to / source.name if target.endswith("/") else to)
