"""Finding the stop of a drug by index gives what going through the record gives, at a cost that grows with it."""

import sys
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from criteria.dates import DateRange
from criteria.facts import Case, Exposure, ExposureKind
from criteria.oncology.current import ended_after, partners, stop_after
from criteria.oncology.therapy import progressions
from tests.criteria.facts_builders import DRUGS, ON, THRESHOLDS, case, diagnosis, drug, exposure, status, unrecognised

FIRST = date(2026, 1, 1)
DRUG = drug("capecitabine")


def through_the_record(subject: Case, last: DateRange) -> Exposure | None:
    """Return the first exposure of the record that shows the drug stopped on or after a day: the rule itself."""
    for other in subject.record.exposures:
        when = other.end or other.start
        shows_a_stop = (other.stopped or other.stop_reasons) and other.kind is not ExposureKind.ORDERED
        if shows_a_stop and other.drug.key == DRUG.key and when is not None and when.latest >= last.latest:
            return other
    return None


def day(number: int | None) -> str | None:
    return None if number is None else (FIRST + timedelta(number)).isoformat()


@st.composite
def exposures(draw: st.DrawFn) -> list[Exposure]:
    return [
        exposure(
            draw(st.sampled_from((DRUG, DRUG, DRUG, drug("docetaxel"), unrecognised("capecitabine")))),
            day(draw(st.none() | st.integers(0, 20))),
            day(draw(st.none() | st.integers(0, 20))),
            ref=f"e{number:02}",
            kind=draw(st.sampled_from((ExposureKind.STATED, ExposureKind.ADMINISTERED, ExposureKind.ORDERED))),
            stopped=draw(st.booleans()),
            reasons=draw(st.sampled_from(((), ("no-response",)))),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


@settings(max_examples=200, deadline=None)
@given(exposures())
def test_a_stop_is_the_first_of_the_record_on_or_after_each_day(record: list[Exposure]) -> None:
    subject = case(exposures=record)
    for number in range(-1, 22):
        last = DateRange.on(FIRST + timedelta(number))
        assert stop_after(subject, DRUG, last) is through_the_record(subject, last)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 20), max_size=5))
def test_a_dose_is_ended_by_any_progression_after_it(progressed: list[int]) -> None:
    statuses = [status("worsened", day(number), ref=f"s{place}") for place, number in enumerate(progressed)]
    subject = case(diagnoses=[diagnosis("cancer-breast", ref="breast")], disease_statuses=statuses)
    assert len(progressions(subject)) == len(progressed)
    for number in range(21):
        dose = exposure(DRUG, day(number))
        last = DateRange.on(FIRST + timedelta(number))
        assert ended_after(subject, dose, last) is any(each > number for each in progressed)


def calls_of(subject: Case) -> int:
    """Return how many functions are called to find what is given now."""
    calls = [0]

    def count(_frame: Any, event: str, _argument: Any) -> None:
        calls[0] += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        partners(subject, ON, DRUGS, THRESHOLDS)
    finally:
        sys.setprofile(before)
    return calls[0]


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("progressed", [False, True])
def test_twice_the_doses_are_not_four_times_the_work(stopped: bool, progressed: bool) -> None:
    def cost(number: int) -> int:
        first = ON - timedelta(days=30)
        doses = [
            exposure(
                DRUG, (first - timedelta(place % 5)).isoformat(), ref=f"d{place}", stopped=stopped and place % 2 == 0
            )
            for place in range(number)
        ]
        statuses = [
            status("worsened", (first - timedelta(60)).isoformat(), ref=f"s{place}")
            for place in range(number if progressed else 0)
        ]
        return calls_of(case(exposures=doses, disease_statuses=statuses))

    assert cost(800) < 2.3 * cost(400)
