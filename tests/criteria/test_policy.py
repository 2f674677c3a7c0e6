from datetime import date

import pytest

from criteria.policy import Effective

START, END = date(2026, 1, 1), date(2026, 12, 31)


@pytest.mark.parametrize(
    ("day", "to_its_end", "open_ended"),
    [
        ("2025-12-31", False, False),
        ("2026-01-01", True, True),
        ("2026-12-31", True, True),
        ("2027-01-01", False, True),
    ],
)
def test_a_policy_is_in_force_from_its_first_to_its_last_day(day: str, to_its_end: bool, open_ended: bool) -> None:
    assert Effective(START, END).covers(date.fromisoformat(day)) is to_its_end
    assert Effective(START).covers(date.fromisoformat(day)) is open_ended
