"""Condition -> a diagnosis, the stages it states, and the marker statuses its codes assert.

Refuted and erroneous conditions do not exist. Clinical readings sections 2.5, 3.1 to 3.3.
"""

from collections.abc import Iterator
from types import MappingProxyType
from typing import NamedTuple

from criteria.dates import DateRange
from criteria.facts import (
    ConditionState,
    Diagnosis,
    MarkerCall,
    MarkerMethod,
    MarkerResult,
    StageFinding,
)
from criteria.vocabulary import Vocabulary
from fhir_mappers.chart import Chart
from fhir_mappers.dates import date_range, period
from fhir_mappers.element import (
    NO_CONCEPT,
    Concept,
    Origin,
    concept,
    mappings,
    references,
)
from fhir_mappers.observation_focus import related
from fhir_mappers.short_cache import short_cache
from fhir_mappers.stage_observation import post_treatment_categories, stage_meaning

NEVER_EXISTED = frozenset({"refuted", "entered-in-error"})
_CONFIRMED = MappingProxyType({"confirmed": True, "provisional": False, "differential": False, "unconfirmed": False})
_STATES = MappingProxyType(
    {
        "active": ConditionState.ACTIVE,
        "recurrence": ConditionState.RECURRENT,
        "relapse": ConditionState.RECURRENT,
        "inactive": ConditionState.INACTIVE,
        "remission": ConditionState.INACTIVE,
        "resolved": ConditionState.INACTIVE,
    }
)
_ASSERTIONS = MappingProxyType(
    {
        "her2-asserted-positive": ("her2", MarkerCall.POSITIVE),
        "her2-asserted-negative": ("her2", MarkerCall.NEGATIVE),
        "er-positive": ("er", MarkerCall.POSITIVE),
        "er-negative": ("er", MarkerCall.NEGATIVE),
        "pr-positive": ("pr", MarkerCall.POSITIVE),
        "pr-negative": ("pr", MarkerCall.NEGATIVE),
        "hr-positive": ("er-pr", MarkerCall.POSITIVE),
        "hr-negative": ("er-pr", MarkerCall.NEGATIVE),
    }
)


class MappedCondition(NamedTuple):
    """What one condition says; `diagnosis` is None when it does not exist."""

    diagnosis: Diagnosis | None
    stages: tuple[StageFinding, ...] = ()
    markers: tuple[MarkerResult, ...] = ()


def map_condition(origin: Origin, chart: Chart) -> MappedCondition:
    """Return the diagnosis with its stages and asserted markers; nothing of one that is refuted or an error."""
    resource = origin.resource
    verification = _status(origin, "verificationStatus")
    if verification in NEVER_EXISTED:
        origin.note("verificationStatus", f"{verification}: the condition does not count")
        return MappedCondition(None)
    code = concept(origin, resource, "code")
    concepts = concepts_of(chart.vocabulary, code)
    onset, is_recorded = _onset(origin)
    diagnosis = Diagnosis(
        source=origin.source("code"),
        concepts=concepts,
        label=code.label or origin.reference,
        state=_STATES.get(_status(origin, "clinicalStatus"), ConditionState.UNSTATED),
        confirmed=_CONFIRMED.get(verification),
        onset=onset,
        onset_is_recorded_date=is_recorded,
        related=_related(origin, chart) if "extension" in resource else frozenset(),
    )
    stages = tuple(_stages(origin, chart, diagnosis)) if "stage" in resource else ()
    return MappedCondition(diagnosis, stages, tuple(_assertions(origin, diagnosis)))


@short_cache()
def concepts_of(vocabulary: Vocabulary, code: Concept) -> frozenset[str]:
    """Return the sets that hold any coding of a concept."""
    return frozenset(name for coding in code.codings for name in vocabulary.concepts_of(coding.system, coding.code))


def _status(origin: Origin, key: str) -> str:
    """Return a status code; senders also write it as plain text."""
    sent = origin.resource.get(key)
    if sent is None:
        return ""
    match sent:
        case {"coding": [{"code": str(code)}]}:  # the usual shape, of which nothing else matters
            return code.strip().lower()
        case _:
            value = concept(origin, origin.resource, key)
    return next((coding.code for coding in value.codings if coding.code), value.text).lower()


def _onset(origin: Origin) -> tuple[DateRange | None, bool]:
    """Return the onset, else the day of recording, with whether it is that. An age is no date."""
    resource = origin.resource
    onset = None
    if "onsetDateTime" in resource:
        onset = date_range(origin, resource, "onsetDateTime")
    elif "onsetPeriod" in resource:
        onset = period(origin, resource, "onsetPeriod").start
    if onset is not None:
        return onset, False
    recorded = date_range(origin, resource, "recordedDate")
    return recorded, recorded is not None


def _related(origin: Origin, chart: Chart) -> frozenset[str]:
    return frozenset(chart.name_of(name) for name in related(origin, origin.resource))


def _stages(origin: Origin, chart: Chart, diagnosis: Diagnosis) -> Iterator[StageFinding]:
    """Read Condition.stage: an assessment that is at hand is read as the Observation it is; both are shown."""
    for index, stage in enumerate(mappings(origin, origin.resource, "stage")):
        path = f"stage[{index}]"
        summary = concept(origin, stage, "summary", path)
        if summary is NO_CONCEPT:
            if not references(origin, stage, "assessment", path):
                origin.note(path, "a stage without summary or assessment")
            continue
        means = stage_meaning(chart.vocabulary, summary)
        words = (summary.text, *(part for coding in summary.codings for part in (coding.display, coding.code)))
        found = dict.fromkeys(each for part in words for each in post_treatment_categories(part))
        for each in (*([] if means is None else [means]), *found):
            yield StageFinding(
                source=origin.source(f"{path}.summary"),
                means=each,
                observed=summary.label,
                when=None,
                condition=origin.reference,
                counted=diagnosis.confirmed is not False,
            )
        if means is None and not found:
            origin.note(f"{path}.summary", "the stage was not understood")


def _assertions(origin: Origin, diagnosis: Diagnosis) -> Iterator[MarkerResult]:
    """Yield the marker statuses the codes assert: statements without a test, of unknown method."""
    for name in sorted(diagnosis.concepts & _ASSERTIONS.keys()):
        marker, call = _ASSERTIONS[name]
        yield MarkerResult(
            source=diagnosis.source,
            marker=marker,
            method=MarkerMethod.UNSTATED,
            observed=diagnosis.label,
            when=diagnosis.onset,
            call=call,
            counted=diagnosis.confirmed is not False,
            assertion=True,
            group_keys=frozenset({origin.reference}),
            condition=origin.reference,
        )
