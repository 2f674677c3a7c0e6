"""Requirements of CRD 2.2.1 on hooks, data and configuration that no other test shows: see docs/conformance.md."""

import json
import re
from typing import Any

import pytest

from examples.ehr import TOKEN
from tests.hooks.answers import (
    CARD_TYPES,
    CHARTS,
    EQUIVOCAL,
    FIRST,
    FOURTH_LINE,
    answer,
    configured,
    every_card,
    options,
    services,
)
from tests.hooks.bodies import as_appointment, as_dispatch, names_of
from tests.hooks.clients import (
    COVERAGE_INFORMATION,
    Json,
    api,
    information_of,
    named,
    nodes,
    orders_of,
    record_of,
    request_of,
    resources_of,
)
from tests.service.builders import logged


def minimal(name: str) -> Json:
    """The request of a chart with nothing but the orders' mandatory elements, the patient and the coverage."""
    body = request_of(name)
    mandatory = {"resourceType", "id", "status", "intent", "subject", "medicationCodeableConcept"}
    for entry in body["context"]["draftOrders"]["entry"]:
        entry["resource"] = {key: value for key, value in entry["resource"].items() if key in mandatory}
    body["prefetch"] = {key: body["prefetch"][key] for key in ("patient", "coverage", "payors")}
    return body


# ------------------------------------------------------------------ hooks

ORDERS_ONLY = [name for name in CHARTS if name != "mmm-kadcyla-no-number"]
"""That chart has the Medication among its drafts, which cannot be dispatched or booked."""


# Decided or not, with documents needed or none, under a policy or under none: hook-16, resp-26.
@pytest.mark.parametrize("make", [dict, as_dispatch, as_appointment])
@pytest.mark.parametrize("name", ORDERS_ONLY)
def test_on_every_primary_hook_every_order_gets_coverage_information(make: Any, name: str) -> None:
    body = request_of(name)
    called = api().call(make(body))
    assert called.status == 200
    assert [f"{each['resource']['resourceType']}/{each['resource']['id']}" for each in called.actions] == names_of(body)
    for action in called.actions:
        information = information_of(action["resource"])
        assert information["covered"]
        assert information["reason"]["text"]


def test_only_a_dispatched_order_is_judged_and_in_the_light_of_the_others() -> None:
    body = as_dispatch(request_of(FOURTH_LINE))
    order = "MedicationRequest/order-06"
    body["context"]["dispatchedOrders"] = [order]
    beside = api().call(body)
    assert [action["resource"]["id"] for action in beside.actions] == ["order-06"]
    assert beside.information(order)["pa-needed"] == "satisfied"
    del body["prefetch"]["medicationRequests"]["entry"][1:]
    assert api().call(body).information(order)["pa-needed"] == "auth-needed"


# ------------------------------------------------------------------ data


BILLING_OPTIONS = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-billing-options"


@pytest.mark.parametrize("name", CHARTS)
def test_an_order_without_billing_options_gets_coverage_information(name: str) -> None:
    assert BILLING_OPTIONS not in json.dumps(request_of(name), default=float)
    assert all(information_of(each["resource"])["covered"] for each in answer(name).actions)
    assert answer(name).actions


def test_a_drug_that_only_its_billing_option_names_is_decided() -> None:
    body, service = request_of(FOURTH_LINE), api()
    billed = {"coding": [{"system": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "J9353"}]}
    orders_of(body)[0]["medicationCodeableConcept"] = {
        "text": "infusion as discussed",
        "extension": [{"url": BILLING_OPTIONS, "valueCodeableConcept": billed}],
    }
    found = service.decision(service.sign(body), "MedicationRequest/order-06")
    assert found["outcome"] == "authorized"
    del orders_of(body)[0]["medicationCodeableConcept"]["extension"]
    assert service.decision(service.sign(body), "MedicationRequest/order-06")["outcome"] == "no-policy"


