"""What is given now: doses, active orders and drafts beside the order (contract section 5.4)."""

from datetime import timedelta
from typing import Any

import pytest

from criteria.facts import Case, ExposureKind, Order
from criteria.oncology.current import Origin, doses_of_ordered_drug, is_under_treatment, last_dose, partners, stop_after
from tests.criteria.facts_builders import (
    DRUGS,
    ON,
    THRESHOLDS,
    ambiguous,
    case,
    days,
    diagnosis,
    drug,
    exposure,
    given,
    order,
    status,
    unrecognised,
)

BREAST = diagnosis("cancer-breast", ref="breast")


def before(days_ago: int) -> str:
    return (ON - timedelta(days=days_ago)).isoformat()


def found(subject: Case) -> list[tuple[str, Origin]]:
    return [(each.drug.label, each.origin) for each in partners(subject, ON, DRUGS, THRESHOLDS)]


def active(key: str, **more: Any) -> Order:
    return order(key, **{"ref": key, "status": "active", "authored": before(10), **more})


def with_orders(*orders: Order, ordered: Order | str = "margetuximab", **more: Any) -> Case:
    return case(ordered, orders=orders, **more)


# ------------------------------------------------------------------ orders and drafts


def test_a_draft_of_the_call_is_a_partner() -> None:
    subject = case(drafts=[order("capecitabine", ref="draft")])
    assert found(subject) == [("capecitabine", Origin.DRAFT)]


def test_a_draft_that_is_no_medication_order_is_none() -> None:
    assert found(case(drafts=[order("capecitabine", resource="ServiceRequest")])) == []


def test_the_ordered_drug_is_no_partner_of_itself() -> None:
    subject = case(
        drafts=[order(ref="order"), order(ref="second")],
        orders=[active("margetuximab")],
        exposures=[exposure("margetuximab", before(21))],
    )
    assert found(subject) == []


@pytest.mark.parametrize(("days_ago", "counts"), [(59, True), (60, True), (61, False), (0, True), (-1, True)])
def test_an_active_order_of_the_last_sixty_days_is_a_partner(days_ago: int, counts: bool) -> None:
    assert (found(with_orders(active("capecitabine", authored=before(days_ago)))) != []) is counts


@pytest.mark.parametrize(
    ("authored", "counts"), [(None, True), ("2026", True), ("2026-04", True), ("2025", False), ("2026-03", False)]
)
def test_an_order_of_an_unsure_day_counts_where_it_may_be_current(authored: str | None, counts: bool) -> None:
    assert (found(with_orders(active("capecitabine", authored=authored))) != []) is counts


@pytest.mark.parametrize("state", ["completed", "stopped", "cancelled", "draft", "on-hold"])
def test_an_order_that_is_not_active_is_no_partner(state: str) -> None:
    assert found(with_orders(active("capecitabine", status=state))) == []


@pytest.mark.parametrize(
    ("state", "group", "origin"),
    [
        ("active", ["group-1"], Origin.GROUP),
        ("draft", ["group-1"], Origin.GROUP),
        ("active", ["group-2"], Origin.ACTIVE_ORDER),
        ("draft", ["group-2"], None),
        ("completed", ["group-1"], None),
    ],
)
def test_an_order_of_the_same_group_is_part_of_this_order(state: str, group: list[str], origin: Origin | None) -> None:
    subject = with_orders(
        active("capecitabine", status=state, group=group, authored=before(10)), ordered=order(group=["group-1"])
    )
    assert found(subject) == ([] if origin is None else [("capecitabine", origin)])


def test_a_group_holds_however_old_the_order_is() -> None:
    old = active("capecitabine", group=["g"], authored="2025-01-01")
    assert found(with_orders(old, ordered=order(group=["g"]))) == [("capecitabine", Origin.GROUP)]


def test_the_order_itself_and_a_draft_found_again_on_record_count_once() -> None:
    draft = order("capecitabine", ref="draft")
    on_record = order("capecitabine", ref="draft", status="active")
    itself = order("docetaxel", ref="order", status="active")
    assert found(case(drafts=[draft], orders=[on_record, itself])) == [("capecitabine", Origin.DRAFT)]


def test_partners_come_most_certain_first() -> None:
    subject = case(
        order(group=["g"]),
        drafts=[order("docetaxel", ref="z")],
        orders=[active("capecitabine", ref="a"), active("paclitaxel", ref="b", group=["g"])],
        exposures=[exposure("pembrolizumab", before(5)), exposure("tamoxifen", before(300), unclosed=True)],
    )
    assert [origin for _, origin in found(subject)] == list(Origin)
    assert [each.is_part_of_this_order for each in Origin] == [True, True, False, False, False]


