"""Data folders for loading tests: copies of tests/criteria/good_data with some files changed."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from criteria.errors import Defect, LibraryError
from criteria.library import Library
from criteria.loading import load_library
from tests.vocabulary import own_vocabulary

HERE = Path(__file__).parent
GOOD = HERE / "good_data"
BAD = HERE / "bad_policies"
POLICY = "acme/checkpoint.yaml"


def good(name: str) -> str:
    """Return the text of a file of the good folder."""
    return (GOOD / "policies" / name).read_text(encoding="utf-8")


def good_with(name: str, *changes: tuple[str, str]) -> str:
    """Return the text of a good file with words replaced; each must be there."""
    text = good(name)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def folder(at: Path, files: Mapping[str, str | None], *, fresh: bool = False) -> Path:
    """Return a copy of the good folder (or an empty one) with these files; None takes a file away."""
    if not fresh:
        shutil.copytree(GOOD, at)
    for name, text in files.items():
        file = at / "policies" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            file.unlink()
        else:
            file.write_text(text, encoding="utf-8")
    return at


def load(*folders: Path) -> Library:
    return load_library(folders, own_vocabulary())


def defects_of(folders: Sequence[Path]) -> tuple[Defect, ...]:
    """Return what is wrong with the folders; nothing when they load."""
    try:
        load(*folders)
    except LibraryError as error:
        return error.defects
    return ()
