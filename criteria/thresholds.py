"""Named limits that are our choices or readings, kept as data beside the policies (policies/thresholds.yaml)."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Days and counts the oncology readings depend on; each has its reason in the data file."""

    regimen_start_window_days: int
    treatment_gap_days: int
    recent_dose_days: int
    active_order_days: int
    marker_group_days: int
    recurrence_after_adjuvant_months: int

    @classmethod
    def of(cls, values: Mapping[str, int]) -> "Thresholds":
        """Build from the data file's values; raise KeyError naming a missing one."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})
