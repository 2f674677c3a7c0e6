"""Mutants of the policy data: each is one small mistake that an author could make, as a file that still loads.

A number one too high or too low, a branch forgotten, "all of" written for "any of": cases that let such a mistake pass
do not test the sentence it is about.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from criteria.data_files import read_yaml, yaml_files
from criteria.errors import LibraryError
from criteria.library import Library
from criteria.loading import load_library, shipped_data
from tests.policies.case_file import PolicyCase, all_cases
from tests.policies.expectations import differences
from tests.policies.runner import Prepared, prepare, shipped

THRESHOLDS = "thresholds.yaml"
Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: in which file, at which place, and what stands there instead.

    `about` holds criteria, keys of expectations, names of paths and numbers: cases with any of them are tried first.
    """

    name: str
    file: str
    path: Steps
    value: Any
    about: frozenset[str]

    @property
    def policy(self) -> str | None:
        """Return the policy whose cases have to notice it; None when any policy's may."""
        return None if self.file == THRESHOLDS else self.file.removesuffix(".yaml")


@cache
def contents() -> Mapping[str, Any]:
    """Return every policy data file by its name below policies/."""
    folder: Traversable = shipped_data() / "policies"
    return {name: read_yaml(file, name).content for name, file in yaml_files(folder)}


def mutants() -> Iterator[Mutant]:
    for name, row in contents()[THRESHOLDS]["thresholds"].items():
        for step in (1, -1):
            value = row["value"]
            about = frozenset({str(value), str(value + 1), *(["dose_exceeds"] if name.startswith("dose") else [])})
            yield Mutant(f"{name} {step:+}", THRESHOLDS, ("thresholds", name, "value"), value + step, about)
    for policy in shipped()[0].policies:
        yield from _of_policy(f"{policy}.yaml")


def _of_policy(file: str) -> Iterator[Mutant]:
    content = contents()[file]
    for leaf, row in content["leaves"].items():
        yield from _numbers(file, row["judge"], ("leaves", leaf, "judge"), frozenset({leaf}))
        yield from _members(file, row["judge"], ("leaves", leaf, "judge"), frozenset({leaf}))
        if row.get("gate"):
            yield Mutant(
                f"{file}: {leaf} is no gate", file, ("leaves", leaf, "gate"), False, frozenset({leaf, "asked"})
            )
    for path, row in content["paths"].items():
        about = frozenset({path, "approval"})
        yield from _numbers(file, row["authorization"], ("paths", path, "authorization"), about)
        yield from _of_tree(file, row["tree"], ("paths", path, "tree"))


def _numbers(file: str, value: Any, path: Steps, about: frozenset[str]) -> Iterator[Mutant]:
    """Yield each whole number of a part of a file one higher, and one lower where that is still a number of things."""
    match value:
        case bool():
            return
        case int():
            for step in (1, -1) if value > 1 else (1,):
                yield Mutant(f"{file}: {_shown(path)} {step:+}", file, path, value + step, about)
        case dict():
            for key, each in value.items():
                yield from _numbers(file, each, (*path, key), about)
        case list():
            for index, each in enumerate(value):
                yield from _numbers(file, each, (*path, index), about)
        case _:
            return


def _members(file: str, value: Any, path: Steps, about: frozenset[str]) -> Iterator[Mutant]:
    """Yield each list of names of a part of a file without one of them."""
    match value:
        case dict():
            for key, each in value.items():
                yield from _members(file, each, (*path, key), about)
        case list() if len(value) > 1 and all(isinstance(each, str) for each in value):
            for index, each in enumerate(value):
                kept = [*value[:index], *value[index + 1 :]]
                yield Mutant(f"{file}: {_shown(path)} without {each}", file, path, kept, about | {each})
        case list():
            for index, each in enumerate(value):
                yield from _members(file, each, (*path, index), about)
        case _:
            return


