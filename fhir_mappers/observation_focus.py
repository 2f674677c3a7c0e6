"""Which condition an Observation is about, as its sender linked it: markers, variants and stages of another cancer."""

from collections.abc import Iterator

from fhir_mappers.chart import Chart
from fhir_mappers.element import Json, Origin, mappings, reference, references
from fhir_mappers.observation_value import Observed

# mCODE STU 3 and later, and what earlier releases called the extension: charts keep what they were written with.
RELATED = (
    "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-condition",
    "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-primary-cancer-condition",
)


def condition_of(observed: Observed) -> str | None:
    """Return the condition an Observation is about: its own link, its panel's, or the one that cites it as stage."""
    origin, chart = observed.origin, observed.chart
    linked = _linked(origin, chart, origin.resource)
    if linked is not None:
        return linked
    if origin.reference in chart.staged:
        return chart.staged[origin.reference]
    for holder in sorted(chart.groups.get(origin.reference, ())):
        panel = chart.by_reference.get(holder)
        linked = None if panel is None else _linked(origin, chart, panel)
        if linked is not None:
            return linked
        if holder in chart.staged:
            return chart.staged[holder]
    return None


def related(origin: Origin, resource: Json) -> Iterator[str]:
    """Yield the references of the conditions that mCODE's extension relates a resource to."""
    for entry in mappings(origin, resource, "extension") if "extension" in resource else ():
        if entry.get("url") in RELATED:
            name = reference(origin, entry, "valueReference", "extension")
            if name is not None:
                yield name


def _linked(origin: Origin, chart: Chart, resource: Json) -> str | None:
    names = (*(references(origin, resource, "focus") if "focus" in resource else ()), *related(origin, resource))
    return next((chart.name_of(name) for name in names if chart.name_of(name).startswith("Condition/")), None)
