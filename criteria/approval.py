"""Limits and duration of an approval: the label dose, and the day an authorization ends (contract sections 2 and 6)."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal

from criteria.dates import add_months, days_before
from criteria.drugs import Drug
from criteria.facts import Case, ExposureKind, Measurement
from criteria.finding import Determination, Finding
from criteria.oncology.current import doses_of_ordered_drug
from criteria.outcome import Approval, DoseFinding
from criteria.policy import DoseLimit, Path, Policy
from criteria.verdict import Verdict


def weight_of(case: Case, on: date, within_days: int) -> Measurement | None:
    """Return the newest final body weight within so many days before the order, or after it."""
    first = days_before(on, within_days)
    found = [
        each
        for each in case.record.measurements
        if each.kind == "body-weight" and each.when is not None and each.when.earliest >= first
    ]
    newest = max(found, key=lambda each: (each.when.latest if each.when else on, each.source.reference), default=None)
    return newest if newest is not None and newest.value.point is not None else None


def billing_units(mg: Decimal, mg_per_unit: Decimal) -> int:
    """Return billing units of a dose: the next whole number, at least one."""
    return max(1, int((mg / mg_per_unit).to_integral_value(ROUND_CEILING)))


def judge_dose(case: Case, on: date, limit: DoseLimit, drug: Drug) -> DoseFinding:
    """Compare the ordered dose with the label dose. A lower dose is never a limit; no dose or weight judges nothing."""
    weight = weight_of(case, on, limit.weight_within_days)
    kilograms = weight.value.point if weight is not None else None
    order = case.order
    ordered = order.dose_mg.point if order.dose_mg is not None else None
    if ordered is None and order.dose_mg_per_kg is not None and order.dose_mg_per_kg.point and kilograms:
        ordered = order.dose_mg_per_kg.point * kilograms
    label = None if kilograms is None else limit.dose_mg_per_kg * kilograms
    allowed = None if label is None else label * (1 + limit.tolerance)
    billing = drug.hcpcs[0] if drug.hcpcs else None
    return DoseFinding(
        label_dose_mg_per_kg=limit.dose_mg_per_kg,
        interval_days=limit.interval_days,
        exceeds=tuple(_excesses(case, limit, allowed)),
        weight_kg=kilograms,
        weight_source=weight.source if weight is not None and kilograms is not None else None,
        weight_on=str(weight.when) if weight is not None and kilograms is not None else None,
        ordered_mg=ordered,
        ordered_source=order.dose_source,
        label_dose_mg=label,
        allowed_mg=allowed,
        label_units=billing_units(label, billing.mg_per_unit) if label and billing else None,
        ordered_units=billing_units(ordered, billing.mg_per_unit) if ordered and billing else None,
        billing_code=billing.code if billing else None,
    )


def _excesses(case: Case, limit: DoseLimit, allowed: Decimal | None) -> Iterator[str]:
    """Yield, in words, each way the order is shown to exceed the label."""
    order = case.order
    rate = limit.dose_mg_per_kg * (1 + limit.tolerance)
    percent = format((limit.tolerance * 100).normalize(), "f")
    if order.dose_mg_per_kg is not None and order.dose_mg_per_kg.surely_above(rate):
        yield f"ordered {order.dose_mg_per_kg} mg/kg, label {limit.dose_mg_per_kg} mg/kg plus {percent} %"
    elif order.dose_mg is not None and allowed is not None and order.dose_mg.surely_above(allowed):
        yield f"ordered {order.dose_mg} mg, label dose plus {percent} % is {format(allowed.normalize(), 'f')} mg"
    if order.interval_days is not None and order.interval_days < limit.shortest_interval_days:
        days = format(order.interval_days.normalize(), "f")
        yield f"ordered every {days} days, label every {limit.interval_days} days"


def approval_of(
    policy: Policy, determination: Determination, case: Case, *, called: date, coverage_end: date | None
) -> Approval:
    """Return how long an approval lasts.

    The later of order day and day of the call, plus the months, minus one day; never past the remaining cycles of a
    treatment of limited length, nor past the coverage's end.
    """
    on = determination.on
    path = policy.paths[determination.path]
    authorization = path.authorization
    only = next((each for each in authorization.shorter if _rests_on(determination.root, each)), None)
    months = authorization.shorter[only] if only else authorization.months
    start = max(on, called)
    days = [add_months(start, months) - timedelta(days=1)]
    if coverage_end is not None:
        days.append(coverage_end)
    remaining = _remaining_days(policy, path, case, on)
    if remaining is not None:
        days.append(start + timedelta(days=remaining - 1))
    return Approval(months, min(days), authorization.remarks.get(only) if only else None)


def _remaining_days(policy: Policy, path: Path, case: Case, on: date) -> int | None:
    """Return the days of the cycles that are left (K25), None where no limit applies."""
    limit = path.authorization.cycle_limit
    if limit is None:
        return None
    criterion, cycles, days_per_cycle = limit
    judged = policy.leaves[criterion].predicate.judge(case, on, {})
    if judged.verdict is not Verdict.MET:
        return None
    given = [each for each in doses_of_ordered_drug(case) if each.kind is ExposureKind.ADMINISTERED]
    doses = {each.start for each in given if each.start is not None}
    return max(1, cycles - len(doses)) * days_per_cycle


def _rests_on(root: Finding, criterion: str) -> bool:
    """Say whether the approval rests on this criterion alone: it is met and no alternative to it is."""
    for node in _nodes(root):
        branches = {each.id: each.verdict for each in node.of}
        if branches.get(criterion) is Verdict.MET:
            return list(branches.values()).count(Verdict.MET) == 1
    return False


def _nodes(finding: Finding) -> Iterator[Finding]:
    yield finding
    for each in finding.of:
        yield from _nodes(each)
