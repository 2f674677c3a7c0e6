"""Tests a clinician reports by method, result and date (contract section 8)."""

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from criteria.facts import AnswerValue, MarkerCall
from criteria.finding import NeedKind, Role
from criteria.verdict import Verdict
from tests.criteria.facts_builders import ANSWERED, answer, case, diagnosis, ihc, marker, order, variant
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


BREAST, GASTRIC = diagnosis("cancer-breast", ref="breast"), diagnosis("cancer-gastric", ref="gastric")
LIVER = diagnosis("metastasis-distant", ref="liver")
LIVER_OF_GASTRIC = diagnosis("metastasis-distant", ref="of-gastric", related=["Condition/gastric"])
LIVER_OF_BREAST = diagnosis("metastasis-distant", ref="of-breast", related=["Condition/breast"])
EVERY = (BREAST, GASTRIC, LIVER, LIVER_OF_GASTRIC, LIVER_OF_BREAST)
TREATED = order(reasons=[BREAST])


@pytest.mark.parametrize(
    ("about", "counts"),
    [
        (None, True),
        ("breast", True),
        ("liver", True),
        ("of-breast", True),
        ("not-at-hand", True),
        ("gastric", False),
        ("of-gastric", False),
    ],
)
def test_a_result_about_another_cancer_is_named_and_does_not_count(about: str | None, counts: bool) -> None:
    condition = about and f"Condition/{about}"
    for score, verdict in (("3+", MET), ("0", NOT_MET)):
        found = judged(
            "her2-positive",
            {},
            case(TREATED, diagnoses=EVERY, markers=[ihc(score, condition=condition)], searches=ANSWERED),
        )
        assert found.verdict is (verdict if counts else UNKNOWN)
        assert counts or [each.role for each in found.evidence] == [Role.UNUSABLE]
        assert counts or "another cancer" in found.evidence[0].observed


def test_a_result_about_another_cancer_contradicts_nothing() -> None:
    own, other = ihc("3+", ref="own"), ihc("0", ref="other", condition="Condition/gastric")
    found = judged("her2-positive", {}, case(TREATED, diagnoses=EVERY, markers=[own, other]))
    assert (found.verdict, [each.role for each in found.evidence]) == (MET, [Role.SUPPORTS, Role.UNUSABLE])


def test_receptors_and_variants_of_another_cancer_do_not_count_either() -> None:
    er = marker("er", marker="er", call=MarkerCall.POSITIVE, condition="Condition/gastric")
    for given in (er, replace(er, condition="Condition/breast")):
        found = judged("receptor-status-documented", {}, case(TREATED, diagnoses=EVERY, markers=[given]))
        assert found.verdict is (UNKNOWN if given is er else MET)
    mutation = variant("v", name="p.S310F", condition="Condition/gastric")
    for each in (mutation, replace(mutation, condition="Condition/breast")):
        params = {"gene": "ERBB2", "uncertain": "A person decides."}
        found = judged("gene-variant", params, case(TREATED, diagnoses=EVERY, variants=[each]))
        assert found.verdict is (UNKNOWN if each is mutation else MET)
