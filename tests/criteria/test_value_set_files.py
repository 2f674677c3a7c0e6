from decimal import Decimal
from pathlib import Path

import pytest

from criteria.errors import Defect
from criteria.value_set_files import Located, ValueSetFiles, read_mapping


def read(content: str) -> Located:
    found = read_mapping("a.yaml", content.encode())
    assert isinstance(found, Located)
    return found


def test_plain_words_stay_text_except_true_false_null_and_numbers() -> None:
    found = read('a: NO\nb: true\nc: null\nd: 21\ne: 3.60\nf: "21"\ng: 2026-01-01\nh: 00100\ni: ~\nj:\nk: -4')
    assert found == {
        "a": "NO",
        "b": True,
        "c": None,
        "d": 21,
        "e": Decimal("3.60"),
        "f": "21",
        "g": "2026-01-01",
        "h": "00100",
        "i": None,
        "j": None,
        "k": -4,
    }
    assert str(found["e"]) == "3.60"


def test_lists_and_mappings_nest_and_know_their_line() -> None:
    found = read("rows:\n  - {a: 1, b: [x, [y]]}\n  - c:\n      d: e\n")
    first, second = found["rows"]
    assert (first, second) == ({"a": 1, "b": ["x", ["y"]]}, {"c": {"d": "e"}})
    assert ((first.line, first.column), second["c"].line) == ((2, 5), 4)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("a: 1\na: 2\n", 2, "key 'a' stands twice"),
        ("a: &x 1\nb: *x\n", 2, "aliases are not read"),
        ("a: 1\n[b]: 2\n", 2, "a key is not text"),
        ("a: [1\n", 2, "not YAML"),
        ("- a\n", 1, "is not a mapping"),
        ("", 1, "is not a mapping"),
        ("a: \x01\n", 1, "not YAML"),
    ],
)
def test_what_is_no_strict_yaml_mapping_is_a_defect_with_its_line(content: str, line: int, words: str) -> None:
    found = read_mapping("a.yaml", content.encode())
    assert isinstance(found, Defect)
    assert (found.file, found.line) == ("a.yaml", line)
    assert words in found.message


def files(root: Path, **contents: str) -> ValueSetFiles:
    root.mkdir(exist_ok=True)
    for name, content in contents.items():
        (root / f"{name}.yaml").write_text(content)
    return ValueSetFiles.read([root], frozenset({"known"}))


def test_only_known_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    found = files(tmp_path, known="rows: []", other="rows: []")
    assert [(Path(each.file).name, each.message) for each in found.defects] == [
        ("other.yaml", "no value set is called other")
    ]
    assert list(found.files) == ["known"]


def test_a_file_that_does_not_parse_is_a_defect(tmp_path: Path) -> None:
    assert [each.message for each in files(tmp_path, known="- a").defects] == ["is not a mapping"]


@pytest.mark.parametrize(
    ("row", "defects"),
    [
        ("{a: 1}", []),
        ("{a: 1, b: 2}", []),
        ("{a: 1, c: 2}", ["$.rows[0].c: unknown key"]),
        ("{b: 2}", ["$.rows[0].a: is missing"]),
        ("{a: ''}", ["$.rows[0].a: is missing"]),
        ("{a: , d: 1}", ["$.rows[0].d: unknown key", "$.rows[0].a: is missing"]),
        ("a", ["$.rows[0]: is not a mapping"]),
    ],
)
def test_a_row_holds_the_required_keys_and_no_unknown_ones(tmp_path: Path, row: str, defects: list[str]) -> None:
    found = files(tmp_path, known=f"rows:\n  - {row}")
    tops = found.tops("known", ["rows"])
    rows = list(found.rows(tops, "rows", "$", required=frozenset({"a"}), optional=frozenset({"b"})))
    assert [f"{each.path}: {each.message}" for each in found.defects] == defects
    assert len(rows) == (0 if defects else 1)


def test_rows_that_are_absent_are_none_and_rows_that_are_no_list_a_defect(tmp_path: Path) -> None:
    found = files(tmp_path, known="rows: x")
    tops = found.tops("known", ["rows"])
    assert list(found.rows(tops, "rows", "$", required=frozenset())) == []
    assert list(found.rows(tops, "more", "$", required=frozenset())) == []
    assert [f"{each.path}: {each.message}" for each in found.defects] == ["$.rows: is not a list"]
