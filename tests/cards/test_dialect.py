"""One row per dialect, and what other code relies on about the rows."""

import pytest

from cards.dialect import CRD_VERSIONS, DIALECTS, NEWEST, PLAIN

TEMPORARY = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
CARD_TYPES = "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"


def test_versions_stand_oldest_first_and_the_newest_is_the_default() -> None:
    assert CRD_VERSIONS == ("2.0", "2.1", "2.2")
    assert NEWEST is DIALECTS["2.2"]


def test_every_row_is_found_by_its_name() -> None:
    assert {name: row.name for name, row in DIALECTS.items()} == {name: name for name in (*CRD_VERSIONS, PLAIN)}


def test_only_the_plain_dialect_has_no_coverage_information() -> None:
    assert [row.name for row in DIALECTS.values() if not row.carries_coverage_information] == [PLAIN]


@pytest.mark.parametrize(
    ("name", "topics"), [("2.0", TEMPORARY), ("2.1", TEMPORARY), ("2.2", CARD_TYPES), (PLAIN, CARD_TYPES)]
)
def test_topics_moved_to_the_terminology_of_hl7_in_2_2(name: str, topics: str) -> None:
    assert DIALECTS[name].topics == topics


@pytest.mark.parametrize(("name", "annotated"), [("2.0", True), ("2.1", False), ("2.2", False), (PLAIN, False)])
def test_appointments_are_annotated_themselves_in_2_0_only(name: str, annotated: bool) -> None:
    assert DIALECTS[name].annotates_appointments is annotated
