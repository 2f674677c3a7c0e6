from pathlib import Path

from deploy.image.context import allowed, copy_context
from tests.test_house_rules import ROOT, tracked_files


def test_the_last_rule_that_fits_decides() -> None:
    rules = ["# a comment", "*", "!service", "!deploy/a.json", "**/__pycache__", ""]
    names = [
        "README.md",
        "service/app.py",
        "service/__pycache__/app.pyc",
        "deploy/a.json",
        "deploy/b.json",
        "x/service/y",
    ]
    assert list(allowed(rules, names)) == ["service/app.py", "deploy/a.json"]


def test_without_rules_everything_is_let_through() -> None:
    assert list(allowed([], ["a", "b/c"])) == ["a", "b/c"]


def test_the_context_holds_what_the_wheel_is_made_of_and_no_tests(tmp_path: Path) -> None:
    copy_context(ROOT, tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {
        *("service", "fhir_mappers", "criteria", "cards", "deploy"),
        *("README.md", "pyproject.toml", "requirements.txt", "requirements-build.txt"),
    }
    assert [each.name for each in (tmp_path / "deploy").rglob("*") if each.is_file()] == ["her2-crd.cdx.json"]
    code = [file for file in tracked_files() if file.is_relative_to(ROOT / "service")]
    assert code
    assert all((tmp_path / file.relative_to(ROOT)).is_file() for file in code)
