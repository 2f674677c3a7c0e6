import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cards.envelope import Topic
from service.hook_options import Option
from service.hooks import HOOKS, HookService, discovery, offered_services
from service.observation_codes import observation_codes
from service.templates import Template
from tests.service.builders import service_row, shipped_data, world

# CRD 2.2.1, input/resources/CRDServices.json.
STANDARD: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "crd-2.2.1-prefetch.json").read_text(encoding="utf-8")
)
NOT_ASKED = {"devices", "practitionerRoles", "practitioners", "organizations", "locations"}
"""Parts of the standard set that decide nothing here (found-26, found-27)."""
HOOK_NAMES = [row.hook for row in HOOKS]


def discovered() -> dict[str, dict[str, Any]]:
    response = world().client.get("/cds-services")
    assert (response.status_code, response.content_type) == (200, "application/json")
    return {service["hook"]: service for service in json.loads(response.data)["services"]}


def test_all_six_hooks_of_crd_are_offered() -> None:
    assert set(discovered()) == set(STANDARD)


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_discovery_names_the_service_in_the_order_of_the_specification(hook: str) -> None:
    service = discovered()[hook]
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
    assert service["id"] == f"her2-{hook}"


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_standard_prefetch_expressions_are_verbatim(hook: str) -> None:
    prefetch = discovered()[hook]["prefetch"]
    wanted = {key: text for key, text in STANDARD[hook].items() if key not in NOT_ASKED}
    if hook == "order-dispatch":
        del wanted["encounter"]  # its context has no encounter
    assert {key: prefetch[key] for key in wanted} == wanted


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_keys_are_sent_in_the_order_in_which_they_depend_on_each_other(hook: str) -> None:
    """CDS Hooks 3.0: a key stands after the keys it refers to, so the order of members carries meaning."""
    seen: list[str] = []
    for key, text in discovered()[hook]["prefetch"].items():
        assert set(re.findall(r"%(\w+)", text)) <= set(seen), key
        seen.append(key)


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


BOTH_ALWAYS = {"coverage-info", "clinical-reminder", "guideline", "contraindication", "insurance", "max-cards"}


@pytest.mark.parametrize(
    ("hook", "more"),
    [
        ("order-sign", {"unsolicited-determ", "therapy-alternatives-req", "appropriate-use"}),
        ("order-select", {"therapy-alternatives-req"}),
        ("order-dispatch", {"unsolicited-determ", "appropriate-use"}),
        ("appointment-book", {"unsolicited-determ", "appropriate-use"}),
        ("encounter-start", set()),
        ("encounter-discharge", set()),
    ],
)
def test_every_version_and_option_is_announced_with_its_default(hook: str, more: set[str]) -> None:
    extension = discovered()[hook]["extension"]
    assert extension["davinci-crd.version"] == ["2.0", "2.1", "2.2"]
    options = extension["davinci-crd.configuration-options"]
    assert {option["code"] for option in options} == BOTH_ALWAYS | more
    assert all(option["type"] == "boolean" and option["default"] is True for option in options[:-1])
    assert (options[-1]["code"], options[-1]["type"], options[-1]["default"]) == ("max-cards", "integer", 10)
    assert len({option["name"] for option in options}) == len(options)
    assert len({option["description"] for option in options}) == len(options)


def test_every_card_topic_can_be_switched_off() -> None:
    """CRD 2.2.1 dev-5: each response type of a service has an option of its own.

    A topic that is no option of a hook is not sent there (tests/service/test_configuration.py).
    """
    assert {topic.value for topic in Topic} <= {option.code for option in HOOKS[0].options}


def test_names_and_descriptions_of_options_are_the_same_on_every_hook() -> None:
    shown = [option for row in HOOKS for option in row.options]
    assert len({option.code for option in shown}) == len(set(shown))


def test_no_description_promises_what_some_hooks_do_not_do() -> None:
    """Secondary hooks ask for no documents; appointments and encounters are written to as well."""
    shown = {option.code: option.description for option in HOOKS[0].options}
    written = shown["coverage-info"]
    assert "where the hook asks for them, documentation" in written
    assert "the order, appointment or encounter" in written
    assert shown["insurance"].startswith("Says the outcome on a card where nothing is written")


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
