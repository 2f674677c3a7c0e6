"""Files that a Markdown document shows: fenced blocks whose first line is a comment with the file's path."""

import re
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"# ([a-z0-9_/.-]+\.yaml)\n")


def blocks(text: str, language: str) -> list[str]:
    """The contents of all fenced blocks of a language."""
    return [found[2] for found in _FENCE.finditer(text) if found[1] == language]


def yaml_files(text: str) -> dict[str, str]:
    """Path and content of each YAML block; a block that does not say its path, or says another's, is an error."""
    found: dict[str, str] = {}
    for block in blocks(text, "yaml"):
        path = _PATH.match(block)
        if path is None:
            raise ValueError(f"a YAML block does not begin with its path: {block[:60]!r}")
        if path[1] in found:
            raise ValueError(f"{path[1]} is shown twice")
        found[path[1]] = block
    return found


def write(files: dict[str, str], folder: Path) -> Path:
    """Write the files below a folder and return it."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    return folder
