from typing import Any

import pytest

from fhir_mappers.coverage import CoverageFact, PayerIdentifier, map_coverage, organization_identifiers
from fhir_mappers.element import Origin
from tests.builders import PAYERS, coverage, organization, period, reference


def read(sent: dict[str, Any], *others: dict[str, Any]) -> tuple[CoverageFact, list[str]]:
    at_hand = {f"{each['resourceType']}/{each['id']}": each for each in others}
    origin = Origin.of(sent, [])
    return map_coverage(origin, at_hand.get), [str(issue) for issue in origin.issues]


def test_a_coverage_says_who_pays_for_whom_and_when() -> None:
    found, issues = read(coverage(), organization())
    assert found.reference == "Coverage/c1"
    assert found.payor_identifiers == (PayerIdentifier(PAYERS, "oscar"),)
    assert found.payor_references == ("Organization/payer",)
    assert found.status == "active"
    assert tuple(map(str, found.period)) == ("2026-01-01", "2026-12-31")
    assert issues == []


CONTAINED = [organization("org", payer="mmm")]


@pytest.mark.parametrize(
    ("payor", "more", "identifiers"),
    [
        (reference("Organization/payer"), {}, ["oscar"]),
        (reference("https://ehr.example/fhir/Organization/payer/_history/3"), {}, ["oscar"]),
        (reference("#org"), {"contained": CONTAINED}, ["mmm"]),
        ({"identifier": {"system": PAYERS, "value": "mmm"}}, {}, ["mmm"]),
        ({"identifier": {"system": PAYERS, "value": "mmm"}, "reference": "Organization/payer"}, {}, ["mmm", "oscar"]),
        ({"identifier": {"system": PAYERS, "value": "oscar"}, "reference": "Organization/payer"}, {}, ["oscar"]),
        ({"identifier": {"system": PAYERS}}, {}, []),
        ({"display": "Oscar Health"}, {}, []),
        (reference("Organization/unknown"), {}, []),
        (reference("Patient/p1"), {}, []),
    ],
)
def test_a_payer_is_known_by_identifier_never_by_name(payor: Any, more: Any, identifiers: list[str]) -> None:
    sent = coverage() | {"payor": [payor]} | more
    found, _ = read(sent, organization(), {"resourceType": "Patient", "id": "p1", "identifier": [{"value": "x"}]})
    assert [each.value for each in found.payor_identifiers] == identifiers


def test_an_organization_may_have_several_identifiers() -> None:
    sent = organization(identifier=[{"value": "a"}, {"system": "s", "value": "b"}, {"system": "s"}, "c"])
    origin = Origin.of(sent, [])
    assert organization_identifiers(origin) == (PayerIdentifier("", "a"), PayerIdentifier("s", "b"))
    assert [str(issue) for issue in origin.issues] == ["Organization/payer: Organization.identifier[3]: not an object"]


def test_what_a_coverage_does_not_say_is_absent() -> None:
    found, _ = read({"resourceType": "Coverage", "id": "c1"})
    assert (found.payor_identifiers, found.payor_references, found.class_values) == ((), (), ())
    assert (found.status, found.period) == (None, (None, None))


def test_the_values_of_its_classes_are_kept() -> None:
    classes = [{"type": {}, "value": "group-7"}, {"type": {}}, {"value": "plan-2"}]
    found, _ = read(coverage() | {"class": classes, "period": period("2026")})
    assert found.class_values == ("group-7", "plan-2")
    assert tuple(map(str, found.period)) == ("2026-01-01/2026-12-31", "None")
