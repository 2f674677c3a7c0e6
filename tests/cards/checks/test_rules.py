"""Every rule: an answer that keeps it is accepted, one that breaks it is refused by that rule and no other."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from cards.checks.across import RULES
from tests.cards.checks.answers import OURS, answer
from tests.cards.checks.card_cases import CARD_CASES
from tests.cards.checks.cases import ALL, AS_IT_IS, Case, judge
from tests.cards.checks.changes import both, drop, put
from tests.cards.checks.information_cases import INFORMATION_CASES
from tests.cards.checks.invariant_cases import INVARIANT_CASES

CASES = [*CARD_CASES, *INFORMATION_CASES, *INVARIANT_CASES]


def named_rules(schema: Any) -> Iterator[str]:
    """Yield the rules written into a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("rule"), str):
            yield schema["rule"]
        for each in schema.values():
            yield from named_rules(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from named_rules(each)


def all_rules() -> list[str]:
    entries = (files("cards.checks") / "schemas").iterdir()
    return [*RULES, *(rule for each in entries for rule in named_rules(json.loads(each.read_text("utf-8"))))]


@pytest.mark.parametrize("case", [pytest.param(each, id=f"{each.rule}-{n}") for n, each in enumerate(CASES)])
def test_a_rule_is_kept_by_the_good_and_broken_by_the_bad_answer(case: Case) -> None:
    case.hold()


@pytest.mark.parametrize("primary", [True, False])
@pytest.mark.parametrize("name", ALL)
def test_the_answer_all_cases_start_from_is_accepted(name: str, primary: bool) -> None:
    assert judge(answer(name, primary=primary), name, primary=primary) == ()


def test_every_rule_has_a_case() -> None:
    assert {rule.partition(":")[0] for rule in all_rules()} == {each.rule for each in CASES}


def test_every_rule_has_an_id_of_its_own_and_a_text() -> None:
    parts = [rule.partition(": ") for rule in all_rules()]
    ids = [each for each, _, _ in parts]
    assert len(ids) == len(set(ids))
    assert all(text for _, _, text in parts)


# ------------------------------------------------------------------------------- the harness tells wrong from right


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (Case("indicator", drop("cards/0/detail")), "expected indicator, found"),
        (Case("card-detail", put("cards/0/indicator", "critical")), "found nothing"),
        (Case("card-detail", AS_IT_IS), "the bad answer is the good one"),
        (Case("card-detail", drop("cards/0/detail"), good=drop("cards/3/detail")), "the good answer is refused"),
        (Case("card-detail", both(drop("cards/0/detail"), drop("cards/0/indicator"))), "'card', 'card-detail'"),
    ],
)
def test_a_wrong_expectation_fails(wrong: Case, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        wrong.hold()


def test_a_change_of_what_is_not_there_fails() -> None:
    with pytest.raises(KeyError):
        Case("card-detail", drop("cards/0/colour")).hold()


def test_the_assertions_of_the_answer_are_ours() -> None:
    found = {
        member["valueString"]
        for action in answer()["systemActions"]
        for extension in action["resource"]["extension"]
        for member in extension["extension"]
        if member["url"] == "coverage-assertion-id"
    }
    assert found - OURS == {"theirs"}
    assert found >= OURS
