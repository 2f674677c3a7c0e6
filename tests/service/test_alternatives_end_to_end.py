"""The preferred-alternatives card, from a whole hook request: what is offered, what is left out and why, which dose."""

from typing import Any

import pytest

from tests import builders as fhir
from tests import margenza
from tests.builders import Json
from tests.margenza import (
    CAPECITABINE,
    CHART,
    DISEASE,
    TRASTUZUMAB_TWICE,
    Decided,
    decide,
    diagnosis,
    draft,
    given,
    lvef,
    named,
    weight,
    worsened,
)

TOPIC = "therapy-alternatives-req"
ENHERTU, KADCYLA, PERJETA, PHESGO = "Enhertu", "Kadcyla", "Perjeta", "Phesgo"
UNTREATED = (fhir.patient(), *DISEASE, weight())
UNCONFIRMED, RESOLVED = {"coding": [{"code": "unconfirmed"}]}, {"coding": [{"code": "resolved"}]}
FIRST_LINE_ONLY = "before other therapy for metastatic disease"


def severe_allergy(drug: str, **more: Any) -> Json:
    return fhir.allergy(
        "allergy", drug=named(drug), effects=("Anaphylaxis",), type="allergy", criticality="high", **more
    )


def suggestions(decided: Decided) -> dict[str, Json]:
    """The draft order of each suggestion, by brand."""
    found = {}
    for card in decided.cards(TOPIC):
        for suggestion in card["suggestions"]:
            remove, create = suggestion["actions"]
            assert (remove["type"], remove["resourceId"]) == ("delete", "MedicationRequest/order")
            assert create["type"] == "create"
            found[create["resource"]["medicationCodeableConcept"]["text"].split()[0]] = create["resource"]
    return found


def left_out(decided: Decided) -> dict[str, str]:
    """The reason why each product is not proposed, by brand."""
    (card,) = decided.cards(TOPIC)
    lines = card["detail"].partition("Not proposed:")[2].splitlines()
    return {line.split("**")[1].split()[0]: line.split("**: ")[1] for line in lines if "**: " in line}


def dose(draft_order: Json) -> Any:
    entry = draft_order["dosageInstruction"][0]
    return entry["doseAndRate"][0]["doseQuantity"] if "doseAndRate" in entry else None


def test_products_that_suit_the_patient_are_offered_and_the_others_named_with_the_reason() -> None:
    decided = decide(*CHART)
    assert decided.outcome == "documentation"
    assert set(suggestions(decided)) == {ENHERTU, KADCYLA}
    reasons = left_out(decided)
    assert set(reasons) == {PERJETA, PHESGO}
    assert all(FIRST_LINE_ONLY in each for each in reasons.values())


@pytest.mark.parametrize(
    ("more", "product", "reason"),
    [
        ([given("e", "Enhertu", "2025-02-01"), worsened("pd3", "2025-06-01")], ENHERTU, "failed"),
        ([given("k", "Kadcyla", "2025-02-01"), worsened("pd3", "2025-06-01")], KADCYLA, "failed"),
        ([fhir.allergy(drug=named("Enhertu"), type="allergy", criticality="low")], ENHERTU, "contraindicated"),
        ([fhir.allergy(drug=named("Enhertu"), verificationStatus=UNCONFIRMED)], ENHERTU, "past or unconfirmed"),
        ([fhir.allergy(drug=named("Enhertu"), clinicalStatus=RESOLVED)], ENHERTU, "past or unconfirmed"),
        ([diagnosis("ild", "J84.10")], ENHERTU, "contraindicated"),
        ([diagnosis("liver-failure", "K72.00")], KADCYLA, "contraindicated"),
        ([diagnosis("platelets", "D69.6")], KADCYLA, "contraindicated"),
        ([lvef(49)], ENHERTU, "LVEF"),
    ],
)
def test_a_product_is_left_out_for_its_reason(more: list[Json], product: str, reason: str) -> None:
    decided = decide(*CHART, *more)
    assert reason in left_out(decided)[product]
    assert product not in suggestions(decided)


def test_a_product_that_was_not_tolerated_is_left_out() -> None:
    stop = [fhir.concept((fhir.SNOMED, "407563006"))]
    decided = decide(*CHART, given("k", "Kadcyla", "2026-05-25", status="stopped", statusReason=stop))
    assert "not tolerated" in left_out(decided)[KADCYLA]


