"""Decisions for tests: a small policy judged by the real engine, with each criterion saying what the test wants."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import structs

from cards.context import CardContext, DecidedOrder
from cards.links import Links
from criteria.citation import Citation, PolicyDocument
from criteria.dates import DateRange
from criteria.decision import Alternative, Alternatives, Decision, LeftOut, SafetyNote
from criteria.drugs import BillingCode, Code, Drug, DrugTable
from criteria.evaluation import evaluate
from criteria.facts import Case, DrugReading, Order, PlanFacts, Reading, Record, Source
from criteria.finding import (
    Determination,
    Evidence,
    Finding,
    Judgement,
    Need,
    NeedKind,
    Role,
    document,
    met,
    not_met,
    review,
    unknown,
)
from criteria.outcome import Approval, Authority, DoseFinding, Outcome
from criteria.policy import (
    Authorization,
    Contact,
    DoseLimit,
    Effective,
    Path,
    Payer,
    Policy,
    PreferredProducts,
    Question,
    QuestionOption,
    ReflexTest,
)
from criteria.tree import AllOf, AnyOf, Leaf

ON = date(2026, 5, 4)
CALLED = date(2026, 5, 5)
COVERAGE = "Coverage/cov1"
LINKS = Links("https://plan.example/crd")
HER2_RESULT = Evidence(
    Source("Observation/her2", "Observation.value", "1"), "IHC 3+", on=DateRange.on(date(2026, 3, 2))
)
ASK_HER2 = document("No HER2 test result with a method was found")
ORDER_ISH = Need(NeedKind.TEST, "IHC 2+ on 2026-03-02 without an ISH result", orderable="her2-ish")
CONFLICT = review("IHC and ISH of one specimen disagree", "IHC decides: positive", "ISH decides: negative")
SYSTEM_DOWN = Need(NeedKind.SOURCE, "The FHIR server did not answer the search for Observation")


@dataclass(frozen=True, slots=True)
class Says:
    """A predicate that says the same of every case."""

    judgement: Judgement

    def judge(self, case: Case, on: date, findings: Mapping[str, Finding]) -> Judgement:
        return self.judgement


def yes() -> Judgement:
    return met(HER2_RESULT)


def no(observed: str = "IHC 1+") -> Judgement:
    return not_met(structs.replace(HER2_RESULT, observed=observed, role=Role.CONTRADICTS))


def leaf(name: str, judgement: Judgement, **changes: Any) -> Leaf:
    title = changes.pop("title", name.replace("-", " ").capitalize())
    return Leaf(
        id=name,
        title=title,
        citation=Citation("bulletin", "Section B.i", f"The policy asks for {title}", "M1"),
        predicate=Says(judgement),
        request=changes.pop("request", f"Report that shows: {title}"),
        **changes,
    )


def tree(**judgements: Judgement) -> AllOf:
    """adult, HER2-positive, and one of: recurrent (gate), metastatic, plan's own shortage list."""
    say = {"adult": yes(), "her2": yes(), "recurrent": yes(), "metastatic": yes(), "shortage": yes()} | judgements
    her2 = leaf("her2-positive", say["her2"], title="HER2-positive", rank=1)
    return AllOf(
        "initial",
        "Initial authorization",
        (
            leaf("adult", say["adult"], rank=5),
            her2,
            AnyOf(
                "disease",
                "Extent of disease",
                (
                    AllOf(
                        "recurrence",
                        "Recurrence",
                        (leaf("recurrent", say["recurrent"], gate=True), her2),
                    ),
                    leaf("metastatic", say["metastatic"], rank=2),
                    leaf("shortage", say["shortage"], plan_side=True, request=""),
                ),
            ),
        ),
    )


QUESTIONS = (
    Question(
        "her2-positive",
        "HER2 test",
        "group",
        items=(
            Question(
                "her2-positive.method",
                "Which method?",
                "choice",
                options=(QuestionOption("ihc", "IHC"), QuestionOption("ish", "ISH")),
            ),
            Question("her2-positive.on", "When?", "date", enable_when=(("her2-positive.method", "ihc"),)),
            Question(
                "her2-positive.note",
                "Anything else?",
                "text",
                enable_when=(("her2-positive.method", "ihc"), ("her2-positive.method", "ish")),
            ),
        ),
    ),
    Question("metastatic", "Is the disease metastatic?", "boolean"),
    Question(
        "recurrent",
        "Line of therapy",
        "integer",
        enable_when=(("metastatic", "true"), ("her2-positive.method", "ihc")),
    ),
)


