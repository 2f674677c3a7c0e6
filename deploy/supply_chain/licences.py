"""The licences of the locked packages, against the list of those allowed: `make licences`.

What a package declares is read by pip-licenses; which of it is allowed stands in licences.toml, with the reasons.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from deploy.supply_chain.locks import Locked, read_lock

__all__ = ["Declared", "Rules", "complaints", "declared_licences", "read_rules"]

CHECKOUT = Path(__file__).resolve().parents[2]
RULES = Path(__file__).with_name("licences.toml")
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-build.txt")


@dataclass(frozen=True, slots=True)
class Declared:
    """What an installed package says of itself."""

    version: str
    licence: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Which licences are allowed: to all packages, to one, and of packages that are not installed here."""

    spdx: Mapping[str, str]
    """What packages declare -> name of SPDX."""
    words: frozenset[str]
    exceptions: Mapping[NormalizedName, str]
    elsewhere: Mapping[NormalizedName, str]

    def licence(self, locked: Locked, declared: Mapping[NormalizedName, Declared]) -> str | None:
        """Return what is known of the licence of a locked package, as SPDX names it where that is clear."""
        found = declared.get(locked.name)
        if found is None:
            return None if locked.is_for_this_machine else self.elsewhere.get(locked.name)
        return self.spdx.get(found.licence, found.licence)

    def allow(self, name: NormalizedName, licence: str) -> bool:
        """Say whether a package may have this licence. An exception is for that licence, not for any."""
        if name in self.exceptions:
            return self.exceptions[name] == licence
        return licence in self.spdx.values() or licence in self.words


def read_rules(path: Path = RULES) -> Rules:
    """Return the rules of a file; raise KeyError for an exception without licence or reason."""
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    exceptions = {}
    for name, each in found["exceptions"].items():
        if not each["reason"].strip():
            raise KeyError(f"{name} has no reason")
        exceptions[canonicalize_name(name)] = str(each["licence"])
    return Rules(
        spdx={word: spdx for spdx, words in found["allowed"].items() for word in words},
        words=frozenset(found["allowed_words"]),
        exceptions=exceptions,
        elsewhere={canonicalize_name(name): licence for name, licence in found["elsewhere"].items()},
    )


def declared_licences() -> Mapping[NormalizedName, Declared]:
    """Return what the packages of this environment declare."""
    command = [sys.executable, "-m", "piplicenses", "--format=json", "--with-system", f"--python={sys.executable}"]
    listing = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {canonicalize_name(each["Name"]): Declared(each["Version"], each["License"]) for each in listing}


def complaints(locked: Iterable[Locked], declared: Mapping[NormalizedName, Declared], rules: Rules) -> Iterator[str]:
    """Yield what is wrong: a package that cannot be asked, one in another version, a licence that is not allowed."""
    for each in locked:
        found = declared.get(each.name)
        if found is not None and found.version != each.version:
            yield f"{each.name}: {each.version} is locked, {found.version} is installed"
            continue
        licence = rules.licence(each, declared)
        if licence is None:
            yield f"{each.name}: not installed, so its licence is not known"
        elif not rules.allow(each.name, licence):
            yield f"{each.name}: {licence} is not allowed to it"


def main() -> int:
    """Check every lock; return 1 when there is anything to complain of."""
    rules, declared = read_rules(), declared_licences()
    locked = {each.name: each for name in LOCKS for each in read_lock(CHECKOUT / name)}
    found = sorted(complaints(locked.values(), declared, rules))
    for each in found:
        print(each, file=sys.stderr)
    if not found:
        excepted = ", ".join(sorted(rules.exceptions))
        print(f"licences of {len(locked)} locked packages: all allowed, by exception {excepted}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
