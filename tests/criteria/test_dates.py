from datetime import date

import pytest

from criteria.dates import DateRange, add_months, age_in_years, days_before
from tests.criteria.facts_builders import days


def test_a_range_that_ends_before_it_starts_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="2026-02-01 > 2026-01-31"):
        DateRange(date(2026, 2, 1), date(2026, 1, 31))


@pytest.mark.parametrize(
    ("one", "other", "before"),
    [
        ("2026-01-01", "2026-01-02", True),
        ("2026-01-02", "2026-01-02", False),
        ("2026-01-03", "2026-01-02", False),
        ("2025", "2026-01-01", True),
        ("2026", "2026-01-01", False),
        ("2026", "2026-06-01", False),
        ("2026-01", "2026-01-31", False),
        ("2026-01-31", "2026-01", False),
        ("2026-02", "2026-01", False),
    ],
)
def test_order_in_time_is_only_said_where_it_holds_for_every_day(one: str, other: str, before: bool) -> None:
    assert days(one).surely_before(days(other)) is before


@pytest.mark.parametrize(
    ("when", "surely", "possibly"),
    [
        ("2026-01-09", False, False),
        ("2026-01-10", True, True),
        ("2026-01-20", True, True),
        ("2026-01-21", False, False),
        ("2026-01-10/2026-01-20", True, True),
        ("2026-01-09/2026-01-10", False, True),
        ("2026-01-20/2026-01-21", False, True),
        ("2026-01", False, True),
        ("2026", False, True),
        ("2025", False, False),
    ],
)
def test_a_range_lies_within_two_days_surely_possibly_or_not_at_all(when: str, surely: bool, possibly: bool) -> None:
    first, last = date(2026, 1, 10), date(2026, 1, 20)
    assert days(when).surely_within(first, last) is surely
    assert days(when).possibly_within(first, last) is possibly


def test_one_day_is_shown_as_itself_and_a_wider_range_as_both_ends() -> None:
    assert str(days("2026-01-15")) == "2026-01-15"
    assert str(days("2026-02")) == "2026-02-01/2026-02-28"


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2026-01-15", 0, "2026-01-15"),
        ("2026-01-15", 6, "2026-07-15"),
        ("2026-08-31", 6, "2027-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2026-03-31", 1, "2026-04-30"),
        ("2026-12-31", 12, "2027-12-31"),
        ("2026-12-01", 1, "2027-01-01"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2026-11-30", 3, "2027-02-28"),
    ],
)
def test_calendar_months_are_added_and_a_missing_day_becomes_the_last_of_its_month(
    day: str, months: int, expected: str
) -> None:
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(expected)


def test_days_are_counted_back_over_month_and_leap_day() -> None:
    assert days_before(date(2024, 3, 1), 1) == date(2024, 2, 29)
    assert days_before(date(2026, 1, 1), 42) == date(2025, 11, 20)


@pytest.mark.parametrize(
    ("birth", "on", "years"),
    [
        ("2008-06-15", "2026-06-14", 17),
        ("2008-06-15", "2026-06-15", 18),
        ("2008-06-15", "2026-06-16", 18),
        ("2008-02-29", "2026-02-28", 17),
        ("2008-02-29", "2026-03-01", 18),
        ("2008-02-29", "2028-02-29", 20),
    ],
)
def test_age_is_completed_years(birth: str, on: str, years: int) -> None:
    assert age_in_years(date.fromisoformat(birth), date.fromisoformat(on)) == years