def path(**judgements: Judgement) -> Path:
    authorization = Authorization(
        12,
        {"shortage": 3, "unlisted": 2},
        {"shortage": "It can be extended on renewed documentation"},
        ("metastatic", 14, 21),
    )
    return Path("initial", tree(**judgements), authorization, "plan-margenza-initial", QUESTIONS)


def policy(**judgements: Judgement) -> Policy:
    way = path(**judgements)
    leaves = {"adult", "her2-positive", "recurrent", "metastatic", "shortage"}
    found: dict[str, Leaf] = {}
    stack: list[Any] = [way.root]
    while stack:
        node = stack.pop(0)
        if isinstance(node, Leaf):
            found.setdefault(node.id, node)
        else:
            stack.extend(node.of)
    assert set(found) == leaves
    return Policy(
        id="plan/margenza",
        version="2.0.0",
        title="Margenza policy <A & B>",
        payer="plan",
        digest="sha256:0",
        effective=Effective(date(2026, 1, 1)),
        documents={
            "bulletin": PolicyDocument(
                "bulletin", "Medical bulletin", "MB-7", "2", date(2026, 1, 1), "2026-01-10", "ab12"
            )
        },
        decides=("margetuximab",),
        products=PreferredProducts(("trastuzumab_deruxtecan",), ("margetuximab",)),
        paths={"initial": way},
        leaves=found,
        dose_limit=DoseLimit(Decimal(15), 21, Decimal("0.10"), 19, 30),
        reflex_tests={
            "her2-ish": ReflexTest(
                "HER2 ISH", "http://loinc.org", "85318-4", "HER2 gene amplification by FISH", "IHC is equivocal"
            )
        },
        contact=Contact("EviCore", "1-855-252-1118", "1-800-540-2406"),
        real_time_authorization=True,
        not_met_is_review=False,
        alternatives_gap_days=42,
        source_attributes={"bibliographic_citation": "Bulletin MB-7", "developer": "The plan"},
    )


def drugs() -> DrugTable:
    her2 = frozenset({"her2-agent", "targeted"})
    return DrugTable.of(
        [
            Drug(
                "margetuximab",
                "margetuximab-cmkb",
                "Margenza",
                her2,
                frozenset({"margetuximab"}),
                hcpcs=(BillingCode("J9353", "Injection, margetuximab-cmkb, 5 mg", Decimal(5)),),
            ),
            Drug(
                "trastuzumab_deruxtecan",
                "fam-trastuzumab deruxtecan-nxki",
                "Enhertu",
                her2,
                frozenset({"trastuzumab_deruxtecan"}),
                hcpcs=(BillingCode("J9358", "Injection, fam-trastuzumab deruxtecan-nxki, 1 mg", Decimal(1)),),
                codes=(Code("rxnorm", "2267581", "Enhertu 100 MG Injection"), Code("ndc", "65597040601")),
            ),
            Drug("phesgo", "pertuzumab, trastuzumab, and hyaluronidase-zzxf", "Phesgo", her2, frozenset({"phesgo"})),
            Drug(
                "trastuzumab",
                "trastuzumab",
                None,
                her2,
                frozenset({"trastuzumab"}),
                hcpcs=(
                    BillingCode("J9355", "Injection, trastuzumab, 10 mg", Decimal(10)),
                    BillingCode("Q5112", "trastuzumab-dttb, 10 mg", Decimal(10)),
                ),
            ),
        ]
    )


def context(**changes: Any) -> CardContext:
    return replace(CardContext(LINKS, drugs()), **changes)


def order(label: str = "Margenza 250 mg/10 mL", key: str | None = "margetuximab") -> Order:
    reading = Reading.IDENTIFIED if key else Reading.UNRECOGNISED
    return Order(
        Source("MedicationRequest/rx1", "MedicationRequest"),
        DrugReading(reading, frozenset({key} if key else ()), label, "text"),
        "draft",
        DateRange.on(ON),
    )


def ordered(resource_type: str, label: str) -> Order:
    """Return what is read of a resource that orders no drug."""
    source = Source(f"{resource_type}/x1", resource_type)
    return Order(source, DrugReading(Reading.UNRECOGNISED, frozenset(), label), "proposed", None)


def order_resource(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": "rx1",
        "contained": [
            {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}},
            {"resourceType": "Medication", "id": "m1", "code": {"text": "Margenza"}},
        ],
        "status": "draft",
        "intent": "order",
        "medicationReference": {"reference": "#m1"},
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "authoredOn": "2026-05-04",
        "requester": {"reference": "Practitioner/dr1"},
        "performer": {"reference": "Organization/clinic"},
        "reasonReference": [{"reference": "#c1"}],
        "insurance": [{"reference": "Coverage/cov1"}],
        "dosageInstruction": [{"text": "1050 mg every 3 weeks"}],
        "substitution": {"allowedBoolean": False},
    } | changes