US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
PROFILES = {
    "3.1.1": {"Condition": "condition", "Observation": "observation-lab"},
    "6.1.0": {"Condition": "condition-problems-health-concerns", "Observation": "observation-lab"},
    "7.0.0": {"Condition": "condition-problems-health-concerns", "Observation": "observation-clinical-result"},
}
CONDITION_CATEGORY = {"3.1.1": "encounter-diagnosis", "6.1.0": "problem-list-item", "7.0.0": "problem-list-item"}


# What the versions add for these types: a category of Condition, `reported` of MedicationRequest, sex of Patient.
@pytest.mark.parametrize("version", sorted(PROFILES))
def test_a_chart_in_any_of_the_three_us_core_versions_is_decided_alike(version: str) -> None:
    body, service = request_of(FOURTH_LINE), api()
    plain = service.decision(service.sign(body), "MedicationRequest/order-06")
    category = "http://terminology.hl7.org/CodeSystem/condition-category"
    changed = 0
    for resource in resources_of(body):
        profile = PROFILES[version].get(resource["resourceType"], resource["resourceType"].lower())
        resource["meta"] = {"profile": [f"{US_CORE}{profile}|{version}"]}
        if resource["resourceType"] == "Condition":
            resource["category"] = [{"coding": [{"system": category, "code": CONDITION_CATEGORY[version]}]}]
        if version != "3.1.1" and resource["resourceType"] == "MedicationRequest":
            resource["reportedBoolean"] = False
        if version != "3.1.1" and resource["resourceType"] == "Patient":
            resource["extension"] = [{"url": f"{US_CORE}sex", "valueCode": "248152002"}]
        changed += 1
    found = service.decision(service.sign(body), "MedicationRequest/order-06")
    assert changed
    assert found["outcome"] == plain["outcome"] == "authorized"
    verdicts = [[(each["id"], each["verdict"]) for each in nodes(tree["criteria"])] for tree in (plain, found)]
    assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize("name", [FOURTH_LINE, FIRST])
def test_an_order_with_mandatory_elements_only_gets_coverage_information(name: str) -> None:
    body = minimal(name)
    called = api().sign(body)
    assert called.status == 200
    assert len(called.actions) == len(orders_of(body))
    for action in called.actions:
        assert information_of(action["resource"])["covered"] in {"covered", "conditional"}


# MedicationAdministration, MedicationStatement and AdverseEvent have no profile in CRD, HRex or US Core.
def test_resources_without_a_profile_are_not_needed_for_coverage_information() -> None:
    unprofiled = ("medicationAdministrations", "medicationStatements", "adverseEvents")
    called = api().sign(request_of(FOURTH_LINE, without=unprofiled))
    assert called.status == 200
    assert called.information("MedicationRequest/order-06")["covered"] == "covered"


def test_an_answer_adds_standard_elements_only() -> None:
    for name in CHARTS:
        sent = {each["id"]: each.get("extension", []) for each in orders_of(request_of(name))}
        for action in answer(name).actions:
            order = action["resource"]
            added = [each["url"] for each in order["extension"] if each not in sent[order["id"]]]
            assert added == [COVERAGE_INFORMATION]
    for card in every_card():
        assert set(card["extension"]) == {"davinci-crd.associated-resource"}


def test_insignificant_whitespace_is_left_out() -> None:
    texts = [answer(FIRST).text, api().client.get("/cds-services").text]
    for text in texts:
        assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


def test_one_service_decides_for_every_payer_of_a_hook() -> None:
    hooks = [each["hook"] for each in services()]
    assert len(hooks) == len(set(hooks))
    payers = {card["source"]["label"] for name in (FIRST, FOURTH_LINE) for card in answer(name).cards}
    assert len(payers) == 2


def test_an_order_no_policy_is_loaded_for_still_gets_coverage_information() -> None:
    information = answer(FOURTH_LINE).information("MedicationRequest/capecitabine-06")
    assert (information["covered"], information["info-needed"]) == ("conditional", "OTH")
    assert information["reason"]["text"]


# ------------------------------------------------------------------ configuration


def test_every_service_declares_its_crd_versions() -> None:
    for service in services():
        versions = service["extension"]["davinci-crd.version"]
        assert versions
        assert all(re.fullmatch(r"\d+\.\d+", version) for version in versions)


