"""The Dockerfile as data: stages of instructions. It reads what our Dockerfile uses, and refuses the rest.

There may be no container engine where the project is tested, so what the Dockerfile promises is read here, and
rehearsed in `deploy.image.rehearse`.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Dockerfile", "DockerfileError", "Instruction", "Mount", "Stage", "read_dockerfile"]

_KEYWORDS = frozenset(
    {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM"}
    | {"HEALTHCHECK", "LABEL", "RUN", "STOPSIGNAL", "USER", "WORKDIR"}
)
_FLAG = re.compile(r"--(?P<name>[a-z-]+)=(?P<value>\S+)\s*")


class DockerfileError(Exception):
    """The Dockerfile holds what this reader does not know."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file that one RUN sees: of the build context, or of a stage."""

    source: str
    target: str
    stage: str | None


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continuation lines joined."""

    keyword: str
    flags: tuple[tuple[str, str], ...]
    text: str

    @property
    def words(self) -> tuple[str, ...]:
        """Return what a shell, or JSON where the exec form is used, makes of the text."""
        if self.text.startswith("["):
            return tuple(json.loads(self.text))
        return tuple(shlex.split(self.text))

    @property
    def pairs(self) -> Mapping[str, str]:
        """Return the names and values of ENV, LABEL and ARG."""
        return dict(word.split("=", 1) for word in self.words)

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """Return what a RUN has mounted; raise DockerfileError for other mounts than bind."""
        found = []
        for name, value in self.flags:
            options = dict(option.split("=", 1) for option in value.split(","))
            if name != "mount" or options.pop("type", None) != "bind" or options.keys() - {"source", "target", "from"}:
                raise DockerfileError(f"RUN with --{name}={value}")
            found.append(Mount(options["source"], options["target"], options.get("from")))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Stage:
    """What follows one FROM."""

    base: str
    name: str | None
    instructions: tuple[Instruction, ...]

    def all(self, keyword: str) -> tuple[Instruction, ...]:
        """Return the instructions of this kind."""
        return tuple(each for each in self.instructions if each.keyword == keyword)

    def last(self, keyword: str) -> Instruction | None:
        """Return the instruction of this kind that counts."""
        return next(iter(reversed(self.all(keyword))), None)

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables that ENV sets."""
        return {name: value for each in self.all("ENV") for name, value in each.pairs.items()}


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The arguments before the first FROM, and the stages; the last one is the image."""

    arguments: Mapping[str, str]
    stages: tuple[Stage, ...]

    @property
    def image(self) -> Stage:
        """Return the stage that runs."""
        return self.stages[-1]


def read_dockerfile(text: str) -> Dockerfile:
    """Return a Dockerfile; raise DockerfileError for what is not known or misplaced."""
    arguments: dict[str, str] = {}
    stages: list[tuple[str, str | None, list[Instruction]]] = []
    for each in _instructions(text):
        if each.keyword == "FROM":
            stages.append((*_base(each), []))
        elif stages:
            stages[-1][2].append(each)
        elif each.keyword == "ARG":
            arguments |= each.pairs
        else:
            raise DockerfileError(f"{each.keyword} before the first FROM")
    if not stages:
        raise DockerfileError("no FROM")
    return Dockerfile(arguments, tuple(Stage(base, name, tuple(found)) for base, name, found in stages))


def _base(instruction: Instruction) -> tuple[str, str | None]:
    match instruction.words:
        case [base]:
            return base, None
        case [base, "AS", name]:
            return base, name
        case _:
            raise DockerfileError(f"FROM {instruction.text}")


def _instructions(text: str) -> Iterator[Instruction]:
    for line in _joined(text.splitlines()):
        keyword, _, rest = line.partition(" ")
        if keyword not in _KEYWORDS:
            raise DockerfileError(f"{keyword} is not known")
        flags = []
        rest = rest.strip()
        # HEALTHCHECK has its flags before CMD, the others before their first word.
        while match := _FLAG.match(rest):
            flags.append((match["name"], match["value"]))
            rest = rest[match.end() :]
        yield Instruction(keyword, tuple(flags), rest)


def _joined(lines: Sequence[str]) -> Iterator[str]:
    """Yield one line per instruction: comments out, continuations joined."""
    held = ""
    for line in lines:
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        held += bare.removesuffix("\\").rstrip() + " "
        if not bare.endswith("\\"):
            yield held.strip()
            held = ""
    if held:
        raise DockerfileError("the last line is continued")
