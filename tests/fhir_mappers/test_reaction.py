from typing import Any

import pytest

from criteria.facts import Reaction, Reading
from fhir_mappers.element import Issue, Origin
from fhir_mappers.reaction import map_reactions
from tests import builders
from tests.builders import Json
from tests.vocabulary import own_vocabulary

VERIFICATION = f"{builders.TERMINOLOGY}/allergyintolerance-verification"


def read(resource: Json, *others: Json, issues: list[Issue] | None = None) -> tuple[Reaction, ...]:
    by_name = {f"{each['resourceType']}/{each['id']}": each for each in others}
    return map_reactions(Origin.of(resource, [] if issues is None else issues), by_name.get, own_vocabulary())


def allergy(**more: Any) -> Reaction:
    (found,) = read(builders.allergy(**more))
    return found


def test_an_allergy_names_drug_effects_and_place() -> None:
    found = allergy(effects=("Rash", "Fever", "Rash"))
    assert (found.drug.key, found.effects, found.confirmed) == ("trastuzumab", ("Rash", "Fever"), True)
    assert (found.source.reference, found.source.path) == ("AllergyIntolerance/ai1", "AllergyIntolerance.code")


@pytest.mark.parametrize(
    ("status", "confirmed"), [("confirmed", True), ("presumed", False), ("unconfirmed", False), (None, None)]
)
def test_a_reaction_is_as_certain_as_its_sender_says(status: str | None, confirmed: bool | None) -> None:
    verification = None if status is None else builders.concept((VERIFICATION, status))
    assert allergy(verificationStatus=verification).confirmed is confirmed


@pytest.mark.parametrize(("status", "confirmed"), [("active", True), ("inactive", False), ("resolved", False)])
def test_a_past_allergy_proves_no_present_one(status: str, confirmed: bool) -> None:
    clinical = builders.concept(("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", status))
    assert allergy(clinicalStatus=clinical).confirmed is confirmed


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_a_refuted_allergy_does_not_exist(status: str) -> None:
    issues: list[Issue] = []
    assert read(builders.allergy(verificationStatus={"text": status}), issues=issues) == ()
    assert len(issues) == 1


def test_an_allergy_to_nothing_is_none() -> None:
    issues: list[Issue] = []
    assert read(builders.allergy(drug={}), issues=issues) == ()
    assert [each.words for each in issues] == ["names no substance"]


@pytest.mark.parametrize(
    ("more", "severe"),
    [
        ({}, None),
        ({"criticality": "high"}, True),
        ({"criticality": "low"}, False),
        ({"criticality": "unable-to-assess"}, None),
        ({"reaction": [{"severity": "mild"}, {"severity": "severe"}]}, True),
        ({"reaction": [{"severity": "moderate"}]}, False),
        ({"criticality": "high", "reaction": [{"severity": "mild"}]}, True),
    ],
)
def test_a_reaction_is_severe_when_one_of_its_codes_says_so(more: Json, severe: bool | None) -> None:
    assert allergy(**more).severe is severe


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"type": "allergy"}, True),
        ({"type": "intolerance", "category": ["medication"]}, False),
        ({"category": ["medication"], "effects": ("Anaphylactic shock",)}, True),
        ({"category": ["biologic"], "effects": ("Hypersensitivity reaction",)}, True),
        ({"category": ["environment"], "effects": ("Anaphylaxis",)}, False),
        ({}, False),
    ],
)
def test_a_hypersensitivity_is_an_allergy_or_a_drug_reaction_called_so(more: Json, expected: bool) -> None:
    assert allergy(**more).hypersensitivity is expected


@pytest.mark.parametrize(
    ("more", "when"),
    [
        ({}, "None"),
        ({"reaction": [{}, {"onset": "2025-03-04"}], "onsetDateTime": "2020"}, "2025-03-04"),
        ({"onsetDateTime": "2020-01-02"}, "2020-01-02"),
        ({"onsetAge": {"value": 40}, "lastOccurrence": "2024-05-06"}, "2024-05-06"),
        ({"recordedDate": "2026-01-01"}, "None"),
    ],
)
def test_a_reaction_happened_at_its_onset_not_when_it_was_recorded(more: Json, when: str) -> None:
    assert str(allergy(**more).when) == when


def test_the_substance_of_a_reaction_names_the_drug_too() -> None:
    found = allergy(
        drug=builders.concept(text="monoclonal antibodies"),
        reaction=[{"substance": builders.concept(builders.KADCYLA), "manifestation": [{"text": "Nausea"}]}],
    )
    assert (found.drug.key, found.drug.label) == ("trastuzumab_emtansine", "monoclonal antibodies")


