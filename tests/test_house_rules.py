"""Rules about the repository itself that no linter knows."""

import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ["requirements.txt", "requirements-dev.txt", "requirements-build.txt"]
PACKAGES = ["service", "fhir_mappers", "criteria", "cards"]

# A registry is the choice of whoever installs, so its name belongs into their configuration.
REGISTRY = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|crates\.io|proxy\.golang\.org)\b|--(?:extra-)?index-url[ =]"
)
# The folders in which a developer's machine keeps its checkouts. The lookbehind leaves alone the same word further
# along a path or an address.
MACHINE_PATH = re.compile(r"(?<![\w.)}-])/(?:work|farm|root|home|Users)/")
ADDRESS = re.compile(r"https?://")


def tracked_files() -> list[Path]:
    # A checkout mounted into a container often belongs to another user, which git refuses unless told otherwise.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = [ROOT / name for name in listing.split("\0") if name]
    return [file for file in files if file.is_file()]


def lines_matching(pattern: re.Pattern[str], files: Iterable[Path]) -> Iterator[str]:
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if pattern.search(line):
                yield f"{file.name}:{number}: {line.strip()[:120]}"


def folders_without_init(tests: Path) -> set[Path]:
    """Folders on the way from `tests` to a test module that pytest would not see as packages."""
    modules = [*tests.rglob("test_*.py"), *tests.rglob("*_test.py")]
    folders = {folder for module in modules for folder in module.parents if folder == tests or tests in folder.parents}
    return {folder for folder in folders if not (folder / "__init__.py").is_file()}


def wheel_packages(pyproject: str) -> list[str]:
    packages = tomllib.loads(pyproject)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return [str(package) for package in packages]


# Without tests/__init__.py pytest puts tests/ on sys.path, and tests/criteria then hides the product's criteria.
def test_every_folder_with_a_test_is_a_package() -> None:
    assert folders_without_init(ROOT / "tests") == set()


def test_a_folder_with_a_test_and_no_init_is_found(tmp_path: Path) -> None:
    deep = tmp_path / "tests" / "criteria" / "predicates"
    deep.mkdir(parents=True)
    (tmp_path / "tests" / "__init__.py").touch()
    (tmp_path / "tests" / "data").mkdir()
    (deep / "__init__.py").touch()
    (deep / "test_measured.py").touch()
    assert folders_without_init(tmp_path / "tests") == {tmp_path / "tests" / "criteria"}


def test_git_names_the_files_of_the_project() -> None:
    assert ROOT / "pyproject.toml" in tracked_files()


@pytest.mark.parametrize("pattern", [REGISTRY, MACHINE_PATH])
def test_no_tracked_file_names_a_registry_or_a_machine(pattern: re.Pattern[str]) -> None:
    assert list(lines_matching(pattern, tracked_files())) == []


# The bad lines are put together here, so that this file does not break its own rule.
@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (REGISTRY, "see https://pypi" + ".org/simple/flask"),
        (REGISTRY, "files.pythonhosted" + ".org"),
        (REGISTRY, "pip install --index-" + "url=mirror flask"),
        (MACHINE_PATH, "cd /" + "work/main"),
        (MACHINE_PATH, 'open("/' + 'home/ada/her2/case.json")'),
        (MACHINE_PATH, "PATH=/" + "root/.venv/bin"),
        (ADDRESS, "-i https://" + "mirror.example/simple"),
    ],
)
def test_a_bad_line_is_found(tmp_path: Path, pattern: re.Pattern[str], line: str) -> None:
    file = tmp_path / "notes.md"
    file.write_text(f"fine\n{line}\n", encoding="utf-8")
    assert list(lines_matching(pattern, [file])) == [f"notes.md:2: {line}"]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (REGISTRY, "any package registry that pip can reach"),
        (MACHINE_PATH, "https://example.org/home/page"),
        (MACHINE_PATH, "docs/work/notes.md and the workroot/file"),
        (ADDRESS, "flask==3.1.3 --hash=sha256:00"),
    ],
)
def test_a_good_line_is_left_alone(tmp_path: Path, pattern: re.Pattern[str], line: str) -> None:
    file = tmp_path / "notes.md"
    file.write_text(line, encoding="utf-8")
    assert list(lines_matching(pattern, [file])) == []


def test_the_wheel_ships_the_four_packages_and_nothing_else() -> None:
    assert wheel_packages((ROOT / "pyproject.toml").read_text(encoding="utf-8")) == PACKAGES


def test_a_wheel_that_ships_its_tests_is_seen() -> None:
    assert wheel_packages('[tool.hatch.build.targets.wheel]\npackages = ["service", "tests"]') != PACKAGES


def test_the_lock_files_hold_no_address() -> None:
    assert list(lines_matching(ADDRESS, [ROOT / name for name in LOCKS])) == []


def unhashed(lock: str) -> list[str]:
    """Pinned packages of a lock file that carry no hash."""
    entries = re.split(r"^(?=\w)", lock, flags=re.MULTILINE)
    return [entry.split("==")[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry]


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_hash(name: str) -> None:
    assert unhashed((ROOT / name).read_text(encoding="utf-8")) == []


def test_a_package_without_a_hash_is_seen() -> None:
    assert unhashed("flask==3.1.3 \\\n    --hash=sha256:00\n    # via her2-crd\nidna==3.20\n") == ["idna"]


def pins(lock: str) -> set[str]:
    return set(re.findall(r"^[\w.-]+==\S+", lock, flags=re.MULTILINE))


@pytest.mark.parametrize("kind", ["", "-build"])
def test_the_development_lock_holds_the_other_locks(kind: str) -> None:
    other, development = (pins((ROOT / f"requirements{each}.txt").read_text("utf-8")) for each in (kind, "-dev"))
    assert other
    assert other - development == set()


def test_pins_that_drifted_apart_are_seen() -> None:
    assert pins("flask==3.1.3 \\\n    --hash=sha256:00\n") - pins("flask==3.1.2 \\\n") == {"flask==3.1.3"}
