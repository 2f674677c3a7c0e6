"""Facts about a patient's record, free of FHIR: what mappers produce and predicates read.

Every fact knows the element it was read from. Absent is `None`, never a default. Facts keep what the
sender said: a partial date is a range, a comparator an interval, an unknown code an unknown code.
Statuses that mean "this never happened" (entered-in-error, refuted, not-taken) are left out by the mappers.

A call makes hundreds of facts. They are msgspec structs: as frozen as a frozen dataclass, at a tenth of its cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from types import MappingProxyType

import msgspec
from msgspec import Struct

from criteria.bounds import Bounds
from criteria.dates import DateRange


class Source(Struct, frozen=True):
    """The element a fact was read from.

    `reference` is relative ("Observation/123"); `path` a FHIRPath-like element path ("Observation.value");
    `version` is meta.versionId. A search that found nothing has reference "Observation?patient=…" style text.
    """

    reference: str
    path: str
    version: str | None = None


class SearchState(Enum):
    """How a search for one resource type ended."""

    ANSWERED = "answered"
    """All pages arrived: what is not there is not on this record."""
    NOT_OFFERED = "not-offered"
    """Neither prefetch nor a FHIR server to ask."""
    DENIED = "denied"
    """403, 404 or unsupported: closes no world, a clinician can answer."""
    FAILED = "failed"
    """A system that should have answered did not: down, 5xx, 401, timeout, garbage."""


class Reading(Enum):
    """How surely a drug was identified."""

    IDENTIFIED = "identified"
    AMBIGUOUS = "ambiguous"
    """One code that several drugs share."""
    CONFLICTING = "conflicting"
    """Codings or text of one concept name different drugs."""
    UNRECOGNISED = "unrecognised"


class DrugReading(Struct, frozen=True):
    """A drug as identified from its codings and text; `keys` are keys of the drug table."""

    reading: Reading
    keys: frozenset[str]
    label: str
    """What a human calls it: text or display as sent, else the code."""
    basis: str = ""
    """What identified it: "rxnorm 1658084", "text"; shown in the decision record."""

    @property
    def key(self) -> str | None:
        """Return the drug's key when it is identified."""
        return next(iter(self.keys)) if self.reading is Reading.IDENTIFIED else None


class Patient(Struct, frozen=True):
    """The patient; `birth` None when not recorded."""

    source: Source
    birth: DateRange | None


class ConditionState(Enum):
    """Clinical status of a condition, as far as decisions tell them apart."""

    ACTIVE = "active"
    RECURRENT = "recurrent"
    INACTIVE = "inactive"
    """Remission, resolved or inactive."""
    UNSTATED = "unstated"


class Diagnosis(Struct, frozen=True):
    """A condition, or a coded reason of an order.

    `concepts` names the code sets that hold one of its codes. `confirmed` is False for provisional,
    differential and unconfirmed ones, None when the sender does not say.
    """

    source: Source
    concepts: frozenset[str]
    label: str
    state: ConditionState = ConditionState.UNSTATED
    confirmed: bool | None = None
    onset: DateRange | None = None
    onset_is_recorded_date: bool = False
    related: frozenset[str] = frozenset()
    """References of conditions this one belongs to (the primary of a metastasis)."""


class MarkerMethod(Enum):
    """How a tumour marker was measured."""

    IHC = "ihc"
    ISH = "ish"
    UNSTATED = "unstated"


