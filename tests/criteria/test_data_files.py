from pathlib import Path

import pytest

from criteria.data_files import DataFile, read_yaml, yaml_files
from criteria.errors import LibraryError

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"day": {"type": "string", "format": "date"}, "list": {"type": "array", "items": {"enum": ["a"]}}},
}


def written(at: Path, text: str) -> DataFile:
    at.write_text(text, encoding="utf-8")
    return read_yaml(at, at.name)


@pytest.fixture(name="file")
def file_(tmp_path: Path) -> Path:
    return tmp_path / "file.yaml"


@pytest.mark.parametrize("day", ["2026-01-31", "2024-02-29"])
def test_a_calendar_day_is_a_date_in_quotes_or_not(day: str, file: Path) -> None:
    assert written(file, f'day: "{day}"\n').check(SCHEMA) == ()
    assert written(file, f"day: {day}\n").check(SCHEMA) == ()


@pytest.mark.parametrize("day", ["2026-13-45", "2026-02-29", "2026-1-1", "20260101", "2026-W01-1", "2026", "", "soon"])
def test_what_is_no_calendar_day_is_refused_in_quotes_or_not(day: str, file: Path) -> None:
    (quoted,) = written(file, f'day: "{day}"\n').check(SCHEMA)
    assert (quoted.line, quoted.column, quoted.path) == (1, 1, "$.day")
    assert len(written(file, f"day: {day}\n").check(SCHEMA)) == 1


def test_a_defect_shows_the_place_of_an_item_of_a_list(file: Path) -> None:
    (found,) = written(file, "day: 2026-01-01\nlist:\n  - a\n  - b\n").check(SCHEMA)
    assert str(found) == f"{file}:4:5: $.list[1]: 'b' is none of a"


NAMES = {"thing": frozenset({"stone", "stick", "string", "bone"})}
NAMED = {
    "type": "object",
    "properties": {"one": {"type": "string", "format": "thing"}, "by": {"propertyNames": {"format": "thing"}}},
}


def test_a_name_that_does_not_exist_is_refused_with_the_nearest_that_do(file: Path) -> None:
    (found,) = written(file, "one: stome\n").check(NAMED, names=NAMES)
    assert str(found) == f"{file}:1:1: $.one: no thing is called stome; nearest: stone, bone, stick"


def test_a_key_that_does_not_exist_is_refused_at_its_own_place(file: Path) -> None:
    (found,) = written(file, "by:\n  stone: 1\n  stik: 2\n").check(NAMED, names=NAMES)
    assert str(found) == f"{file}:3:3: $.by.stik: no thing is called stik; nearest: stick, string, stone"


@pytest.mark.parametrize("value", ["5", "[stone]", "{stone: stick}"])
def test_what_is_no_text_is_refused_as_no_text_only(value: str, file: Path) -> None:
    (found,) = written(file, f"one: {value}\n").check(NAMED, names=NAMES)
    assert "is not of type 'string'" in found.message


def test_a_part_of_a_file_is_checked_at_its_place(file: Path) -> None:
    found = written(file, "outer:\n  inner:\n    day: never\n").check(SCHEMA, ("outer", "inner"))
    assert [(each.line, each.column, each.path) for each in found] == [(3, 5, "$.outer.inner.day")]


def test_several_mistakes_come_in_the_order_of_their_paths(file: Path) -> None:
    found = written(file, "list: [b]\nday: never\nother: 1\n").check(SCHEMA)
    assert sorted(each.path for each in found) == ["$.day", "$.list[0]", "$.other"]


def test_a_key_that_nothing_is_known_beside_says_so(file: Path) -> None:
    (found,) = written(file, "key: 1\n").check({"type": "object", "additionalProperties": False})
    assert "known keys: none" in found.message


def test_a_place_that_is_not_in_the_file_is_the_nearest_one_that_is(file: Path) -> None:
    found = written(file, "outer:\n  inner: 1\n").defect(("outer", "missing", "deep"), "words")
    assert (found.line, found.path) == (1, "$.outer.missing.deep")
    found = written(file, "outer:\n  inner: 1\n").defect(("outer", "inner", 0, "deep"), "words")
    assert (found.line, found.path) == (2, "$.outer.inner[0].deep")


def test_the_top_of_a_file_is_its_first_line(file: Path) -> None:
    found = written(file, "# words\nkey: 1\n").defect((), "words")
    assert (found.line, found.column, found.path) == (1, 1, "$")


@pytest.mark.parametrize(
    "content",
    [b"a: [1\n", b"a: 1\na: 2\n", b"- a\n", b"", b"a: \x07\n", b"a: \xff\n", b"a: &x [*x]\n", b"? [a]\n: b\n"],
)
def test_what_is_not_the_yaml_read_here_is_a_defect_and_never_another_error(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(LibraryError) as caught:
        read_yaml(file, "shown.yaml")
    (defect,) = caught.value.defects
    assert (defect.file, defect.path) == (str(file), "$")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: 1\n".encode("utf-16"), "is not UTF-8"),
        (b"a: " + b"9" * 5000 + b"\n", "holds a whole number of more digits than are read"),
    ],
)
def test_what_the_parser_reads_and_python_does_not_is_a_defect_too(content: bytes, words: str, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(LibraryError) as caught:
        read_yaml(file, "shown.yaml")
    assert str(caught.value) == f"{file}:1:1: $: {words}"


def test_plain_words_stay_words(file: Path) -> None:
    found = written(file, "a: NO\nb: 0012\nc: 12:30\nd: yes\ne: 2026-01-01\nf: 12\ng: true\n")
    assert found.content == {
        "a": "NO",
        "b": "0012",
        "c": "12:30",
        "d": "yes",
        "e": "2026-01-01",
        "f": 12,
        "g": True,
    }


def test_yaml_files_are_found_below_a_folder_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("b/two.yaml", "b/one.yaml", "a.yaml", "notes.txt", "c/d/deep.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [name for name, _ in yaml_files(tmp_path)] == ["a.yaml", "b/one.yaml", "b/two.yaml", "c/d/deep.yaml"]
