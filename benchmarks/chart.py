"""A made-up chart that meets the policy for Margenza, the same in every run, and what makes it longer."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain, count, cycle, repeat

from benchmarks.resources import (
    CLINICIAN,
    HL7,
    ICD10,
    LOINC,
    PATIENT,
    RXNORM,
    SNOMED,
    Code,
    Json,
    administration,
    concept,
    condition,
    note,
    observation,
    procedure,
    quantity,
    report,
    request,
    resource,
)

_TRASTUZUMAB = (RXNORM, "224905", "trastuzumab")
_PERTUZUMAB = (RXNORM, "1298944", "pertuzumab")
_DOCETAXEL = (RXNORM, "72962", "docetaxel")
_ENHERTU = (RXNORM, "2267577", "Enhertu")
_KADCYLA = (RXNORM, "1371046", "KADCYLA")
_CAPECITABINE = (RXNORM, "200328", "capecitabine 500 MG Oral Tablet")
_ONDANSETRON = (RXNORM, "26225", "ondansetron")


def chart() -> Iterator[Json]:
    yield from _plan()
    yield condition("dx1", (ICD10, "C50.911", "Malignant neoplasm of right female breast"), "2022-01-05")
    yield condition("dx2", (ICD10, "C78.7", "Secondary malignant neoplasm of liver"), "2023-01-10")
    yield condition("dx3", (ICD10, "I10", "Essential (primary) hypertension"), "2015-06-01")
    yield condition("dx4", (ICD10, "E11.9", "Type 2 diabetes mellitus without complications"), "2018-03-12")
    yield from _pathology()
    for place, day in enumerate(("2024-01-20", "2025-01-20", "2026-09-15")):
        worse = concept((SNOMED, "271299001", "Patient's condition worsened"), text="Progression on imaging")
        code = (LOINC, "97509-4", "Cancer disease progression")
        yield observation(f"st{place}", code, day, "exam", valueCodeableConcept=worse)
    yield from _vital_signs()
    yield request("rx8", _CAPECITABINE, "2026-09-28", "active", 1500)
    yield request("rx9", _ONDANSETRON, "2026-09-28", "active", 8)
    for name, drug, first in _FIRST_DOSES:
        yield administration(name, drug, first)
    yield procedure("pr1", (SNOMED, "392021009", "Lumpectomy of breast"), "2022-02-10")
    yield report("rp1", "2026-09-14")
    yield note("dc1", "2026-09-30")
    yield _allergy()


_FIRST_DOSES = (
    ("ma1", _TRASTUZUMAB, date(2023, 2, 1)),
    ("ma2", _PERTUZUMAB, date(2023, 2, 1)),
    ("ma3", _DOCETAXEL, date(2023, 2, 1)),
    ("ma4", _ENHERTU, date(2024, 2, 1)),
    ("ma5", _KADCYLA, date(2025, 2, 1)),
    ("ma6", _ONDANSETRON, date(2025, 2, 1)),
)


def _plan() -> Iterator[Json]:
    yield resource(
        "Coverage",
        "cov1",
        "2026-01-02",
        status="active",
        type=concept((f"{HL7}/v3-ActCode", "HIP", "health insurance plan policy"), text="Medicare Advantage"),
        subscriberId="M100200300",
        beneficiary=PATIENT,
        relationship=concept((f"{HL7}/subscriber-relationship", "self", "Self"), text="Self"),
        period={"start": "2026-01-01", "end": "2027-12-31"},
        payor=[{"reference": "Organization/epay1.wVQ7ZkP3", "display": "MMM Healthcare"}],
        **{"class": [{"type": concept((f"{HL7}/coverage-class", "plan", "Plan"), text="Plan"), "value": "MMM-001"}]},
    )
    payer = resource("Organization", "pay1", "2025-11-30", active=True, name="MMM Healthcare")
    payer["identifier"].append({"system": "http://example.org/payer-identifiers", "value": "mmm"})
    payer["type"] = [concept((f"{HL7}/organization-type", "pay", "Payer"), text="Payer")]
    payer["telecom"] = [{"system": "phone", "value": "787-555-0199", "use": "work"}]
    yield payer


def _pathology() -> Iterator[Json]:
    score = concept((LOINC, "LA11843-2", "3+"), (SNOMED, "10828004", "Positive"), text="3+ (positive)")
    code = (LOINC, "85319-2", "HER2 [Presence] in Breast cancer specimen by Immune stain")
    yield observation("pa1", code, "2022-01-05", "laboratory", valueCodeableConcept=score)
    positive = concept((SNOMED, "10828004", "Positive (qualifier value)"), text="Positive, 95 % of nuclei")
    for name, code in (
        ("pa2", (LOINC, "85337-4", "Estrogen receptor Ag [Presence] in Breast cancer specimen by Immune stain")),
        ("pa3", (LOINC, "85339-0", "Progesterone receptor Ag [Presence] in Breast cancer specimen by Immune stain")),
    ):
        yield observation(name, code, "2022-01-05", "laboratory", valueCodeableConcept=positive)


def _vital_signs() -> Iterator[Json]:
    weight = (LOINC, "29463-7", "Body weight")
    yield observation("vs1", weight, "2026-09-20", "vital-signs", valueQuantity=quantity(70.2, "kg"))
    yield observation("vs2", weight, "2026-06-18", "vital-signs", valueQuantity=quantity(71.05, "kg"))
    lvef = (LOINC, "10230-1", "Left ventricular Ejection fraction")
    yield observation("vs3", lvef, "2026-09-10", "imaging", valueQuantity=quantity(62, "%"))
    yield observation("vs4", lvef, "2026-03-11", "imaging", valueQuantity=quantity(60.5, "%"))
    ecog = (LOINC, "89247-1", "ECOG Performance Status score")
    yield observation("vs5", ecog, "2026-09-20", "survey", valueInteger=1)


def _allergy() -> Json:
    return resource(
        "AllergyIntolerance",
        "al1",
        "2012-04-17",
        clinicalStatus=concept((f"{HL7}/allergyintolerance-clinical", "active", "Active"), text="Active"),
        verificationStatus=concept(
            (f"{HL7}/allergyintolerance-verification", "confirmed", "Confirmed"), text="Confirmed"
        ),
        category=["medication"],
        code=concept((RXNORM, "7980", "penicillin G"), text="Penicillin G"),
        patient=PATIENT,
        recordedDate="2012-04-17",
        recorder=CLINICIAN,
        reaction=[{"manifestation": [concept((SNOMED, "247472004", "Hives"), text="Hives")], "severity": "mild"}],
    )


def further_visits() -> Iterator[Json]:
    """Yield what further treatment adds to a chart, without end: doses of the same regimens, vital signs, paper."""
    doses = chain(_further_doses(), ((_ONDANSETRON, date(2025, 2, 1)) for _ in repeat(None)))
    for number, kind in zip(count(), cycle(("dose", "weight", "dose", "lvef", "note", "request", "report", "problem"))):
        day = (date(2023, 3, 1) + timedelta(days=3 * (number % 400))).isoformat()
        match kind:
            case "dose":
                yield administration(f"mb{number}", *next(doses))
            case "weight":
                weight = (LOINC, "29463-7", "Body weight")
                yield observation(f"vw{number}", weight, day, "vital-signs", valueQuantity=quantity(72.4, "kg"))
            case "lvef":
                lvef = (LOINC, "10230-1", "Left ventricular Ejection fraction")
                yield observation(f"ve{number}", lvef, day, "imaging", valueQuantity=quantity(61, "%"))
            case "note":
                yield note(f"nt{number}", day)
            case "request":
                yield request(f"rq{number}", _ONDANSETRON, day, "completed", 8)
            case "report":
                yield report(f"rr{number}", day)
            case _:
                yield condition(f"dp{number}", (ICD10, "R53.83", "Other fatigue"), day)


def _further_doses() -> Iterator[tuple[Code, date]]:
    courses = ((_TRASTUZUMAB, 16), (_PERTUZUMAB, 16), (_DOCETAXEL, 5), (_ENHERTU, 16), (_KADCYLA, 25))
    first = {drug: day for _, drug, day in _FIRST_DOSES}
    for drug, doses in courses:
        for dose in range(1, doses + 1):
            yield drug, first[drug] + timedelta(days=21 * dose)
