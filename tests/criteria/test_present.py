"""Facts dated after the day of the call decide nothing (contract section 1)."""

from datetime import date, timedelta
from typing import Any

import pytest

from criteria.facts import Record
from criteria.present import known_by
from tests.criteria.facts_builders import (
    ON,
    answer,
    case,
    coded,
    diagnosis,
    document,
    exposure,
    ihc,
    measurement,
    order,
    procedure,
    reaction,
    stage,
    status,
)


def facts_on(day: str) -> dict[str, Any]:
    return {
        "diagnoses": [diagnosis("cancer-breast", onset=day)],
        "markers": [ihc("3+", on=day)],
        "stages": [stage("M1", day)],
        "disease_statuses": [status("stable", day)],
        "measurements": [measurement("lvef", "60", day)],
        "findings": [coded("pregnancy", day)],
        "exposures": [exposure("capecitabine", day)],
        "orders": [order("capecitabine", authored=day)],
        "procedures": [procedure("breast-surgery", day)],
        "reactions": [reaction("capecitabine", on=day)],
        "documents": [document("oncology-note", day)],
        "answers": [answer("adult", True, day)],
    }


def record(**facts: Any) -> Record:
    return case(**{"answers": (), **facts}).record


@pytest.mark.parametrize("name", sorted(facts_on("2026-01-01").keys() - {"answers"}))
@pytest.mark.parametrize(("days", "kept"), [(-1, True), (0, True), (1, False)])
def test_every_kind_of_fact_counts_up_to_the_day_and_not_after(name: str, days: int, kept: bool) -> None:
    day = (ON + timedelta(days=days)).isoformat()
    known, notes = known_by(record(**{name: facts_on(day)[name]}), ON)
    assert (len(getattr(known, name)) == 1) is kept
    assert (notes == ()) is kept


def test_a_fact_that_may_be_known_already_counts() -> None:
    known, notes = known_by(record(stages=[stage("M1", "2026"), stage("M0", None)]), ON)
    assert len(known.stages) == 2
    assert notes == ()


def test_only_the_later_facts_are_left_out_and_each_is_named_once() -> None:
    later = (ON + timedelta(days=1)).isoformat()
    facts = [stage("M1", later, ref="late"), stage("M0", "2026-01-01"), stage("IV", later, ref="late")]
    known, notes = known_by(record(stages=facts), ON)
    assert [each.means for each in known.stages] == ["M0"]
    assert notes == ("Observation/late is dated after the call: not used",)


def test_a_record_without_later_facts_is_returned_as_it_is() -> None:
    plain = record(**{name: each for name, each in facts_on("2026-01-01").items() if name != "answers"})
    assert known_by(plain, date(2026, 6, 15))[0] is plain
