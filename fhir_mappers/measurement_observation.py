"""Observation of body weight, ejection fraction, pregnancy or a history of metastasis -> measurements and findings."""

import re

from criteria.bounds import Bounds
from criteria.facts import CodedFinding, Measurement
from fhir_mappers.observation_topic import Topic
from fhir_mappers.observation_value import Observed, Part, measured, shown_amount, stated_value_of, value_key

_NOT_PREGNANT = re.compile(r"\bnot (?:currently )?pregnant\b|\bno\b|\bnegative\b|\bnot pregnancy\b")
_PREGNANT = re.compile(r"\bpregnant\b|\bpregnancy\b|\bpositive\b|\byes\b")


def map_measurement(observed: Observed, part: Part, topic: Topic) -> tuple[Measurement, ...]:
    """Return the measured value in kg or %. Of a range of ejection fractions the lower end counts (readings 3.5)."""
    key = value_key(part)
    units = observed.chart.vocabulary.observations.units.get(topic.role)
    if key is None or units is None:
        return ()
    value = measured(observed, part, key, units)
    if value is None:
        return ()
    shown = shown_amount(part, key, value)
    if topic.role == "lvef" and value.point is None and value.low is not None and value.high is not None:
        value = Bounds.exactly(value.low)
    return (Measurement(observed.origin.source("value"), topic.role, value, shown, observed.when),)


def map_history_of_metastasis(observed: Observed, part: Part) -> tuple[CodedFinding, ...]:
    """Return the history of metastasis; its boolean is a modifier: false says that there is none (mCODE)."""
    statement = stated_value_of(observed, part)
    if statement is None or statement.yes is None:
        observed.origin.note("value", "neither true nor false: says nothing about metastasis")
        return ()
    source = observed.origin.source(statement.path)
    return (CodedFinding(source, "history-of-metastasis", statement.yes, statement.observed, observed.when),)


def map_pregnancy(observed: Observed, part: Part) -> tuple[CodedFinding, ...]:
    """Return the pregnancy status by code or words; "possible" and "unknown" are no finding."""
    statement = stated_value_of(observed, part)
    if statement is None:
        return ()
    answers = observed.chart.vocabulary.observations.pregnancy_answers
    keys = (observed.chart.vocabulary.key(coding.system, coding.code) for coding in statement.codings)
    found = {answers[key] == "pregnant" for key in keys if key in answers}
    if statement.yes is not None:
        found = {statement.yes}
    for words in () if found else (each.lower() for each in statement.words):
        if _NOT_PREGNANT.search(words):
            found |= {False}
        elif _PREGNANT.search(words) and "possib" not in words and "unknown" not in words:
            found |= {True}
    if len(found) != 1:
        return ()
    source = observed.origin.source(statement.path)
    return (CodedFinding(source, "pregnancy", found.pop(), statement.observed, observed.when),)
