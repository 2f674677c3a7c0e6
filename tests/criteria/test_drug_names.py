import re

import pytest

from criteria.drug_names import LONGEST_TEXT, DrugNames, compiles, plain_text

NAMES = DrugNames.of(
    [
        ("taxol", "paclitaxel"),
        ("paclitaxel", "paclitaxel"),
        ("paclitaxel[ ,(]*protein[- ]bound", "nab"),
        ("nab[- ]?paclitaxel", "nab"),
        ("t-?dm1", "tdm1"),
        ("(?:pegylated )?liposomal doxorubicin", "lipo"),
        ("cisplatin|platinol", "cisplatin"),
        ("5-?fu", "fu"),
        ("shared", "one"),
        ("shared", "two"),
        ("x*", "nothing"),
    ]
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("paclitaxel", [("paclitaxel", "paclitaxel")]),
        ("paclitaxel protein-bound", [("nab", "paclitaxel protein-bound")]),
        ("nab-paclitaxel", [("nab", "nab-paclitaxel")]),
        ("nabpaclitaxel", [("nab", "nabpaclitaxel")]),
        ("taxol (paclitaxel)", [("paclitaxel", "taxol"), ("paclitaxel", "paclitaxel")]),
        ("taxols", []),
        ("xtaxol", []),
        ("taxol6", [("paclitaxel", "taxol")]),
        ("tdm1, t-dm1", [("tdm1", "tdm1"), ("tdm1", "t-dm1")]),
        ("pegylated liposomal doxorubicin", [("lipo", "pegylated liposomal doxorubicin")]),
        ("cisplatin then platinol", [("cisplatin", "cisplatin"), ("cisplatin", "platinol")]),
        ("5-fu 400 mg", [("fu", "5-fu")]),
        ("shared", [("one", "shared"), ("two", "shared")]),
        ("", []),
        ("?!", []),
    ],
)
def test_the_longest_name_at_each_word_is_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(name.key, text[name.start : name.end]) for name in NAMES.find(text)] == expected


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("  T\u2011DM1\n 100  MG ", "t-dm1 100 mg"),
        ("nab\u2013Paclitaxel", "nab-paclitaxel"),
        ("a" * 1000, "a" * LONGEST_TEXT),
    ],
)
def test_a_text_is_matched_in_one_plain_form(written: str, plain: str) -> None:
    assert plain_text(written) == plain


@pytest.mark.parametrize(("name", "expected"), [("taxol", True), ("t-?dm1", True), ("tax(ol", False)])
def test_a_name_is_a_correct_pattern_or_not(name: str, expected: bool) -> None:
    assert compiles(name) is expected


def test_a_wrong_pattern_is_refused() -> None:
    with pytest.raises(re.error):
        DrugNames.of([("tax(ol", "paclitaxel")])