def test_a_substance_against_the_code_is_a_conflict() -> None:
    found = allergy(reaction=[{"substance": builders.concept(builders.KADCYLA)}])
    assert found.drug.reading is Reading.CONFLICTING


def test_an_unknown_substance_keeps_its_label() -> None:
    found = allergy(drug=builders.concept(text="polysorbate 20"))
    assert (found.drug.reading, found.drug.label) == (Reading.UNRECOGNISED, "polysorbate 20")


def test_an_adverse_event_names_the_suspected_drug() -> None:
    (found,) = read(builders.adverse_event(), builders.administration())
    assert (found.drug.key, found.effects, str(found.when)) == (
        "trastuzumab_emtansine",
        ("Infusion related reaction",),
        "2026-05-01",
    )
    assert (found.source.path, found.confirmed) == ("AdverseEvent.suspectEntity[0].instance", None)


def test_an_event_that_might_have_happened_did_not() -> None:
    issues: list[Issue] = []
    assert read(builders.adverse_event(actuality="potential"), builders.administration(), issues=issues) == ()
    assert len(issues) == 1


@pytest.mark.parametrize(
    ("more", "severe"),
    [
        ({}, None),
        ({"seriousness": {"text": "Serious"}}, True),
        (
            {"seriousness": builders.concept((f"{builders.TERMINOLOGY}/adverse-event-seriousness", "non-serious"))},
            False,
        ),
        ({"severity": builders.concept((f"{builders.TERMINOLOGY}/adverse-event-severity", "severe"))}, True),
        ({"severity": builders.concept((f"{builders.TERMINOLOGY}/adverse-event-severity", "mild"))}, False),
    ],
)
def test_an_event_is_severe_by_seriousness_or_severity(more: Json, severe: bool | None) -> None:
    (found,) = read(builders.adverse_event(**more), builders.administration())
    assert found.severe is severe


def test_an_event_called_hypersensitivity_is_one() -> None:
    event = builders.adverse_event(event=builders.concept(text="Hypersensitivity"), date=None, detected="2026-05-02")
    (found,) = read(event, builders.administration())
    assert (found.hypersensitivity, str(found.when)) == (True, "2026-05-02")


def test_each_suspect_is_a_reaction_of_its_own() -> None:
    event = builders.adverse_event(
        suspectEntity=[
            {"instance": builders.reference("Medication/m1")},
            {"instance": builders.reference("Medication/m2")},
            {},
        ]
    )
    found = read(
        event,
        builders.medication("m1", code=builders.concept(builders.KADCYLA)),
        builders.medication("m2", ingredients=[builders.concept(text="docetaxel")]),
    )
    assert [each.drug.key for each in found] == ["trastuzumab_emtansine", "docetaxel"]


def test_an_event_without_a_suspect_is_no_reaction_to_a_drug() -> None:
    assert read(builders.adverse_event(suspectEntity=None)) == ()


@pytest.mark.parametrize(
    ("instance", "reading", "label"),
    [
        (builders.reference("Medication/away"), Reading.UNRECOGNISED, "Medication/away"),
        (builders.reference("Medication/away", "Kadcyla"), Reading.IDENTIFIED, "Kadcyla"),
        ({"display": "Kadcyla"}, Reading.IDENTIFIED, "Kadcyla"),
        ({"display": " "}, Reading.UNRECOGNISED, "suspectEntity[0]"),
        (builders.reference("Device/d1"), Reading.UNRECOGNISED, "Device/d1"),
    ],
)
def test_a_suspect_that_is_not_at_hand_keeps_what_it_is_called(instance: Json, reading: Reading, label: str) -> None:
    device: Json = {"resourceType": "Device", "id": "d1"}
    (found,) = read(builders.adverse_event(suspectEntity=[{"instance": instance}]), device)
    assert (found.drug.reading, found.drug.label) == (reading, label)


def test_a_contained_administration_may_refer_to_a_contained_medication() -> None:
    given = builders.administration("given", medicationReference=builders.reference("#m"))
    del given["medicationCodeableConcept"]
    event = builders.adverse_event(
        suspect="#given", contained=[given, builders.medication("m", code=builders.concept(builders.KADCYLA))]
    )
    (found,) = read(event)
    assert found.drug.key == "trastuzumab_emtansine"
