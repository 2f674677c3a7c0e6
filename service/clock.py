"""The only place that asks the machine for the time of day."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


class Clock(Protocol):
    """What tells the time; tests and demonstrations bring their own."""

    def now(self) -> datetime:
        """Return the present moment with its time zone."""
        ...

    def today(self) -> date:
        """Return the calendar day at the payer."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock in the machine's time zone, so that an operator sets the payer's day with TZ."""

    def now(self) -> datetime:
        """Return the present moment with the machine's time zone."""
        return datetime.now().astimezone()

    def today(self) -> date:
        """Return the machine's calendar day."""
        return self.now().date()
