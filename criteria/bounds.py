"""Numeric intervals: FHIR comparators and ranges kept as what they say, never rounded to a point."""

from decimal import Decimal

from msgspec import Struct


class Bounds(Struct, frozen=True):
    """An interval of exact decimals; an absent end is unbounded."""

    low: Decimal | None
    high: Decimal | None
    low_open: bool = False
    high_open: bool = False

    def __post_init__(self) -> None:
        """Refuse an interval that says nothing or ends below its start."""
        if self.low is None and self.high is None:
            message = "an interval needs at least one end"
            raise ValueError(message)
        if self.low is not None and self.high is not None and self.high < self.low:
            message = f"interval ends below its start: {self.low} > {self.high}"
            raise ValueError(message)

    @classmethod
    def exactly(cls, value: Decimal) -> "Bounds":
        """Return the interval of one value."""
        return cls(value, value)

    def surely_at_least(self, limit: Decimal) -> bool:
        """Say whether the whole interval lies on or above the limit."""
        return self.low is not None and self.low >= limit

    def surely_above(self, limit: Decimal) -> bool:
        """Say whether the whole interval lies above the limit."""
        return self.low is not None and (self.low > limit or (self.low == limit and self.low_open))

    def surely_below(self, limit: Decimal) -> bool:
        """Say whether the whole interval lies below the limit."""
        return self.high is not None and (self.high < limit or (self.high == limit and self.high_open))

    def times(self, factor: Decimal) -> "Bounds":
        """Return the interval in another unit; the factor is positive."""
        low = None if self.low is None else self.low * factor
        high = None if self.high is None else self.high * factor
        return Bounds(low, high, self.low_open, self.high_open)

    @property
    def point(self) -> Decimal | None:
        """Return the value if the interval is one point."""
        return self.low if self.low == self.high else None

    def __str__(self) -> str:
        """Show a point as itself, an interval with its comparators."""
        if self.point is not None:
            return format(self.point, "f")
        if self.high is None:
            return f"{'>' if self.low_open else '>='} {self.low}"
        if self.low is None:
            return f"{'<' if self.high_open else '<='} {self.high}"
        return f"{self.low}-{self.high}"
