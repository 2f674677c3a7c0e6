"""The command `python -m criteria check`."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from criteria.__main__ import USAGE, main
from tests.criteria.data_folders import HERE, POLICY, folder, good, good_with

ADDED = {name: good(name) for name in (POLICY, "acme/payer.yaml", "acme/products.yaml")}


def test_the_shipped_data_is_clean_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "clean: 2 payers, 3 policies, 53 leaves, 11 value sets\n"


def test_a_folder_is_checked_together_with_the_shipped_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder(tmp_path / "more", ADDED, fresh=True))]) == 0
    assert capsys.readouterr().out == "clean: 3 payers, 4 policies, 59 leaves, 11 value sets\n"


def test_a_folder_may_hold_value_sets_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "value_sets").mkdir()
    assert main(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("clean: 2 payers")


def test_every_defect_is_a_line_of_place_path_and_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = good_with(POLICY, ("{aged:", "{agde:"), ("decides: [pembrolizumab]", "decides: [pembrolizumap]"))
    assert main(["check", str(folder(tmp_path / "more", {**ADDED, POLICY: text}, fresh=True))]) == 1
    first, second = sorted(capsys.readouterr().out.splitlines())
    assert f"policies/{POLICY}:15:1: $.decides: no drug is called pembrolizumap" in first
    assert f"policies/{POLICY}:59:13: $.leaves.adult.judge.agde: no test is called agde" in second


def test_a_broken_value_set_is_a_defect_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = tmp_path / "value_sets"
    sets.mkdir()
    (sets / "no-such-set.yaml").write_text("a: 1\n", encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 1
    assert "no-such-set.yaml:1:1: $: no value set is called no-such-set" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["chekc"], ["--help"], ["check", "/no/such/folder"], ["check", str(HERE)]])
def test_any_other_call_is_answered_with_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert USAGE in shown.err


def test_a_folder_that_holds_no_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_the_arguments_of_the_command_line_are_read_when_none_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["criteria", "check"])
    assert main() == 0


def test_the_command_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "criteria", "check"], cwd=HERE.parents[1], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("clean: ")


def test_the_module_ends_with_the_status_of_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["criteria"])
    monkeypatch.delitem(sys.modules, "criteria.__main__")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("criteria", run_name="__main__")
    assert ended.value.code == 2
