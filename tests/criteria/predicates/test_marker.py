"""Tests a clinician reports by method, result and date (contract section 8)."""

from datetime import date
from decimal import Decimal

import pytest

from criteria.facts import AnswerValue
from criteria.finding import NeedKind
from criteria.verdict import Verdict
from tests.criteria.facts_builders import answer, case
from tests.criteria.predicates.building import judged

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
DAY = date(2026, 5, 1)  # the answers are authored on 2026-06-10


def her2(**given: AnswerValue) -> Verdict:
    answers = [answer(f"leaf.{key.replace('_', '-')}", value) for key, value in given.items()]
    return judged("her2-positive", {}, case(answers=answers)).verdict


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ihc_score": "3+", "date": DAY}, MET),
        ({"ihc_score": "3+", "date": DAY, "method": "ihc"}, MET),
        ({"ihc_score": "1+", "date": DAY, "method": "ihc"}, NOT_MET),
        ({"ihc_score": "2+", "date": DAY}, UNKNOWN),
        ({"ihc_score": "2+", "ish_result": "positive", "date": DAY}, MET),
        ({"ish_ratio": Decimal("2.0"), "date": DAY, "method": "ish-dual"}, MET),
        ({"ish_copies": Decimal("3.9"), "date": DAY, "method": "ish-single"}, NOT_MET),
        ({"ish_copies": Decimal("3.9"), "date": DAY, "method": "ish-dual"}, UNKNOWN),
        ({"ihc_score": "3+"}, UNKNOWN),
        ({"ihc_score": "3+", "date": "yesterday"}, UNKNOWN),
        ({"ihc_score": "3+", "date": date(2026, 6, 10)}, MET),
        ({"ihc_score": "3+", "date": date(2026, 6, 11)}, UNKNOWN),
        ({"date": DAY, "method": "ihc"}, UNKNOWN),
    ],
)
def test_a_reported_test_counts_with_its_result_and_a_day_that_is_not_to_come(
    given: dict[str, AnswerValue], expected: Verdict
) -> None:
    assert her2(**given) is expected


@pytest.mark.parametrize(
    ("method", "result"),
    [("ihc", {"ish_result": "positive"}), ("ish-dual", {"ihc_score": "3+"}), ("ish-single", {"ihc_score": "3+"})],
)
def test_a_method_without_a_result_of_its_own_is_for_review(method: str, result: dict[str, str]) -> None:
    answers = [answer(f"leaf.{key.replace('_', '-')}", value) for key, value in result.items()]
    answers += [answer("leaf.method", method), answer("leaf.date", DAY)]
    found = judged("her2-positive", {}, case(answers=answers))
    assert (found.verdict, [each.kind for each in found.needs]) == (UNKNOWN, [NeedKind.REVIEW])


@pytest.mark.parametrize(
    ("er", "pr", "day", "expected"),
    [
        ("positive", None, DAY, MET),
        ("negative", "negative", DAY, MET),
        ("negative", None, DAY, UNKNOWN),
        ("unsure", "negative", DAY, UNKNOWN),
        ("positive", None, None, UNKNOWN),
        ("positive", None, date(2026, 6, 11), UNKNOWN),
    ],
)
def test_receptors_are_reported_one_by_one_with_a_day(
    er: str | None, pr: str | None, day: date | None, expected: Verdict
) -> None:
    given = {"er": er, "pr": pr, "date": day}
    answers = [answer(f"leaf.{key}", value) for key, value in given.items() if value is not None]
    assert judged("receptor-status-documented", {}, case(answers=answers)).verdict is expected