def test_an_adverse_event_without_its_impact_is_enough_not_to_propose_the_product() -> None:
    decided = decide(*CHART, fhir.allergy("reaction", drug=named("Kadcyla"), effects=("Nausea",), type="intolerance"))
    assert "not tolerated" in left_out(decided)[KADCYLA]


@pytest.mark.parametrize(
    ("percent", "offered"),
    [(39, set()), (40, {KADCYLA}), (49, {KADCYLA}), (50, {ENHERTU, KADCYLA})],
)
def test_lvef_under_a_label_floor_leaves_the_product_out(percent: int, offered: set[str]) -> None:
    assert set(suggestions(decide(*CHART, lvef(percent)))) == offered


def test_the_newest_lvef_counts() -> None:
    older = lvef(35, "2026-01-01") | {"id": "lvef-older"}
    assert set(suggestions(decide(*CHART, older, lvef(60)))) == {ENHERTU, KADCYLA}


def test_the_low_end_of_an_lvef_range_counts() -> None:
    assert set(suggestions(decide(*CHART, lvef("45-55 %")))) == {KADCYLA}


def test_an_lvef_below_a_bound_counts() -> None:
    below = lvef(50) | {"valueQuantity": fhir.quantity(50, "%", comparator="<")}
    assert ENHERTU not in suggestions(decide(*CHART, below))


# Boxed warnings for embryo-fetal toxicity stand on all four labels (readings section 5).
@pytest.mark.parametrize(
    "pregnancy",
    [
        diagnosis("pregnant", "Z33.1", "2026-05-01"),
        fhir.observation(
            "pregnant",
            code=fhir.concept((fhir.LOINC, "82810-3")),
            value=fhir.concept((fhir.SNOMED, "77386006")),
            on="2026-06-01",
        ),
    ],
)
def test_a_pregnant_patient_is_offered_nothing(pregnancy: Json) -> None:
    assert decide(*CHART, pregnancy).cards(TOPIC) == []


# Contract section 2: after a severe hypersensitivity to a product with a trastuzumab backbone none of that backbone.
@pytest.mark.parametrize("drug", ["trastuzumab", "Kadcyla", "Enhertu", "Phesgo"])
def test_severe_hypersensitivity_rules_out_the_whole_backbone(drug: str) -> None:
    decided = decide(*UNTREATED, severe_allergy(drug))
    offered = set() if drug == "Phesgo" else {PERJETA}
    assert set(suggestions(decided)) == offered


def test_the_reason_names_the_backbone() -> None:
    reasons = left_out(decide(*UNTREATED, severe_allergy("Kanjinti")))
    assert set(reasons) == {ENHERTU, KADCYLA, PHESGO}
    assert "trastuzumab" in reasons[ENHERTU]


def test_a_hypersensitivity_that_is_not_severe_rules_out_only_what_shares_the_substance() -> None:
    mild = fhir.allergy("allergy", drug=named("trastuzumab"), effects=("Rash",), type="allergy", criticality="low")
    assert set(suggestions(decide(*CHART, mild))) == {ENHERTU, KADCYLA}


def test_a_refuted_allergy_rules_out_nothing() -> None:
    refuted = fhir.concept((f"{fhir.TERMINOLOGY}/allergyintolerance-verification", "refuted"))
    decided = decide(*CHART, severe_allergy("trastuzumab", verificationStatus=refuted))
    assert set(suggestions(decided)) == {ENHERTU, KADCYLA}


def test_a_product_drafted_in_the_same_call_is_not_proposed() -> None:
    decided = decide(*CHART, drafts=(CAPECITABINE, draft("enhertu", "Enhertu")))
    assert set(suggestions(decided)) == {KADCYLA}
    assert "already ordered" in left_out(decided)[ENHERTU]


@pytest.mark.parametrize(("status", "offered"), [("active", {KADCYLA}), ("completed", {ENHERTU, KADCYLA})])
def test_an_active_order_for_a_product_leaves_it_out_a_past_one_does_not(status: str, offered: set[str]) -> None:
    earlier = fhir.medication_request("earlier", drug=named("Enhertu"), on="2026-05-01", status=status)
    assert set(suggestions(decide(*CHART, earlier))) == offered


# 42 days before 2026-06-15 is 2026-05-04: a patient under treatment is never switched.
@pytest.mark.parametrize(("day", "cards"), [("2026-05-05", 0), ("2026-05-04", 0), ("2026-05-03", 1), ("2026-04-01", 1)])
def test_nothing_is_proposed_within_42_days_of_a_dose(day: str, cards: int) -> None:
    assert len(decide(*CHART, given("m", "Margenza", day)).cards(TOPIC)) == cards


