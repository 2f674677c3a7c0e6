"""Requirements of CRD 2.2.1 and CDS Hooks on what is sent that no other test shows; docs/conformance.md names them."""

import json
import re
from collections.abc import Iterator
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.R4B.domainresource import DomainResource

from tests.hooks.answers import CARD_TYPES, CHARTS, EQUIVOCAL, FOURTH_LINE, answer, every_card, services
from tests.hooks.clients import (
    COVERAGE_INFORMATION,
    PUBLIC_URL,
    add,
    api,
    information_of,
    named,
    orders_of,
    request_of,
)

# ------------------------------------------------------------------ response types


def test_an_order_has_one_coverage_information_and_that_one_reason() -> None:
    for name in CHARTS:
        for action in answer(name).actions:
            found = [each for each in action["resource"]["extension"] if each["url"] == COVERAGE_INFORMATION]
            assert len(found) == 1
            assert [part["url"] for part in found[0]["extension"]].count("reason") == 1


def test_no_card_is_critical_and_a_warning_asks_the_clinician_for_something() -> None:
    assert {card["indicator"] for card in every_card()} == {"info", "warning"}
    warnings = {card["source"]["topic"]["code"] for card in every_card() if card["indicator"] == "warning"}
    assert warnings == {"appropriate-use", "contraindication"}
    assert sum(card["indicator"] == "info" for card in every_card()) * 2 > len(every_card())


def test_every_card_has_an_identity_a_topic_and_a_described_choice() -> None:
    for card in every_card():
        assert card["uuid"]
        assert card["source"]["label"]
        assert card["source"]["topic"]["code"] in CARD_TYPES - {"coverage-info", "unsolicited-determ"}
        for suggestion in card.get("suggestions", ()):
            assert suggestion["uuid"]
            assert suggestion["label"]
            assert all(action["description"] for action in suggestion["actions"])


def test_coverage_information_is_never_a_card() -> None:
    assert not [card for card in every_card() if card["source"]["topic"]["code"] == "coverage-info"]


def test_no_card_repeats_the_reason_or_the_number_of_the_coverage_information() -> None:
    for name in CHARTS:
        said = [information_of(each["resource"]) for each in answer(name).actions]
        shown = json.dumps(answer(name).cards)
        for information in said:
            assert json.dumps(information["reason"]["text"]).strip('"') not in shown
            assert information.get("satisfied-pa-id", "no number") not in shown


def test_no_link_leads_anywhere_but_to_a_policy() -> None:
    for card in every_card():
        urls = [link["url"] for link in card.get("links", ())] + re.findall(r"https?://[^\s)]+", card["detail"])
        assert all(url.startswith(f"{PUBLIC_URL}/policies/") for url in urls)


def test_an_external_reference_has_absolute_links_a_summary_and_no_suggestion() -> None:
    for card in every_card("guideline"):
        assert card["links"]
        assert all(set(link) == {"label", "url", "type"} for link in card["links"])
        assert {link["type"] for link in card["links"]} == {"absolute"}
        assert "suggestions" not in card
        assert card["detail"]


def test_an_instruction_has_a_detail_and_neither_link_nor_suggestion() -> None:
    for card in every_card("appropriate-use", "contraindication"):
        assert card["detail"]
        assert not {"links", "suggestions", "selectionBehavior"} & set(card)


def test_an_alternative_deletes_the_order_and_creates_one_draft() -> None:
    for card in every_card("therapy-alternatives-req"):
        assert card["suggestions"]
        assert "links" not in card
        (about,) = card["extension"]["davinci-crd.associated-resource"]
        for suggestion in card["suggestions"]:
            delete, create = suggestion["actions"]
            assert (delete["type"], delete["resourceId"]) == ("delete", about["reference"])
            assert (create["type"], create["resource"]["resourceType"]) == ("create", "MedicationRequest")
            assert "resource" not in delete
            assert "resourceId" not in create


