from decimal import Decimal
from typing import Any

import pytest

from criteria.facts import Source
from fhir_mappers.element import (
    NO_CONCEPT,
    NOTHING,
    Coding,
    Concept,
    Issue,
    Json,
    Origin,
    codings,
    concept,
    concepts,
    contained,
    extension,
    flag,
    identifier_token,
    mapping,
    mappings,
    normalise_reference,
    number,
    reference,
    references,
    resolved,
    text,
    texts,
)
from fhir_mappers.referred import origin_of, within


def origin(**elements: Any) -> Origin:
    return Origin.of({"resourceType": "Observation", "id": "1", **elements}, [])


def words(at: Origin) -> list[str]:
    return [f"{each.path}: {each.words}" for each in at.issues]


def test_a_source_names_resource_path_and_version() -> None:
    at = origin(meta={"versionId": "7"})
    assert at.source("code") == Source("Observation/1", "Observation.code", "7")
    assert at.source() == Source("Observation/1", "Observation", "7")


@pytest.mark.parametrize(
    ("resource", "where", "expected"),
    [
        ({"resourceType": "Patient", "id": "a"}, "entry[0]", "Patient/a"),
        ({"resourceType": "Patient"}, "entry[0]", "entry[0]"),
        ({"resourceType": "Patient", "id": 7}, None, "Patient"),
        ({"resourceType": 7, "id": "a"}, None, "Resource/a"),
    ],
)
def test_a_resource_is_named_by_type_and_id_else_by_its_place(resource: Json, where: str | None, expected: str) -> None:
    assert Origin.of(resource, [], where).reference == expected


@pytest.mark.parametrize("meta", [None, "x", {}, {"versionId": 3}])
def test_a_version_that_is_no_text_is_absent(meta: object) -> None:
    assert origin(meta=meta).version is None


def test_an_issue_is_shown_with_its_place_and_without_a_value() -> None:
    at = origin(status=7)
    assert text(at, at.resource, "status") is None
    assert [str(each) for each in at.issues] == ["Observation/1: Observation.status: not a string"]


def test_an_issue_of_the_resource_itself_has_its_type_as_path() -> None:
    at = origin()
    at.note("", "is odd")
    assert at.issues == [Issue("Observation/1", "Observation", "is odd")]


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [(None, None, 0), ("final", "final", 0), ("  ", None, 0), (" a ", "a", 0), (1, None, 1), ([], None, 1)],
)
def test_a_text_is_a_string_that_says_something(value: object, expected: str | None, issues: int) -> None:
    at = origin(x=value)
    assert (text(at, at.resource, "x"), len(at.issues)) == (expected, issues)


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [(None, (), 0), (["a", " "], ("a",), 0), ("a", ("a",), 0), (["a", 1], ("a",), 1), ({}, (), 1)],
)
def test_texts_are_the_strings_of_an_array(value: object, expected: tuple[str, ...], issues: int) -> None:
    at = origin(x=value)
    assert (texts(at, at.resource, "x"), len(at.issues)) == (expected, issues)


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [(None, None, 0), (True, True, 0), (False, False, 0), ("true", None, 1), (1, None, 1)],
)
def test_a_flag_is_a_boolean_and_nothing_else(value: object, expected: bool | None, issues: int) -> None:
    at = origin(x=value)
    assert (flag(at, at.resource, "x"), len(at.issues)) == (expected, issues)


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [
        (None, None, []),
        (3, "3", []),
        (Decimal("1.10"), "1.10", []),
        ("3", None, ["Observation.x: not a number"]),
        (True, None, ["Observation.x: not a number"]),
        (1.5, None, ["Observation.x: not a number"]),
        (Decimal("1e400"), None, ["Observation.x: number out of range"]),
        (Decimal("1e-400"), None, ["Observation.x: number out of range"]),
        (Decimal("NaN"), None, ["Observation.x: number out of range"]),
        (10**18, None, ["Observation.x: number out of range"]),
    ],
)
def test_a_number_is_exact_and_of_a_size_that_can_be_written_out(
    value: object, expected: str | None, issues: list[str]
) -> None:
    at = origin(x=value)
    found = number(at, at.resource, "x")
    assert (None if found is None else str(found), words(at)) == (expected, issues)


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [(None, None, 0), ({"a": 1}, {"a": 1}, 0), ([{"a": 1}], {"a": 1}, 0), ([{}, {}], None, 1), ("a", None, 1)],
)
def test_an_array_of_one_object_is_read_as_the_object(value: object, expected: Json | None, issues: int) -> None:
    at = origin(x=value)
    assert (mapping(at, at.resource, "x"), len(at.issues)) == (expected, issues)


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [
        (None, [], []),
        ([{"a": 1}], [{"a": 1}], []),
        ({"a": 1}, [{"a": 1}], []),
        ([1, {"a": 1}], [NOTHING, {"a": 1}], ["Observation.x[0]: not an object"]),
        ("a", [], ["Observation.x: not an array of objects"]),
    ],
)
def test_an_object_is_read_as_an_array_of_one_and_bad_entries_keep_the_index_of_the_others(
    value: object, expected: list[Json], issues: list[str]
) -> None:
    at = origin(x=value)
    assert (list(mappings(at, at.resource, "x")), words(at)) == (expected, issues)


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [
        (None, (), []),
        ([{"system": "s", "code": " c ", "display": "d"}], (Coding("s", "c", "d"),), []),
        ([{"system": "s"}], (), []),
        ([{"system": 1, "code": "c"}], (Coding("", "c", ""),), ["a part of the coding is not a string"]),
    ],
)
def test_codings_that_say_nothing_are_left_out(value: object, expected: tuple[Coding, ...], issues: list[str]) -> None:
    at = origin(coding=value)
    assert codings(at, at.resource) == expected
    assert [each.words for each in at.issues] == issues


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [
        (None, NO_CONCEPT, 0),
        ({"coding": [{"code": "c"}], "text": "t"}, Concept((Coding("", "c", ""),), "t"), 0),
        ({"code": "c"}, Concept((Coding("", "c", ""),), ""), 0),
        ([{"text": "t"}], Concept((), "t"), 0),
        ("t", Concept((), "t"), 1),
        (7, NO_CONCEPT, 1),
    ],
)
def test_a_concept_is_read_from_what_senders_put_in_its_place(value: object, expected: Concept, issues: int) -> None:
    at = origin(code=value)
    assert (concept(at, at.resource, "code"), len(at.issues)) == (expected, issues)