def test_nothing_is_proposed_for_an_authorized_order() -> None:
    failed = (
        given("e", "Enhertu", "2025-02-01"),
        worsened("pd3", "2025-06-01"),
        given("k", "Kadcyla", "2025-07-01"),
        worsened("pd4", "2026-01-20"),
    )
    decided = decide(*CHART, *failed)
    assert decided.outcome == "authorized"
    assert decided.cards(TOPIC) == []


def test_products_are_proposed_when_a_reviewer_decides() -> None:
    young = fhir.patient(birth="2010-01-01")
    decided = decide(young, *DISEASE, *TRASTUZUMAB_TWICE, weight())
    assert decided.outcome == "review"
    assert set(suggestions(decided)) == {ENHERTU, KADCYLA}


def test_a_payer_without_preferred_products_proposes_none() -> None:
    decided = decide(*CHART, payer="mmm")
    assert decided.outcome == "documentation"
    assert decided.cards(TOPIC) == []


def test_a_caller_can_switch_the_card_off() -> None:
    assert decide(*CHART, configuration={TOPIC: False}).cards(TOPIC) == []


# ------------------------------------------------------------------------------------------------ label suitability


def test_nothing_is_proposed_for_a_her2_negative_cancer() -> None:
    negative = fhir.observation(
        "her2",
        code=fhir.concept((fhir.LOINC, "85319-2")),
        value=fhir.concept((fhir.LOINC, "LA6111-4")),
        on="2023-01-12",
    )
    decided = decide(fhir.patient(), *DISEASE[:2], negative, *TRASTUZUMAB_TWICE, weight())
    assert decided.outcome == "review"
    assert decided.cards(TOPIC) == []


def test_nothing_is_proposed_for_a_cancer_of_another_organ() -> None:
    lung = diagnosis("lung", "C34.11", "2024-01-01")
    decided = decide(fhir.patient(), lung, *TRASTUZUMAB_TWICE, weight())
    assert decided.outcome == "review"
    assert decided.cards(TOPIC) == []


# Readings section 5: Enhertu is labeled for unresectable or metastatic disease; an explicit M0 says that it is not.
def test_a_product_for_metastatic_disease_is_left_out_when_the_record_shows_that_there_is_none() -> None:
    clear = fhir.observation("m0", code=fhir.concept((fhir.LOINC, "21907-1")), value="M0", on="2026-06-01")
    decided = decide(fhir.patient(), DISEASE[0], margenza.HER2, clear, weight())
    assert ENHERTU not in suggestions(decided)


COMPLETE = fhir.questionnaire_response(
    questionnaire="http://127.0.0.1:8080/fhir/Questionnaire/oscar-cg101|2.0.0",
    items=[{"linkId": "labelled-indication.history-complete", "answer": [{"valueBoolean": True}]}],
    authored="2026-06-14T10:00:00Z",
)


# Readings section 5: Kadcyla needs prior trastuzumab (no conjugate, K9) and a taxane; the history is stated complete.
@pytest.mark.parametrize(
    ("before", "offered"),
    [
        (["trastuzumab", "docetaxel"], {ENHERTU, KADCYLA}),
        (["Herceptin Hylecta", "paclitaxel"], {ENHERTU, KADCYLA}),
        (["Phesgo", "nab-paclitaxel"], {ENHERTU, KADCYLA}),
        (["trastuzumab", "vinorelbine"], {ENHERTU}),
        (["lapatinib", "docetaxel"], {ENHERTU}),
    ],
)
def test_kadcyla_is_left_out_when_a_complete_history_lacks_trastuzumab_or_taxane(
    before: list[str], offered: set[str]
) -> None:
    doses = [given(f"dose-{index}", drug, "2026-04-01") for index, drug in enumerate(before)]
    decided = decide(fhir.patient(), *DISEASE, *doses, weight(), COMPLETE)
    assert set(suggestions(decided)) == offered


def test_what_is_only_missing_from_the_record_leaves_kadcyla_in() -> None:
    without_taxane = [each for each in CHART if each["id"] != "t1-taxane"]
    assert set(suggestions(decide(*without_taxane))) == {ENHERTU, KADCYLA}


# ------------------------------------------------------------------------------------------------------------- doses


