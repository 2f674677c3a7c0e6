"""Generated charts: what real records hold, in any combination and with any of the usual flaws.

Every resource is about Patient/p1 unless it is meant to be somebody else's. Ids are of the form g1, g2 …, so that
renaming them is a search for whole words.
"""

from typing import Any

from hypothesis import strategies as st

from tests import builders
from tests.builders import ICD10, LOINC, RXNORM, SNOMED, Json, concept, quantity, reference
from tests.hooks.clients import PUBLIC_URL

DATES = st.one_of(
    st.sampled_from(["2026-09-01", "2026-08-24", "2026-08-03", "2026-09-14", "2026-03-14", "2023-01-10", "2019"]),
    st.sampled_from(
        ["2026", "2026-08", "2024-05", "2025-02-20T10:30:00Z", "1066-01-01", "2027-01-01", "", "yesterday"]
    ),
    st.dates().map(lambda day: day.isoformat()),
    st.none(),
)
STATUSES = st.sampled_from(
    ["final", "final", "final", "amended", "preliminary", "entered-in-error", "cancelled", "", None]
)
DONE = st.sampled_from(["completed", "completed", "completed", "active", "in-progress", "stopped", "not-done", None])
CLINICAL = st.sampled_from(["active", "active", "recurrence", "relapse", "remission", "resolved", "inactive"])
CERTAINTY = st.sampled_from(["confirmed", "confirmed", "provisional", "refuted", "entered-in-error"])
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"

DRUGS = st.sampled_from(
    [
        concept((RXNORM, "1371046", "Kadcyla")),
        concept((RXNORM, "2267577"), text="Enhertu"),
        concept((RXNORM, "224905"), text="trastuzumab"),
        concept((RXNORM, "1298949")),
        concept(text="Margenza"),
        concept(text="pertuzumab/trastuzumab/hyaluronidase-zzxf"),
        concept((RXNORM, "72962")),
        concept((RXNORM, "200328")),
        concept((RXNORM, "40048")),
        concept((RXNORM, "200064")),
        concept(text="neratinib 40 mg"),
        concept(text="ondansetron"),
        concept(text="study drug B-7"),
        concept((RXNORM, "101306"), text="Kadcyla"),
        concept(),
    ]
)
DISEASES = st.sampled_from(
    [
        concept((ICD10, "C50.911")),
        concept((ICD10, "C50.912")),
        concept((SNOMED, "254837009"), text="Breast cancer"),
        concept((SNOMED, "254626006")),
        concept((ICD10, "C34.11")),
        concept((ICD10, "C16.9")),
        concept((ICD10, "C78.7")),
        concept((ICD10, "C79.31")),
        concept((ICD10, "C79.81")),
        concept((ICD10, "C77.3")),
        concept((ICD10, "J70.2")),
        concept((ICD10, "I50.1")),
        concept((ICD10, "Z85.3")),
        concept(text="breast cancer"),
    ]
)
ANSWERS_OF_TESTS = st.sampled_from(
    [
        concept((LOINC, "LA6111-4")),
        concept((LOINC, "LA11841-6")),
        concept((LOINC, "LA11842-4")),
        concept((LOINC, "LA11843-2")),
        concept((LOINC, "LA6576-8")),
        concept((LOINC, "LA6577-6")),
        concept((LOINC, "LA11885-3")),
        concept(text="not amplified"),
        "3+",
        "IHC 2+, FISH not done",
        "see report",
    ]
)
AMOUNTS = st.sampled_from(["0", "1.0", "1.79", "1.8", "2.0", "2.2", "3.9", "4", "5.9", "6", "10.5", "-1"])
COMPARATORS = st.sampled_from([None, None, None, "<", ">", ">=", "<="])
HER2_TESTS = [
    "85319-2",
    "18474-7",
    "48676-1",
    "85318-4",
    "31150-6",
    "49683-6",
    "74860-8",
    "74861-6",
    "85337-4",
    "85339-0",
]
STAGES = ["1229901006", "1229903009", "1222837003", "1222765007", "1222806003"]
COURSES = ["271299001", "359746009", "268910001", "103338009", "709137006"]
SPECIMENS = st.sampled_from([None, reference("Specimen/s1"), reference("Specimen/s2")])
QUESTIONS = [
    "asymptomatic-initial-treatment",
    "recurrent-with-systemic-control",
    "no-unacceptable-toxicity",
    "no-progression-on-therapy",
    "fourth-line-or-later",
    "third-line-or-later",
    "single-agent",
    "her2-positive.method",
    "her2-positive.ihc-score",
    "neoadjuvant-taxane-trastuzumab.history-complete",
    "each-preferred-ruled-out.pertuzumab.outcome",
    "completing-current-course",
    "breast-cancer",
]
FORMS = ["mmm-mp-rx-fp-48-23-initial", "mmm-mp-rx-fp-48-23-continuation", "mmm-mp-rx-fp-56-23-initial", "oscar-cg101"]