def test_a_partner_is_shown_with_where_it_was_found() -> None:
    (partner,) = partners(with_orders(active("capecitabine")), ON, DRUGS, THRESHOLDS)
    assert (partner.evidence.observed, partner.evidence.on) == ("capecitabine (active order)", days(before(10)))


# ------------------------------------------------------------------ doses


@pytest.mark.parametrize(("days_ago", "counts"), [(1, True), (41, True), (42, True), (43, False)])
def test_a_dose_of_the_last_forty_two_days_is_a_partner(days_ago: int, counts: bool) -> None:
    assert (found(case(exposures=[exposure("capecitabine", before(days_ago))])) != []) is counts


@pytest.mark.parametrize(
    ("dose", "counts"),
    [
        # without a date it may be now
        (exposure("capecitabine", None), True),
        (exposure("capecitabine", None, kind=ExposureKind.STATED, ongoing=True), True),
        (exposure("capecitabine", None, kind=ExposureKind.STATED), False),
        (exposure("ondansetron", None), False),
        (exposure("capecitabine", before(5), kind=ExposureKind.ORDERED), False),
        (exposure("ondansetron", before(5)), False),
        (exposure("tamoxifen", before(5)), True),
        (exposure(unrecognised(), before(5)), True),
        (exposure(ambiguous("docetaxel", "paclitaxel"), before(5)), True),
        (given("capecitabine", "2025-01-01", before(5)), True),
        (given("capecitabine", "2025-01-01", "2025-03-01"), False),
        (given("capecitabine", "2025-01-01", ongoing=True), True),
        (given("capecitabine", "2026"), True),
        (given("capecitabine", before(20), before(5), stopped=True), False),
        (given("capecitabine", before(20), before(5), reasons=["not-tolerated"]), False),
    ],
)
def test_what_counts_as_a_recent_dose(dose: Any, counts: bool) -> None:
    assert (found(case(exposures=[dose])) != []) is counts


DOSE = "MedicationAdministration"


@pytest.mark.parametrize(
    ("dose", "counts"),
    [
        (exposure("capecitabine", None, kind=ExposureKind.DISPENSED), True),
        (exposure("capecitabine", before(43), kind=ExposureKind.DISPENSED), False),
        (exposure("capecitabine", before(10), kind=ExposureKind.ORDERED, resource=DOSE), True),
        (exposure("capecitabine", before(43), kind=ExposureKind.ORDERED, resource=DOSE), False),
        (exposure("capecitabine", None, kind=ExposureKind.ORDERED, resource=DOSE), True),
        (exposure("capecitabine", None, kind=ExposureKind.ORDERED), False),
        (exposure("ondansetron", before(10), kind=ExposureKind.ORDERED, resource=DOSE), False),
        (exposure("capecitabine", before(300), unclosed=True), True),
        (exposure("capecitabine", before(300)), False),
    ],
)
def test_a_dose_that_may_or_may_not_be_given_now_is_a_doubtful_partner(dose: Any, counts: bool) -> None:
    assert found(case(exposures=[dose])) == ([("capecitabine", Origin.DOUBTFUL)] if counts else [])


def test_an_administration_that_was_not_closed_ends_by_a_stop_not_by_progression() -> None:
    dose, worse = exposure("capecitabine", before(300), unclosed=True), status("worsened", before(30))
    assert found(case(exposures=[dose], disease_statuses=[worse])) == [("capecitabine", Origin.DOUBTFUL)]
    stop = exposure("capecitabine", before(200), ref="stop", stopped=True)
    assert found(case(exposures=[dose, stop])) == []


@pytest.mark.parametrize(
    ("state", "authored", "counts"),
    [("unknown", before(10), True), ("", before(10), True), ("unknown", None, True), ("unknown", before(61), False)],
)
def test_an_order_of_unclear_status_is_a_doubtful_partner(state: str, authored: str | None, counts: bool) -> None:
    for group in ((), ("g",)):
        subject = with_orders(
            active("capecitabine", status=state, authored=authored, group=group), ordered=order(group=group)
        )
        assert found(subject) == ([("capecitabine", Origin.DOUBTFUL)] if counts else [])


@pytest.mark.parametrize(("progressed", "counts"), [(21, True), (20, True), (19, False)])
def test_a_dose_before_progression_is_no_partner(progressed: int, counts: bool) -> None:
    subject = case(
        diagnoses=[BREAST],
        exposures=[exposure("capecitabine", before(20))],
        disease_statuses=[status("worsened", before(progressed))],
    )
    assert (found(subject) != []) is counts