class MarkerCall(Enum):
    """What the laboratory or the sender called the result."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    EQUIVOCAL = "equivocal"
    INDETERMINATE = "indeterminate"


class MarkerResult(Struct, frozen=True):
    """One tumour-marker result. A panel yields several that share a group key.

    `group_keys` are references of specimen, report and panel; `specimen` the specimen's alone. `counted` is
    False for preliminary results, which are shown and not used. `assertion` marks a condition code that
    states a status without a test. `score` is "0", "1+", "2+", "3+"; `copies` are signals per cell.
    `conflict` holds words about parts of the result that contradict each other. `condition` is the reference of the
    condition it is about, when linked.
    """

    source: Source
    marker: str
    method: MarkerMethod
    observed: str
    when: DateRange | None = None
    call: MarkerCall | None = None
    score: str | None = None
    ratio: Bounds | None = None
    copies: Bounds | None = None
    probe: str | None = None
    """"single" or "dual", when the sender says; a ratio implies dual."""
    cells: Bounds | None = None
    percent: Bounds | None = None
    specimen: str | None = None
    group_keys: frozenset[str] = frozenset()
    counted: bool = True
    assertion: bool = False
    conflict: str | None = None
    condition: str | None = None


class VariantCall(Enum):
    """Whether a genetic variant was found."""

    PRESENT = "present"
    ABSENT = "absent"
    UNSTATED = "unstated"


class VariantResult(Struct, frozen=True):
    """One genetic variant assessment; `gene` is the HGNC symbol ("ERBB2") when known.

    `significance` is "pathogenic", "likely-pathogenic", "uncertain", "likely-benign", "benign" or None.
    `variant` is the variant's description (HGVS or text), None when none is named. `condition` as for markers.
    """

    source: Source
    gene: str | None
    call: VariantCall
    observed: str
    variant: str | None = None
    significance: str | None = None
    amplification: bool = False
    when: DateRange | None = None
    counted: bool = True
    condition: str | None = None


class StageFinding(Struct, frozen=True):
    """A stage or TNM category: `means` is "M0", "M1", "I", "II", "III", "IV".

    Pathological categories after neoadjuvant therapy (ypT, ypN) have means like "ypT0", "ypTis", "ypT2", "ypN0".
    `condition` is the reference of the condition it stages, when linked.
    """

    source: Source
    means: str
    observed: str
    when: DateRange | None = None
    condition: str | None = None
    counted: bool = True


class DiseaseStatus(Struct, frozen=True):
    """A disease-status observation.

    `means` is "improved", "stable", "worsened", "undetermined", "complete-remission" or "partial-remission".
    """

    source: Source
    means: str
    observed: str
    when: DateRange | None = None
    condition: str | None = None


class Measurement(Struct, frozen=True):
    """A measured quantity in its base unit: body weight in kg, LVEF in %."""

    source: Source
    kind: str
    value: Bounds
    observed: str
    when: DateRange | None = None


class CodedFinding(Struct, frozen=True):
    """A coded observation that is neither marker nor stage: history of metastasis, pregnancy status.

    `kind` is "history-of-metastasis" or "pregnancy"; `present` what it says.
    """

    source: Source
    kind: str
    present: bool
    observed: str
    when: DateRange | None = None


class ExposureKind(Enum):
    """What proves that a drug was received, strongest first."""

    ADMINISTERED = "administered"
    DISPENSED = "dispensed"
    STATED = "stated"
    ORDERED = "ordered"
    """An order is a plan, not proof of receipt."""


class Exposure(Struct, frozen=True):
    """A drug given, stated, dispensed or ordered. `period` runs from first to last known dose.

    `ongoing` marks an active statement without an end. `stop_reasons` are meanings of the status reason
    ("no-response", "not-tolerated", "not-failure", …); `stopped` is True for status stopped or not-done-further.
    `intent` is "neoadjuvant", "adjuvant", "curative", "palliative" or None. `unclosed` marks an administration that is
    said to be in progress and has no end: it may be going on, or nobody closed the record. `reasons` are the diagnoses
    it was given for, as far as they can be read.
    """

    source: Source
    drug: DrugReading
    kind: ExposureKind
    start: DateRange | None
    end: DateRange | None = None
    ongoing: bool = False
    stopped: bool = False
    stop_reasons: frozenset[str] = frozenset()
    intent: str | None = None
    unclosed: bool = False
    reasons: tuple[Diagnosis, ...] = ()

    @property
    def is_plan(self) -> bool:
        """Say whether this is a prescription, not a record of giving with a status that leaves open whether it was."""
        return self.kind is ExposureKind.ORDERED and self.source.path.startswith("MedicationRequest")


class Procedure(Struct, frozen=True):
    """A procedure done; `concepts` as for diagnoses ("breast-surgery")."""

    source: Source
    concepts: frozenset[str]
    label: str
    when: DateRange | None = None


class Reaction(Struct, frozen=True):
    """An allergy, intolerance or adverse event that names a drug.

    `effects` are the manifestations as sent; `severe` says whether severity, criticality or seriousness is high,
    None when not stated; `hypersensitivity` marks allergy-type reactions. `confirmed` as for diagnoses.
    """

    source: Source
    drug: DrugReading
    effects: tuple[str, ...] = ()
    severe: bool | None = None
    hypersensitivity: bool = False
    confirmed: bool | None = None
    when: DateRange | None = None


class Document(Struct, frozen=True):
    """A note or report on the record; its text is not read. `kinds` like "oncology-note", "imaging-report"."""

    source: Source
    kinds: frozenset[str]
    label: str
    when: DateRange | None = None


AnswerValue = bool | Decimal | str | date


class Answer(Struct, frozen=True):
    """A clinician's answer in one of our questionnaires. `value` is a code, text, number, date or yes/no."""

    source: Source
    link_id: str
    value: AnswerValue
    authored: DateRange | None
    questionnaire: str
    contexts: frozenset[str] = frozenset()
    """References of the orders the response names."""
    moment: str = ""
    """The instant of `authored` in UTC, ISO 8601, empty when only a day or less is stated."""


