"""A lock file as data: what is pinned, with the hashes of the files that pip accepts and what asked for it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import NormalizedName, canonicalize_name

__all__ = ["Locked", "read_lock"]

_PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?$")
_HASH = re.compile(r"\s+--hash=sha256:(?P<hash>[0-9a-f]{64})\s*\\?$")
_VIA = re.compile(r"\s+#(?: via$| via (?=\S)|\s{3}(?=\S))(?:-c \S+|(?P<name>[\w.-]+)(?: \(pyproject\.toml[^)]*\))?)?$")


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock."""

    name: NormalizedName
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]
    wanted_by: frozenset[NormalizedName]
    """The packages of the same lock, or the project, that depend on it."""

    @property
    def is_for_this_machine(self) -> bool:
        """Say whether pip installs it here."""
        return self.marker is None or self.marker.evaluate()


def read_lock(path: Path) -> tuple[Locked, ...]:
    """Return the packages of a lock that uv wrote, by name; raise ValueError for a line that is not known."""
    return tuple(sorted(_entries(path.read_text(encoding="utf-8")), key=lambda each: each.name))


def _entries(text: str) -> Iterator[Locked]:
    for entry in re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]:
        first, *others = entry.rstrip().splitlines()
        pin = _PIN.match(first)
        if pin is None:
            raise ValueError(f"not a pinned package: {first}")
        hashes, wanted_by = [], []
        for line in others:
            if match := _HASH.match(line):
                hashes.append(match["hash"])
            elif match := _VIA.match(line):
                # `# via` alone begins a list, and `-c FILE` is a lock that this one follows.
                wanted_by += [canonicalize_name(match["name"])] if match["name"] else []
            else:
                raise ValueError(f"neither a hash nor a reason: {line}")
        marker = Marker(pin["marker"]) if pin["marker"] else None
        name = canonicalize_name(pin["name"])
        yield Locked(name, pin["version"], marker, tuple(sorted(hashes)), frozenset(wanted_by))
