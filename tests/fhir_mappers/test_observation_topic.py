import pytest

from criteria.facts import MarkerMethod
from fhir_mappers.element import Coding, Concept
from fhir_mappers.observation import _EXCLUSIONS
from fhir_mappers.observation_topic import _ROLES, method_of, topic_of
from tests.builders import LOINC, SNOMED
from tests.fhir_mappers.charts import VOCABULARY


def test_every_role_and_reason_of_the_value_set_is_known_to_the_reader() -> None:
    tests = VOCABULARY.markers.tests.values()
    assert {test.role for test in tests if test.because is None} <= set(_ROLES)
    assert {test.because for test in tests if test.because is not None} == set(_EXCLUSIONS)


@pytest.mark.parametrize(
    ("method", "read"),
    [
        (Concept((Coding("http://snomed.info/sct", "434363004", ""),), ""), MarkerMethod.ISH),
        (Concept((Coding(SNOMED, "1", ""), Coding(SNOMED, "433114000", "")), ""), MarkerMethod.IHC),
        (Concept((Coding("http://local", "1", "Chromogenic in situ hybridization"),), ""), MarkerMethod.ISH),
        (Concept((), "CISH"), MarkerMethod.ISH),
        (Concept((), "FISH"), MarkerMethod.ISH),
        (Concept((), "Immunohistochemistry"), MarkerMethod.IHC),
        (Concept((), "IHC, reflex ISH"), MarkerMethod.UNSTATED),
        (Concept((Coding(SNOMED, "1", ""),), ""), MarkerMethod.UNSTATED),
        (Concept((), "polishing"), MarkerMethod.UNSTATED),
    ],
)
def test_a_method_is_named_by_code_or_word(method: Concept, read: MarkerMethod) -> None:
    assert method_of(VOCABULARY, method) is read


@pytest.mark.parametrize(
    ("code", "area"),
    [
        ("85319-2", "marker"),
        ("32996-1", "excluded"),
        ("21908-9", "stage"),
        ("97509-4", "status"),
        ("29463-7", "measurement"),
        ("82810-3", "pregnancy"),
        ("69548-6", "variant"),
        ("48018-6", None),
        ("89247-1", None),
        ("718-7", None),
    ],
)
def test_a_code_belongs_to_one_area(code: str, area: str | None) -> None:
    topic = topic_of(VOCABULARY, Concept((Coding(LOINC, code, ""),), ""))
    assert (topic and topic.area) == area


def test_a_coding_without_a_code_is_a_name() -> None:
    topic = topic_of(VOCABULARY, Concept((Coding("", "", "HER2 IHC"),), ""))
    assert topic is not None
    assert (topic.area, topic.role, topic.method) == ("marker", "ihc", MarkerMethod.IHC)
