"""Observation of body weight, ejection fraction, pregnancy or a history of metastasis -> measurements and findings."""

import re
from types import MappingProxyType

from criteria.bounds import Bounds
from criteria.facts import CodedFinding, Measurement
from fhir_mappers.observation_topic import Topic
from fhir_mappers.observation_value import Observed, Part, measured, shown_amount, stated_value_of, value_key

_IS_PREGNANT = MappingProxyType({"pregnant": True, "not-pregnant": False})
_DENIED = re.compile(r"\bnot (?:currently )?pregnant\b|\bno\b|\bnegative\b")
_AFFIRMED = re.compile(r"\bpregnant\b|\bpregnancy\b|\bpositive\b|\byes\b")
_OPEN = re.compile(r"possib|unknown")


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
    shown = statement.shown("metastasis" if statement.yes else "no metastasis")
    return (CodedFinding(source, "history-of-metastasis", statement.yes, shown, observed.when),)


def map_pregnancy(observed: Observed, part: Part) -> tuple[CodedFinding, ...]:
    """Return the pregnancy status by code or words; "possible" and "unknown" are no finding."""
    statement = stated_value_of(observed, part)
    if statement is None:
        return ()
    answers = observed.chart.vocabulary.observations.pregnancy_answers
    keys = (observed.chart.vocabulary.key(coding.system, coding.code) for coding in statement.codings)
    meanings = {answers[key] for key in keys if key in answers}
    found = {_IS_PREGNANT[meaning] for meaning in meanings if meaning in _IS_PREGNANT}
    if statement.yes is not None:
        found = {statement.yes}
    for words in () if meanings or found else (each.lower() for each in statement.words):
        if _DENIED.search(words):
            found |= {False}
        elif _AFFIRMED.search(words) and not _OPEN.search(words):
            found |= {True}
    if len(found) != 1:
        return ()
    source = observed.origin.source(statement.path)
    pregnant = found.pop()
    shown = statement.shown("pregnant" if pregnant else "not pregnant")
    return (CodedFinding(source, "pregnancy", pregnant, shown, observed.when),)