@st.composite
def conditions(draw: st.DrawFn) -> Json:
    return builders.condition(
        "g0",
        code=draw(DISEASES),
        onset=draw(DATES),
        clinicalStatus=concept((f"{TERMINOLOGY}/condition-clinical", draw(CLINICAL))),
        verificationStatus=concept((f"{TERMINOLOGY}/condition-ver-status", draw(CERTAINTY))),
        recordedDate=draw(DATES),
    )


@st.composite
def results(draw: st.DrawFn) -> Json:
    value: Any = draw(
        st.one_of(
            ANSWERS_OF_TESTS,
            st.builds(lambda amount, sign: quantity(amount, "1", comparator=sign), AMOUNTS, COMPARATORS),
            st.none(),
        )
    )
    code = concept((LOINC, draw(st.sampled_from(HER2_TESTS))))
    return builders.observation(
        "g0", code=code, value=value, on=draw(DATES), status=draw(STATUSES), specimen=draw(SPECIMENS)
    )


@st.composite
def findings(draw: st.DrawFn) -> Json:
    code, value = draw(
        st.sampled_from(
            [
                *(("21908-9", concept((SNOMED, each))) for each in STAGES),
                *(("97509-4", concept((SNOMED, each))) for each in COURSES),
                ("21899-0", concept(text="ypT1c ypN0")),
                ("29463-7", quantity("70", "kg")),
                ("29463-7", quantity("154", "[lb_av]")),
                ("10230-1", quantity("44", "%")),
                ("82810-3", concept((SNOMED, "77386006"))),
                ("69548-6", concept((LOINC, "LA9633-4"))),
            ]
        )
    )
    return builders.observation("g0", code=concept((LOINC, code)), value=value, on=draw(DATES), status=draw(STATUSES))


@st.composite
def doses(draw: st.DrawFn) -> Json:
    drug, day, status = draw(DRUGS), draw(DATES), draw(DONE)
    match draw(st.sampled_from(["administration", "administration", "statement", "dispense", "order"])):
        case "administration":
            return builders.administration("g0", drug=drug, on=day, status=status)
        case "statement":
            reasons = draw(st.sampled_from([None, [concept((SNOMED, "407563006"))], [concept((SNOMED, "266721009"))]]))
            return builders.statement("g0", drug=drug, start=day, end=draw(DATES), status=status, statusReason=reasons)
        case "dispense":
            return builders.dispense("g0", drug=drug, on=day, status=status)
        case _:
            return builders.medication_request(
                "g0", drug=drug, authoredOn=day, status=draw(st.sampled_from(["active", "completed"]))
            )


@st.composite
def papers(draw: st.DrawFn) -> Json:
    day = draw(DATES)
    match draw(st.sampled_from(["note", "imaging", "surgery", "allergy", "answers"])):
        case "note":
            return builders.document_reference("g0", date=day)
        case "imaging":
            return builders.diagnostic_report("g0", effectiveDateTime=day)
        case "surgery":
            return builders.procedure("g0", on=day)
        case "allergy":
            return builders.allergy("g0", drug=draw(DRUGS))
        case _:
            value = draw(
                st.sampled_from(
                    [
                        {"valueBoolean": True},
                        {"valueBoolean": False},
                        {"valueInteger": 4},
                        {"valueCoding": {"code": "failed"}},
                    ]
                )
            )
            return builders.questionnaire_response(
                "g0",
                questionnaire=f"{PUBLIC_URL}/fhir/Questionnaire/{draw(st.sampled_from(FORMS))}|1.0.0",
                items=[{"linkId": draw(st.sampled_from(QUESTIONS)), "answer": [value]}],
                authored=day or "2026-09-10",
                status=draw(st.sampled_from(["completed", "amended", "in-progress"])),
                author=reference(draw(st.sampled_from(["Practitioner/dr", "Patient/p1"]))),
            )