def test_concepts_keep_their_places() -> None:
    at = origin(reasonCode=[{"text": "a"}, 7, {"text": "b"}])
    assert concepts(at, at.resource, "reasonCode") == (Concept((), "a"), NO_CONCEPT, Concept((), "b"))
    assert concepts(at, at.resource, "other") == ()


@pytest.mark.parametrize(
    ("found", "label", "empty"),
    [
        (Concept((Coding("", "c", "d"),), "t"), "t", False),
        (Concept((Coding("", "c", ""), Coding("", "e", "d")), ""), "d", False),
        (Concept((Coding("", "c", ""),), ""), "c", False),
        (NO_CONCEPT, "", True),
    ],
)
def test_a_concept_is_called_by_its_text_else_a_display_else_a_code(found: Concept, label: str, empty: bool) -> None:
    assert (found.label, found.is_empty) == (label, empty)


def test_an_extension_is_found_by_its_url() -> None:
    at = origin(extension=[{"url": "a"}, {"url": "b", "valueBoolean": True}])
    assert extension(at, at.resource, "b") == {"url": "b", "valueBoolean": True}
    assert extension(at, at.resource, "c") is None
    assert extension(at, {}, "b") is None


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("Patient/1", "Patient/1"),
        ("Patient/1/_history/2", "Patient/1"),
        ("https://ehr.example/fhir/r4/Patient/1", "Patient/1"),
        ("https://ehr.example/fhir/r4/Patient/1/_history/2", "Patient/1"),
        ("http://ehr.example/fhir/Patient/a_b.c-d", "Patient/a_b.c-d"),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"),
        ("#med", "#med"),
        ("1", "1"),
        ("Patient?identifier=s|v", "Patient?identifier=s|v"),
    ],
)
def test_a_reference_is_brought_into_one_form(sent: str, expected: str) -> None:
    assert normalise_reference(sent) == expected


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [
        (None, None, 0),
        ({"reference": "https://ehr.example/Patient/1"}, "Patient/1", 0),
        ({"reference": "1", "type": "Patient"}, "Patient/1", 0),
        ({"reference": "#x", "type": "Patient"}, "#x", 0),
        ({"identifier": {"system": "s", "value": "v"}, "type": "Patient"}, "Patient?identifier=s|v", 0),
        ({"identifier": {"value": "v"}}, "?identifier=|v", 0),
        ({"identifier": {"system": "s"}}, None, 0),
        ({"display": "somebody"}, None, 0),
        ("Patient/1", "Patient/1", 1),
        (7, None, 1),
    ],
)
def test_a_reference_is_literal_logical_or_absent(value: object, expected: str | None, issues: int) -> None:
    at = origin(subject=value)
    assert (reference(at, at.resource, "subject"), len(at.issues)) == (expected, issues)


def test_references_that_name_nothing_are_left_out() -> None:
    at = origin(basedOn=[{"reference": "CarePlan/1"}, {"display": "x"}])
    assert references(at, at.resource, "basedOn") == ("CarePlan/1",)
    assert references(at, at.resource, "other") == ()


def test_an_identifier_without_a_value_is_none() -> None:
    at = origin()
    assert identifier_token(at, {"system": "s", "value": "v"}) == "s|v"
    assert identifier_token(at, {"system": "s"}) is None


def test_a_contained_resource_is_found_by_its_fragment() -> None:
    at = origin(contained=[{"id": "a"}, {"id": "#b"}, {"id": []}])
    assert contained(at, "#a") == {"id": "a"}
    assert contained(at, "#b") == {"id": "#b"}
    assert contained(at, "#c") is None
    assert contained(at, "#") is at.resource


def test_a_contained_resource_comes_before_what_the_resolver_knows() -> None:
    at = origin(contained=[{"resourceType": "Medication", "id": "a"}])
    assert resolved(at, "#a", lambda _: {"id": "other"}) == {"resourceType": "Medication", "id": "a"}
    assert resolved(at, "Medication/1", lambda name: {"id": name}) == {"id": "Medication/1"}


def test_a_contained_resource_is_named_within_its_holder() -> None:
    at = origin(meta={"versionId": "2"})
    inside = origin_of(at, "#a", {"resourceType": "Medication", "id": "a"})
    assert inside.source("code") == Source("Observation/1#a", "Medication.code", "2")
    assert origin_of(at, "#a", {}).type == "Resource"
    assert origin_of(at, "Medication/3", {"resourceType": "Medication"}).reference == "Medication/3"
    assert inside.issues is at.issues


def test_contained_resources_share_the_container_of_their_holder() -> None:
    at = origin(contained=[{"resourceType": "Medication", "id": "a"}])
    inside = origin_of(at, "#event", {"resourceType": "MedicationAdministration"})
    assert resolved(inside, "#a", within(at, lambda _: None)) == {"resourceType": "Medication", "id": "a"}
