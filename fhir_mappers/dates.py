"""FHIR dates: a partial date is the range of days it may mean, a time of day is dropped, an invalid date is absent."""

import re
from calendar import monthrange
from datetime import date
from typing import Any

from msgspec import Struct

from criteria.dates import DateRange
from fhir_mappers.element import Json, Origin, below, mapping
from fhir_mappers.short_cache import short_cache

# FHIR asks for a zone behind a time. Without one the day is still the day that was written.
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)?)?"
)


class Span(Struct, frozen=True):
    """When something happened: first and last day, as far as they are known. A single point is both."""

    start: DateRange | None
    end: DateRange | None


NO_SPAN = Span(None, None)


@short_cache(longest=35)  # an instant with fractions of a second and a zone
def parse_date(value: str) -> DateRange | None:
    """Return the days a FHIR date, dateTime or instant may mean; None when it is not a valid date.

    The date part counts as written: the day in the zone of the sender, who wrote it on the chart.
    """
    found = _DATE.fullmatch(value)
    if found is None:
        return None
    year, month, day = int(found[1]), found[2], found[3]
    try:
        if month is None:
            return DateRange(date(year, 1, 1), date(year, 12, 31))
        if day is None:
            return DateRange(date(year, int(month), 1), date(year, int(month), monthrange(year, int(month))[1]))
        return DateRange.on(date(year, int(month), int(day)))
    except ValueError:
        return None


def date_at(origin: Origin, value: Any, path: str) -> DateRange | None:
    """Return the range of a date that stands at `path`; what is not a valid date is an issue."""
    if value is None:
        return None
    if isinstance(value, str):
        found = parse_date(value.strip())
        if found is not None:
            return found
    origin.note(path, "not a valid date")
    return None


def date_range(origin: Origin, holder: Json, key: str, path: str = "") -> DateRange | None:
    """Return the range of a date, dateTime or instant under a key; an invalid one is an issue and absent."""
    value = holder.get(key)
    if value is None:
        return None
    found = parse_date(value.strip()) if isinstance(value, str) else None
    return date_at(origin, value, below(path, key)) if found is None else found


def period_at(origin: Origin, value: Json, path: str) -> Span:
    """Return start and end of a Period. One that surely ends before it starts is an issue and says nothing."""
    start = date_range(origin, value, "start", path)
    end = date_range(origin, value, "end", path)
    if start is not None and end is not None and end.surely_before(start):
        origin.note(path, "ends before it starts")
        return NO_SPAN
    return Span(start, end)


def period(origin: Origin, holder: Json, key: str, path: str = "") -> Span:
    """Return start and end of the Period under a key."""
    value = mapping(origin, holder, key, path)
    return NO_SPAN if value is None else period_at(origin, value, below(path, key))


def dated(origin: Origin, holder: Json, stem: str, path: str = "") -> tuple[str, Span]:
    """Return the key of a choice element ("effective", "onset", "performed"; empty when absent) and its time.

    Reads the forms dateTime, instant, date, Period, and the events of a Timing; ages and texts say no date.
    """
    for ending in ("DateTime", "Instant", "Date"):
        if (key := stem + ending) in holder:
            day = date_range(origin, holder, key, path)
            return key, Span(day, day)
    if (key := stem + "Period") in holder:
        return key, period(origin, holder, key, path)
    if (key := stem + "Timing") in holder:
        return key, _events(origin, holder, key, path)
    return "", NO_SPAN


def span(origin: Origin, holder: Json, stem: str, path: str = "") -> Span:
    """Return when something happened, from its choice element."""
    return dated(origin, holder, stem, path)[1]


def _events(origin: Origin, holder: Json, key: str, path: str) -> Span:
    timing = mapping(origin, holder, key, path)
    events = None if timing is None else timing.get("event")
    if not isinstance(events, list):
        return NO_SPAN
    at = below(path, key)
    read = [date_at(origin, each, f"{at}.event[{index}]") for index, each in enumerate(events)]
    days = [each for each in read if each is not None]
    if not days:
        return NO_SPAN
    return Span(min(days, key=lambda each: each.earliest), max(days, key=lambda each: each.latest))


def point(when: Span) -> DateRange | None:
    """Return the days on which something that happened once may have happened: anywhere between start and end."""
    if when.start is None or when.end is None:
        return when.start or when.end
    return when.start if when.start == when.end else DateRange(when.start.earliest, when.end.latest)
