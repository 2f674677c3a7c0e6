"""How each CRD version, and CDS Hooks without CRD, writes the same decision: one row per dialect."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PLAIN = "cds-hooks"
"""The dialect of clients that know CDS Hooks and not CRD: cards that speak for themselves, no system actions."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to write an answer. `name` is the CRD version, major and minor number, or PLAIN."""

    name: str
    carries_coverage_information: bool = True
    annotates_appointments: bool = False
    """Coverage information stands on the appointment itself, not on the order it is based on (CRD 2.0.1)."""


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        each.name: each
        for each in (
            Dialect("2.0", annotates_appointments=True),
            Dialect("2.1", annotates_appointments=True),
            Dialect("2.2"),
            Dialect(PLAIN, carries_coverage_information=False),
        )
    }
)

CRD_VERSIONS = tuple(name for name in DIALECTS if name != PLAIN)
"""CRD versions answered, oldest first."""

NEWEST = DIALECTS[CRD_VERSIONS[-1]]
