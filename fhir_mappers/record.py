"""Resources of one patient -> the record: every fact with its source, and notes on what could not be used.

A resource about another patient does not exist here, and one bad resource costs itself only. The result does not
depend on the order the resources came in.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from criteria.facts import (
    Answer,
    CodedFinding,
    Diagnosis,
    DiseaseStatus,
    Document,
    Exposure,
    ExposureKind,
    MarkerResult,
    Measurement,
    Order,
    Patient,
    Procedure,
    Reaction,
    Record,
    SearchState,
    StageFinding,
    VariantResult,
)
from criteria.vocabulary import Vocabulary
from fhir_mappers.chart import Chart, GivenResource, chart_of, patient_names
from fhir_mappers.condition import map_condition
from fhir_mappers.document import map_diagnostic_report, map_document_reference
from fhir_mappers.element import FHIR_ID, Issue, Json, Origin, reference, text
from fhir_mappers.observation import map_observation
from fhir_mappers.order import map_order, orders_something
from fhir_mappers.patient import map_patient
from fhir_mappers.questionnaire_response import map_questionnaire_response
from fhir_mappers.reaction import map_reactions
from fhir_mappers.therapy import map_exposure, map_procedure

Mapper = Callable[[Origin, Chart], Iterable[Any]]
Named = tuple[str, GivenResource]

# Intents of a MedicationRequest that orders nothing yet.
_WISHES = frozenset({"proposal", "plan", "option"})
_LONGEST_VERSION = 18
# Elements that say whose resource it is; no resource type has two of them.
_SUBJECTS = ("subject", "patient", "beneficiary")


@dataclass(frozen=True, slots=True)
class MappedRecord:
    """The record, and notes without values of the record: what was set aside, not counted or could not be read.

    `chart` resolves references of orders, coverages and other resources of the call.
    """

    record: Record
    notes: tuple[str, ...]
    chart: Chart


def map_record(
    resources: Sequence[GivenResource], patient_id: str, searches: Mapping[str, SearchState], vocabulary: Vocabulary
) -> MappedRecord:
    """Read all resources about the patient. Never raises on the resources' account."""
    notes: list[str] = []
    named = sorted(_once_each(resources, notes), key=itemgetter(0))
    about = list(_about(named, patient_id, notes))
    chart = chart_of(about, vocabulary)
    facts: dict[type, list[Any]] = defaultdict(list)
    issues: list[Issue] = []
    read: dict[str, list[list[Any]]] = {}
    for name, given in about:
        read.setdefault(name, []).append(_facts(name, given.resource, chart, issues))
    for copies in read.values():
        said, *others = copies
        for fact in _of_rivals(copies) if any(each != said for each in others) else said:
            facts[type(fact)].append(fact)
    return MappedRecord(_record(facts, searches), tuple(dict.fromkeys((*notes, *map(str, issues)))), chart)


def _facts(name: str, resource: Json, chart: Chart, issues: list[Issue]) -> list[Any]:
    mapper = MAPPERS.get(resource.get("resourceType", ""))
    if mapper is None:
        return []
    origin = Origin.of(resource, issues, name)
    try:
        return list(mapper(origin, chart))
    except Exception:  # noqa: BLE001 - whatever is wrong with one resource, the others still count
        issues.append(Issue(name, origin.type, "could not be read: nothing of it counts"))
        return []


def _of_rivals(read: Iterable[list[Any]]) -> Iterator[Any]:
    """Yield what copies say that contradict each other: results side by side, and drugs as a possibility.

    One administration with two drugs must not become two regimens, nor none.
    """
    for fact in dict.fromkeys(each for facts in read for each in facts):
        yield replace(fact, kind=ExposureKind.ORDERED) if isinstance(fact, Exposure) else fact


def _record(facts: Mapping[type, list[Any]], searches: Mapping[str, SearchState]) -> Record:
    def of(kind: type) -> tuple[Any, ...]:
        return tuple(facts.get(kind, ()))

    return Record(
        patient=next(iter(of(Patient)), None),
        diagnoses=of(Diagnosis),
        markers=of(MarkerResult),
        variants=of(VariantResult),
        stages=of(StageFinding),
        disease_statuses=of(DiseaseStatus),
        measurements=of(Measurement),
        findings=of(CodedFinding),
        exposures=of(Exposure),
        orders=of(Order),
        procedures=of(Procedure),
        reactions=of(Reaction),
        documents=of(Document),
        answers=of(Answer),
        searches=MappingProxyType(dict(searches)),
    )


