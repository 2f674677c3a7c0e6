from typing import Any

import pytest

from criteria.dates import DateRange
from fhir_mappers.dates import NO_SPAN, Span, date_range, dated, parse_date, period, point, span
from fhir_mappers.element import Origin


def origin(**elements: Any) -> Origin:
    return Origin.of({"resourceType": "Observation", "id": "1", **elements}, [])


def shown(day: DateRange | None) -> str | None:
    return None if day is None else str(day)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026", "2026-01-01/2026-12-31"),
        ("2026-02", "2026-02-01/2026-02-28"),
        ("2024-02", "2024-02-01/2024-02-29"),
        ("2026-01-15", "2026-01-15"),
        ("2026-01-15T23:30:00-11:00", "2026-01-15"),
        ("2026-01-15T00:30:00+14:00", "2026-01-15"),
        ("2026-01-15T10:00:00.123Z", "2026-01-15"),
        ("2026-01-15T10:00", "2026-01-15"),
        ("2016-12-31T23:59:60Z", "2016-12-31"),
    ],
)
def test_a_date_is_the_days_it_may_mean_as_written(written: str, expected: str) -> None:
    assert shown(parse_date(written)) == expected


@pytest.mark.parametrize(
    "written",
    ["", "0000", "26", "2026-13", "2026-02-29", "2026-1-5", "2026-01-15T25:00Z", "2026-01-15 10:00", "15.01.2026"],
)
def test_an_invalid_date_is_no_date(written: str) -> None:
    assert parse_date(written) is None


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [(None, None, 0), ("2026-01-15", "2026-01-15", 0), ("soon", None, 1), (2026, None, 1), ("", None, 1)],
)
def test_what_is_no_date_is_an_issue_and_absent(value: object, expected: str | None, issues: int) -> None:
    at = origin(issued=value)
    assert (shown(date_range(at, at.resource, "issued")), len(at.issues)) == (expected, issues)


@pytest.mark.parametrize(
    ("value", "expected", "issues"),
    [
        (None, (None, None), []),
        ({"start": "2026-01-15", "end": "2026-02"}, ("2026-01-15", "2026-02-01/2026-02-28"), []),
        ({"start": "2026-01-15"}, ("2026-01-15", None), []),
        ({"start": "2026-02", "end": "2026-02-10"}, ("2026-02-01/2026-02-28", "2026-02-10"), []),
        ({"start": "2026-02-01", "end": "2026-01-31"}, (None, None), ["ends before it starts"]),
        ({"start": "x", "end": "2026"}, (None, "2026-01-01/2026-12-31"), ["not a valid date"]),
        ("2026", (None, None), ["not an object"]),
    ],
)
def test_a_period_has_the_ends_that_are_known(
    value: object, expected: tuple[str | None, str | None], issues: list[str]
) -> None:
    at = origin(period=value)
    found = period(at, at.resource, "period")
    assert (shown(found.start), shown(found.end)) == expected
    assert [each.words for each in at.issues] == issues


@pytest.mark.parametrize(
    ("elements", "key", "expected"),
    [
        ({"effectiveDateTime": "2026-01-15"}, "effectiveDateTime", ("2026-01-15", "2026-01-15")),
        ({"effectiveInstant": "2026-01-15T10:00:00Z"}, "effectiveInstant", ("2026-01-15", "2026-01-15")),
        ({"effectivePeriod": {"start": "2026-01-15"}}, "effectivePeriod", ("2026-01-15", None)),
        (
            {"effectiveTiming": {"event": ["2026-02-03", None, "2026-01-15", "x"]}},
            "effectiveTiming",
            ("2026-01-15", "2026-02-03"),
        ),
        ({"effectiveTiming": {"event": ["x"]}}, "effectiveTiming", (None, None)),
        ({"effectiveTiming": {"repeat": {}}}, "effectiveTiming", (None, None)),
        ({"effectiveTiming": "daily"}, "effectiveTiming", (None, None)),
        ({"effectiveAge": {"value": 40}}, "", (None, None)),
    ],
)
def test_a_choice_of_times_is_read_in_each_of_its_forms(
    elements: dict[str, Any], key: str, expected: tuple[str | None, str | None]
) -> None:
    at = origin(**elements)
    found, when = dated(at, at.resource, "effective")
    assert (found, shown(when.start), shown(when.end)) == (key, *expected)
    assert span(at, at.resource, "effective") == when


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, None),
        ("2026-01-15", None, "2026-01-15"),
        (None, "2026-01-15", "2026-01-15"),
        ("2026", "2026", "2026-01-01/2026-12-31"),
        ("2026-01-15", "2026-01-17", "2026-01-15/2026-01-17"),
    ],
)
def test_something_that_happened_once_happened_anywhere_in_its_span(
    start: str | None, end: str | None, expected: str | None
) -> None:
    when = Span(None if start is None else parse_date(start), None if end is None else parse_date(end))
    assert shown(point(when)) == expected


def test_an_absent_span_has_no_ends() -> None:
    assert Span(None, None) == NO_SPAN
