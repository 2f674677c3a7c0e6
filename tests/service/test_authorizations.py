"""What is kept of an authorization."""

from datetime import date

import pytest

from criteria.outcome import Approval
from service.authorizations import Authorizations
from service.decision_store import Issued


def issued(number: str, end: str = "2027-03-14") -> Issued:
    return Issued(number, Approval(6, date.fromisoformat(end)))


def test_what_was_issued_first_for_an_assertion_stays() -> None:
    kept = Authorizations()
    assert kept.issue("a", issued("MMM-1")).number == "MMM-1"
    assert kept.issue("a", issued("MMM-2", "2027-06-14")) == issued("MMM-1")
    assert kept.issue("b", issued("MMM-3")).number == "MMM-3"


def test_the_oldest_are_dropped_beyond_the_limit() -> None:
    kept = Authorizations(newest=2)
    for name in ("a", "b", "a", "c"):
        kept.issue(name, issued(f"first of {name}"))
    assert kept.issue("a", issued("second")).number == "first of a"
    assert kept.issue("b", issued("second")).number == "second"


def test_a_store_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Authorizations(newest=0)
