"""A card that breaks a rule of the specification cannot be built."""

from typing import Any, Literal

import pytest

from cards.card import SUMMARY_LIMIT, Action, Card, CardSource, Coding, Link, Suggestion

UUID = "6f0f3f54-9c2f-4f0b-9a55-0d7fb7a9b001"
TOPIC = Coding("http://terminology.hl7.org/CodeSystem/cdshooks-card-type", "guideline", "Guideline")
SOURCE = CardSource("Example Health Plan", TOPIC)
RESOURCE = {"resourceType": "MedicationRequest", "id": "rx1"}
CREATE = Action("create", "Draft it", RESOURCE)
DELETE = Action("delete", "Remove it", resource_id="MedicationRequest/rx1")
SUGGESTION = Suggestion("Do it", UUID, (DELETE, CREATE))


def card(**changes: Any) -> Card:
    members: dict[str, Any] = {"uuid": UUID, "summary": "Short", "indicator": "info", "source": SOURCE}
    return Card(**(members | changes))


def test_a_small_card_has_no_empty_members() -> None:
    assert card().to_json() == {
        "uuid": UUID,
        "summary": "Short",
        "indicator": "info",
        "source": {
            "label": "Example Health Plan",
            "topic": {
                "system": "http://terminology.hl7.org/CodeSystem/cdshooks-card-type",
                "code": "guideline",
                "display": "Guideline",
            },
        },
    }


def test_a_full_card_has_every_member() -> None:
    full = card(
        detail="More",
        suggestions=(SUGGESTION,),
        selection_behavior="at-most-one",
        override_reasons=(Coding("http://x.example", "other", "Other"),),
        links=(Link("Policy", "https://x.example/p"), Link("App", "https://x.example/a", "smart", "ctx")),
        extension={"davinci-crd.associated-resource": [{"reference": "MedicationRequest/rx1"}]},
    ).to_json()
    assert full["detail"] == "More"
    assert full["suggestions"] == [
        {
            "label": "Do it",
            "uuid": UUID,
            "actions": [
                {"type": "delete", "description": "Remove it", "resourceId": "MedicationRequest/rx1"},
                {"type": "create", "description": "Draft it", "resource": RESOURCE},
            ],
        }
    ]
    assert full["selectionBehavior"] == "at-most-one"
    assert full["overrideReasons"] == [{"system": "http://x.example", "code": "other", "display": "Other"}]
    assert full["links"] == [
        {"label": "Policy", "url": "https://x.example/p", "type": "absolute"},
        {"label": "App", "url": "https://x.example/a", "type": "smart", "appContext": "ctx"},
    ]
    assert full["extension"] == {"davinci-crd.associated-resource": [{"reference": "MedicationRequest/rx1"}]}


@pytest.mark.parametrize("length", [1, SUMMARY_LIMIT])
def test_a_summary_may_have_up_to_139_characters(length: int) -> None:
    assert len(card(summary="x" * length).to_json()["summary"]) == length


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"summary": ""}, "one line of text"),
        ({"summary": " "}, "one line of text"),
        ({"summary": "a\nb"}, "one line of text"),
        ({"summary": "x" * 140}, "summary of 140 characters"),
        ({"uuid": "urn:uuid:" + UUID}, "not a bare UUID"),
        ({"uuid": "17"}, "badly formed"),
        ({"indicator": "hard-stop"}, "unknown indicator"),
        ({"detail": " "}, "a detail is not empty"),
        ({"suggestions": (SUGGESTION,)}, "come together"),
        ({"selection_behavior": "any"}, "come together"),
        ({"override_reasons": (Coding("http://x.example", "other"),)}, "has a display"),
    ],
)
def test_a_card_against_the_rules_is_refused(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        card(**changes)


@pytest.mark.parametrize(
    ("kind", "members", "rule"),
    [
        ("create", {"description": ""}, "has a description"),
        ("create", {}, "create has a resource"),
        ("update", {"resource": {}}, "update has a resource"),
        ("create", {"resource": RESOURCE, "resource_id": "MedicationRequest/rx1"}, "create has no resourceId"),
        ("delete", {"resource": RESOURCE, "resource_id": "MedicationRequest/rx1"}, "delete has no resource"),
        ("delete", {}, "resourceId Type/id"),
        ("delete", {"resource_id": "https://ehr.example/MedicationRequest/rx1"}, "resourceId Type/id"),
    ],
)
def test_an_action_against_the_rules_is_refused(
    kind: Literal["create", "update", "delete"], members: dict[str, Any], rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        Action(kind, **({"description": "Do it"} | members))


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({"label": ""}, "has a label"),
        ({"url": "/policies/x"}, "absolute address"),
        ({"app_context": "x"}, "no appContext"),
    ],
)
def test_a_link_against_the_rules_is_refused(members: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        Link(**({"label": "Policy", "url": "https://x.example"} | members))


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({"label": ""}, "has a label"),
        ({"uuid": "1"}, "badly formed"),
        ({"actions": ()}, "has actions"),
    ],
)
def test_a_suggestion_against_the_rules_is_refused(members: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        Suggestion(**({"label": "Do it", "uuid": UUID, "actions": (CREATE,)} | members))


def test_a_source_needs_a_name_and_a_coding_its_code() -> None:
    with pytest.raises(ValueError, match="has a label"):
        CardSource(" ", TOPIC)
    with pytest.raises(ValueError, match="a system and a code"):
        Coding("http://x.example", "")
