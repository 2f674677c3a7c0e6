"""The decision record."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from msgspec import structs

from cards.record import decision_record
from cards.wording import reason
from criteria.decision import Earlier
from criteria.finding import document, unknown
from criteria.outcome import Outcome
from tests.cards.builders import ASK_HER2, CONFLICT, HER2_RESULT, decision, dose, no, order, policy


def node(record: dict[str, Any], *ids: str) -> dict[str, Any]:
    found: dict[str, Any] = record["criteria"]
    for name in ids:
        (found,) = [each for each in found["of"] if each["id"] == name]
    return found


def test_the_record_has_the_members_of_the_contract() -> None:
    record = decision_record(decision(Outcome.NOT_MET, notes=("Condition/9 is about another patient: set aside",)))
    assert list(record) == ["order", "policy", "path", "outcome", "on", "notes", "criteria", "dose", "approval"]
    assert record["order"] == {
        "reference": "MedicationRequest/rx1",
        "drug": "margetuximab",
        "label": "Margenza 250 mg/10 mL",
        "identifiedBy": "text",
        "status": "draft",
        "authored": "2026-05-04",
    }
    assert record["policy"] == {
        "id": "plan/margenza",
        "version": "2.0.0",
        "effective": "2026-01-01",
        "digest": "sha256:0",
    }
    assert (record["path"], record["outcome"], record["on"]) == ("initial", "not-met", "2026-05-04")
    assert record["notes"] == ["Condition/9 is about another patient: set aside"]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_outcomes_have_their_contract_names(outcome: Outcome) -> None:
    assert decision_record(decision(outcome))["outcome"] == outcome.contract_name


def test_an_order_without_criteria_has_no_tree() -> None:
    record = decision_record(decision(Outcome.NO_POLICY, order=structs.replace(order(), authored=None)))
    assert record["order"]["authored"] is None
    assert [record[name] for name in ("policy", "path", "criteria", "dose", "approval")] == [None] * 5


def test_a_criterion_shows_citation_and_evidence() -> None:
    record = decision_record(decision(Outcome.NOT_MET, judgements={"her2": no()}))
    assert node(record, "her2-positive") == {
        "id": "her2-positive",
        "verdict": "not-met",
        "title": "HER2-positive",
        "citation": {"document": "MB-7", "section": "Section B.i", "paraphrase": "The policy asks for HER2-positive"},
        "evidence": [
            {
                "reference": "Observation/her2",
                "path": "Observation.value",
                "version": "1",
                "observed": "IHC 1+",
                "on": "2026-03-02",
                "role": "contradicts",
            }
        ],
        "needs": [],
        "of": [],
    }
    assert node(record)["citation"] is None
    assert node(record, "disease", "recurrence", "her2-positive")["verdict"] == "not-met"


def test_needs_say_whether_they_are_open_and_in_view() -> None:
    record = decision_record(
        decision(
            Outcome.DOCUMENTATION,
            judgements={
                "her2": unknown(CONFLICT, evidence=(structs.replace(HER2_RESULT, on=None),)),
                "metastatic": unknown(document("Extent")),
                "shortage": no(),
            },
        )
    )
    assert node(record, "her2-positive")["evidence"][0]["on"] is None
    assert node(record, "her2-positive")["needs"] == [
        {
            "kind": "review",
            "text": "IHC and ISH of one specimen disagree",
            "readings": ["IHC decides: positive", "ISH decides: negative"],
            "open": True,
            "inView": True,
        }
    ]
    (hidden,) = node(record, "disease", "metastatic")["needs"]
    assert (hidden["open"], hidden["inView"]) == (True, False)


def test_a_need_that_changes_nothing_is_not_open() -> None:
    judgements = {"metastatic": unknown(ASK_HER2)}
    (closed,) = node(decision_record(decision(Outcome.AUTHORIZED, judgements=judgements)), "disease", "metastatic")[
        "needs"
    ]
    assert (closed["open"], closed["inView"]) == (False, False)


def test_an_unlisted_document_shows_its_key() -> None:
    record = decision_record(decision(Outcome.AUTHORIZED, policy=replace(policy(), documents={})))
    assert node(record, "adult")["citation"]["document"] == "bulletin"
    bare = decision_record(decision(Outcome.AUTHORIZED, policy=None))
    assert node(bare, "adult")["citation"]["document"] == "bulletin"


def test_an_earlier_decision_whose_authorization_is_in_force_is_evidence() -> None:
    made = structs.replace(decision(Outcome.AUTHORIZED), earlier=Earlier("assertion-1", date(2026, 5, 5)))
    assert decision_record(made)["approval"]["evidence"] == [
        {
            "reference": "decisions/assertion-1",
            "path": "approval",
            "version": None,
            "observed": "PA-0042",
            "on": "2026-05-05",
            "role": "supports",
        }
    ]
    assert "PA-0042 of 2026-05-05 is in force" in reason(made)


def test_dose_and_approval_are_shown() -> None:
    record = decision_record(decision(Outcome.AUTHORIZED))
    approval = {"number": "PA-0042", "months": 12, "expires": "2027-05-04", "remark": None}
    assert record["approval"] == {**approval, "evidence": []}
    assert record["dose"] == {
        "labelMgPerKg": "15",
        "intervalDays": 21,
        "exceeds": [],
        "weightKg": "70.0",
        "weightOn": "2026-05-01",
        "weightSource": {"reference": "Observation/weight", "path": "Observation.value", "version": None},
        "orderedMg": "1050",
        "orderedSource": {
            "reference": "MedicationRequest/rx1",
            "path": "MedicationRequest.dosageInstruction[0]",
            "version": None,
        },
        "labelMg": "1050",
        "allowedMg": "1155.0",
        "labelUnits": 210,
        "orderedUnits": 210,
        "billingCode": "J9353",
    }


def test_a_dose_nothing_is_known_of_shows_the_label_only() -> None:
    silent = dose(weight_kg=None, weight_source=None, ordered_mg=None, ordered_source=None, label_dose_mg=None)
    shown = decision_record(decision(Outcome.AUTHORIZED, dose=silent))["dose"]
    assert [shown[name] for name in ("weightKg", "weightSource", "orderedMg", "orderedSource", "labelMg")] == [None] * 5
