from typing import Any

import pytest

from service.base_url import BaseUrl
from service.templates import Template, TemplateKind, reference_of
from tests.service.builders import BASE, FHIR

PAYORS = "Organization?_id={{%coverage.entry.resource.payor.resolve().ofType(Organization).id}}"
MEDICATIONS = "Medication?_id={{context.draftOrders.entry.resource.ofType(MedicationRequest).medication.resolve().id}}"


@pytest.mark.parametrize(
    ("text", "resource_type", "kind", "needs"),
    [
        ("Patient/{{context.patientId}}", "Patient", TemplateKind.READ, frozenset()),
        ("Coverage?patient={{context.patientId}}&status=active", "Coverage", TemplateKind.SEARCH, frozenset()),
        ("AdverseEvent?subject=Patient/{{context.patientId}}", "AdverseEvent", TemplateKind.SEARCH, frozenset()),
        (PAYORS, "Organization", TemplateKind.BY_ID, frozenset({"coverage"})),
        (MEDICATIONS, "Medication", TemplateKind.BY_ID, frozenset()),
    ],
)
def test_a_template_says_what_it_asks_for(
    text: str, resource_type: str, kind: TemplateKind, needs: frozenset[str]
) -> None:
    template = Template.of("key", text)
    assert (template.resource_type, template.kind, template.needs) == (resource_type, kind, needs)


@pytest.mark.parametrize("text", ["Patient/p1", "Patient/{{context.a}}{{context.b}}", "Patient/{{context.where(x=1)}}"])
def test_what_is_not_in_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key: "):
        Template.of("key", text)


def coverage(*payors: Any) -> dict[str, Any]:
    return {"%coverage": {"entry": [{"resource": {"resourceType": "Coverage", "payor": list(payors)}}]}}


@pytest.mark.parametrize(
    ("payors", "ids"),
    [
        ([{"reference": "Organization/o1"}, {"reference": "Organization/o2"}], ("o1", "o2")),
        ([{"reference": "Organization/o1"}, {"reference": "Organization/o1/_history/3"}], ("o1",)),
        ([{"reference": f"{FHIR}/Organization/o1"}], ("o1",)),
        ([{"reference": "https://evil.example/fhir/Organization/o1"}], ()),
        ([{"reference": "Patient/p1"}], ()),
        ([{"reference": "#contained"}], ()),
        ([{"reference": "urn:uuid:3f2c6f3a-4b86-4a58-9d0e-0b2f3f9e6a11"}], ()),
        ([{"identifier": {"value": "x"}}], ()),
        ([{"reference": 7}, "text", None], ()),
        ([{"reference": "Organization/a,b"}], ()),
    ],
)
def test_the_payors_asked_for_are_organizations_on_the_callers_server(payors: list[Any], ids: tuple[str, ...]) -> None:
    assert Template.of("payors", PAYORS).values(coverage(*payors), BASE) == ids


def test_a_key_that_is_not_there_stands_for_nothing() -> None:
    assert Template.of("payors", PAYORS).values({}, BASE) == ()


def test_what_has_no_members_stands_for_nothing() -> None:
    roots = {"%coverage": {"entry": ["text", {"resource": 5}]}}
    assert Template.of("payors", PAYORS).values(roots, BASE) == ()


def test_a_choice_of_types_is_one_element() -> None:
    orders = [
        {"resourceType": "MedicationRequest", "medicationReference": {"reference": "Medication/m1"}},
        {"resourceType": "MedicationRequest", "medicationCodeableConcept": {"text": "x"}},
        {"resourceType": "ServiceRequest", "medicationReference": {"reference": "Medication/m2"}},
    ]
    roots = {"context": {"draftOrders": {"entry": [{"resource": order} for order in orders]}}}
    assert Template.of("medications", MEDICATIONS).values(roots, BASE) == ("m1",)


def test_paths_joined_by_a_bar_are_all_taken() -> None:
    template = Template.of("people", "Practitioner?_id={{context.a.resolve().id|%b.c.resolve().id}}")
    roots = {"context": {"a": ["Practitioner/1", 5]}, "%b": {"c": {"reference": "Practitioner/2"}}}
    assert template.values(roots, None) == ("1", "2")
    assert template.needs == {"b"}


def test_the_url_encodes_what_a_query_may_not_hold() -> None:
    template = Template.of("o", "Observation?patient={{context.patientId}}&code=http://loinc.org|1-8,http://x.org|2")
    assert template.url(BASE, ["p1"]) == f"{FHIR}/Observation?patient=p1&code=http://loinc.org%7C1-8,http://x.org%7C2"
    assert Template.of("m", MEDICATIONS).url(BASE, ["a", "b"]) == f"{FHIR}/Medication?_id=a,b"


@pytest.mark.parametrize(
    ("text", "base", "found"),
    [
        ("Medication/m1", None, ("Medication", "m1")),
        (f"{FHIR}/Medication/m1", BASE, ("Medication", "m1")),
        (f"{FHIR}/Medication/m1", None, None),
        ("http://ehr.example.org/fhir/Medication/m1", BASE, None),
        ("medication/m1", BASE, None),
        ("Medication", BASE, None),
    ],
)
def test_a_reference_is_read_as_type_and_id(text: str, base: BaseUrl | None, found: tuple[str, str] | None) -> None:
    assert reference_of(text, base) == found
