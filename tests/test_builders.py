"""The builders of the tests build what a server could send."""

from collections.abc import Callable

import pytest
from fhir.resources.R4B import get_fhir_model_class

from tests import builders
from tests.builders import Json

VALUES: list[Json | str | int | bool] = [
    "3+",
    3,
    True,
    builders.quantity("2.4", "1", comparator=">"),
    {"numerator": builders.quantity("2.4", "1"), "denominator": builders.quantity(1, "1")},
    {"low": builders.quantity(55, "%")},
    builders.concept((builders.LOINC, "LA6576-8"), text="Positive"),
]
BUILDERS: list[Callable[..., Json]] = [
    builders.patient,
    builders.organization,
    builders.coverage,
    builders.medication_request,
    builders.service_request,
    builders.medication,
    builders.administration,
    builders.statement,
    builders.dispense,
    builders.condition,
    builders.observation,
    builders.procedure,
    builders.allergy,
    builders.adverse_event,
]


def check(resource: Json) -> None:
    """Raise ValidationError when the resource does not conform to its FHIR model."""
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.parametrize("build", BUILDERS)
def test_a_builder_returns_a_valid_resource(build: Callable[..., Json]) -> None:
    check(build())


@pytest.mark.parametrize("value", VALUES)
def test_the_value_chooses_its_element(value: Json | str | int | bool) -> None:
    check(builders.observation(value=value))


def test_a_dosed_request_is_valid() -> None:
    check(builders.medication_request(dosageInstruction=[builders.dosage(text="every 3 weeks")]))


def test_an_element_overridden_with_nothing_is_left_out() -> None:
    assert "birthDate" not in builders.patient(birthDate=None)