@pytest.mark.parametrize(
    ("stop", "stopped"),
    [
        (given("capecitabine", before(30), before(19), stopped=True), True),
        (given("capecitabine", before(30), before(20), reasons=["no-response"]), True),
        (given("capecitabine", before(30), before(21), stopped=True), False),
        (given("capecitabine", before(5), stopped=True), True),
        (exposure("capecitabine", None, stopped=True), False),
        (given("docetaxel", before(5), stopped=True), False),
        (exposure("capecitabine", before(5), stopped=True, kind=ExposureKind.ORDERED), False),
        (given("capecitabine", before(5)), False),
        (exposure(unrecognised("capecitabine"), before(5), stopped=True), False),
    ],
)
def test_a_stop_on_or_after_the_dose_ends_the_drug(stop: Any, stopped: bool) -> None:
    subject = case(exposures=[stop])
    assert (stop_after(subject, drug("capecitabine"), days(before(20))) is not None) is stopped


# ------------------------------------------------------------------ the ordered drug


@pytest.mark.parametrize(
    ("dose", "last"),
    [
        (exposure("margetuximab", before(30)), before(30)),
        (given("margetuximab", before(30), before(9)), before(9)),
        (given("margetuximab", before(30), ongoing=True), before(1)),
        (given("margetuximab", before(30), before(9), ongoing=True), before(1)),
        (given("margetuximab", before(-3), ongoing=True), before(-3)),
        (exposure("margetuximab", None), before(0)),
        (exposure("margetuximab", "2026-05"), "2026-05"),
    ],
)
def test_the_last_day_of_an_exposure(dose: Any, last: str) -> None:
    assert last_dose(dose, ON) == days(last)


def test_the_doses_of_the_ordered_drug_are_the_received_ones_in_order_undated_last() -> None:
    doses = [
        exposure("margetuximab", None, ref="undated"),
        exposure("margetuximab", "2026-02-01"),
        exposure("margetuximab", "2026-01-01"),
        exposure("margetuximab", "2026-03-01", kind=ExposureKind.ORDERED),
        exposure("capecitabine", "2026-01-01"),
    ]
    found_doses = doses_of_ordered_drug(case(exposures=doses))
    assert [str(each.start) for each in found_doses] == ["2026-01-01", "2026-02-01", "None"]
    assert doses_of_ordered_drug(case(order(unrecognised()), exposures=doses)) == ()


@pytest.mark.parametrize(
    ("days_ago", "treated"), [(-1, False), (0, False), (1, True), (2, True), (41, True), (42, True), (43, False)]
)
def test_a_patient_is_under_treatment_one_to_forty_two_days_after_a_dose(days_ago: int, treated: bool) -> None:
    subject = case(exposures=[exposure("margetuximab", before(days_ago))])
    assert (is_under_treatment(subject, ON, THRESHOLDS) is not None) is treated


@pytest.mark.parametrize(
    ("doses", "treated"),
    [
        ([given("margetuximab", before(60), before(20))], True),
        ([given("margetuximab", before(60), ongoing=True)], True),
        ([given("margetuximab", before(60), before(20), stopped=True)], False),
        ([exposure("margetuximab", before(20)), given("margetuximab", before(60), before(19), stopped=True)], False),
        ([exposure("margetuximab", before(20)), given("margetuximab", before(60), before(21), stopped=True)], True),
        ([exposure("margetuximab", None)], False),
        ([exposure("margetuximab", "2026")], False),
        ([exposure("margetuximab", "2026-05-10/2026-06-10")], True),
        ([exposure("margetuximab", "2026-05")], False),  # 1 May lies 45 days before
        ([exposure("margetuximab", "2026-06")], False),
        ([exposure("margetuximab", before(20), kind=ExposureKind.ORDERED)], False),
        ([exposure("margetuximab", before(20), kind=ExposureKind.DISPENSED)], True),
        ([exposure("capecitabine", before(20))], False),
        ([], False),
    ],
)
def test_under_treatment_needs_a_received_dose_surely_inside_the_window_and_no_later_stop(
    doses: list[Any], treated: bool
) -> None:
    assert (is_under_treatment(case(exposures=doses), ON, THRESHOLDS) is not None) is treated


def test_the_newest_dose_is_the_evidence() -> None:
    subject = case(exposures=[exposure("margetuximab", before(40)), exposure("margetuximab", before(19))])
    newest = is_under_treatment(subject, ON, THRESHOLDS)
    assert newest is not None
    assert newest.start == days(before(19))
