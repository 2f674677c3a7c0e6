"""Grouping HER2 results by index gives what comparing every pair gives, at a cost that grows with their number."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from criteria.dates import DateRange
from criteria.facts import MarkerResult
from criteria.oncology import her2
from criteria.oncology.ties import Ties
from tests.criteria.facts_builders import marker

DAYS = 30
FIRST = date(2026, 1, 1)


def by_pairs(results: Sequence[MarkerResult]) -> list[list[MarkerResult]]:
    """Group by the rule itself: every result with every other."""
    groups: list[list[MarkerResult]] = []
    for result in results:
        joined = [group for group in groups if any(is_same_group(result, each) for each in group)]
        merged = [result, *(each for group in joined for each in group)]
        groups = [group for group in groups if group not in joined] + [merged]
    return groups


def is_same_group(one: MarkerResult, other: MarkerResult) -> bool:
    if one.group_keys & other.group_keys:
        return True
    if one.assertion or other.assertion or (one.specimen and other.specimen):
        return False
    if one.when is None or other.when is None:
        return False
    apart = max(abs((one.when.latest - other.when.earliest).days), abs((other.when.latest - one.when.earliest).days))
    return apart <= DAYS


@st.composite
def days(draw: st.DrawFn) -> DateRange:
    start = FIRST + timedelta(draw(st.integers(0, 150)))
    return DateRange(start, start + timedelta(draw(st.sampled_from((0, 0, 0, 1, 15, 30, 31, 45, 60, 61, 364)))))


@st.composite
def charts(draw: st.DrawFn) -> list[MarkerResult]:
    found = []
    for number in range(draw(st.integers(0, 12))):
        specimen = draw(st.sampled_from((None, None, "Specimen/1", "Specimen/2", "Specimen/3")))
        report = draw(st.sampled_from((None, None, None, "Report/1", "Report/2", "Report/3")))
        assertion = draw(st.sampled_from((False, False, False, True)))
        result = marker(f"o{number:02}", specimen=specimen, report=report, assertion=assertion, on=None)
        found.append(replace(result, when=draw(st.none() | days())))
    return found


@settings(max_examples=200, deadline=None)
@given(charts())
def test_groups_and_their_order_are_those_of_comparing_every_pair(results: list[MarkerResult]) -> None:
    def shown(groups: list[list[MarkerResult]]) -> list[list[str]]:
        return [sorted(each.source.reference for each in group) for group in groups]

    assert shown(her2._grouped(results, DAYS)) == shown(by_pairs(results))


def test_two_results_of_one_statement_keep_the_order_that_comparing_gave_them() -> None:
    ihc, ish = marker("o1", score="2+", specimen="Specimen/1"), marker("o1", ratio="2.5", specimen="Specimen/1")
    assert her2._grouped([ihc, ish], DAYS) == by_pairs([ihc, ish]) == [[ish, ihc]]


@pytest.mark.parametrize("specimen", [None, "own"])
@pytest.mark.parametrize("apart", [0, 1, 40])
def test_twice_the_results_are_not_four_times_the_comparisons(
    monkeypatch: pytest.MonkeyPatch, specimen: str | None, apart: int
) -> None:
    steps = [0]

    class Counted(Ties):
        def root(self, place: int) -> int:
            steps[0] += 1
            return super().root(place)

    are_close = her2._are_close

    def counted(*args: Any) -> bool:
        steps[0] += 1
        return are_close(*args)

    monkeypatch.setattr(her2, "Ties", Counted)
    monkeypatch.setattr(her2, "_are_close", counted)

    def cost(number: int) -> int:
        steps[0] = 0
        results = []
        for place in range(number):
            day = FIRST + timedelta(place * apart)
            name = None if specimen is None or place % 2 else f"Specimen/{place}"
            results.append(replace(marker(f"o{place}", specimen=name, on=None), when=DateRange.on(day)))
        her2._grouped(results, DAYS)
        return steps[0]

    assert cost(4000) < 2.2 * cost(2000)
