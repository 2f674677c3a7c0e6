"""The quick look never passes what the full check refuses."""

import copy
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappers import r4
from tests.builders import (
    LOINC,
    concept,
    coverage,
    dosage,
    medication_request,
    period,
    quantity,
    service_request,
)

ORDINARY = [
    medication_request(
        meta={"versionId": "1", "lastUpdated": "2026-06-01T10:00:00.123Z"},
        identifier=[{"use": "official", "system": "urn:oid:1.2.3", "value": "7"}],
        extension=[{"url": "http://x/y", "valueCode": "a"}],
        encounter={"reference": "Encounter/1", "type": "Encounter"},
        reportedBoolean=False,
        instantiatesCanonical=["http://x/y|1"],
        dosageInstruction=[dosage("3.60", text="IV")],
        dispenseRequest={
            "numberOfRepeatsAllowed": 3,
            "quantity": quantity("2", "1"),
            "validityPeriod": period("2026-06-01"),
        },
        note=[{"text": "before noon", "time": "2026-06-01T10:00:00+02:00"}],
        substitution={"allowedBoolean": True},
    ),
    coverage(type=concept((LOINC, "x")), order=1, costToBeneficiary=[{"valueQuantity": quantity("1.5", "1")}]),
    service_request(quantityQuantity=quantity(1, "1"), occurrenceDateTime="2026-06-02", patientInstruction="fasting"),
]
UNUSUAL = [
    medication_request(text={"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}),
    medication_request(_authoredOn={"extension": [{"url": "http://x", "valueCode": "unknown"}]}),
    medication_request(contained=[{"resourceType": "Practitioner", "id": "dr"}]),
    medication_request(on="2026-06"),
    medication_request(on="2026-06-01T10:00:60Z"),
]
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**31, Decimal("1.10"), Decimal("NaN"), Decimal("1E+3"), 1.5),
    *(
        "",
        " ",
        "x",
        " x",
        "x y",
        "x  y",
        "é",
        "2026-02-30",
        "2026-06-01",
        "2026-06-01T25:00:00Z",
        "2026-06-01T10:00:00+14:00",
    ),
    *("2026-06-01T10:00:00", "0001-01-01", "a/b", "x" * 65, "\x00", "\t"),
    *([], [None], [""], ["x"], [{}], {}, {"x": 1}, {"text": "x"}, {"reference": "Patient/p1"}, [{"text": "x"}]),
    *({"extension": [{"url": "http://x"}]}, {"resourceType": "Patient"}, {"value": 1, "comparator": "~"}),
]


def is_plain(resource: dict[str, Any]) -> bool:
    return r4._plain_shape(r4.MODELS[resource["resourceType"]]).holds(resource)


def full(resource: dict[str, Any]) -> list[r4.Problem]:
    model = r4.MODELS[resource["resourceType"]]
    return [*r4._model_problems(resource, model), *r4._own_problems(resource, model)]


@pytest.mark.parametrize("sent", ORDINARY, ids=lambda sent: str(sent["resourceType"]))
def test_an_ordinary_resource_is_plain_and_conforms(sent: dict[str, Any]) -> None:
    assert is_plain(sent)
    assert full(sent) == []


@pytest.mark.parametrize("sent", UNUSUAL, ids=range(len(UNUSUAL)))
def test_an_unusual_resource_is_left_to_the_model(sent: dict[str, Any]) -> None:
    assert not is_plain(sent)


def test_something_that_is_no_object_is_not_plain() -> None:
    assert not r4._plain_shape(r4.MODELS["Coverage"]).holds([])
    for kind in ("Patient", None, 1, ["Coverage"]):
        assert not r4._plain_shape(r4.MODELS["Coverage"]).holds({**coverage(), "resourceType": kind})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside of a resource, members and list entries alike."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(resource: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy with one place changed; `...` takes the place out."""
    copied = copy.deepcopy(resource)
    holder: Any = copied
    for step in path[:-1]:
        holder = holder[step]
    if value is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return copied


EVERY_PLACE = [(resource, path) for resource in ORDINARY for path in places(resource) if path != ("resourceType",)]


@pytest.mark.parametrize("value", [..., *ODD], ids=str)
def test_a_resource_with_one_odd_value_is_plain_only_if_the_full_check_passes_it(value: Any) -> None:
    for resource, path in EVERY_PLACE:
        sent = changed(resource, path, value)
        if is_plain(sent):
            assert full(sent) == [], path


@pytest.mark.parametrize("name", ["zz", "_status", "resourceType", "contained", "language", "valueString", "id", "url"])
@pytest.mark.parametrize("value", [*ODD, [{"resourceType": "Foo"}]], ids=str)
def test_a_resource_with_a_further_member_is_plain_only_if_the_full_check_passes_it(name: str, value: Any) -> None:
    for resource, path in EVERY_PLACE:
        holder: Any = resource
        for step in path:
            holder = holder[step]
        if (
            isinstance(holder, dict)
            and name not in holder
            and is_plain(sent := changed(resource, (*path, name), value))
        ):
            assert full(sent) == [], path


@given(
    st.sampled_from(EVERY_PLACE),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=30) | st.dates().map(str),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["text", "value", "code"]), inner),
        max_leaves=4,
    ),
)
def test_whatever_stands_anywhere_what_is_plain_passes_the_full_check(
    place: tuple[dict[str, Any], tuple[Any, ...]], value: Any
) -> None:
    sent = changed(*place, value)
    if is_plain(sent):
        assert full(sent) == []
