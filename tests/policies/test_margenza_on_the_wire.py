"""What a caller reads of a Margenza decision: limits (contract section 6), numbers, contact, questionnaire."""

from typing import Any

import pytest

from tests import margenza
from tests.builders import Json
from tests.margenza import CHART, Decided, decide, given, weight, worsened

FAILED = (
    *CHART[:-1],
    given("e", "Enhertu", "2025-02-01"),
    worsened("pd3", "2025-06-01"),
    given("k", "Kadcyla", "2025-07-01"),
    worsened("pd4", "2026-01-20"),
)


def details(decided: Decided) -> dict[str, Json]:
    """The details of the coverage information by their code."""
    (information,) = [
        each
        for each in decided.answer["systemActions"][0]["resource"]["extension"]
        if each["url"] == margenza.EXTENSION
    ]
    found = {}
    for member in information["extension"]:
        if member["url"] == "detail":
            parts = {each["url"]: each for each in member["extension"]}
            assert parts["category"]["valueCode"] == "cat-limitation"
            code = parts["code"]["valueCodeableConcept"]["coding"][0]["code"]
            found[code] = {key: value for key, value in parts.items() if key not in {"category", "code"}}
    return found


# 15 mg/kg at 70 kg are 1,050 mg, 210 units of 5 mg.
def test_an_authorization_is_for_the_label_dose_in_billing_units() -> None:
    decided = decide(*FAILED, weight())
    assert decided.outcome == "authorized"
    found = details(decided)
    assert found["allowed-quantity"]["value"]["valueQuantity"]["value"] == 210
    assert "J9353" in found["allowed-quantity"]["value"]["valueQuantity"]["unit"]
    assert "15 mg/kg" in found["instructions"]["value"]["valueString"]


def test_units_are_rounded_up() -> None:
    found = details(decide(*FAILED, weight("70.1")))
    assert found["allowed-quantity"]["value"]["valueQuantity"]["value"] == 211


def test_without_a_weight_no_quantity_is_allowed_but_the_label_dose_is() -> None:
    decided = decide(*FAILED)
    assert decided.outcome == "authorized"
    assert set(details(decided)) == {"instructions"}


def test_a_dose_above_the_label_has_its_arithmetic_in_the_limit_and_the_reason() -> None:
    decided = decide(*FAILED, weight(), ordered=margenza.order(dose=1400))
    assert decided.outcome == "authorizable"
    assert decided.information["pa-needed"] == "auth-needed"
    assert "satisfied-pa-id" not in decided.information
    for text in (details(decided)["instructions"]["value"]["valueString"], decided.information["reason"]["text"]):
        for part in ("70 kg", "2026-06-10", "Observation/weight", "1,400 mg", "1,155 mg", "210 units", "280 units"):
            assert part in text


def test_the_same_order_on_the_same_evidence_keeps_its_number() -> None:
    first, second = decide(*FAILED, weight()), decide(*reversed((*FAILED, weight())))
    assert first.information["satisfied-pa-id"] == second.information["satisfied-pa-id"]
    assert first.information["coverage-assertion-id"] == second.information["coverage-assertion-id"]


def test_other_evidence_gives_another_decision() -> None:
    first, second = decide(*FAILED, weight()), decide(*FAILED, weight(71))
    assert first.information["coverage-assertion-id"] != second.information["coverage-assertion-id"]


@pytest.mark.parametrize(
    ("payer", "questionnaire"), [("oscar", "oscar-cg101|2.0.0"), ("mmm", "mmm-mp-rx-fp-56-23-initial|1.0.0")]
)
def test_missing_documentation_names_the_questionnaire_of_policy_path_and_version(
    payer: str, questionnaire: str
) -> None:
    found = decide(*CHART, payer=payer).information
    assert found["doc-needed"] == "clinical"
    assert found["questionnaire"].endswith(f"/fhir/Questionnaire/{questionnaire}")


def test_a_continuation_has_a_questionnaire_of_its_own() -> None:
    found = decide(*CHART, given("m", "Margenza", "2026-06-01"), payer="mmm").information
    assert found["questionnaire"].endswith("/fhir/Questionnaire/mmm-mp-rx-fp-56-23-continuation|1.0.0")


# O19: oncology requests go to EviCore; MMM's policy names nobody.
@pytest.mark.parametrize(("payer", "phone"), [("oscar", "855-252-1118"), ("mmm", None)])
def test_the_contact_is_the_one_the_policy_names(payer: str, phone: str | None) -> None:
    contact: Any = decide(*CHART, payer=payer).information.get("contact")
    numbers = {each["system"]: each["value"] for each in contact["telecom"]} if contact else {}
    assert numbers.get("phone") == phone
    assert numbers.get("fax") == ("800-540-2406" if phone else None)
    assert phone is None or "EviCore" in contact["name"]


def test_a_preferred_product_names_the_contact_too() -> None:
    found = decide(*CHART, ordered=margenza.order("Enhertu", 378)).information
    assert (found["covered"], found["pa-needed"], found["info-needed"]) == ("conditional", "conditional", "OTH")
    assert "EviCore" in found["contact"]["name"]


def test_an_order_whose_codes_disagree_asks_for_its_code() -> None:
    found = decide(*FAILED, ordered=margenza.order("Margenza or Kadcyla"))
    assert found.outcome == "review"
    assert found.record["criteria"] is None
    information = found.information
    assert (information["covered"], information["info-needed"]) == ("conditional", "detail-code")
