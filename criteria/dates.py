"""Calendar ranges: a partial FHIR date is the range of days it may mean, never a guess at one day."""

from calendar import monthrange
from datetime import date, timedelta

from msgspec import Struct


class DateRange(Struct, frozen=True):
    """The days an event may have happened on, both ends included."""

    earliest: date
    latest: date

    def __post_init__(self) -> None:
        """Refuse a range that ends before it starts."""
        if self.latest < self.earliest:
            message = f"range ends before it starts: {self.earliest} > {self.latest}"
            raise ValueError(message)

    @classmethod
    def on(cls, day: date) -> "DateRange":
        """Return the range of one known day."""
        return cls(day, day)

    def surely_before(self, other: "DateRange") -> bool:
        """Say whether every day of this range lies before every day of the other."""
        return self.latest < other.earliest

    def surely_within(self, first: date, last: date) -> bool:
        """Say whether the whole range lies between the two days, both included."""
        return first <= self.earliest and self.latest <= last

    def possibly_within(self, first: date, last: date) -> bool:
        """Say whether some day of the range lies between the two days, both included."""
        return self.earliest <= last and self.latest >= first

    def __str__(self) -> str:
        """Show one day as itself, a wider range as both ends."""
        if self.earliest == self.latest:
            return self.earliest.isoformat()
        return f"{self.earliest.isoformat()}/{self.latest.isoformat()}"


def add_months(day: date, months: int) -> date:
    """Add calendar months; a day the target month does not have becomes its last day."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def days_before(day: date, days: int) -> date:
    """Return the day that lies `days` days earlier."""
    return day - timedelta(days=days)


def age_in_years(birth: date, on: date) -> int:
    """Return completed years of age; a 29 February birthday completes on 1 March of common years."""
    had_birthday = (on.month, on.day) >= (birth.month, birth.day)
    return on.year - birth.year - (0 if had_birthday else 1)
