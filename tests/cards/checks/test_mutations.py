"""No part of an answer that we write can be lost or change its type unseen, in any dialect."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.cards.checks.answers import answer, string
from tests.cards.checks.cases import ALL, judge, rules
from tests.cards.checks.changes import Json, add, changed

Path = tuple[str | int, ...]

OPTIONAL = {
    "cards/*/source/url",
    "cards/*/source/icon",
    "cards/*/source/topic/display",
    "cards/*/links/*/autolaunchable",
    "cards/*/suggestions/*/isRecommended",
    "cards/*/suggestions/*/actions/*/resource/id",
    "cards/*/suggestions/*/actions/*/resource/medicationCodeableConcept/text",
    "cards/*/suggestions/*/actions/*/resource/medicationCodeableConcept/coding/*/display",
    "cards/*/suggestions/*/actions/*/resource/code/text",
    "cards/*/suggestions/*/actions/*/resource/code/coding/*/display",
    "cards/*/suggestions/*/actions/*/resource/category/*/coding/*/display",
    "cards/*/suggestions/*/actions/*/resource/dosageInstruction/*/sequence",
    "systemActions/*/resource/extension/*/extension/*/valueCoding/display",
    "systemActions/*/resource/extension/*/extension/*/extension/*/valuePeriod/start",
}
"""Leaves that an answer may lack. Every other one is missed when it is gone, and these are not."""

THEIRS = ("subject", "encounter", "performer", "requester")
TAKEN_OVER = {*THEIRS, "contained", "reasonCode", "reasonReference", "insurance"}
"""Elements of a draft that are the client's: what stands in them is not judged, only that they are there."""

OTHER_TYPES: tuple[Any, ...] = (None, "", " ", [], {}, 7, True, "text")


def is_ours(path: Path) -> bool:
    match path:
        case ("systemActions", 0, "resource", "extension", 0, *_):
            return False  # another payer's
        case ("systemActions", _, "resource", str(member), *_):
            return member in {"resourceType", "id", "extension"}
        case ("cards", _, "suggestions", _, "actions", _, "resource", str(member), *rest) if member in TAKEN_OVER:
            return not rest or path[-2:] == ("subject", "reference")
        case _:
            return True


def nodes(json: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every part of an answer that is ours, with its path."""
    if not is_ours(path):
        return
    if path:
        yield path, json
    for step, each in json.items() if isinstance(json, dict) else enumerate(json) if isinstance(json, list) else ():
        yield from nodes(each, (*path, step))


def leaves(json: Json) -> list[tuple[Path, Any]]:
    return [(path, value) for path, value in nodes(json) if not isinstance(value, dict | list)]


def pattern(path: Path) -> str:
    return "/".join("*" if isinstance(step, int) else step for step in path)


def without(json: Any, path: Path) -> Any:
    """Return the answer without the part at a path; what lies beside the path is shared."""
    first, *rest = path
    copy = json.copy()
    if rest:
        copy[first] = without(json[first], tuple(rest))
    else:
        del copy[first]
    return copy


def replaced(json: Any, path: Path, value: Any) -> Any:
    """Return the answer with another value at a path; what lies beside the path is shared."""
    first, *rest = path
    copy = json.copy()
    copy[first] = replaced(json[first], tuple(rest), value) if rest else value
    return copy


def kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | Decimal():
            return "number"
        case str():
            return "text" if value.strip() else "blank"
        case _:
            return type(value).__name__


@pytest.mark.parametrize("name", ALL)
def test_a_leaf_that_is_gone_is_missed_unless_it_is_optional(name: str) -> None:
    json = answer(name)
    unseen = {pattern(path) for path, _ in leaves(json) if judge(without(json, path), name) == ()}
    seen = {pattern(path) for path, _ in leaves(json) if judge(without(json, path), name) != ()}
    assert unseen - OPTIONAL == set()
    assert seen & OPTIONAL == set()


def test_every_optional_leaf_stands_in_some_answer() -> None:
    assert {pattern(path) for name in ALL for path, _ in leaves(answer(name))} >= OPTIONAL


@pytest.mark.parametrize("name", ALL)
def test_a_leaf_of_another_type_is_seen(name: str) -> None:
    json = answer(name)
    unseen = [
        (pattern(path), other)
        for path, value in leaves(json)
        for other in OTHER_TYPES
        if kind(other) != kind(value) and judge(replaced(json, path, other), name) == ()
    ]
    assert unseen == []


@pytest.mark.parametrize("name", ALL)
def test_an_object_or_list_that_is_emptied_or_of_another_type_is_seen(name: str) -> None:
    json = answer(name)
    unseen = {
        (pattern(path), repr(other))
        for path, value in nodes(json)
        for other in OTHER_TYPES
        if isinstance(value, dict | list) and judge(replaced(json, path, other), name) == ()
    }
    assert unseen == {("cards", "[]")}


@pytest.mark.parametrize("name", ALL)
def test_a_member_that_nobody_knows_is_seen_in_every_object_of_ours(name: str) -> None:
    json = answer(name)
    unseen = {
        pattern(path)
        for path, value in nodes(json)
        if isinstance(value, dict) and judge(replaced(json, path, {**value, "colour": "red"}), name) == ()
    }
    drafts = "cards/*/suggestions/*/actions/*/resource"
    theirs = {f"{drafts}/{member}" for member in THEIRS}
    orders = {"systemActions/*/resource"} if "systemActions" in json else set()
    assert unseen == theirs | orders


# ----------------------------------------------------------------------------------- and the test itself sees something


def test_the_answer_of_each_dialect_has_leaves_in_every_part() -> None:
    patterns = {pattern(path) for path, _ in leaves(answer("2.2"))}
    assert len(patterns) > 60
    assert "systemActions/*/resource/extension/*/extension/*/valueContactDetail/telecom/*/value" in patterns
    assert "systemActions/*/resource/status" not in patterns
    assert "cards/*/suggestions/*/actions/*/resource/contained/*/id" not in patterns


def test_what_another_payer_wrote_is_not_among_the_leaves() -> None:
    json = changed(answer(), add("systemActions/0/resource/extension/0/extension", string("theirs", "x")))
    assert [path for path, value in leaves(json) if value in {"theirs", "perhaps"}] == []
    assert rules(judge(json)) == set()