def test_every_option_says_what_it_is_and_its_default() -> None:
    kinds = {"boolean": bool, "integer": int}
    for service in services():
        for option in options(service):
            assert set(option) == {"code", "type", "name", "description", "default"}
            assert type(option["default"]) is kinds[option["type"]]
            assert option["name"]
            assert option["description"]


# max-cards is no response type: the guide's examples use it, the value set does not hold it.
def test_option_codes_are_card_types_except_the_number_of_cards() -> None:
    for service in services():
        assert {option["code"] for option in options(service)} <= CARD_TYPES | {"max-cards"}


def test_codes_names_and_descriptions_of_options_are_unique_in_a_service() -> None:
    for service in services():
        for member in ("code", "name", "description"):
            values = [option[member] for option in options(service)]
            assert len(values) == len(set(values))


def test_an_option_is_the_same_on_every_hook() -> None:
    seen: dict[str, Json] = {}
    for service in services():
        for option in options(service):
            assert seen.setdefault(option["code"], option) == option


SWITCHES = [
    (FIRST, "appropriate-use"),
    (FIRST, "therapy-alternatives-req"),
    (FIRST, "guideline"),
    (EQUIVOCAL, "clinical-reminder"),
    ("mmm-margenza-her2-discordant", "contraindication"),
]


@pytest.mark.parametrize(("name", "code"), SWITCHES)
def test_a_response_type_that_is_switched_off_is_not_returned(name: str, code: str) -> None:
    assert code in answer(name).topics()
    called = configured(name, **{code: False})
    assert called.topics() == [each for each in answer(name).topics() if each != code]
    assert called.actions


def test_coverage_information_is_returned_unless_it_is_switched_off() -> None:
    assert configured(FIRST, coverage_info=True).actions
    called = configured(FIRST, coverage_info=False)
    assert "systemActions" not in called.body
    assert called.cards


def test_without_unsolicited_determinations_no_number_is_issued() -> None:
    order = "MedicationRequest/order-06"
    assert answer(FOURTH_LINE).information(order)["pa-needed"] == "satisfied"
    information = configured(FOURTH_LINE, unsolicited_determ=False).information(order)
    assert information["pa-needed"] == "auth-needed"
    assert "satisfied-pa-id" not in information


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_of_more_cards_than_wanted_the_most_important_are_returned(limit: int) -> None:
    assert configured(FIRST, max_cards=limit).topics() == answer(FIRST).topics()[:limit]


@pytest.mark.parametrize(
    "settings",
    [
        {"coverage-info": False, "unsolicited-determ": True},
        {"coverage-info": False, "max-cards": 0},
        {"max-cards": -1, "guideline": False},
        dict.fromkeys(sorted(CARD_TYPES), False),
    ],
    ids=["number-without-information", "nothing-wanted", "negative", "all-off"],
)
def test_settings_that_make_no_sense_together_fail_no_call(settings: Json) -> None:
    assert isinstance(configured(FOURTH_LINE, **settings).body["cards"], list)


# ------------------------------------------------------------------ retention


def test_what_is_kept_of_a_call_holds_no_resource() -> None:
    service = api()
    record = service.decision(service.sign(request_of(FOURTH_LINE)), "MedicationRequest/order-06")
    assert "resourceType" not in json.dumps(record)
    patient = named(request_of(FOURTH_LINE), "Patient/ex-06")
    assert patient["birthDate"] not in json.dumps(record)


def test_the_token_of_a_call_is_kept_and_shown_nowhere() -> None:
    body, service = request_of(FOURTH_LINE, without=["observations"], fhir=True), api()
    service.server.record = record_of(FOURTH_LINE)
    assert body["fhirAuthorization"]["access_token"] == TOKEN
    with logged() as log:
        called = service.sign(body)
    assert service.server.asked
    assert log.getvalue()
    record = service.decision(called, "MedicationRequest/order-06")
    assert record["outcome"] == "authorized"
    assert TOKEN not in log.getvalue() + called.text + json.dumps(record)
