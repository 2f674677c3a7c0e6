"""What may be proposed instead: preferred products that suit what is known of this patient (contract section 2)."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from criteria.approval import weight_of
from criteria.decision import Alternative, Alternatives, LeftOut
from criteria.drugs import Drug, DrugTable
from criteria.facts import Case, ConditionState
from criteria.library import Library
from criteria.oncology.current import doses_of_ordered_drug, last_dose
from criteria.oncology.suitability import wrong_disease
from criteria.oncology.therapy import history_of
from criteria.policy import Policy
from criteria.predicates.experience import (
    CONTRAINDICATED,
    FAILED,
    INTOLERABLE,
    Experience,
    PreferredReader,
    hypersensitivities,
)
from criteria.safety import low_lvef, pregnancies

_TENTH = Decimal("0.1")


def alternatives_of(case: Case, on: date, policy: Policy, library: Library) -> Alternatives | None:
    """Return the preferred products to propose, each with its dose, and why others are left out.

    None when nothing is proposed at all: no preferred list, another product, or a patient under treatment, who is
    never switched.
    """
    reader = _reader(policy)
    products = policy.products
    if reader is None or products is None or case.order.drug.key not in products.restricted:
        return None
    if policy.alternatives_gap_days and _was_given_within(case, on, policy.alternatives_gap_days):
        return None
    offered: list[Alternative] = []
    left_out: list[LeftOut] = []
    weight_days = policy.dose_limit.weight_within_days if policy.dose_limit else 0
    for experience in reader.experiences(case):
        drug = library.drugs[experience.product]
        reason = next(_reasons_against(case, on, drug, experience, library), None)
        if reason is None:
            offered.append(_alternative(case, on, drug, library, weight_days))
        else:
            left_out.append(LeftOut(drug.key, reason))
    return Alternatives(tuple(offered), tuple(left_out))


def _reader(policy: Policy) -> PreferredReader | None:
    readers = (getattr(leaf.predicate, "reader", None) for leaf in policy.leaves.values())
    return next((each for each in readers if isinstance(each, PreferredReader)), None)


def _was_given_within(case: Case, on: date, days: int) -> bool:
    first = on - timedelta(days=days)
    return any(each.start and last_dose(each, on).latest >= first for each in doses_of_ordered_drug(case))


def _reasons_against(case: Case, on: date, drug: Drug, experience: Experience, library: Library) -> Iterator[str]:
    """Yield the reasons not to propose a product, most telling first."""
    if experience.failed or experience.said == FAILED:
        yield "failed before"
    if experience.contraindicated or experience.said == CONTRAINDICATED:
        yield "contraindicated"
    if experience.intolerable or experience.partial or experience.said == INTOLERABLE:
        yield "not tolerated before"
    yield from _hypersensitive(case, drug, library.drugs)
    yield from _doubtful(case, drug, library.drugs)
    yield from _label_warnings(case, on, drug, library)
    if experience.why_inapplicable is not None:
        yield experience.why_inapplicable
    yield from wrong_disease(case, library.thresholds.marker_group_days)
    if _is_ordered(case, drug):
        yield "already ordered"


def _hypersensitive(case: Case, drug: Drug, drugs: DrugTable) -> Iterator[str]:
    """Yield a severe hypersensitivity to another product with the same antibody backbone."""
    for reaction in hypersensitivities(case):
        key = reaction.drug.key
        backbone = drugs[key].backbone if key is not None and key in drugs else None
        if key is not None and reaction.severe and backbone is not None and backbone == drug.backbone:
            yield f"severe hypersensitivity to {drugs[key].title}, which has the same {drug.backbone} backbone"


def _doubtful(case: Case, drug: Drug, drugs: DrugTable) -> Iterator[str]:
    """Yield past and unconfirmed reactions: they prove nothing for the policy, but enough not to propose a product."""
    for reaction in case.record.reactions:
        other = drugs[reaction.drug.key] if reaction.drug.key is not None and reaction.drug.key in drugs else None
        if other is None or reaction.confirmed is not False:
            continue
        same_backbone = bool(reaction.severe) and other.backbone is not None and other.backbone == drug.backbone
        if other.actives & drug.actives or same_backbone:
            yield f"a past or unconfirmed reaction to {other.title} is on record"


def _label_warnings(case: Case, on: date, drug: Drug, library: Library) -> Iterator[str]:
    """Yield label warnings that hold for this patient, shared with the ordered drug or not."""
    for row in library.tables.contraindications:
        if row.product != drug.key:
            continue
        for diagnosis in case.record.diagnoses:
            current = diagnosis.state is not ConditionState.INACTIVE and diagnosis.confirmed is not False
            if row.condition in diagnosis.concepts and current:
                yield f"label warning: {row.condition.replace('-', ' ')} on record"
    if any(True for _ in pregnancies(case)) and drug.label is not None and "embryo-fetal-toxicity" in drug.label.boxed:
        yield "label warning: pregnancy on record"
    lvef = low_lvef(case, on, drug)
    if lvef is not None and drug.label is not None:
        yield f"LVEF {lvef.observed} is under the label's {drug.label.lvef_minimum} %"


def _is_ordered(case: Case, drug: Drug) -> bool:
    planned = (*case.drafts, *(each for each in case.record.orders if each.status in {"active", "draft"}))
    return any(each.drug.key == drug.key for each in planned if each.source != case.order.source)


def _alternative(case: Case, on: date, drug: Drug, library: Library, weight_days: int) -> Alternative:
    """Compute the dose from the label and the recorded weight; never from the ordered drug's dose."""
    label = drug.label
    if label is None:
        return Alternative(drug.key, None, None, None, None, "No label dose is on file")
    if label.dose_mg_per_kg is not None:
        return _dose_by_weight(case, on, drug, label.dose_mg_per_kg, weight_days)
    first = _needs_loading(case, on, drug, library)
    return Alternative(
        drug.key,
        _shown_if_any(label.dose_mg),
        _shown_if_any(label.dose_ml),
        label.interval_days,
        label.route,
        "Label loading and maintenance dose, fixed" if first else "Label maintenance dose, fixed",
        loading_mg=_shown_if_any(label.loading_mg) if first else None,
        loading_ml=_shown_if_any(label.loading_ml) if first else None,
    )