def test_what_is_proposed_can_be_ordered_by_hand_from_the_card() -> None:
    for card in every_card("therapy-alternatives-req"):
        for suggestion in card["suggestions"]:
            draft = suggestion["actions"][1]["resource"]
            assert draft["medicationCodeableConcept"]["text"] in card["detail"]
            dose = draft["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
            assert f"{dose['value']:g} {dose['unit']}" in card["detail"]


def test_an_additional_order_is_only_created() -> None:
    for card in every_card("clinical-reminder"):
        assert "links" not in card
        for suggestion in card["suggestions"]:
            for action in suggestion["actions"]:
                assert set(action) == {"type", "description", "resource"}
                assert (action["type"], action["resource"]["resourceType"]) == ("create", "ServiceRequest")


def test_a_test_whose_result_the_client_holds_is_not_proposed() -> None:
    assert "clinical-reminder" in answer(EQUIVOCAL).topics()
    body = request_of(EQUIVOCAL)
    fish = {**named(request_of(FOURTH_LINE), "Observation/her2-fish-06"), "id": "her2-fish-08"}
    patient = f"Patient/{body['context']['patientId']}"
    add(body, "observations", {**fish, "subject": {"reference": patient}})
    assert "clinical-reminder" not in api().sign(body).topics()


def test_another_coverage_has_another_assertion_and_another_number() -> None:
    body, order = request_of(FOURTH_LINE), "MedicationRequest/order-06"
    for each in orders_of(body):
        each.pop("insurance", None)
    first = api().sign(body).information(order)
    named(body, "Coverage/cov-06")["id"] = "cov-other"
    second = api().sign(body).information(order)
    assert (first["coverage"], second["coverage"]) == (
        {"reference": "Coverage/cov-06"},
        {"reference": "Coverage/cov-other"},
    )
    assert first["satisfied-pa-id"] != second["satisfied-pa-id"]
    assert first["coverage-assertion-id"] != second["coverage-assertion-id"]


def test_a_coverage_that_has_ended_is_not_covered_and_the_reason_says_so_in_code() -> None:
    information = answer("mmm-coverage-ended").information("MedicationRequest/order-07")
    assert information["covered"] == "not-covered"
    assert [each["code"] for each in information["reason"]["coding"]] == ["no-active-coverage"]


# ------------------------------------------------------------------ CDS Hooks


def values(parent: Any) -> Iterator[Any]:
    """Every value below an object or list."""
    for each in parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ():
        yield each
        yield from values(each)


def test_no_member_is_null_or_empty() -> None:
    bodies = [*(answer(name).body for name in CHARTS), *services()]
    for body in bodies:
        shown = {key: value for key, value in body.items() if key != "cards" or value}
        assert not [each for each in values(shown) if each is None or each in ("", [], {})]


def test_every_service_has_the_attributes_discovery_requires() -> None:
    for service in services():
        for member in ("hook", "id", "title", "description", "version"):
            assert service[member]
            assert isinstance(service[member], str)


# Instance read or type search; parameters without modifier, and no _include or chaining.
def test_prefetch_asks_for_reads_and_plain_searches_only() -> None:
    for service in services():
        for template in service["prefetch"].values():
            path, _, query = template.partition("?")
            assert re.fullmatch(r"[A-Z][A-Za-z]+(/\{\{[^{}]+\}\})?", path)
            names = [each.split("=")[0] for each in query.split("&")] if query else []
            assert set(names) <= {"_id", "patient", "subject", "status", "code"}


def test_a_prefetch_token_starts_from_the_context_or_an_earlier_key() -> None:
    for service in services():
        earlier: set[str] = set()
        for key, template in service["prefetch"].items():
            for token in re.findall(r"\{\{(.+?)\}\}", template):
                for path in token.split("|"):
                    start = path.split(".")[0]
                    assert start == "context" or start.removeprefix("%") in earlier
            earlier.add(key)
        assert "context.patientId" in service["prefetch"]["patient"]


def test_no_suggestion_uses_a_selection_behaviour_of_its_own() -> None:
    for card in every_card():
        for suggestion in card.get("suggestions", ()):
            assert "actionSelectionBehavior" not in suggestion


def test_oftype_names_a_resource_type() -> None:
    texts = [template for service in services() for template in service["prefetch"].values()]
    found = {name for text in texts for name in re.findall(r"ofType\((.*?)\)", text)}
    assert found
    for name in found:
        assert issubclass(get_fhir_model_class(name), DomainResource)
