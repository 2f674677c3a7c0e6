"""The check as the service uses it: loaded once, every dialect and kind of hook, nothing of a patient in its words."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from cards.checks import AnswerCheck, Violation
from cards.checks.answer_check import schema_name
from cards.dialect import DIALECTS, NEWEST, PLAIN
from tests.cards.checks.answers import OURS, answer
from tests.cards.checks.cases import ALL, check, judge, rules
from tests.cards.checks.changes import add, both, changed, drop, put

MARK = "Jane-Roe-4711"


def marked(value: Any) -> Any:
    """Return the same structure with every value replaced by text that must not be repeated."""
    if isinstance(value, dict):
        return {name: each if name == "url" else marked(each) for name, each in value.items()}
    if isinstance(value, list):
        return [marked(each) for each in value]
    return MARK


def with_unknown_members(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: with_unknown_members(each) for name, each in value.items()} | {MARK: MARK}
    if isinstance(value, list):
        return [with_unknown_members(each) for each in value]
    return value


def test_a_schema_is_loaded_for_every_dialect_and_kind_of_hook() -> None:
    assert set(AnswerCheck.load().judges) == {(name, primary) for name in DIALECTS for primary in (True, False)}


def test_the_schema_of_a_dialect_is_named_after_it() -> None:
    assert schema_name(NEWEST) == "crd-2.2.json"
    assert schema_name(DIALECTS[PLAIN]) == "cds-hooks.json"


def test_a_dialect_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError):
        check().violations({"cards": []}, replace(NEWEST, name="3.0"), is_primary=True, ours=())


@pytest.mark.parametrize("name", ALL)
def test_an_answer_that_says_nothing_may_be_sent(name: str) -> None:
    assert judge({"cards": []}, name) == ()


@pytest.mark.parametrize("name", ALL)
def test_no_value_of_the_answer_is_repeated(name: str) -> None:
    ours = frozenset({*OURS, MARK})
    found = judge(marked(answer(name)), name, ours=ours)
    assert len(found) > 20
    assert [each for each in found if MARK in each.place + each.rule] == []


@pytest.mark.parametrize("name", ALL)
def test_no_unknown_name_of_the_answer_is_repeated(name: str) -> None:
    found = judge(with_unknown_members(answer(name)), name)
    assert len(found) > 5
    assert [each for each in found if MARK in each.place + each.rule] == []


def test_an_unknown_sub_extension_is_not_repeated() -> None:
    member = {"url": MARK, "valueString": MARK}
    found = judge(changed(answer(), add("systemActions/1/resource/extension/0/extension", member)))
    assert rules(found) == {"ci-members"}
    assert MARK not in repr(found)


def test_every_violation_is_found_at_once_and_once() -> None:
    found = judge(changed(answer(), both(drop("cards/0/detail"), put("cards/3/indicator", "error"))))
    assert {each.place: each.rule.partition(":")[0] for each in found} == {
        "$.cards[0]": "card-detail",
        "$.cards[3].indicator": "indicator",
    }
    assert len(found) == len(set(found)) == 2


def test_one_rule_broken_twice_at_a_place_is_one_violation() -> None:
    found = judge(changed(answer(), both(drop("cards/0/uuid"), drop("cards/0/summary"))))
    assert [each.place for each in found] == ["$.cards[0]"]


def test_rules_between_parts_wait_until_the_parts_are_sound() -> None:
    twice = put("cards/2/uuid", answer()["cards"][0]["uuid"])
    assert rules(judge(changed(answer(), twice))) == {"named-once"}
    assert rules(judge(changed(answer(), both(twice, drop("cards/0/detail"))))) == {"card-detail"}


def test_the_same_answer_is_judged_alike_again() -> None:
    json = changed(answer(), drop("cards/0/detail"))
    assert judge(json) == judge(deepcopy(json))


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        ((), "$"),
        (("cards", 0, "uuid"), "$.cards[0].uuid"),
        (("extension", "davinci-crd.associated-resource", 1), "$.extension['davinci-crd.associated-resource'][1]"),
    ],
)
def test_a_place_is_a_json_path(steps: tuple[str | int, ...], place: str) -> None:
    assert Violation.at(steps, "rule: text") == Violation(place, "rule: text")
