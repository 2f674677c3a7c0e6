"""Boxed-warning facts found in the record. They never change an outcome (M16)."""

from collections.abc import Iterator
from datetime import date

from criteria.decision import SafetyNote
from criteria.drugs import Drug
from criteria.facts import Case, ConditionState


def safety_notes(case: Case, on: date, drug: Drug) -> tuple[SafetyNote, ...]:
    """Return notes on pregnancy and on an LVEF under the label's threshold of the ordered drug."""
    return tuple(dict.fromkeys((*_pregnancy(case, drug), *_heart(case, on, drug))))


def _pregnancy(case: Case, drug: Drug) -> Iterator[SafetyNote]:
    label = drug.label
    if label is None or "embryo-fetal-toxicity" not in label.boxed:
        return
    text = f"Pregnancy is on record; {drug.title} has a boxed warning for embryo-fetal toxicity."
    for diagnosis in case.record.diagnoses:
        current = diagnosis.state is not ConditionState.INACTIVE and diagnosis.confirmed is not False
        if "pregnancy" in diagnosis.concepts and current:
            yield SafetyNote(text, diagnosis.source, label.source)
    found = [each for each in case.record.findings if each.kind == "pregnancy"]
    newest = max(found, key=lambda each: (str(each.when or ""), each.source.reference), default=None)
    if newest is not None and newest.present:
        yield SafetyNote(text, newest.source, label.source)


def _heart(case: Case, on: date, drug: Drug) -> Iterator[SafetyNote]:
    label = drug.label
    if label is None or label.lvef_minimum is None:
        return
    found = [each for each in case.record.measurements if each.kind == "lvef" and each.when is not None]
    newest = max(found, key=lambda each: (each.when.latest if each.when else on, each.source.reference), default=None)
    if newest is not None and newest.value.surely_below(label.lvef_minimum):
        text = (
            f"LVEF {newest.observed} ({newest.when}) is under the {label.lvef_minimum} % of the {drug.title} label, "
            "which has a boxed warning for cardiac toxicity."
        )
        yield SafetyNote(text, newest.source, label.source)
