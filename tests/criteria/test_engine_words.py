"""The engine carries any drug policy: no word of this product's domain stands in it (issue, part 2)."""

import re
from importlib.resources import files

import pytest

ENGINE = [
    "verdict",
    "dates",
    "bounds",
    "errors",
    "citation",
    "finding",
    "tree",
    "evaluation",
    "outcome",
    "policy",
    "policy_file",
    "data_files",
    "data_folder",
    "library",
    "library_checks",
    "loading",
    "names",
    "decision",
    "present",
]
DOMAIN = re.compile(r"her2|trastuzumab|margenza|margetuximab|kadcyla|enhertu|breast|oncolog", re.IGNORECASE)


@pytest.mark.parametrize("module", ENGINE)
def test_the_engine_knows_no_word_of_the_domain(module: str) -> None:
    text = (files("criteria") / f"{module}.py").read_text(encoding="utf-8")
    found = [f"{number}: {line}" for number, line in enumerate(text.splitlines(), 1) if DOMAIN.search(line)]
    assert found == []


@pytest.mark.parametrize("name", ["policy", "payer", "tables"])
def test_the_schemas_know_no_word_of_the_domain(name: str) -> None:
    assert DOMAIN.findall((files("criteria") / "schema" / f"{name}.schema.json").read_text(encoding="utf-8")) == []


def test_what_is_proposed_instead_is_found_without_naming_a_marker() -> None:
    text = (files("criteria") / "alternatives.py").read_text(encoding="utf-8")
    assert re.findall(r"her2|breast", text, re.IGNORECASE) == []
