"""The quick reading of a CodeableConcept says what the careful one says, or nothing."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhir_mappers.element import Coding, Concept, Origin, concept, concept_of, concepts

TEXTS = st.sampled_from(["", " ", "a", " b "])
ODD = st.sampled_from([None, 0, 1, True, [], ["a"], {}, {"code": "c"}])
CODINGS = st.dictionaries(
    st.sampled_from(["system", "code", "display", "version"]), st.one_of(TEXTS, TEXTS, TEXTS, ODD), max_size=4
)
CONCEPTS = st.fixed_dictionaries(
    {},
    optional={
        "coding": st.one_of(st.lists(st.one_of(CODINGS, CODINGS, CODINGS, ODD), max_size=3), CODINGS, ODD),
        "text": st.one_of(TEXTS, ODD),
        "code": TEXTS,
    },
)


def origin() -> Origin:
    return Origin.of({"resourceType": "Observation", "id": "1"}, [])


@given(CONCEPTS)
def test_a_concept_is_the_same_whichever_way_it_is_read(value: dict[str, Any]) -> None:
    usual, careful = origin(), origin()
    found = concept(usual, {"code": value}, "code")
    assert (found, usual.issues) == (concept_of(careful, value, "code"), careful.issues)


@given(st.lists(CONCEPTS, max_size=2))
def test_so_are_the_concepts_of_a_list(values: list[dict[str, Any]]) -> None:
    usual, careful = origin(), origin()
    found = concepts(usual, {"code": values}, "code")
    expected = tuple(concept_of(careful, value, f"code[{index}]") for index, value in enumerate(values))
    assert (found, usual.issues) == (expected, careful.issues)


def test_the_usual_concept_is_read_as_sent() -> None:
    sent = {"coding": [{"system": " s ", "code": "c", "display": " d", "version": 4}], "text": " t "}
    assert concept(origin(), {"code": sent}, "code") == Concept((Coding("s", "c", "d"),), "t")
