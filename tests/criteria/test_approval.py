"""The label dose and the length of an approval (contract sections 2 and 6)."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from criteria.approval import approval_of, billing_units, judge_dose, weight_of
from criteria.facts import Case, ExposureKind
from criteria.finding import Finding
from criteria.outcome import Approval, DoseFinding
from criteria.policy import Authorization, DoseLimit, Policy
from criteria.verdict import Verdict
from tests.criteria.data_folders import GOOD, load
from tests.criteria.facts_builders import (
    DRUGS,
    ON,
    case,
    determination,
    exposure,
    finding,
    given,
    measurement,
    order,
)

MARGENZA = DRUGS["margetuximab"]
LIMIT = DoseLimit(Decimal(15), 21, Decimal("0.1"), 19, 30)
MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN


def before(days_ago: int) -> str:
    return (ON - timedelta(days=days_ago)).isoformat()


def weighing(kilograms: str, on: str | None = None) -> Any:
    return measurement("body-weight", kilograms, on or before(3))


def dose(weight: str | None = "70", **ordered: Any) -> DoseFinding:
    weights = [] if weight is None else [weighing(weight)]
    return judge_dose(case(order(**ordered), measurements=weights), ON, LIMIT, MARGENZA)


# ------------------------------------------------------------------ weight


@pytest.mark.parametrize(("days_ago", "found"), [(0, True), (29, True), (30, True), (31, False), (-2, True)])
def test_a_weight_of_the_last_thirty_days_is_used(days_ago: int, found: bool) -> None:
    subject = case(measurements=[weighing("70", before(days_ago))])
    assert (weight_of(subject, ON, 30) is not None) is found


@pytest.mark.parametrize(
    ("measurements", "kilograms"),
    [
        ([weighing("70", before(20)), weighing("68", before(2))], "68"),
        ([weighing("68", before(2)), weighing("70", before(20))], "68"),
        ([measurement("lvef", "60", before(2))], None),
        ([measurement("body-weight", "70", None)], None),
        ([weighing("70", before(20)), weighing("> 68", before(2))], None),
        ([weighing("70", "2026")], None),
        ([], None),
    ],
)
def test_the_newest_weight_is_used_if_it_is_one_number(measurements: list[Any], kilograms: str | None) -> None:
    found = weight_of(case(measurements=measurements), ON, 30)
    assert (None if found is None else str(found.value.point)) == kilograms


# ------------------------------------------------------------------ dose


@pytest.mark.parametrize(
    ("ordered", "exceeds"),
    [
        ({"dose_mg": "1050"}, False),
        ({"dose_mg": "900"}, False),
        ({"dose_mg": "1154.9"}, False),
        ({"dose_mg": "1155"}, False),  # 70 kg x 15 mg/kg + 10 %
        ({"dose_mg": "1155.1"}, True),
        ({"dose_mg": "1000-1300"}, False),
        ({"dose_mg": "1155.1-1300"}, True),
        ({"dose_mg": "> 1155"}, True),
        ({"dose_mg": ">= 1155"}, False),
        ({"dose_mg_per_kg": "15"}, False),
        ({"dose_mg_per_kg": "16.5"}, False),
        ({"dose_mg_per_kg": "16.6"}, True),
        ({"dose_mg_per_kg": "6"}, False),
        ({"interval": "21"}, False),
        ({"interval": "19"}, False),
        ({"interval": "18"}, True),
        ({"interval": "18.5"}, True),
        ({"interval": "28"}, False),
        ({}, False),
    ],
)
def test_a_dose_exceeds_the_label_only_when_it_is_shown_to(ordered: dict[str, str], exceeds: bool) -> None:
    assert bool(dose(**ordered).exceeds) is exceeds


def test_the_arithmetic_of_an_excess_is_shown() -> None:
    assert dose(dose_mg="1200").exceeds == ("ordered 1200 mg, label dose plus 10 % is 1155 mg",)
    assert dose(dose_mg_per_kg="20").exceeds == ("ordered 20 mg/kg, label 15 mg/kg plus 10 %",)
    assert dose(interval="14").exceeds == ("ordered every 14 days, label every 21 days",)
    assert len(dose(dose_mg="1200", interval="14").exceeds) == 2


def test_an_absolute_dose_without_a_weight_is_not_judged_and_a_rate_is() -> None:
    assert dose(None, dose_mg="5000").exceeds == ()
    assert dose(None, dose_mg_per_kg="20").exceeds != ()


def test_quantities_are_per_administration_in_billing_units_rounded_up() -> None:
    found = dose("70", dose_mg="1052")
    assert (found.weight_kg, found.label_dose_mg, found.allowed_mg) == (Decimal(70), Decimal(1050), Decimal("1155.0"))
    assert (found.label_units, found.ordered_units, found.billing_code) == (210, 211, "J9353")
    assert found.weight_source is not None
    assert (found.weight_source.reference, found.weight_on) == (f"Observation/body-weight-{before(3)}", before(3))
    assert found.ordered_source is not None


def test_a_rate_and_a_weight_make_an_ordered_dose() -> None:
    assert dose("70", dose_mg_per_kg="15").ordered_mg == Decimal(1050)
    assert dose(None, dose_mg_per_kg="15").ordered_mg is None
    assert dose("70", dose_mg_per_kg="14-16").ordered_mg is None


def test_without_weight_or_dose_nothing_is_counted() -> None:
    found = dose(None)
    assert (found.weight_kg, found.label_dose_mg, found.allowed_mg, found.label_units, found.ordered_units) == (
        (None,) * 5
    )
    assert (found.weight_source, found.weight_on, found.billing_code) == (None, None, "J9353")


def test_a_drug_without_a_billing_code_has_no_units() -> None:
    subject = case(order(dose_mg="600"), measurements=[weighing("70")])
    found = judge_dose(subject, ON, LIMIT, DRUGS["capecitabine"])
    assert (found.label_units, found.ordered_units, found.billing_code) == (None, None, None)


@pytest.mark.parametrize(
    ("mg", "per_unit", "units"), [("1050", "5", 210), ("1051", "5", 211), ("4", "5", 1), ("0.1", "5", 1), ("5", "5", 1)]
)
def test_a_part_of_a_billing_unit_is_a_whole_one(mg: str, per_unit: str, units: int) -> None:
    assert billing_units(Decimal(mg), Decimal(per_unit)) == units


# ------------------------------------------------------------------ approval

ALL_MET = finding("initial", MET, finding("adult", MET))


def policy(**authorization: Any) -> Policy:
    """Return the policy of the good folder with another authorization: 6 months, no limits unless said."""
    found = load(GOOD).policies["acme/checkpoint"]
    initial = found.paths["initial"]
    new = Authorization(**{"months": 6, "shorter": {}, "remarks": {}, **authorization})
    return replace(found, paths={"initial": replace(initial, authorization=new)})


def approved(
    on: str,
    *,
    called: str | None = None,
    ends: str | None = None,
    root: Finding = ALL_MET,
    subject: Case | None = None,
    **authorization: Any,
) -> Approval:
    day = date.fromisoformat(on)
    return approval_of(
        policy(**authorization),
        determination(root, day),
        subject or case("pembrolizumab"),
        called=date.fromisoformat(called or on),
        coverage_end=None if ends is None else date.fromisoformat(ends),
    )


@pytest.mark.parametrize(
    ("on", "months", "expires"),
    [
        ("2026-06-15", 6, "2026-12-14"),
        ("2026-01-01", 12, "2026-12-31"),
        ("2026-08-31", 6, "2027-02-27"),
        ("2026-05-31", 1, "2026-06-29"),
        ("2027-08-31", 6, "2028-02-28"),
        ("2026-03-01", 3, "2026-05-31"),
    ],
)
def test_an_approval_lasts_its_calendar_months_less_a_day(on: str, months: int, expires: str) -> None:
    assert approved(on, months=months) == Approval(months, date.fromisoformat(expires))


@pytest.mark.parametrize(
    ("on", "called", "expires"),
    [
        ("2026-06-15", "2026-06-10", "2026-12-14"),
        ("2026-06-15", "2026-06-20", "2026-12-19"),
    ],
)
def test_the_later_of_order_day_and_day_of_the_call_is_the_start(on: str, called: str, expires: str) -> None:
    assert approved(on, called=called).expires == date.fromisoformat(expires)


@pytest.mark.parametrize(
    ("ends", "expires"),
    [("2026-12-13", "2026-12-13"), ("2026-12-14", "2026-12-14"), ("2026-12-15", "2026-12-14"), (None, "2026-12-14")],
)
def test_an_approval_never_outlives_the_coverage(ends: str | None, expires: str) -> None:
    assert approved("2026-06-15", ends=ends).expires == date.fromisoformat(expires)


# The cycle limit of the good folder's policy hangs on the leaf "adult", 8 cycles of 21 days.
LIMITED: dict[str, Any] = {"cycle_limit": ("adult", 8, 21), "months": 12}
ADULT = "1970-01-01"


def treated(doses: int, birth: str | None = ADULT, **more: Any) -> Case:
    given_doses = [exposure("pembrolizumab", before(21 * each + 21)) for each in range(doses)]
    return case("pembrolizumab", birth=birth, exposures=[*given_doses, *more.pop("others", [])], **more)


@pytest.mark.parametrize(("doses", "cycles_left"), [(0, 8), (1, 7), (7, 1), (8, 1), (9, 1)])
def test_an_approval_never_outlasts_the_remaining_cycles(doses: int, cycles_left: int) -> None:
    found = approved(ON.isoformat(), subject=treated(doses), **LIMITED)
    assert found.expires == ON + timedelta(days=21 * cycles_left - 1)


def test_only_dated_administrations_of_the_ordered_drug_are_cycles_each_day_once() -> None:
    others = [
        exposure("pembrolizumab", None),
        exposure("pembrolizumab", before(21), ref="again"),
        exposure("pembrolizumab", before(50), kind=ExposureKind.ORDERED),
        exposure("pembrolizumab", before(51), kind=ExposureKind.DISPENSED),
        given("pembrolizumab", before(52)),
        exposure("carboplatin", before(21)),
    ]
    found = approved(ON.isoformat(), subject=treated(1, others=others), **LIMITED)
    assert found.expires == ON + timedelta(days=21 * 7 - 1)


def test_cycles_do_not_limit_an_approval_of_other_disease() -> None:
    found = approved(ON.isoformat(), subject=treated(3, birth=None), **LIMITED)
    assert found.expires == date(2027, 6, 14)


def test_the_shortest_limit_wins() -> None:
    found = approved(ON.isoformat(), ends="2026-07-01", subject=treated(0), **LIMITED)
    assert found.expires == date(2026, 7, 1)


SHORTER: dict[str, Any] = {"months": 12, "shorter": {"shortage": 3}, "remarks": {"shortage": "because of the shortage"}}


def exception(**branches: Verdict) -> Finding:
    return finding("initial", MET, finding("exception", MET, *(finding(name, each) for name, each in branches.items())))


@pytest.mark.parametrize(
    ("root", "months"),
    [
        (exception(shortage=MET, failed=UNKNOWN), 3),
        (exception(shortage=MET, failed=NOT_MET), 3),
        (exception(shortage=MET, failed=MET), 12),
        (exception(shortage=UNKNOWN, failed=MET), 12),
        (exception(failed=MET), 12),
    ],
)
def test_an_approval_that_rests_on_the_shortage_alone_is_for_three_months(root: Finding, months: int) -> None:
    found = approved("2026-06-15", root=root, **SHORTER)
    assert found.months == months
    assert found.remark == ("because of the shortage" if months == 3 else None)


def test_a_shorter_approval_without_a_remark_has_none() -> None:
    found = approved("2026-06-15", root=exception(shortage=MET), **{**SHORTER, "remarks": {}})
    assert (found.months, found.remark, found.expires) == (3, None, date(2026, 9, 14))