def _dose_by_weight(case: Case, on: date, drug: Drug, rate: Decimal, weight_days: int) -> Alternative:
    label, weight = drug.label, weight_of(case, on, weight_days)
    interval, route = (label.interval_days, label.route) if label is not None else (None, None)
    kilograms = weight.value.point if weight is not None else None
    if weight is None or kilograms is None:
        basis = (
            f"Label dose {_shown(rate)} mg/kg; no body weight of the last {weight_days} days, so no dose is computed"
        )
        return Alternative(drug.key, None, None, interval, route, basis)
    dose = (rate * kilograms).quantize(_TENTH)
    basis = f"Label dose {_shown(rate)} mg/kg at {_shown(kilograms)} kg ({weight.when})"
    return Alternative(drug.key, _shown(dose), None, interval, route, basis, weight.source)


def _needs_loading(case: Case, on: date, drug: Drug, library: Library) -> bool:
    """Say whether the label asks for a (new) loading dose: no dose on record, or the last one too long ago."""
    label = drug.label
    if label is None or label.reload_after_days is None:
        return False
    courses = history_of(case, library.drugs, library.thresholds).given((drug.key,))
    ends = [each.end.latest for each in courses if each.end is not None]
    return not ends or (on - max(ends)).days >= label.reload_after_days


def _shown_if_any(value: Decimal | None) -> str | None:
    return None if value is None else _shown(value)


def _shown(value: Decimal) -> str:
    text = format(value.normalize(), "f")
    return text if "." not in text else text.rstrip("0").rstrip(".")
