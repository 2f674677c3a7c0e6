"""Observation about stage, TNM category or disease status -> stage findings and disease statuses.

Categories after neoadjuvant therapy (ypT, ypN) are read from the value, whatever the observation is coded as: there
is no one code for them (clinical readings section 3.3, contract section 5.3 on residual disease).
"""

import re
from collections.abc import Iterator
from types import MappingProxyType

from criteria.facts import DiseaseStatus, StageFinding
from criteria.vocabulary import Vocabulary
from fhir_mappers.element import Concept
from fhir_mappers.observation_focus import condition_of
from fhir_mappers.observation_value import Observed, Part, Statement, notes, stated_value_of
from fhir_mappers.short_cache import short_cache

GROUPS_AND_M = frozenset({"M0", "M1", "I", "II", "III", "IV"})
# "ypT1c", "ypT1mi(m) ypN0(i+)", "ypT2N1": the second category of a pair may leave the prefix out.
_YP_T = re.compile(r"\byp\s?t(is|[0-4])", re.IGNORECASE)
_YP_N = re.compile(
    r"\byp\s?(?:t(?:is|[0-4x])(?:mi|[a-d])?(?:\s?\([^()]*\))?[\s,]{0,2})?(?:yp\s?)?n([0-3])", re.IGNORECASE
)
# Response categories of RECIST and plain words for them, as they stand in text values.
_STATUS_WORDS = MappingProxyType(
    {
        "cr": "complete-remission",
        "complete response": "complete-remission",
        "complete remission": "complete-remission",
        "pr": "partial-remission",
        "partial response": "partial-remission",
        "partial remission": "partial-remission",
        "sd": "stable",
        "stable disease": "stable",
        "stable": "stable",
        "pd": "worsened",
        "progressive disease": "worsened",
        "progression": "worsened",
        "disease progression": "worsened",
        "worsened": "worsened",
        "improved": "improved",
    }
)


def map_stage(observed: Observed, part: Part) -> tuple[StageFinding, ...]:
    """Return the stage or category of an Observation whose code asks for one, with yp categories in its value."""
    statement = stated_value_of(observed, part)
    if statement is None:
        return ()
    means = stage_meaning(observed.chart.vocabulary, Concept(statement.codings, " ".join(statement.words[:1])))
    found = [] if means is None else [_finding(observed, statement, means)]
    found += post_treatment_findings(observed, statement)
    if not found:
        observed.origin.note(statement.path, "the stage was not understood")
    return tuple(found)


def map_post_treatment(observed: Observed, part: Part) -> tuple[StageFinding, ...]:
    """Return the yp categories in the value of an Observation whose code is not known."""
    statement = stated_value_of(observed, part)
    return () if statement is None else tuple(post_treatment_findings(observed, statement))


def may_hold_post_treatment(part: Part) -> bool:
    """Say cheaply whether a value may name a yp category."""
    value = part.holder.get("valueString")
    if isinstance(value, str):
        return "yp" in value.lower()
    value = part.holder.get("valueCodeableConcept")
    return isinstance(value, dict) and "yp" in str(value).lower()


def post_treatment_findings(observed: Observed, statement: Statement) -> Iterator[StageFinding]:
    """Yield a finding for each yp category a statement names."""
    words = (*statement.words, *(coding.code for coding in statement.codings))
    for means in dict.fromkeys(each for part in words for each in post_treatment_categories(part)):
        yield _finding(observed, statement, means)


def post_treatment_categories(words: str) -> tuple[str, ...]:
    """Return the yp categories of a text without sub-letters: "ypT1c N0(i+)" is ypT1 and ypN0."""
    tumour = [f"ypT{each.lower()}" for each in _YP_T.findall(words)]
    nodes = [f"ypN{each}" for each in _YP_N.findall(words)]
    return tuple(dict.fromkeys((*tumour, *nodes)))


@short_cache()
def stage_meaning(vocabulary: Vocabulary, value: Concept) -> str | None:
    """Return "M0", "M1" or "I" to "IV" of a stage: by code, by AJCC code, by text. Two different ones say nothing."""
    found = set()
    for coding in value.codings:
        key = vocabulary.key(coding.system, coding.code)
        means = vocabulary.staging.values.get(key)
        if means is None and key[0] == "ajcc":
            means = _meaning_of_text(vocabulary, coding.code)
        if means is not None:
            found.add(means)
    if not found:
        texts = (value.text, *(coding.display for coding in value.codings))
        found = {means for words in texts if (means := _meaning_of_text(vocabulary, words)) is not None}
    means = found.pop() if len(found) == 1 else None
    return means if means in GROUPS_AND_M else None


def map_disease_status(observed: Observed, part: Part) -> tuple[DiseaseStatus, ...]:
    """Return the disease status; codes first, then the words of RECIST."""
    statement = stated_value_of(observed, part) or next(notes(observed, part), None)
    if statement is None:
        return ()
    values = observed.chart.vocabulary.staging.status_values
    keys = (observed.chart.vocabulary.key(coding.system, coding.code) for coding in statement.codings)
    found = {values[key] for key in keys if key in values}
    if not found:
        found = {means for words in statement.words if (means := _STATUS_WORDS.get(words.strip(" .").lower()))}
    if len(found) != 1:
        observed.origin.note(statement.path, "the disease status was not understood")
        return ()
    means = found.pop()
    source = observed.origin.source(statement.path)
    return (DiseaseStatus(source, means, statement.shown(means), observed.when, condition_of(observed)),)


def _meaning_of_text(vocabulary: Vocabulary, words: str) -> str | None:
    words = words.strip().lower()
    return next((each.meaning for each in vocabulary.staging.text_values if each.pattern.search(words)), None)


def _finding(observed: Observed, statement: Statement, means: str) -> StageFinding:
    source = observed.origin.source(statement.path)
    return StageFinding(source, means, statement.shown(means), observed.when, condition_of(observed), observed.counted)