# 5.4 mg/kg and 3.6 mg/kg of the label, at the recorded weight, to a tenth of a milligram.
@pytest.mark.parametrize(
    ("recorded", "enhertu", "kadcyla"),
    [
        (weight(70), 378, 252),
        (weight("63.5"), 342.9, 228.6),
        (weight(154, "[lb_av]"), 377.2, 251.5),
        (weight(70, on="2026-05-16"), 378, 252),
    ],
)
def test_the_dose_is_computed_from_label_and_weight(recorded: Json, enhertu: float, kadcyla: float) -> None:
    found = suggestions(decide(*CHART[:-1], recorded))
    assert dose(found[ENHERTU]) == {"value": enhertu, "unit": "mg", "system": fhir.UCUM, "code": "mg"}
    assert dose(found[KADCYLA])["value"] == kadcyla
    assert found[ENHERTU]["supportingInformation"] == [{"reference": "Observation/weight"}]


# 30 days before 2026-06-15 is 2026-05-16.
@pytest.mark.parametrize("chart", [CHART[:-1], (*CHART[:-1], weight(70, on="2026-05-15"))])
def test_without_a_usable_weight_no_dose_is_drafted(chart: tuple[Json, ...]) -> None:
    found = suggestions(decide(*chart))
    assert set(found) == {ENHERTU, KADCYLA}
    assert dose(found[ENHERTU]) is None
    assert "supportingInformation" not in found[ENHERTU]


@pytest.mark.parametrize(("amount", "unit"), [(1234, "mg"), ("12.34", "mg/kg")])
def test_the_dose_of_the_old_order_never_stands_in_a_draft(amount: str | int, unit: str) -> None:
    decided = decide(*CHART[:-1], ordered=margenza.order(dose=amount, unit=unit))
    assert suggestions(decided)
    for each in suggestions(decided).values():
        assert "1234" not in str(each["dosageInstruction"])
        assert "12.34" not in str(each)


def test_a_draft_is_a_complete_order_in_the_context_of_the_old_one() -> None:
    ordered = margenza.order(reasonCode=[fhir.concept(fhir.BREAST_CANCER)])
    found = suggestions(decide(*CHART, ordered=ordered))[KADCYLA]
    assert found["resourceType"] == "MedicationRequest"
    assert found["status"] == "draft"
    for shared in ("subject", "requester", "insurance", "reasonCode"):
        assert found[shared] == ordered[shared]
    assert found["authoredOn"] == margenza.ON
    assert found["dosageInstruction"][0]["timing"]["repeat"] == {"frequency": 1, "period": 3, "periodUnit": "wk"}
    codes = {each["code"] for each in found["medicationCodeableConcept"]["coding"]}
    assert {"1371046", "J9354"} <= codes


def test_fixed_dose_products_start_with_their_loading_dose() -> None:
    found = suggestions(decide(*UNTREATED))
    assert dose(found[PERJETA])["value"] == 840
    assert (dose(found[PHESGO])["value"], dose(found[PHESGO])["unit"]) == (15, "mL")
    for brand, maintenance in ((PERJETA, 420), (PHESGO, 10)):
        first, then = found[brand]["dosageInstruction"]
        assert first["timing"] == {"repeat": {"count": 1}}
        assert then["doseAndRate"][0]["doseQuantity"]["value"] == maintenance


# Perjeta is loaded again when six weeks or more lie between doses; 41 days before 2026-06-15 is 2026-05-05.
@pytest.mark.parametrize(("last", "milligrams"), [("2026-05-05", 420), ("2026-05-04", 840), ("2026-05-03", 840)])
def test_a_fixed_dose_product_is_loaded_again_after_six_weeks(last: str, milligrams: int) -> None:
    since = diagnosis("liver", "C78.7") | {"recordedDate": "2026-06-10"}
    since.pop("onsetDateTime")
    found = suggestions(decide(fhir.patient(), DISEASE[0], since, margenza.HER2, given("p", "Perjeta", last), weight()))
    assert dose(found[PERJETA])["value"] == milligrams


@pytest.mark.parametrize("doubt", [{"clinicalStatus": RESOLVED}, {"verificationStatus": UNCONFIRMED}])
def test_after_a_severe_reaction_in_doubt_nothing_of_its_backbone_is_offered(doubt: Json) -> None:
    assert decide(*CHART, severe_allergy("Herceptin", **doubt)).cards(TOPIC) == []
