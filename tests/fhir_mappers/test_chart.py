"""Which panels and reports stand around an observation, and that webs of them cost no more than their references."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappers.chart import MOST_HOLDERS, GivenResource, chart_of
from fhir_mappers.element import Json
from tests.fhir_mappers.charts import VOCABULARY, record

NAMES = [f"Observation/{letter}" for letter in "abcdefg"]


def around(members: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    """Return the groups of observations, each with those it holds."""
    sent = [(name, GivenResource(panel(held), "")) for name, held in members.items()]
    return dict(chart_of(sent, VOCABULARY).groups)


def panel(held: set[str]) -> Json:
    return {"resourceType": "Observation", "hasMember": [{"reference": each} for each in held]}


def everything_outward(members: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    """Return the same by following every reference to its end."""
    found = {}
    for name in {each for held in members.values() for each in held}:
        reached: set[str] = set()
        pending = [name]
        while pending:
            inner = pending.pop()
            for holder in [each for each, held in members.items() if inner in held and each not in reached]:
                reached.add(holder)
                pending.append(holder)
        found[name] = frozenset(reached)
    return found


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES))))
def test_every_panel_and_report_around_an_observation_is_found(members: dict[str, set[str]]) -> None:
    assert around(members) == everything_outward(members)


@pytest.mark.parametrize("number", [2000, 4000])
def test_in_a_chain_only_the_nearest_count(number: int) -> None:
    found = around({f"Observation/{place}": {f"Observation/{place + 1}"} for place in range(number)})
    assert sum(map(len, found.values())) <= MOST_HOLDERS * number
    assert found["Observation/1000"] == {f"Observation/{place}" for place in range(1000 - MOST_HOLDERS, 1000)}


def test_which_of_too_many_panels_count_does_not_depend_on_their_order() -> None:
    many = {f"Observation/{place}": {"Observation/x"} for place in range(3 * MOST_HOLDERS)}
    assert around(many) == around(dict(reversed(many.items())))
    assert len(around(many)["Observation/x"]) == MOST_HOLDERS


def test_the_specimens_of_a_report_are_not_multiplied_by_its_results() -> None:
    about = {"status": "final", "subject": {"reference": "Patient/p1"}}
    code = {"coding": [{"system": "http://loinc.org", "code": "85319-2"}]}
    number = 200
    results = [
        {"resourceType": "Observation", "id": f"o{each}", **about, "code": code, "valueString": "3+"}
        for each in range(number)
    ]
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        **about,
        "specimen": [{"reference": f"Specimen/{each}"} for each in range(number)],
        "result": [{"reference": f"Observation/o{each}"} for each in range(number)],
    }
    found = record(*results, report).markers
    assert len(found) == number
    assert {each.specimen for each in found} == {None}
    assert max(len(each.group_keys) for each in found) < 70