class Order(Struct, frozen=True):
    """A drug order. `dose_mg` is the absolute dose, `dose_mg_per_kg` the rate; `interval_days` between doses.

    `group` holds keys that tie orders together (group identifier, basedOn); `reasons` are the diagnoses the
    order states, with `unread_reasons` for stated reasons that could not be resolved. `active` is False for
    drafts and for orders that ended.
    """

    source: Source
    drug: DrugReading
    status: str
    authored: DateRange | None
    reasons: tuple[Diagnosis, ...] = ()
    unread_reasons: tuple[str, ...] = ()
    dose_mg: Bounds | None = None
    dose_mg_per_kg: Bounds | None = None
    dose_source: Source | None = None
    interval_days: Decimal | None = None
    group: frozenset[str] = frozenset()


class Record(Struct, frozen=True):
    """Everything read about one patient, in no particular order."""

    patient: Patient | None = None
    diagnoses: tuple[Diagnosis, ...] = ()
    markers: tuple[MarkerResult, ...] = ()
    variants: tuple[VariantResult, ...] = ()
    stages: tuple[StageFinding, ...] = ()
    disease_statuses: tuple[DiseaseStatus, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    findings: tuple[CodedFinding, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    orders: tuple[Order, ...] = ()
    """Orders on the record (MedicationRequest), the drafts of the call not among them."""
    procedures: tuple[Procedure, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    documents: tuple[Document, ...] = ()
    answers: tuple[Answer, ...] = ()
    searches: Mapping[str, SearchState] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    """State of the search per resource type; a type that is missing here was not offered."""

    def search(self, resource_type: str) -> SearchState:
        """Return how the search for a resource type ended."""
        return self.searches.get(resource_type, SearchState.NOT_OFFERED)


class PlanFacts(Struct, frozen=True):
    """What the plan's own files say about this coverage; None means the plan does not say."""

    payer: str
    state_of_issue: str | None = None
    fully_insured: bool | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One order, judged: the order, the other drafts of the call, the record and the plan's facts.

    `answers` are those that count for this order and this policy's questionnaire.
    """

    order: Order
    drafts: tuple[Order, ...]
    record: Record
    plan: PlanFacts
    answers: tuple[Answer, ...] = ()
    memo: dict[object, object] = field(default_factory=dict, compare=False, repr=False)
    """Readings derived from this case, computed once however many criteria ask (see `criteria.oncology`)."""
