import json
from dataclasses import replace

import pytest

from cards.envelope import Topic
from service.hooks import HOOKS, HookService, Option, discovery, offered_services
from service.observation_codes import observation_codes
from service.templates import Template
from tests.service.builders import service_row, shipped_data, world

# CRD 2.2.1, input/resources/CRDServices.json.
STANDARD = {
    "patient": "Patient/{{context.patientId}}",
    "encounter": "Encounter/{{context.encounterId}}",
    "coverage": "Coverage?patient={{context.patientId}}&status=active",
    "medications": (
        "Medication?_id={{context.draftOrders.entry.resource.ofType(MedicationRequest).medication.resolve().id}}"
    ),
}


def discovered() -> dict[str, object]:
    response = world().client.get("/cds-services")
    assert (response.status_code, response.content_type) == (200, "application/json")
    (service,) = json.loads(response.data)["services"]
    return dict(service)


def test_discovery_names_the_service_in_the_order_of_the_specification() -> None:
    service = discovered()
    assert list(service) == [
        "hook",
        "id",
        "title",
        "description",
        "usageRequirements",
        "version",
        "prefetch",
        "extension",
    ]
    assert (service["hook"], service["id"]) == ("order-sign", "her2-order-sign")


def test_standard_prefetch_expressions_are_verbatim() -> None:
    prefetch = discovered()["prefetch"]
    assert isinstance(prefetch, dict)
    assert {key: prefetch[key] for key in STANDARD} == STANDARD


def test_every_key_stands_after_the_keys_it_refers_to() -> None:
    for row in HOOKS:
        seen: set[str] = set()
        for template in row.prefetch:
            assert template.needs <= seen, template.key
            seen.add(template.key)


def test_a_key_that_refers_to_a_later_key_is_refused() -> None:
    early = Template.of("payors", "Organization?_id={{%coverage.entry.resource.payor.resolve().id}}")
    with pytest.raises(ValueError, match="payors"):
        replace(HOOKS[0], prefetch=(early,))


def test_every_version_and_option_is_announced_with_its_default() -> None:
    extension = discovered()["extension"]
    assert isinstance(extension, dict)
    assert extension["davinci-crd.version"] == ["2.2"]
    options = extension["davinci-crd.configuration-options"]
    assert [(option["code"], option["type"], option["default"]) for option in options] == [
        ("coverage-info", "boolean", True),
        ("unsolicited-determ", "boolean", True),
        ("therapy-alternatives-req", "boolean", True),
        ("appropriate-use", "boolean", True),
        ("clinical-reminder", "boolean", True),
        ("guideline", "boolean", True),
        ("contraindication", "boolean", True),
        ("insurance", "boolean", True),
        ("max-cards", "integer", 10),
    ]
    assert len({option["name"] for option in options}) == len({option["description"] for option in options}) == 9


def test_every_card_topic_can_be_switched_off() -> None:
    """CRD 2.2.1 dev-5: each response type of a service has an option of its own."""
    assert {topic.value for topic in Topic} <= {option.code for option in HOOKS[0].options}


def test_the_observation_template_asks_for_the_codes_given_each_once_and_sorted() -> None:
    codes = [("http://snomed.info/sct", "2"), ("http://loinc.org", "9-1"), ("http://loinc.org", "9-1")]
    row = offered_services(codes)["her2-order-sign"]
    (template,) = [each for each in row.prefetch if each.key == "observations"]
    expected = "code=http://loinc.org|9-1,http://snomed.info/sct|2"
    assert template.text == "Observation?patient={{context.patientId}}&" + expected


def test_the_codes_asked_for_are_those_that_are_read() -> None:
    codes = observation_codes(shipped_data()[1])
    assert list(codes) == sorted(set(codes))
    assert {
        ("http://loinc.org", "48676-1"),  # HER2 overall
        ("http://loinc.org", "85319-2"),  # HER2 by immune stain
        ("http://loinc.org", "16112-5"),  # oestrogen receptor
        ("http://loinc.org", "21908-9"),  # stage group
        ("http://loinc.org", "97509-4"),  # disease status
        ("http://loinc.org", "29463-7"),  # weight
        ("http://loinc.org", "10230-1"),  # ejection fraction
        ("http://loinc.org", "69548-6"),  # variant
        ("http://loinc.org", "82810-3"),  # pregnancy
        ("http://snomed.info/sct", "277208005"),  # M category
    } <= set(codes)
    assert ("http://loinc.org", "32996-1") not in codes  # serum HER2 decides nothing
    assert ("http://loinc.org", "48018-6") not in codes  # only ever a component


# Common servers refuse request lines above 4094 bytes (gunicorn's default).
def test_the_longest_search_fits_into_a_request_line() -> None:
    row = offered_services(observation_codes(shipped_data()[1]))["her2-order-sign"]
    assert max(len(template.text.replace("|", "%7C")) for template in row.prefetch) < 3500


def test_every_resource_type_a_decision_searches_is_prefetched() -> None:
    types = {template.resource_type for template in service_row().prefetch}
    assert types == {
        "Patient",
        "Encounter",
        "Coverage",
        "Medication",
        "Organization",
        "Condition",
        "Observation",
        "MedicationRequest",
        "MedicationAdministration",
        "MedicationStatement",
        "MedicationDispense",
        "Procedure",
        "AllergyIntolerance",
        "AdverseEvent",
        "DiagnosticReport",
        "DocumentReference",
        "QuestionnaireResponse",
    }


def test_adding_a_service_is_adding_a_row() -> None:
    row = HookService("order-select", "other", "T", "D", "U", (), (Option("guideline", "N", "D", default=True),))
    assert discovery({"other": row})["services"] == [row.to_json()]
    assert row.option("guideline") is row.options[0]
    assert row.option("claim") is None
