"""What of an answer is judged, and where on the wire a violation is."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from cards.checks.judged import judged_parts, wire_steps
from cards.coverage_information import EXTENSION
from service.exact_json import DEEPEST
from tests.cards.checks.answers import INFORMATION, OPEN, OURS, anothers, answer, code, string, update
from tests.cards.checks.card_cases import CARD_CASES
from tests.cards.checks.cases import ALL, CRD, judge
from tests.cards.checks.changes import Change, Json, add, changed, drop, put
from tests.cards.checks.information_cases import INFORMATION_CASES
from tests.cards.checks.invariant_cases import INVARIANT_CASES

ABOUT = "davinci-crd.associated-resource"
FIRST = "$.systemActions[0].resource.extension[1].extension"

NESTED: Json = {}
_place = NESTED
for _ in range(400):
    _place["extension"] = {}
    _place = _place["extension"]

ODD: dict[str, Any] = {
    "none": None,
    "empty": {},
    "deeper than a validator reads": NESTED,
    "a lone surrogate": "\ud800",
    "a huge number": 10**400,
}


def first(place: str) -> str:
    (only,) = {each.place for each in judge(answer_after(put(place, 7)))}
    return only


def answer_after(change: Change) -> Json:
    return changed(answer(), change)


# ------------------------------------------------------------------------------------------------ the client's own


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
def test_what_the_client_sent_with_its_order_is_not_judged(odd: Any) -> None:
    json = answer()
    for resource in (each["resource"] for each in json["systemActions"]):
        resource["dosageInstruction"] = odd
        resource["modifierExtension"] = [odd]
        resource["extension"].append(odd)
        resource["extension"].append({"url": "https://ehr.example.org/theirs", "extension": odd})
    assert judge(json) == ()
    (place,) = [each.place for each in judge(changed(json, drop("systemActions/0/resource/id")))]
    assert place == "$.systemActions[0].resource"


def nested(levels: int, innermost: Any) -> Any:
    return innermost if levels == 0 else {"extension": [nested(levels - 1, innermost)]}


def test_what_a_draft_takes_over_is_judged_as_deep_as_a_body_may_nest() -> None:
    taken = "cards/1/suggestions/0/actions/1/resource/contained"
    deepest = DEEPEST // 2
    assert judge(answer_after(put(taken, [nested(deepest, "x")]))) == ()
    (found,) = judge(answer_after(put(taken, [nested(deepest, {})])))
    assert found.place == "$.cards[1].suggestions[0].actions[1].resource.contained"


def test_a_place_ends_before_the_names_that_the_client_gave() -> None:
    taken = "cards/1/suggestions/0/actions/1/resource/encounter"
    (found,) = judge(answer_after(put(taken, {"reference": "Encounter/e1", "Jane Roe": {}})))
    assert found.place == "$.cards[1].suggestions[0].actions[1].resource.encounter"


@pytest.mark.parametrize(
    "theirs",
    [
        [],
        [code("covered", "perhaps")],
        [string("coverage-assertion-id", "theirs"), code("covered", "perhaps")],
        [{"url": "coverage-assertion-id", "valueString": 7}],
        [{"url": "coverage-assertion-id", "valueString": ["assertion-1"]}],
        [{"url": "coverage-assertion-id"}],
        [None],
        {"url": "coverage-assertion-id", "valueString": "assertion-1"},
        None,
    ],
)
def test_coverage_information_of_others_is_not_judged(theirs: Any) -> None:
    json = answer_after(add("systemActions/0/resource/extension", {"url": EXTENSION, "extension": theirs}))
    assert judge(json) == ()


def test_an_earlier_assertion_of_ours_that_was_left_alone_is_not_judged() -> None:
    json = answer_after(put(f"{OPEN}/@coverage-assertion-id/valueString", "earlier"))
    json["systemActions"].append(update("rx9", json["systemActions"][1]["resource"]["extension"][0]["extension"]))
    assert judge(json, ours=OURS | {"earlier"}) == ()
    json["systemActions"][1]["resource"]["extension"][0]["extension"].append(code("covered", "covered"))
    assert [each.place for each in judge(json, ours=OURS)] == [
        "$.systemActions[1].resource.extension",
        "$.systemActions[4].resource.extension",
    ]


def test_judging_changes_nothing() -> None:
    json = answer()
    before = deepcopy(json)
    judge(json)
    assert json == before


# ------------------------------------------------------------------------------------------------------ its shape


def test_an_updated_order_is_reduced_to_type_id_and_what_we_wrote_by_url() -> None:
    members = [
        string("coverage-assertion-id", "assertion-1"),
        code("doc-needed", "admin"),
        code("doc-needed", "patient"),
    ]
    nested = {"url": "detail", "extension": [code("category", "cat-other")]}
    action = update("rx1", [*members, nested], beside=anothers())
    assert judged_parts({"cards": [], "systemActions": [action]}, OURS) == {
        "cards": [],
        "systemActions": [
            {
                "type": "update",
                "description": "Add coverage information to the order",
                "resource": {
                    "resourceType": "MedicationRequest",
                    "id": "rx1",
                    "extension": [
                        None,
                        {
                            "url": EXTENSION,
                            "extension": {
                                "coverage-assertion-id": [members[0]],
                                "doc-needed": members[1:],
                                "detail": [
                                    {"url": "detail", "extension": {"category": [code("category", "cat-other")]}}
                                ],
                            },
                        },
                    ],
                },
            }
        ],
    }


@pytest.mark.parametrize(
    "actions", [None, {}, "none", [None], [{}], [{"resource": None}], [{"resource": {"extension": {}}}]]
)
def test_actions_of_any_shape_are_handed_on_for_the_schemas_to_refuse(actions: Any) -> None:
    answered = {"cards": [], "systemActions": actions}
    assert judged_parts(answered, OURS) == answered
    assert judge(answered) != ()


def test_an_answer_without_actions_is_judged_as_it_is() -> None:
    assert judged_parts({"cards": []}, OURS) == {"cards": []}


# ------------------------------------------------------------------------------------------------ places on the wire


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("cards/0/source/topic/display", "$.cards[0].source.topic.display"),
        (
            "cards/0/extension/davinci-crd.associated-resource",
            "$.cards[0].extension['davinci-crd.associated-resource']",
        ),
        ("cards/1/suggestions/1/label", "$.cards[1].suggestions[1].label"),
        (f"{OPEN}/@date/valueDate", "$.systemActions[1].resource.extension[0].extension[5].valueDate"),
        (
            f"{INFORMATION}/@billingCode/valueCoding/code",
            f"{FIRST}[3].valueCoding.code",
        ),
        (
            f"{INFORMATION}/8/extension/@value/valueString",
            f"{FIRST}[8].extension[2].valueString",
        ),
        (f"{INFORMATION}/9/extension", f"{FIRST}[9].extension"),
        (f"{INFORMATION}/3/url", f"{FIRST}"),
    ],
)
def test_a_violation_names_its_place_on_the_wire(path: str, place: str) -> None:
    assert first(path) == place


def test_a_violation_of_a_cardinality_names_the_first_of_its_kind() -> None:
    (only,) = judge(answer_after(add(OPEN, code("covered", "covered"))))
    assert only.place == "$.systemActions[1].resource.extension[0].extension[1]"


def test_the_second_of_a_kind_is_told_from_the_first() -> None:
    (only,) = judge(answer_after(add(OPEN, code("doc-needed", "admin"), code("doc-needed", "no-doc"))))
    members = len(answer()["systemActions"][1]["resource"]["extension"][0]["extension"])
    assert only.place == f"$.systemActions[1].resource.extension[0].extension[{members + 1}].valueCode"


@pytest.mark.parametrize("name", ALL)
def test_every_place_is_one_the_answer_has(name: str) -> None:
    for case in [*CARD_CASES, *INFORMATION_CASES, *INVARIANT_CASES]:
        if name in case.dialects:
            mutant = changed(answer(name, primary=case.primary), case.bad)
            for each in judge(mutant, name, primary=case.primary):
                found: Any = mutant
                for step in steps(each.place):
                    found = found[step]


def steps(place: str) -> Iterator[str | int]:
    """Yield the steps of a place as Violation writes them."""
    text = place.removeprefix("$").replace("['", ".<").replace("']", ">").replace("[", ".#").replace("]", "")
    rest = text
    while rest:
        rest = rest.removeprefix(".")
        if rest.startswith("<"):
            name, _, rest = rest[1:].partition(">")
            yield name
        elif rest.startswith("#"):
            number, dot, rest = rest[1:].partition(".")
            rest = dot + rest
            yield int(number)
        else:
            name, dot, rest = rest.partition(".")
            rest = dot + rest
            yield name


def test_steps_beyond_sorted_members_are_taken_as_they_are() -> None:
    assert list(wire_steps({"a": [{"b": 1}]}, ["a", 0, "b"])) == ["a", 0, "b"]


@pytest.mark.parametrize("name", CRD)
def test_an_answer_that_keeps_the_rules_has_no_places(name: str) -> None:
    assert judge(answer(name), name) == ()
