"""Facts built directly, without FHIR. Every builder is deterministic: what is not said has one fixed value."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from criteria.bounds import Bounds
from criteria.citation import Citation
from criteria.dates import DateRange
from criteria.drugs import BillingCode, Drug, DrugTable, Label
from criteria.facts import (
    Answer,
    AnswerValue,
    Case,
    CodedFinding,
    ConditionState,
    Diagnosis,
    DiseaseStatus,
    Document,
    DrugReading,
    Exposure,
    ExposureKind,
    MarkerCall,
    MarkerMethod,
    MarkerResult,
    Measurement,
    Order,
    Patient,
    PlanFacts,
    Procedure,
    Reaction,
    Reading,
    Record,
    SearchState,
    Source,
    StageFinding,
    VariantCall,
    VariantResult,
)
from criteria.finding import Determination, Evidence, Finding, Need, NeedKind
from criteria.thresholds import Thresholds
from criteria.verdict import Verdict

ON = date(2026, 6, 15)
THRESHOLDS = Thresholds(
    regimen_start_window_days=28,
    treatment_gap_days=90,
    recent_dose_days=42,
    active_order_days=60,
    marker_group_days=30,
    recurrence_after_adjuvant_months=6,
)
CITATION = Citation("guideline", "1.a", "A sentence of ours.")
SEARCHED = (
    "Condition",
    "Observation",
    "MedicationRequest",
    "MedicationAdministration",
    "MedicationStatement",
    "MedicationDispense",
    "DocumentReference",
    "DiagnosticReport",
    "QuestionnaireResponse",
    "AllergyIntolerance",
    "AdverseEvent",
)
ANSWERED = MappingProxyType(dict.fromkeys(SEARCHED, SearchState.ANSWERED))


def _drug(key: str, *classes: str, actives: Iterable[str] = (), **more: Any) -> Drug:
    brand = more.pop("brand", None)
    return Drug(key, key.replace("_", " "), brand, frozenset(classes), frozenset(actives or (key,)), **more)


DRUGS = DrugTable.of(
    [
        _drug("trastuzumab", "her2-agent", "targeted", brand="Herceptin", backbone="trastuzumab"),
        _drug("trastuzumab_hyaluronidase", "her2-agent", "targeted", actives=["trastuzumab"], backbone="trastuzumab"),
        _drug("pertuzumab", "her2-agent", "targeted", label=Label("Perjeta label", dose_mg=Decimal(420))),
        _drug("phesgo", "her2-agent", "targeted", actives=["pertuzumab", "trastuzumab"], backbone="trastuzumab"),
        _drug("trastuzumab_emtansine", "her2-agent", "targeted", brand="Kadcyla", backbone="trastuzumab"),
        _drug("trastuzumab_deruxtecan", "her2-agent", "targeted", brand="Enhertu", backbone="trastuzumab"),
        _drug(
            "margetuximab",
            "her2-agent",
            "targeted",
            brand="Margenza",
            hcpcs=(BillingCode("J9353", "Injection, margetuximab-cmkb, 5 mg", Decimal(5)),),
            label=Label(
                "Margenza label",
                dose_mg_per_kg=Decimal(15),
                interval_days=21,
                boxed=("embryo-fetal-toxicity",),
                lvef_minimum=Decimal(50),
            ),
        ),
        _drug("neratinib", "her2-agent", "targeted"),
        _drug("pembrolizumab", "immunotherapy"),
        _drug("capecitabine", "chemotherapy"),
        _drug("docetaxel", "chemotherapy", "taxane"),
        _drug("paclitaxel", "chemotherapy", "taxane"),
        _drug("tamoxifen", "endocrine"),
        _drug("ondansetron", "supportive"),
    ]
)


def days(text: str) -> DateRange:
    """Read "2026", "2026-05", "2026-05-17" or "2026-05-01/2026-05-17" as the range of days it may mean."""
    if "/" in text:
        first, last = text.split("/")
        return DateRange(date.fromisoformat(first), date.fromisoformat(last))
    match text.split("-"):
        case [year]:
            return DateRange(date(int(year), 1, 1), date(int(year), 12, 31))
        case [year, month]:
            last_day = monthrange(int(year), int(month))[1]
            return DateRange(date(int(year), int(month), 1), date(int(year), int(month), last_day))
        case _:
            return DateRange.on(date.fromisoformat(text))


def maybe_days(text: str | None) -> DateRange | None:
    return None if text is None else days(text)


def bounds(text: str) -> Bounds:
    """Read "2.1", "> 2.2", ">= 2", "< 4", "<= 4" or "1.8-2.2"."""
    for sign, low, is_open in ((">=", True, False), ("<=", False, False), (">", True, True), ("<", False, True)):
        if text.startswith(sign):
            value = Decimal(text.removeprefix(sign).strip())
            return Bounds(value, None, low_open=is_open) if low else Bounds(None, value, high_open=is_open)
    first, _, last = text.partition("-")
    return Bounds(Decimal(first), Decimal(last or first))


def maybe_bounds(text: str | None) -> Bounds | None:
    return None if text is None else bounds(text)


def source(reference: str, path: str = "value", version: str | None = None) -> Source:
    return Source(reference, f"{reference.split('/', maxsplit=1)[0]}.{path}", version)


def drug(key: str, label: str | None = None) -> DrugReading:
    return DrugReading(Reading.IDENTIFIED, frozenset({key}), label or key, "text")


def unrecognised(label: str = "XYZ-123") -> DrugReading:
    return DrugReading(Reading.UNRECOGNISED, frozenset(), label)


def ambiguous(*keys: str) -> DrugReading:
    return DrugReading(Reading.AMBIGUOUS, frozenset(keys), " or ".join(keys))


def diagnosis(
    *concepts: str,
    ref: str | None = None,
    label: str | None = None,
    state: ConditionState = ConditionState.ACTIVE,
    confirmed: bool | None = True,
    onset: str | None = None,
    recorded: bool = False,
    related: Iterable[str] = (),
) -> Diagnosis:
    reference = f"Condition/{ref or '-'.join(concepts) or 'none'}"
    return Diagnosis(
        source(reference, "code"),
        frozenset(concepts),
        label or " ".join(concepts),
        state,
        confirmed,
        maybe_days(onset),
        recorded,
        frozenset(related),
    )


def marker(
    ref: str,
    method: MarkerMethod = MarkerMethod.UNSTATED,
    *,
    marker: str = "her2",
    call: MarkerCall | None = None,
    score: str | None = None,
    ratio: str | None = None,
    copies: str | None = None,
    probe: str | None = None,
    cells: str | None = None,
    percent: str | None = None,
    on: str | None = "2026-01-10",
    specimen: str | None = "Specimen/1",
    report: str | None = None,
    counted: bool = True,
    assertion: bool = False,
    conflict: str | None = None,
    condition: str | None = None,
) -> MarkerResult:
    shown = [each for each in (score, call.value if call else None, ratio, copies) if each]
    return MarkerResult(
        source(f"Observation/{ref}"),
        marker,
        method,
        " ".join([method.value, *shown]),
        maybe_days(on),
        call,
        score,
        maybe_bounds(ratio),
        maybe_bounds(copies),
        probe,
        maybe_bounds(cells),
        maybe_bounds(percent),
        specimen,
        frozenset(each for each in (specimen, report) if each),
        counted,
        assertion,
        conflict,
        condition,
    )


def ihc(score: str | None = None, *, ref: str = "ihc", call: MarkerCall | None = None, **more: Any) -> MarkerResult:
    return marker(ref, MarkerMethod.IHC, score=score, call=call, **more)


def ish(ratio: str | None = None, copies: str | None = None, *, ref: str = "ish", **more: Any) -> MarkerResult:
    return marker(ref, MarkerMethod.ISH, ratio=ratio, copies=copies, **more)


def overall(call: MarkerCall, *, ref: str = "overall", **more: Any) -> MarkerResult:
    return marker(ref, MarkerMethod.UNSTATED, call=call, **more)


def variant(
    ref: str,
    call: VariantCall = VariantCall.PRESENT,
    *,
    gene: str | None = "ERBB2",
    name: str | None = None,
    significance: str | None = None,
    amplification: bool = False,
    counted: bool = True,
    condition: str | None = None,
) -> VariantResult:
    shown = f"{gene} {name or ''} {call.value}"
    return VariantResult(
        source(f"Observation/{ref}"), gene, call, shown, name, significance, amplification, None, counted, condition
    )


def stage(
    means: str, on: str | None = None, *, ref: str | None = None, condition: str | None = None, counted: bool = True
) -> StageFinding:
    return StageFinding(source(f"Observation/{ref or means}"), means, means, maybe_days(on), condition, counted)


def status(means: str, on: str | None, *, ref: str | None = None, condition: str | None = None) -> DiseaseStatus:
    return DiseaseStatus(source(f"Observation/{ref or f'{means}-{on}'}"), means, means, maybe_days(on), condition)


def measurement(kind: str, value: str, on: str | None, *, ref: str | None = None) -> Measurement:
    return Measurement(source(f"Observation/{ref or f'{kind}-{on}'}"), kind, bounds(value), value, maybe_days(on))


def coded(kind: str, on: str | None, *, present: bool = True, ref: str | None = None) -> CodedFinding:
    return CodedFinding(source(f"Observation/{ref or f'{kind}-{on}'}"), kind, present, kind, maybe_days(on))


def exposure(
    what: str | DrugReading,
    start: str | None,
    end: str | None = None,
    *,
    kind: ExposureKind = ExposureKind.ADMINISTERED,
    ref: str | None = None,
    ongoing: bool = False,
    stopped: bool = False,
    reasons: Iterable[str] = (),
    intent: str | None = None,
    unclosed: bool = False,
    resource: str | None = None,
    given_for: Iterable[Diagnosis] = (),
) -> Exposure:
    types = {
        ExposureKind.ADMINISTERED: "MedicationAdministration",
        ExposureKind.DISPENSED: "MedicationDispense",
        ExposureKind.STATED: "MedicationStatement",
        ExposureKind.ORDERED: "MedicationRequest",
    }
    reading = drug(what) if isinstance(what, str) else what
    return Exposure(
        source(f"{resource or types[kind]}/{ref or f'{reading.label}-{start}'}", "medication"),
        reading,
        kind,
        maybe_days(start),
        maybe_days(end),
        ongoing,
        stopped,
        frozenset(reasons),
        intent,
        unclosed,
        tuple(given_for),
    )


def given(key: str, start: str, end: str | None = None, **more: Any) -> Exposure:
    """Return a stated course from its first to its last dose."""
    return exposure(key, start, end, kind=ExposureKind.STATED, **more)


def procedure(concept: str, on: str | None, *, ref: str | None = None) -> Procedure:
    return Procedure(source(f"Procedure/{ref or concept}", "code"), frozenset({concept}), concept, maybe_days(on))


def reaction(
    key: str,
    *effects: str,
    severe: bool | None = None,
    hypersensitivity: bool = False,
    confirmed: bool | None = True,
    on: str | None = None,
) -> Reaction:
    reading = drug(key) if key in DRUGS else unrecognised(key)
    return Reaction(
        source(f"AllergyIntolerance/{key}", "code"),
        reading,
        effects,
        severe,
        hypersensitivity,
        confirmed,
        maybe_days(on),
    )


def document(kind: str, on: str | None, *, ref: str | None = None) -> Document:
    return Document(source(f"DocumentReference/{ref or kind}", "type"), frozenset({kind}), kind, maybe_days(on))


def answer(link: str, value: AnswerValue, on: str = "2026-06-10", *, ref: str = "1") -> Answer:
    return Answer(source(f"QuestionnaireResponse/{ref}", f"item('{link}')"), link, value, maybe_days(on), "q")


def order(
    what: str | DrugReading = "margetuximab",
    *,
    ref: str = "order",
    resource: str = "MedicationRequest",
    status: str = "draft",
    authored: str | None = "2026-06-15",
    reasons: Iterable[Diagnosis] = (),
    dose_mg: str | None = None,
    dose_mg_per_kg: str | None = None,
    interval: str | None = None,
    group: Iterable[str] = (),
) -> Order:
    return Order(
        source(f"{resource}/{ref}", "medication"),
        drug(what) if isinstance(what, str) else what,
        status,
        maybe_days(authored),
        tuple(reasons),
        dose_mg=maybe_bounds(dose_mg),
        dose_mg_per_kg=maybe_bounds(dose_mg_per_kg),
        dose_source=source(f"{resource}/{ref}", "dosageInstruction[0]") if dose_mg or dose_mg_per_kg else None,
        interval_days=None if interval is None else Decimal(interval),
        group=frozenset(group),
    )


def case(
    ordered: Order | str = "margetuximab",
    *,
    drafts: Iterable[Order] = (),
    answers: Iterable[Answer] = (),
    plan: PlanFacts | None = None,
    **record: Any,
) -> Case:
    """Return a case; the keywords that are left are fields of the record."""
    birth = record.pop("birth", None)
    patient = Patient(source("Patient/1", "birthDate"), maybe_days(birth)) if birth else None
    facts: dict[str, Any] = {name: value if name == "searches" else tuple(value) for name, value in record.items()}
    return Case(
        order(ordered) if isinstance(ordered, str) else ordered,
        tuple(drafts),
        Record(patient=patient, **facts),
        plan or PlanFacts("payer"),
        tuple(answers),
    )


# ------------------------------------------------------------------ findings


def evidence(reference: str = "Observation/1", observed: str = "seen") -> Evidence:
    return Evidence(source(reference), observed)


def finding(ref: str, verdict: Verdict, *of: Finding) -> Finding:
    seen = () if of or verdict is Verdict.UNKNOWN else (evidence(),)
    needs = (Need(NeedKind.DOCUMENT, f"send {ref}"),) if not of and verdict is Verdict.UNKNOWN else ()
    return Finding(ref, ref, verdict, CITATION, seen, needs, of)


def determination(root: Finding, on: date = ON) -> Determination:
    return Determination("initial", on, root)
