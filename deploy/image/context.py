"""The build context: the files that .dockerignore lets through."""

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

__all__ = ["allowed", "copy_context"]


def copy_context(checkout: Path, to: Path) -> None:
    """Copy what an engine would send to a build of this checkout."""
    rules = (checkout / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in allowed(rules, _files(checkout)):
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout / name, target)


def _files(folder: Path) -> Iterator[str]:
    # The folders that cannot be in a context are large, so they are not walked at all.
    for top in sorted(folder.iterdir()):
        if top.name in {".git", ".venv"}:
            continue
        files = [top] if top.is_file() else sorted(top.rglob("*"))
        yield from (file.relative_to(folder).as_posix() for file in files if file.is_file())


def allowed(rules: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    """Yield the names that no rule leaves out; the last rule that fits a name, or a folder above it, decides."""
    read = [(each.startswith("!"), _pattern(each.removeprefix("!"))) for each in rules if each and each[0] != "#"]
    for name in names:
        above = [*map(str, PurePosixPath(name).parents)][:-1]
        kept = True
        for wanted, pattern in read:
            if any(pattern.fullmatch(each) for each in (name, *above)):
                kept = wanted
        if kept:
            yield name


def _pattern(rule: str) -> re.Pattern[str]:
    """Return the expression for a rule: `*` stays within a folder, `**/` is any number of them."""
    parts = re.split(r"(\*\*/|\*)", rule)
    return re.compile("".join({"**/": "(?:[^/]+/)*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts))
