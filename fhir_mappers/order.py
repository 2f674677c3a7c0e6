"""Orders -> what is ordered, for what, how much, how often, and which orders belong together."""

from collections.abc import Iterator
from functools import lru_cache

from criteria.dates import DateRange
from criteria.facts import Diagnosis, DrugReading, Order, Reading
from criteria.vocabulary import Vocabulary
from fhir_mappers.chart import Chart, chart_of
from fhir_mappers.condition import concepts_of, map_condition
from fhir_mappers.dates import date_range
from fhir_mappers.dosage import Dosage, read_dosage
from fhir_mappers.drug_identification import drug_of, identify
from fhir_mappers.element import (
    NO_CONCEPT,
    Coding,
    Concept,
    Issue,
    Json,
    Origin,
    Resolve,
    concept,
    concepts,
    flag,
    identifier_token,
    mapping,
    mappings,
    reference_of,
    references,
    resolved,
    text,
)
from fhir_mappers.referred import origin_of

DRUG_ORDERS = frozenset({"MedicationRequest"})
_AUTHORED = ("authoredOn", "dateTime", "dateWritten", "created")
_CODES = ("code", "codeCodeableConcept", "serviceType", "category")


def map_order(resource: Json, resolve: Resolve, vocabulary: Vocabulary, issues: list[Issue] | None = None) -> Order:
    """Return the order a resource states. What cannot be read is absent, and named in `issues`.

    Only a MedicationRequest orders a drug as such. A ServiceRequest whose code is a drug's, the billing code of an
    infusion say, has that drug; of all else the drug is unrecognised and labelled with what is ordered.
    """
    origin = Origin.of(resource, [] if issues is None else issues)
    is_drug = origin.type in DRUG_ORDERS
    dosage = read_dosage(origin) if is_drug and "dosageInstruction" in resource else Dosage()
    reasons, unread = reasons_of(origin, resolve, vocabulary)
    return Order(
        source=origin.source(),
        drug=drug_of(origin, resource, resolve, vocabulary) if is_drug else _drug_by_code(origin, vocabulary),
        status=text(origin, resource, "status") or "",
        authored=_authored(origin),
        reasons=reasons,
        unread_reasons=unread,
        dose_mg=dosage.dose_mg,
        dose_mg_per_kg=dosage.dose_mg_per_kg,
        dose_source=dosage.source,
        interval_days=dosage.interval_days,
        group=frozenset(_group_keys(origin)),
    )


def orders_something(origin: Origin) -> bool:
    """Say whether a resource orders anything: an error does not, and neither does the order not to do something."""
    status = text(origin, origin.resource, "status")
    return status != "entered-in-error" and flag(origin, origin.resource, "doNotPerform") is not True


def _drug_by_code(origin: Origin, vocabulary: Vocabulary) -> DrugReading:
    """Return the drug that a service is coded as.

    Words alone make none: "echocardiogram before trastuzumab" orders no trastuzumab. Beside a drug's code they are
    heard as they are of any drug, and may contradict it.
    """
    if origin.type != "ServiceRequest":
        return _no_drug(origin)
    stated = concept(origin, origin.resource, "code")
    codes = Concept(tuple(Coding(each.system, each.code, "") for each in stated.codings if each.code), "")
    if identify(vocabulary, (codes,)).reading is Reading.UNRECOGNISED:
        return _no_drug(origin)
    return identify(vocabulary, (stated,))


def _no_drug(origin: Origin) -> DrugReading:
    for key in _CODES:
        found = next((each for each in concepts(origin, origin.resource, key) if not each.is_empty), NO_CONCEPT)
        if found.label:
            return DrugReading(Reading.UNRECOGNISED, frozenset(), found.label)
    return DrugReading(Reading.UNRECOGNISED, frozenset(), origin.type)


def _authored(origin: Origin) -> DateRange | None:
    for key in _AUTHORED:
        if key in origin.resource:
            return date_range(origin, origin.resource, key)
    return None


def _group_keys(origin: Origin) -> Iterator[str]:
    """Yield what ties orders together: the identifier of their group, and the order or plan they carry out."""
    for key in ("groupIdentifier", "requisition"):
        identifier = mapping(origin, origin.resource, key)
        token = None if identifier is None else identifier_token(origin, identifier, key)
        if token is not None:
            yield token
    yield from references(origin, origin.resource, "basedOn")


def reasons_of(
    origin: Origin, resolve: Resolve, vocabulary: Vocabulary
) -> tuple[tuple[Diagnosis, ...], tuple[str, ...]]:
    """Return the diagnoses a medication resource states as its reason, and references of those not at hand."""
    reasons = []
    for index, each in enumerate(concepts(origin, origin.resource, "reasonCode")):
        if not each.is_empty:
            source = origin.source(f"reasonCode[{index}]")
            reasons.append(Diagnosis(source, concepts_of(vocabulary, each), each.label))
    unread = []
    for index, holder in enumerate(mappings(origin, origin.resource, "reasonReference")):
        path = f"reasonReference[{index}]"
        name = reference_of(origin, holder, path)
        found = None if name is None else resolved(origin, name, resolve)
        diagnosis = None if name is None or found is None else _reason(origin, name, found, vocabulary)
        if diagnosis is not None:
            reasons.append(diagnosis)
        else:
            unread.append(name or text(origin, holder, "display", path) or path)
    return tuple(reasons), tuple(unread)


def _reason(origin: Origin, name: str, resource: Json, vocabulary: Vocabulary) -> Diagnosis | None:
    """Return the diagnosis of a Condition, or the finding of an Observation, that an order gives as its reason.

    The issues of a resource of its own are recorded where it is read as part of the record.
    """
    at = origin_of(origin, name, resource)
    if not name.startswith("#"):
        at = Origin(at.resource, at.type, at.reference, at.version, [])
    if at.type == "Condition":
        return map_condition(at, _no_chart(vocabulary)).diagnosis
    if at.type != "Observation" or text(at, resource, "status") in {"entered-in-error", "cancelled"}:
        return None
    key = "valueCodeableConcept" if "valueCodeableConcept" in resource else "code"
    found = concept(at, resource, key)
    return Diagnosis(at.source(key), concepts_of(vocabulary, found), found.label)


@lru_cache(maxsize=8)
def _no_chart(vocabulary: Vocabulary) -> Chart:
    """Return the chart without resources: a reason is read for itself."""
    return chart_of((), vocabulary)
