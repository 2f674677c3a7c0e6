"""What is asked keeps the shape of the policy: in any case, or one of several ways."""

from dataclasses import replace
from typing import Any

import pytest

from cards import wording
from cards.compose import compose_cards
from cards.outline import Choice, Item, criteria_of, outline
from criteria.decision import Decision
from criteria.evaluation import evaluate
from criteria.facts import Case, PlanFacts, Record
from criteria.finding import document, unknown
from criteria.outcome import Outcome
from criteria.tree import AllOf, AnyOf, AtLeast, Criterion, Leaf, Not
from tests.cards.builders import ON, context, decided_order, decision, leaf, order, path, policy, yes


def asked(name: str, **changes: Any) -> Leaf:
    return leaf(name, unknown(document(f"Nothing on {name}")), request=f"The {name} report", **changes)


def decided(*parts: Criterion) -> Decision:
    way = replace(path(), root=AllOf("root", "Root", parts))
    found = replace(policy(), paths={"initial": way})
    determination = evaluate(way, Case(order(), (), Record(), PlanFacts("plan")), ON)
    return decision(Outcome.DOCUMENTATION, policy=found, determination=determination)


def card_lines(found: Decision) -> list[str]:
    detail = compose_cards(decided_order(found), context())[0].detail
    assert detail is not None
    return detail.split("\n\n")[1].split("\n")


STAGE = asked("stage", rank=1)
MUTATION = asked("mutation", rank=9)
BREAST = AllOf("breast", "Breast cancer use", (asked("surgery", rank=4), STAGE))
LUNG = AllOf("lung", "Lung cancer use", (MUTATION, STAGE))


def test_ways_that_need_several_criteria_are_told_apart() -> None:
    found = decided(asked("age", rank=3), AnyOf("use", "Use", (LUNG, BREAST, asked("other", rank=2))))
    assert card_lines(found) == [
        "- One of these is enough:",
        "  - **Lung cancer use**, all of these:",
        "    - **Stage**: The stage report.",
        "      - Nothing on stage.",
        "    - **Mutation**: The mutation report.",
        "      - Nothing on mutation.",
        "  - **Breast cancer use**, all of these:",
        "    - **Stage**, as above",
        "    - **Surgery**: The surgery report.",
        "      - Nothing on surgery.",
        "  - **Other**: The other report.",
        "    - Nothing on other.",
        "- **Age**: The age report.",
        "  - Nothing on age.",
    ]
    ways = "Lung cancer use (Stage; Mutation); Breast cancer use (Stage; Surgery); Other"
    assert f"Not yet documented: one of [{ways}]; Age." in wording.reason(found)


# Both uses ask for the stage; the second use is out of view, so its stage alone must not look like a way of its own.
def test_a_choice_with_one_way_left_is_no_choice() -> None:
    gated = AllOf("gated", "Gated", (leaf("diagnosed", yes(), gate=True), STAGE, MUTATION))
    (first, second) = outline(decided(AnyOf("use", "Use", (gated, BREAST))))
    assert [each.leaf.id for each in (first, second) if isinstance(each, Item)] == ["stage", "mutation"]


@pytest.mark.parametrize(
    ("met", "line"), [(0, "- 2 of these are enough:"), (1, "- One of these is enough:")], ids=["none met", "one met"]
)
def test_of_several_trials_those_already_met_count(met: int, line: str) -> None:
    open_ones = tuple(asked(name) for name in ("one", "two", "three"))
    done = tuple(leaf(f"done-{place}", yes()) for place in range(met))
    found = decided(AtLeast("tried", "Tried", 2, (*done, *open_ones)))
    assert card_lines(found)[0] == line
    assert ("2 of [One; Two; Three]" if met == 0 else "one of [One; Two; Three]") in wording.reason(found)


def test_a_negation_asks_for_its_branch() -> None:
    found = decided(Not("harmless", "No harm", asked("harm")))
    assert [each.id for each in criteria_of(outline(found))] == ["harm"]


def test_criteria_are_found_in_every_way() -> None:
    found = decided(AnyOf("use", "Use", (LUNG, BREAST)))
    (choice,) = outline(found)
    assert isinstance(choice, Choice)
    assert [each.id for each in criteria_of([choice])] == ["stage", "mutation", "stage", "surgery"]


def test_what_was_asked_for_once_is_not_repeated() -> None:
    same = document("The stage report")
    found = decided(STAGE, leaf("notes", unknown(same), request="A note", rank=5))
    assert card_lines(found)[-1] == "- **Notes**: A note."
