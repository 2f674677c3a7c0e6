"""Boxed-warning facts found in the record. They never change an outcome (M16)."""

from collections.abc import Iterator
from datetime import date

from criteria.decision import SafetyNote
from criteria.drugs import Drug
from criteria.facts import Case, ConditionState, Measurement, Source


def safety_notes(case: Case, on: date, drug: Drug) -> tuple[SafetyNote, ...]:
    """Return notes on pregnancy and on an LVEF under the label's threshold of the ordered drug."""
    return tuple(dict.fromkeys((*_pregnancy(case, drug), *_heart(case, on, drug))))


def _pregnancy(case: Case, drug: Drug) -> Iterator[SafetyNote]:
    label = drug.label
    if label is None or "embryo-fetal-toxicity" not in label.boxed:
        return
    text = f"Pregnancy is on record; {drug.title} has a boxed warning for embryo-fetal toxicity."
    for source in pregnancies(case):
        yield SafetyNote(text, source, label.source)


def pregnancies(case: Case) -> Iterator[Source]:
    """Yield what says that the patient is pregnant: a current condition, or the newest pregnancy status."""
    for diagnosis in case.record.diagnoses:
        current = diagnosis.state is not ConditionState.INACTIVE and diagnosis.confirmed is not False
        if "pregnancy" in diagnosis.concepts and current:
            yield diagnosis.source
    found = [each for each in case.record.findings if each.kind == "pregnancy"]
    newest = max(found, key=lambda each: (str(each.when or ""), each.source.reference), default=None)
    if newest is not None and newest.present:
        yield newest.source


def _heart(case: Case, on: date, drug: Drug) -> Iterator[SafetyNote]:
    lvef = low_lvef(case, on, drug)
    if lvef is not None and drug.label is not None:
        text = (
            f"LVEF {lvef.observed} ({lvef.when}) is under the {drug.label.lvef_minimum} % of the {drug.title} label, "
            "which has a boxed warning for cardiac toxicity."
        )
        yield SafetyNote(text, lvef.source, drug.label.source)


def low_lvef(case: Case, on: date, drug: Drug) -> Measurement | None:
    """Return the newest LVEF if it lies under the label's threshold; of a range the low end counts (readings 3.5)."""
    floor = drug.label.lvef_minimum if drug.label is not None else None
    found = [each for each in case.record.measurements if each.kind == "lvef" and each.when is not None]
    newest = max(found, key=lambda each: (each.when.latest if each.when else on, each.source.reference), default=None)
    if newest is None or floor is None:
        return None
    value = newest.value
    is_range = value.low is not None and value.high is not None
    low = is_range and value.low is not None and value.low < floor
    return newest if low or value.surely_below(floor) else None
