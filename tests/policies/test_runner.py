"""The harness of the policy cases is tested itself: what it must not let pass, it does not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from criteria.errors import LibraryError
from tests.policies.case_file import FOLDER, BadCaseError, PolicyCase, cases_of
from tests.policies.chart_entries import ENTRIES
from tests.policies.expectations import COMPARISONS, differences
from tests.policies.runner import prepare
from tests.test_builders import check

EXAMPLES = FOLDER / "entry-kinds.yaml"
GOOD = """\
policy: mmm/mp-rx-fp-48-23
order: {drug: Kadcyla, on: "2026-10-01"}
charts:
  breast:
    entries:
      - condition: {code: C50.911}
        label: cancer
cases:
  - case: a breast cancer
    base: breast
    chart: [{her2_ihc: {score: "3+", on: "2024-01-20"}}]
    expect: {outcome: documentation, verdicts: {breast-cancer: met}}
"""


def read(folder: Path, text: str) -> tuple[PolicyCase, ...]:
    file = folder / "cases.yaml"
    file.write_text(text, encoding="utf-8")
    return cases_of(file)


def one(folder: Path, **expect: Any) -> PolicyCase:
    (case,) = read(folder, GOOD)
    return replace(case, expect={**case.expect, **expect})


@pytest.mark.parametrize("case", cases_of(EXAMPLES), ids=lambda case: case.sentence)
def test_each_kind_of_entry_does_what_its_example_says(case: PolicyCase) -> None:
    assert differences(case) == []
    for given in prepare(case).gathered.resources:
        check(dict(given.resource))


def test_each_kind_of_entry_has_an_example_of_its_name() -> None:
    examples = cases_of(EXAMPLES)
    assert {case.sentence for case in examples} == set(ENTRIES)
    for case in examples:
        assert case.sentence in {entry.kind for entry in case.entries}


def test_a_right_expectation_passes(tmp_path: Path) -> None:
    assert differences(one(tmp_path)) == []


WRONG: list[dict[str, Any]] = [
    {"outcome": "authorized"},
    {"path": "continuation"},
    {"verdicts": {"breast-cancer": "not-met"}},
    {"verdicts": {"initial": "met"}},
    {"needs": {"metastatic-disease": ["review"]}},
    {"needs": {"breast-cancer": ["document"]}},
    {"in_view": ["erbb2-mutation"]},
    {"not_asked": ["metastatic-disease"]},
    {"asked": ["metastatic-disease"]},
    {"evidence": {"breast-cancer": ["Condition/another"]}},
    {"readings": {"metastatic-disease": ["no such words"]}},
    {"reason": ["no such words"]},
    {"notes": ["no such words"]},
    {"cards": []},
    {"no_cards": ["appropriate-use"]},
    {"suggested": ["Enhertu"]},
    {"approval": {"months": 6}},
    {"approval": {"expires": "2026-10-02"}},
    {"approval": {"remark": "no such words"}},
    {"dose_exceeds": True},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_expectation_fails(tmp_path: Path, wrong: dict[str, Any]) -> None:
    assert len(differences(one(tmp_path, **wrong))) == 1


def test_every_key_of_an_expectation_has_a_wrong_one_above() -> None:
    assert {key for wrong in WRONG for key in wrong} == set(COMPARISONS)


@pytest.mark.parametrize("key", ["verdicts", "needs", "evidence", "readings", "in_view", "asked", "not_asked"])
def test_a_criterion_that_the_policy_does_not_have_is_an_error(tmp_path: Path, key: str) -> None:
    shapes: dict[str, Any] = {"verdicts": {"no-such-leaf": "met"}, "needs": {"no-such-leaf": ["test"]}}
    expected = shapes.get(
        key, ["no-such-leaf"] if key in {"in_view", "asked", "not_asked"} else {"no-such-leaf": ["x"]}
    )
    with pytest.raises(BadCaseError, match="has no criterion no-such-leaf"):
        differences(one(tmp_path, **{key: expected}))


def test_a_criterion_of_the_other_path_has_no_verdict_there(tmp_path: Path) -> None:
    assert differences(one(tmp_path, verdicts={"oncology-note": "unknown"})) == [
        "oncology-note: expected unknown, is not judged"
    ]


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("    base: breast", "    skip: true", "'skip' is not a key here"),
        ("    base: breast", "    xfail: later", "'xfail' is not a key here"),
        ("    base: breast", "    base: lung", "no chart is called 'lung'"),
        ("    base: breast", "    base: breast\n    without: [her2]", "no entry of the base is labelled 'her2'"),
        ("label: cancer", "base: breast", "'base' is not a key here"),
        ("expect: {outcome: documentation, verdicts: {breast-cancer: met}}", "order: {}", "'expect' is missing"),
        ("outcome: documentation, verdicts", "verdicts", "'outcome' is missing"),
        ("outcome: documentation", "outcome: fine", "'fine' is none of"),
        ("breast-cancer: met", "breast-cancer: yes", "'yes' is none of"),
        ("verdicts:", "verdict:", "'verdict' is not a key here"),
        ("{her2_ihc:", "{her2_ich:", "'her2_ich' is not a key here"),
        ("score:", "scor:", "'scor' is not a key here"),
        ('score: "3+"', 'score: "4+"', "'4+' is none of"),
        ("2024-01-20", "20 Jan 2024", "does not match"),
        ("{her2_ihc: {", "{surgery: {}, her2_ihc: {", "an entry has one kind, not 2"),
        ("[{her2_ihc", "[{label: x}, {her2_ihc", "an entry has one kind, not 0"),
        ('on: "2026-10-01"', 'day: "2026-10-01"', "'day' is not a key here"),
        ("charts:", "chart:", "'chart' is not a key here"),
        ("    entries:\n", "    base: breast\n    entries:\n", "extends itself"),
        ("    base: breast", "    base: breast\n    base: breast", "'base' stands twice"),
    ],
)
def test_what_the_format_does_not_know_is_an_error(tmp_path: Path, good: str, bad: str, words: str) -> None:
    assert good in GOOD
    with pytest.raises(LibraryError) as error:
        read(tmp_path, GOOD.replace(good, bad))
    assert words in str(error.value)
    assert "cases.yaml:" in str(error.value)


def test_two_cases_of_one_sentence_are_an_error(tmp_path: Path) -> None:
    second = "  - case: a breast cancer\n    expect: {outcome: documentation}\n"
    with pytest.raises(LibraryError, match="another case has the same sentence"):
        read(tmp_path, GOOD + second)


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("mmm/mp-rx-fp-48-23", "mmm/mp-rx-fp-48-24", "no policy is called"),
        ("{her2_ihc: {score", "{answer: {no-such-question: true}}, {her2_ihc: {score", "asks no-such-question"),
        ("{her2_ihc: {score", "{answer: {single-agent: maybe}}, {her2_ihc: {score", "does not answer single-agent"),
        ("{her2_ihc: {score", '{answer: {her2-positive.ihc-score: "4+"}}, {her2_ihc: {score', "does not answer"),
        ("{her2_ihc: {score", "{her2_ish: {probe: dual}}, {her2_ihc: {score", "needs a ratio"),
        ("{her2_ihc: {score", "{condition: {code: C34.90}, id: condition-1}, {her2_ihc: {score", "two resources"),
        ('on: "2026-10-01"', 'on: "2026-10"', "the order's day is a calendar day"),
    ],
)
def test_what_makes_no_sense_is_an_error(tmp_path: Path, good: str, bad: str, words: str) -> None:
    assert good in GOOD
    (case,) = read(tmp_path, GOOD.replace(good, bad))
    with pytest.raises(BadCaseError, match=words):
        differences(case)


def test_without_takes_out_what_has_the_label(tmp_path: Path) -> None:
    (case,) = read(tmp_path, GOOD.replace("    base: breast", "    base: breast\n    without: [cancer]"))
    assert [entry.kind for entry in case.entries] == ["her2_ihc"]
