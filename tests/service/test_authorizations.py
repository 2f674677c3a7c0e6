"""What is kept of an authorization, and on which days it is in force."""

from datetime import date

import pytest

from criteria.outcome import Approval
from service.authorizations import Authorizations, Issued, Treatment

HERS = Treatment("mmm", "m-1 p1", "margetuximab", "breast")


def issued(number: str = "MMM-1", start: str = "2026-09-15", end: str = "2027-03-14") -> Issued:
    return Issued(number, Approval(6, date.fromisoformat(end)), date.fromisoformat(start), f"decision of {number}")


@pytest.mark.parametrize(
    ("day", "in_force"),
    [("2026-09-14", False), ("2026-09-15", True), ("2027-03-14", True), ("2027-03-15", False)],
)
def test_it_is_in_force_from_its_order_to_its_last_day(day: str, in_force: bool) -> None:
    kept = Authorizations()
    kept.issue(HERS, issued(), date(2026, 9, 15))
    assert (kept.find(HERS, date.fromisoformat(day)) is not None) is in_force


def test_the_first_of_two_stays_while_it_is_in_force() -> None:
    kept = Authorizations()
    assert kept.issue(HERS, issued(), date(2026, 9, 15)).number == "MMM-1"
    assert kept.issue(HERS, issued("MMM-2"), date(2026, 10, 1)).number == "MMM-1"
    assert kept.issue(HERS, issued("MMM-3", "2027-03-15", "2027-09-14"), date(2027, 3, 15)).number == "MMM-3"


@pytest.mark.parametrize(
    "other",
    [
        Treatment("oscar", "m-1 p1", "margetuximab", "breast"),
        Treatment("mmm", "m-2 p1", "margetuximab", "breast"),
        Treatment("mmm", "m-1 p1", "trastuzumab-emtansine", "breast"),
        Treatment("mmm", "m-1 p1", "margetuximab", "gastric"),
    ],
)
def test_it_is_for_one_payer_member_product_and_cancer(other: Treatment) -> None:
    kept = Authorizations()
    kept.issue(HERS, issued(), date(2026, 9, 15))
    assert kept.find(other, date(2026, 9, 15)) is None


def test_the_oldest_are_dropped_beyond_the_limit() -> None:
    kept = Authorizations(newest=1)
    other = Treatment("mmm", "m-2 p1", "margetuximab", "breast")
    kept.issue(HERS, issued(), date(2026, 9, 15))
    kept.issue(other, issued("MMM-2"), date(2026, 9, 15))
    assert kept.find(HERS, date(2026, 9, 15)) is None
    assert kept.find(other, date(2026, 9, 15)) is not None


def test_a_store_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Authorizations(newest=0)
