"""Addresses of the service's own pages."""

import pytest

from cards.links import Links, anchor
from tests.cards.builders import path


def test_addresses_stand_below_the_base() -> None:
    links = Links("https://plan.example/crd/")
    assert links.policy("plan/margenza") == "https://plan.example/crd/policies/plan/margenza"
    assert links.criterion("plan/margenza", "her2-positive") == (
        "https://plan.example/crd/policies/plan/margenza#her2-positive"
    )
    assert links.questionnaire(path()) == "https://plan.example/crd/fhir/Questionnaire/plan-margenza-initial"
    assert links.override_reasons == "https://plan.example/crd/fhir/CodeSystem/override-reasons"


def test_an_anchor_is_fit_for_a_fragment() -> None:
    assert anchor("initial/all of") == "initial/all%20of"


def test_a_relative_base_is_refused() -> None:
    with pytest.raises(ValueError, match="not absolute"):
        Links("/crd")
