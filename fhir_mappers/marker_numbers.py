"""The number a tumour-marker test reports: a ratio, copies, counted cells or a percentage of cells."""

from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from criteria.bounds import Bounds
from fhir_mappers.element import mapping, text
from fhir_mappers.observation_value import COUNTS, Observed, Part, is_numeric, measured
from fhir_mappers.quantities import Units

# Tests that are answered by a number; words only stand in where there is none.
NUMERIC_ROLES = frozenset({"ish_ratio", "ish_her2_copy", "ish_cells_counted", "ihc_percent", "percent"})
# A bare number is a percentage too: the tests it is used with ask for cells in a hundred.
PERCENT: Units = MappingProxyType({"%": Decimal(1), "": Decimal(1)})


class MarkerNumbers(NamedTuple):
    """At most one of the numbers a marker result can hold."""

    ratio: Bounds | None = None
    copies: Bounds | None = None
    cells: Bounds | None = None
    percent: Bounds | None = None

    @property
    def only(self) -> Bounds | None:
        """Return the number there is."""
        return next((each for each in self if each is not None), None)


NO_NUMBERS = MarkerNumbers()


def numbers_in(observed: Observed, part: Part, role: str, key: str) -> MarkerNumbers:
    """Return the number the value `key` states for a test of this role; a comparator or range stays an interval."""
    match role:
        case "ish_ratio":
            return MarkerNumbers(ratio=measured(observed, part, key, COUNTS))
        case "ish_her2_copy":
            return MarkerNumbers(copies=measured(observed, part, key, COUNTS))
        case "ish_cells_counted":
            return MarkerNumbers(cells=measured(observed, part, key, COUNTS))
        case "ihc_percent" | "percent":
            return MarkerNumbers(percent=_percent(observed, part, key))
        case "presence" if key == "valueQuantity" and _names_unit(part, key):
            return MarkerNumbers(percent=measured(observed, part, key, PERCENT))
        case "ish" | "ish_panel" if is_numeric(key):
            return _by_unit(observed, part, key)
        case _:
            return NO_NUMBERS


def _percent(observed: Observed, part: Part, key: str) -> Bounds | None:
    amount = measured(observed, part, key, PERCENT)
    low = None if amount is None else amount.low
    if low is not None and 0 < low < 1 and not _names_unit(part, key):
        return None  # a bare 0.9 may be 0.9 % or nine tenths
    return amount


def _names_unit(part: Part, key: str) -> bool:
    value = part.holder[key]
    if isinstance(value, str):
        return "%" in value
    return isinstance(value, dict) and bool(value.get("unit") or value.get("code"))


def _by_unit(observed: Observed, part: Part, key: str) -> MarkerNumbers:
    """Read a number under a code that asks for presence: only its own unit says whether it is a ratio or copies.

    Such codes are reused for averages of either kind (a Lithuanian guide puts HER2 copies under 85318-4).
    """
    if key == "valueRatio":
        return MarkerNumbers(ratio=measured(observed, part, key, COUNTS))
    quantity = mapping(observed.origin, part.holder, key, part.path) if key == "valueQuantity" else None
    if quantity is None:
        return NO_NUMBERS
    said = [text(observed.origin, quantity, name, part.path) for name in ("unit", "code")]
    unit = " ".join(each.lower() for each in said if each is not None)
    if "ratio" in unit:
        return MarkerNumbers(ratio=measured(observed, part, key, COUNTS))
    if "cop" in unit or "signal" in unit:
        return MarkerNumbers(copies=measured(observed, part, key, COUNTS))
    return NO_NUMBERS