def _once_each(resources: Iterable[GivenResource], notes: list[str]) -> Iterable[Named]:
    """Return each resource with its reference; of copies the newest version, and the same whatever their order.

    Copies that differ, and whose versions do not say which is newer, are rivals: all are returned.
    """
    found: dict[str, GivenResource] = {}
    rivals: dict[str, dict[str, GivenResource]] = {}
    for given in resources:
        resource = given.resource
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(kind, str):
            notes.append(f"{given.where}: not a resource")
            continue
        identity = resource.get("id")
        if resource.get("modifierExtension"):
            # FHIR: whoever does not understand a modifier must not use the resource as if it were not there.
            notes.append(f"{given.where}: has a modifierExtension that is not understood: set aside")
            continue
        # What is no FHIR id may be a name or a number of the patient's, and notes repeat references.
        name = f"{kind}/{identity}" if isinstance(identity, str) and FHIR_ID.fullmatch(identity) else given.where
        if name not in found:
            found[name] = given
            continue
        known = found[name]
        if known.resource == resource:
            continue
        if _version(given) > _version(known):
            found[name] = given
            rivals.pop(name, None)
        elif _version(given) == _version(known):
            rivals.setdefault(name, {repr(known.resource): known})[repr(resource)] = given
    return _with_rivals(found, rivals, notes) if rivals else found.items()


def _with_rivals(
    found: Mapping[str, GivenResource], rivals: Mapping[str, Mapping[str, GivenResource]], notes: list[str]
) -> Iterator[Named]:
    for name, given in found.items():
        copies = [rivals[name][each] for each in sorted(rivals[name])] if name in rivals else [given]
        if len(copies) > 1:
            notes.append(f"{name}: given several times with different content and no version")
        is_read = given.resource["resourceType"] in _READ_IN_COPIES
        yield from ((name, each) for each in (copies if is_read else copies[-1:]))


def _version(given: GivenResource) -> tuple[int, str]:
    """Return what tells which copy is newer: version number, then time of update."""
    meta = given.resource.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    number, updated = str(meta.get("versionId", "")), str(meta.get("lastUpdated", ""))
    is_number = number.isdecimal() and len(number) <= _LONGEST_VERSION
    return int(number) if is_number else -1, updated


def _about(named: Sequence[Named], patient_id: str, notes: list[str]) -> Iterator[Named]:
    """Yield the resources that are about the patient or about nobody (organizations, medications)."""
    own = dict(named).get(f"Patient/{patient_id}")
    names = patient_names(own, patient_id)
    for name, given in named:
        kind = given.resource["resourceType"]
        if kind == "Patient":
            if given is own:
                yield name, given
            else:
                notes.append(f"{name} is another patient: set aside")
            continue
        for key in _SUBJECTS:
            if key in given.resource:
                subject = given.resource[key]
                literal = subject.get("reference") if type(subject) is dict else None
                # The usual spelling is seen without reading it as a reference.
                if (type(literal) is str and literal in names) or _is_one_of(names, given.resource, key):
                    yield name, given
                else:
                    notes.append(f"{name} is about another patient: set aside")
                break
        else:
            if kind in MAPPERS:
                notes.append(f"{name} does not say whose it is: set aside")
            else:
                yield name, given


def _is_one_of(names: frozenset[str], resource: Json, key: str) -> bool:
    """Say whether a reference, however it is spelt, names the patient."""
    return reference(Origin(resource, "", "", None, []), resource, key) in names


def _condition(origin: Origin, chart: Chart) -> Iterator[Any]:
    mapped = map_condition(origin, chart)
    if mapped.diagnosis is not None:
        yield mapped.diagnosis
    yield from mapped.stages
    yield from mapped.markers


def _exposure(origin: Origin, chart: Chart) -> Iterator[Any]:
    exposure = map_exposure(origin, chart.resolve, chart.vocabulary)
    if exposure is not None:
        yield exposure


def _medication_request(origin: Origin, chart: Chart) -> Iterator[Any]:
    yield from _exposure(origin, chart)
    if orders_something(origin) and text(origin, origin.resource, "intent") not in _WISHES:
        yield map_order(origin.resource, chart.resolve, chart.vocabulary, origin.issues)


def _procedure(origin: Origin, chart: Chart) -> Iterator[Any]:
    procedure = map_procedure(origin, chart.vocabulary)
    if procedure is not None:
        yield procedure


# Resource type -> what it is read as. A type that is not here is only looked up by reference.
MAPPERS: Mapping[str, Mapper] = MappingProxyType(
    {
        "AdverseEvent": lambda origin, chart: map_reactions(origin, chart.resolve, chart.vocabulary),
        "AllergyIntolerance": lambda origin, chart: map_reactions(origin, chart.resolve, chart.vocabulary),
        "Condition": _condition,
        "DiagnosticReport": lambda origin, chart: map_diagnostic_report(origin, chart.vocabulary),
        "DocumentReference": lambda origin, chart: map_document_reference(origin, chart.vocabulary),
        "MedicationAdministration": _exposure,
        "MedicationDispense": _exposure,
        "MedicationRequest": _medication_request,
        "MedicationStatement": _exposure,
        "Observation": map_observation,
        "Patient": lambda origin, _: (map_patient(origin),),
        "Procedure": _procedure,
        "QuestionnaireResponse": lambda origin, chart: map_questionnaire_response(origin, chart.resolve),
    }
)
# Who the patient is, and what is only looked up by reference, can be one resource only.
_READ_IN_COPIES = MAPPERS.keys() - {"Patient"}
