"""Observation -> marker results, variants, stages, disease statuses, measurements and coded findings.

The code says what is asked (observation_topic), the status whether the answer counts, a module per area reads it.
Observations about anything else are left alone.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import assert_never

from criteria.dates import DateRange
from criteria.facts import (
    CodedFinding,
    DiseaseStatus,
    MarkerResult,
    Measurement,
    StageFinding,
    VariantResult,
)
from fhir_mappers.chart import Chart
from fhir_mappers.dates import date_range, point, span
from fhir_mappers.element import Origin, concept, text
from fhir_mappers.marker_observation import map_marker
from fhir_mappers.measurement_observation import map_history_of_metastasis, map_measurement, map_pregnancy
from fhir_mappers.observation_topic import Topic, topic_of
from fhir_mappers.observation_value import Observed, Part
from fhir_mappers.stage_observation import map_disease_status, map_post_treatment, map_stage, may_hold_post_treatment
from fhir_mappers.variant_observation import map_variant

ObservationFact = MarkerResult | VariantResult | StageFinding | DiseaseStatus | Measurement | CodedFinding

COUNTED = frozenset({"final", "amended", "corrected"})
NEVER_EXISTED = frozenset({"entered-in-error", "cancelled"})
# Areas whose facts can be shown without being used; the others are read from counted observations only.
_SHOWN_UNCOUNTED = frozenset({"marker", "stage", "variant"})
# Why an excluded test is no result, by the reason in the value set.
_EXCLUSIONS = MappingProxyType(
    {
        "serum": "measured in blood",
        "procedure": "says that a test was done, not its result",
        "quantity": "an amount of protein",
    }
)
_UNKNOWN_CODE = Topic("stage", "post-treatment")
_PANEL_OF_COMPONENTS = Topic("marker", "quantity")


def map_observation(origin: Origin, chart: Chart) -> Iterable[ObservationFact]:
    """Return the facts of one Observation, none when it is about nothing the criteria read."""
    resource = origin.resource
    part = Part(resource, "", concept(origin, resource, "code"))
    topic = topic_of(chart.vocabulary, part.code) or _topic_of_parts(origin, chart, part)
    if topic is None:
        return ()
    status = text(origin, resource, "status")
    if status in NEVER_EXISTED:
        origin.note("status", f"{status}: the observation does not count")
        return ()
    counted = status in COUNTED
    if not counted:
        if topic.area not in _SHOWN_UNCOUNTED:
            origin.note("status", "not final: not used")
            return ()
        origin.note("status", "not final: shown, not counted")
    observed = Observed(origin, chart, counted, _when(origin))
    return _read(observed, part, topic)


def _read(observed: Observed, part: Part, topic: Topic) -> Iterable[ObservationFact]:
    match topic.area:
        case "marker":
            return map_marker(observed, part, topic)
        case "variant":
            return map_variant(observed, part, topic)
        case "stage":
            return map_post_treatment(observed, part) if topic is _UNKNOWN_CODE else map_stage(observed, part)
        case "status":
            return map_disease_status(observed, part)
        case "measurement":
            return map_measurement(observed, part, topic)
        case "history":
            return map_history_of_metastasis(observed, part)
        case "pregnancy":
            return map_pregnancy(observed, part)
        case "excluded":
            observed.origin.note("code", f"{_EXCLUSIONS[topic.role]}: no result about the tumour")
            return ()
        case _:
            assert_never(topic.area)


def _topic_of_parts(origin: Origin, chart: Chart, part: Part) -> Topic | None:
    """Return why an Observation with an unknown code is read: a marker among its components, a yp category as value."""
    if "component" in origin.resource:
        parts = Observed(origin, chart, counted=True, when=None).components()
        topics = (topic_of(chart.vocabulary, each.code) for each in parts)
        if any(topic is not None and topic.area == "marker" for topic in topics):
            return _PANEL_OF_COMPONENTS
    return _UNKNOWN_CODE if may_hold_post_treatment(part) else None


def _when(origin: Origin) -> DateRange | None:
    """Return the clinically relevant time; without one the time the result was issued."""
    when = point(span(origin, origin.resource, "effective"))
    return when if when is not None else date_range(origin, origin.resource, "issued")
