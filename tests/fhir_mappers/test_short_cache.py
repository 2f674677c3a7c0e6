"""What may stay in memory between calls: codes and short names, never a text written about a patient."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from criteria.facts import MarkerMethod
from fhir_mappers import marker_answer
from fhir_mappers.condition import concepts_of
from fhir_mappers.dates import parse_date
from fhir_mappers.drug_identification import identify
from fhir_mappers.element import Coding, Concept
from fhir_mappers.observation_topic import method_of, topic_of
from fhir_mappers.short_cache import LONGEST, short_cache
from fhir_mappers.stage_observation import stage_meaning
from tests.fhir_mappers.charts import VOCABULARY, mapped


def counted(most: int = 2048) -> tuple[Callable[..., int], list[Any]]:
    calls: list[Any] = []

    @short_cache(most=most)
    def size(*args: object) -> int:
        calls.append(args)
        return len(calls)

    return size, calls


def test_a_short_call_is_answered_from_memory() -> None:
    size, calls = counted()
    code = Concept((Coding("http://loinc.org", "85319-2", ""),), "HER2")
    assert size(VOCABULARY, code) == size(VOCABULARY, code) == 1
    assert len(calls) == 1


@pytest.mark.parametrize(
    "args",
    [
        ("x" * (LONGEST + 1),),
        ("x" * LONGEST, "y"),
        (Concept((), "x" * (LONGEST + 1)),),
        ((Concept((Coding("", "", "x" * LONGEST),), ""), Concept((), "y")),),
    ],
)
def test_long_texts_wherever_they_stand_are_not_kept(args: tuple[object, ...]) -> None:
    size, calls = counted()
    assert [size(*args), size(*args)] == [1, 2]
    assert len(calls) == 2


def test_the_number_of_entries_is_bounded() -> None:
    size, calls = counted(most=10)
    for number in range(25):
        size(number)
    assert len(size.held) <= 10  # type: ignore[attr-defined]
    assert len(calls) == 25


@pytest.mark.parametrize("read", [concepts_of, topic_of, method_of, stage_meaning])
def test_no_reader_keeps_a_long_concept(read: Callable[..., object]) -> None:
    before = len(read.held)  # type: ignore[attr-defined]
    read(VOCABULARY, Concept((Coding("http://loinc.org", "85319-2", ""),), "told by her sister " * 20))
    assert len(read.held) == before  # type: ignore[attr-defined]


def test_long_words_on_drugs_results_and_dates_are_not_kept() -> None:
    story = "told by her sister " * 20
    readers: tuple[tuple[Any, tuple[object, ...]], ...] = (
        (identify, (VOCABULARY, (Concept((), story),))),
        (marker_answer._worded, (VOCABULARY, story, MarkerMethod.IHC, True)),
        (parse_date, (story,)),
    )
    for read, args in readers:
        before = len(read.held)
        read(*args)
        assert len(read.held) == before


def test_nothing_of_a_record_s_free_text_outlives_its_reading() -> None:
    story = "Canary " * 60
    about = {"subject": {"reference": "Patient/p1"}, "status": "final"}
    mapped(
        {"resourceType": "Observation", "id": "o1", **about, "code": {"text": f"HER2 {story}"}, "valueString": story},
        {"resourceType": "Condition", "id": "c1", **about, "code": {"text": f"cancer {story}"}},
        {"resourceType": "MedicationStatement", "id": "m1", **about, "medicationCodeableConcept": {"text": story}},
    )
    caches = [each.held for each in remembering("held")]
    assert len(caches) > 3
    assert [key for held in caches for key in held if "Canary" in str(key)] == []


def test_other_caches_are_of_models_and_vocabularies_only() -> None:
    assert {each.__name__ for each in remembering("cache_info")} <= {"_shape", "_plain_shape", "_no_chart"}


def remembering(attribute: str) -> list[Any]:
    """Return the functions of the mappers that have an attribute of a cache."""
    modules = [module for name, module in sys.modules.items() if name.startswith("fhir_mappers.")]
    found = [each for module in modules for each in vars(module).values() if callable(each)]
    return [each for each in found if hasattr(each, attribute) and each.__module__.startswith("fhir_mappers.")]