def dose(**changes: Any) -> DoseFinding:
    found = DoseFinding(
        label_dose_mg_per_kg=Decimal(15),
        interval_days=21,
        exceeds=(),
        weight_kg=Decimal("70.0"),
        weight_source=Source("Observation/weight", "Observation.value"),
        weight_on="2026-05-01",
        ordered_mg=Decimal(1050),
        ordered_source=Source("MedicationRequest/rx1", "MedicationRequest.dosageInstruction[0]"),
        label_dose_mg=Decimal(1050),
        allowed_mg=Decimal("1155.0"),
        label_units=210,
        ordered_units=210,
        billing_code="J9353",
    )
    return replace(found, **changes)


def excessive_dose() -> DoseFinding:
    return dose(
        ordered_mg=Decimal(1400), ordered_units=280, exceeds=("The ordered dose is above 15 mg/kg plus 10 % tolerance",)
    )


def alternatives() -> Alternatives:
    weight = Source("Observation/weight", "Observation.value")
    return Alternatives(
        (
            Alternative("trastuzumab_deruxtecan", "378", None, 21, "intravenous", "5.4 mg/kg x 70 kg", weight),
            Alternative("phesgo", None, None, 21, "subcutaneous", "Loading dose depends on the last dose"),
        ),
        (LeftOut("trastuzumab", "belongs to another policy"),),
    )


def judged(**judgements: Judgement) -> tuple[Policy, Determination]:
    found = policy(**judgements)
    case = Case(order(), (), Record(), PlanFacts("plan"))
    return found, evaluate(found.paths["initial"], case, ON)


JUDGEMENTS: dict[Outcome, dict[str, Judgement]] = {
    Outcome.AUTHORIZED: {},
    Outcome.AUTHORIZABLE: {},
    Outcome.NOT_MET: {"her2": no(), "adult": no("17 years")},
    Outcome.TECHNICAL: {"her2": unknown(SYSTEM_DOWN)},
    Outcome.DOCUMENTATION: {"her2": unknown(ASK_HER2)},
    Outcome.REVIEW: {"her2": unknown(CONFLICT, evidence=(HER2_RESULT,))},
}
"""What the criteria say for each outcome with criteria."""

WITHOUT_CRITERIA = tuple(each for each in Outcome if each not in JUDGEMENTS)


def decision(outcome: Outcome, *, judgements: dict[str, Judgement] | None = None, **changes: Any) -> Decision:
    """Return a decision with this outcome; `judgements` replace those of JUDGEMENTS."""
    plain = Decision(
        id="5b7d5a0e-31a8-4f0c-a2f5-3df4b8a1c001",
        order=order(),
        payer=Payer("plan", "Example Health Plan", ()),
        outcome=outcome,
        on=ON,
        called=CALLED,
        reason="",
        authority=Authority(real_time=True, unsolicited=True, primary_hook=True),
    )
    if outcome in JUDGEMENTS:
        found, determination = judged(**(JUDGEMENTS[outcome] if judgements is None else judgements))
        made = structs.replace(plain, policy=found, determination=determination, dose=dose())
    elif outcome is Outcome.PREFERRED:
        made = structs.replace(plain, policy=policy())
    else:
        made = structs.replace(plain, reason=f"Words for {outcome.value}")
    if outcome is Outcome.AUTHORIZED:
        made = structs.replace(made, authorization="PA-0042", approval=Approval(12, date(2027, 5, 4)))
    if outcome is Outcome.AUTHORIZABLE:
        made = structs.replace(made, authority=Authority(real_time=False, unsolicited=True, primary_hook=True))
    return structs.replace(made, **changes)


def secondary(found: Decision) -> Decision:
    """Return the same decision as a secondary hook would announce it."""
    return structs.replace(found, authority=Authority(real_time=True, unsolicited=True, primary_hook=False))


def decided_order(found: Decision, *, has_coverage: bool = True, **changes: Any) -> DecidedOrder:
    """Return a decision with the order as the client sent it."""
    return replace(DecidedOrder(found, order_resource(), COVERAGE if has_coverage else None), **changes)


def safety_note() -> SafetyNote:
    return SafetyNote("LVEF 40 % on 2026-04-01", Source("Observation/lvef", "Observation.value"), "Margenza label")
