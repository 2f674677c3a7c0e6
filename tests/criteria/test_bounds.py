from decimal import Decimal

import pytest

from criteria.bounds import Bounds
from tests.criteria.facts_builders import bounds

TWO = Decimal("2.0")


def test_an_interval_without_any_end_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="at least one end"):
        Bounds(None, None)


def test_an_interval_that_ends_below_its_start_cannot_be_built() -> None:
    with pytest.raises(ValueError, match=r"2\.1 > 2\.0"):
        Bounds(Decimal("2.1"), Decimal("2.0"))


@pytest.mark.parametrize(
    ("value", "at_least", "above", "below"),
    [
        ("1.99", False, False, True),
        ("2.0", True, False, False),
        ("2.00", True, False, False),
        ("2.01", True, True, False),
        ("< 2.0", False, False, True),
        ("<= 2.0", False, False, False),
        ("<= 1.9", False, False, True),
        ("> 2.0", True, True, False),
        (">= 2.0", True, False, False),
        ("> 1.9", False, False, False),
        ("1.8-2.2", False, False, False),
        ("2.0-2.2", True, False, False),
        ("1.8-2.0", False, False, False),
        ("1.8-1.9", False, False, True),
        ("2.1-2.2", True, True, False),
    ],
)
def test_an_interval_lies_on_one_side_of_a_limit_only_as_a_whole(
    value: str, at_least: bool, above: bool, below: bool
) -> None:
    found = bounds(value)
    assert (found.surely_at_least(TWO), found.surely_above(TWO), found.surely_below(TWO)) == (at_least, above, below)


@pytest.mark.parametrize("value", ["1.9", "2.0", "2.1", "< 2.0", "<= 2.0", "> 2.0", ">= 2.0", "1.8-2.2"])
def test_no_interval_lies_on_both_sides(value: str) -> None:
    assert not (bounds(value).surely_at_least(TWO) and bounds(value).surely_below(TWO))


@pytest.mark.parametrize(
    ("value", "shown"),
    [("1.10", "1.10"), ("> 2.2", "> 2.2"), (">= 2", ">= 2"), ("< 4", "< 4"), ("<= 4", "<= 4"), ("1.8-2.2", "1.8-2.2")],
)
def test_an_interval_is_shown_with_the_digits_and_comparator_it_was_sent_with(value: str, shown: str) -> None:
    assert str(bounds(value)) == shown


def test_only_an_interval_of_one_value_is_a_point() -> None:
    assert Bounds.exactly(TWO).point == TWO
    assert bounds("1.8-2.2").point is None
    assert bounds("> 2").point is None
    assert bounds("< 2").point is None


def test_a_change_of_unit_moves_both_ends_and_keeps_the_comparators() -> None:
    assert bounds("1-2").times(Decimal(10)) == Bounds(Decimal(10), Decimal(20))
    assert bounds("> 2").times(Decimal(10)) == Bounds(Decimal(20), None, low_open=True)
    assert bounds("< 2").times(Decimal(10)) == Bounds(None, Decimal(20), high_open=True)