def _of_tree(file: str, node: Any, path: Steps) -> Iterator[Mutant]:
    """Yield a tree with each branch dropped and each connective swapped."""
    if isinstance(node, str):
        return
    ((kind, body),) = node.items()
    if kind == "not":
        yield from _of_tree(file, body["of"], (*path, kind, "of"))
        return
    branches, about = body["of"], frozenset({str(path[1]), body["id"], *_names(body["of"])})
    if kind in {"all-of", "any-of"} and len(branches) > 1:
        other = "any-of" if kind == "all-of" else "all-of"
        yield Mutant(f"{file}: {body['id']} as {other}", file, path, {other: body}, about)
    if kind == "at-least":
        yield from _numbers(file, body["threshold"], (*path, kind, "threshold"), about)
    for index, branch in enumerate(branches):
        if len(branches) > 1:
            kept = [*branches[:index], *branches[index + 1 :]]
            name = f"{file}: {body['id']} without {_names([branch])[0]}"
            yield Mutant(
                name, file, (*path, kind, "of"), kept, frozenset({str(path[1]), body["id"], *_names([branch])})
            )
        yield from _of_tree(file, branch, (*path, kind, "of", index))


def _names(branches: Sequence[Any]) -> list[str]:
    return [each if isinstance(each, str) else next(iter(each.values()))["id"] for each in branches]


def _shown(path: Steps) -> str:
    return ".".join(str(step) for step in path if step not in {"leaves", "judge", "paths"})


def load(folder: Path, mutant: Mutant | None = None) -> Library:
    """Return the library with one mistake in it, loaded from files in `folder`; raise LibraryError if it is refused.

    Policies that the mistake is not about are left out. `folder` may be used again: only what differs is written.
    """
    policy = None if mutant is None else mutant.policy
    root = folder / (policy or "all").replace("/", "-")
    for name, content in contents().items():
        if policy is not None and "leaves" in content and name != f"{policy}.yaml":
            continue
        changed = content if mutant is None or mutant.file != name else _replaced(content, mutant.path, mutant.value)
        # JSON is YAML, and is written without a thought for quotes.
        _write(root / "policies" / name, json.dumps(changed))
    return load_library((root,), shipped()[1])


def _write(file: Path, text: str) -> None:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
    elif file.read_text(encoding="utf-8") == text:
        return
    file.write_text(text, encoding="utf-8")


def _replaced(content: Any, path: Steps, value: Any) -> Any:
    if not path:
        return value
    step, *rest = path
    if isinstance(content, list):
        return [_replaced(each, tuple(rest), value) if index == step else each for index, each in enumerate(content)]
    return {key: _replaced(each, tuple(rest), value) if key == step else each for key, each in content.items()}


@cache
def sound_cases() -> tuple[tuple[PolicyCase, Prepared], ...]:
    """Return the cases that pass on the shipped policies: only they can tell a mutant from them."""
    return tuple((case, ready) for case in all_cases() for ready in (prepare(case),) if not differences(case))


def noticed_by(mutant: Mutant, folder: Path) -> str | None:
    """Return the sentence of the first case that fails on a mutant, None when it survives.

    Those that speak of what the mutant is about come first. A mutant that does not load was noticed by the loader.
    """
    try:
        library = load(folder, mutant)
    except LibraryError as error:
        return f"refused: {error}"
    relevant = [each for each in sound_cases() if mutant.policy in {None, each[0].policy}]
    for case, ready in sorted(relevant, key=lambda each: -len(mutant.about & _subjects(each[0]))):
        if _fails(case, library, ready):
            return case.sentence
    return None


@cache
def _words(sentence: str) -> frozenset[str]:
    return frozenset(sentence.split())


def _subjects(case: PolicyCase) -> frozenset[str]:
    """Return what a case is about: the criteria and keys of its expectations, its path, the words of its sentence."""
    expect = case.expect
    path = expect.get("path", "initial")
    return _words(case.sentence) | {path, *expect, *expect.get("verdicts", ()), *expect.get("asked", ())}


def _fails(case: PolicyCase, library: Library, ready: Prepared) -> bool:
    try:
        return bool(differences(case, library, ready))
    except Exception:  # noqa: BLE001 - a mutant may break anything, and breaking is being noticed
        return True
