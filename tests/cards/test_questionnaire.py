"""The generated questionnaire."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from fhir.resources.R4B.questionnaire import Questionnaire

from cards.questionnaire import questionnaire
from criteria.loading import load_library, shipped_data
from criteria.policy import Effective, Policy, Question
from tests.cards.builders import LINKS, path, policy
from tests.vocabulary import own_vocabulary

BASE = LINKS.base_url


def generated(found: Policy | None = None) -> dict[str, Any]:
    return questionnaire(found or policy(), path(), BASE)


def test_the_head_names_canonical_version_and_subject() -> None:
    form = generated()
    del form["item"]
    assert form == {
        "resourceType": "Questionnaire",
        "id": "plan-margenza-initial",
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/artifact-versionAlgorithm",
                "valueCoding": {"system": "http://hl7.org/fhir/version-algorithm", "code": "semver"},
            }
        ],
        "url": LINKS.questionnaire(path()),
        "version": "2.0.0",
        "title": "Margenza policy <A & B>: initial",
        "status": "active",
        "subjectType": ["Patient"],
        "effectivePeriod": {"start": "2026-01-01"},
    }


def test_it_is_valid_fhir() -> None:
    assert Questionnaire.model_validate(generated()).version == "2.0.0"


def test_questions_keep_their_tree_options_and_conditions() -> None:
    system = "https://plan.example/crd/fhir/Questionnaire/plan-margenza-initial/options"
    ihc = {"question": "her2-positive.method", "operator": "=", "answerCoding": {"system": system, "code": "ihc"}}
    ish = {"question": "her2-positive.method", "operator": "=", "answerCoding": {"system": system, "code": "ish"}}
    group, metastatic, line = generated()["item"]
    method, on, note = group["item"]
    assert group["type"] == "group"
    assert method["answerOption"] == [
        {"valueCoding": {"system": system, "code": "ihc", "display": "IHC"}},
        {"valueCoding": {"system": system, "code": "ish", "display": "ISH"}},
    ]
    assert on == {"linkId": "her2-positive.on", "text": "When?", "type": "date", "enableWhen": [ihc]}
    assert note["enableWhen"] == [ihc, ish]
    assert note["enableBehavior"] == "any"
    assert metastatic == {"linkId": "metastatic", "text": "Is the disease metastatic?", "type": "boolean"}
    assert line["enableWhen"] == [{"question": "metastatic", "operator": "=", "answerBoolean": True}, ihc]
    assert line["enableBehavior"] == "all"


def test_a_superseded_policy_ends() -> None:
    ended = replace(policy(), effective=Effective(date(2026, 1, 1), date(2026, 12, 31)))
    assert generated(ended)["effectivePeriod"] == {"start": "2026-01-01", "end": "2026-12-31"}


def test_a_question_that_depends_on_nothing_asked_is_refused() -> None:
    lost = replace(path(), questions=(Question("a", "A?", "boolean", enable_when=(("b", "true"),)),))
    with pytest.raises(ValueError, match="depends on 'b'"):
        questionnaire(policy(), lost, BASE)


def test_the_margenza_form_asks_only_what_an_earlier_answer_leaves_open() -> None:
    """DTR 2.2: a question that no longer applies is hidden by enableWhen."""
    oscar = load_library([shipped_data()], own_vocabulary()).policies["oscar/cg101"]
    form = questionnaire(oscar, oscar.paths["initial"], BASE)
    assert Questionnaire.model_validate(form).status == form["status"]
    asked_for = {
        each["linkId"]: [condition["answerCoding"]["code"] for condition in each.get("enableWhen", ())]
        for each in flat(form["item"])
    }
    for product in ("trastuzumab_deruxtecan", "trastuzumab_emtansine", "pertuzumab", "phesgo"):
        for detail in ("date", "detail"):
            expected = ["failed", "intolerable", "contraindicated"]
            assert asked_for[f"each-preferred-ruled-out.{product}.{detail}"] == expected
    assert asked_for["labelled-indication.her2.ish-ratio"] == ["ish-dual"]
    for number in ("ish-copies", "ish-result"):
        assert asked_for[f"labelled-indication.her2.{number}"] == ["ish-dual", "ish-single"]


def flat(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for item in items for each in (item, *flat(item.get("item", [])))]