RESOURCES = st.one_of(conditions(), results(), findings(), doses(), doses(), papers())
CURRENT_STATUS = concept((LOINC, "97509-4"))
WORSE = concept((SNOMED, "271299001"))
FIRST_LINE = [
    builders.condition("g0", onset="2021"),
    builders.condition("g0", code=concept((ICD10, "C78.7")), onset="2023-01-10"),
    builders.observation("g0", value=concept((LOINC, "LA11843-2")), on="2021-11-21"),
    builders.administration("g0", drug=concept((RXNORM, "224905")), on="2023-02-01"),
    builders.administration("g0", drug=concept((RXNORM, "72962")), on="2023-02-01"),
    builders.observation("g0", code=CURRENT_STATUS, value=WORSE, on="2024-02-05"),
    builders.observation("g0", code=concept((LOINC, "29463-7")), value=quantity("70", "kg"), on="2026-09-01"),
    builders.document_reference("g0", date="2026-09-03"),
]
FOURTH_LINE = [
    *FIRST_LINE,
    builders.statement("g0", drug=concept((RXNORM, "2267577")), start="2024-02-19", end="2025-02-20"),
    builders.observation("g0", code=CURRENT_STATUS, value=WORSE, on="2025-03-03"),
    builders.statement("g0", drug=concept((RXNORM, "1371046")), start="2025-03-20", end="2026-08-10"),
    builders.observation("g0", code=CURRENT_STATUS, value=WORSE, on="2026-08-31"),
]
CONTINUED = [
    *FIRST_LINE,
    builders.administration("g0", on="2026-08-24"),
    builders.observation("g0", code=CURRENT_STATUS, value=concept((SNOMED, "359746009")), on="2026-08-28"),
    builders.diagnostic_report("g0", effectiveDateTime="2026-08-27"),
    builders.questionnaire_response(
        "g0",
        questionnaire=f"{PUBLIC_URL}/fhir/Questionnaire/mmm-mp-rx-fp-48-23-continuation|1.0.0",
        items=[{"linkId": "no-unacceptable-toxicity", "answer": [{"valueBoolean": True}]}],
        authored="2026-09-10",
    ),
]
"""Records that meet a policy, so that generated charts are not unknown everywhere."""

ORDERED = st.sampled_from(
    [
        concept(text="Margenza"),
        concept(text="Margenza"),
        concept((RXNORM, "1371046")),
        concept((RXNORM, "1371046")),
        concept((RXNORM, "2267577")),
        concept((RXNORM, "101306"), text="Kadcyla"),
    ]
)


@st.composite
def charts(draw: st.DrawFn) -> list[Json]:
    """Return the resources of a record, numbered."""
    solid = draw(st.sampled_from([FOURTH_LINE, CONTINUED, FIRST_LINE, []]))
    left_out = draw(st.sets(st.integers(0, len(FOURTH_LINE)), max_size=3))
    kept = [each for number, each in enumerate(solid) if number not in left_out]
    found = [*kept, *draw(st.lists(RESOURCES, max_size=5))]
    return [{**each, "id": f"g{number}"} for number, each in enumerate(found, start=1)]


@st.composite
def drafts(draw: st.DrawFn) -> list[Json]:
    """Return the orders of a call: one that may be decided, and sometimes others beside it."""
    reasons = draw(
        st.sampled_from([None, [concept((ICD10, "C50.911"))], [concept((ICD10, "C34.11"))], [concept(text="?")]])
    )
    first = builders.medication_request("order1", drug=draw(ORDERED), on="2026-09-14", reasonCode=reasons)
    others = draw(st.lists(st.one_of(st.just(concept(text="capecitabine")), DRUGS.filter(bool)), max_size=2))
    beside = [
        builders.medication_request(f"order{number}", drug=drug, on="2026-09-14")
        for number, drug in enumerate(others, start=2)
    ]
    return [first, *beside]
