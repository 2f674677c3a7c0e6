"""Cases of the invariants of coverage information, and of its details."""

from cards.dialect import NEWEST
from tests.cards.checks.answers import CONDITIONAL, EXCLUDED, INFORMATION, OPEN, TEMPORARY, code, detail, string
from tests.cards.checks.cases import CRD, Case
from tests.cards.checks.changes import Change, add, both, drop, put
from tests.cards.checks.information_cases import (
    ADVICE,
    FROM_21,
    LIMIT,
    POLICY,
    UNTIL_21,
    assertion,
    coded,
    named,
    reason,
    written,
)

PURPOSE = [code("doc-needed", "clinical"), code("doc-purpose", "withpa")]


def unclear(place: str, *names: str) -> Change:
    """Let what stands there say that these could not be determined."""
    return both(*[put(f"{place}/@{each}/valueCode", "indeterminate") for each in names])


INVARIANTS = [
    Case(
        "crd-ci-q1",
        drop(f"{OPEN}/@doc-needed"),
        both(drop(f"{OPEN}/@questionnaire"), drop(f"{OPEN}/@doc-needed")),
        FROM_21,
    ),
    Case("crd-ci-q2", add(EXCLUDED, code("pa-needed", "no-auth")), dialects=FROM_21),
    Case("crd-ci-q2-2.0", drop(f"{EXCLUDED}/@pa-needed"), dialects=("2.0",)),
    Case("crd-ci-q2-2.0", put(f"{EXCLUDED}/@pa-needed/valueCode", "auth-needed"), dialects=("2.0",)),
    Case("ci-pa-needed", drop(f"{OPEN}/@pa-needed"), put(f"{OPEN}/@pa-needed/valueCode", "performpa"), CRD),
    Case(
        "crd-ci-q3-conditional",
        drop(f"{CONDITIONAL}/@info-needed"),
        put(f"{CONDITIONAL}/@covered/valueCode", "covered"),
        CRD,
    ),
    Case(
        "crd-ci-q3-conditional",
        put(f"{OPEN}/@covered/valueCode", "conditional"),
        put(f"{CONDITIONAL}/@pa-needed/valueCode", "no-auth"),
        CRD,
    ),
    Case("crd-ci-q3-conditional", put(f"{OPEN}/@pa-needed/valueCode", "conditional"), dialects=CRD),
    Case(
        "crd-ci-q3-conditional",
        put(f"{OPEN}/@doc-needed/valueCode", "conditional"),
        both(put(f"{OPEN}/@doc-needed/valueCode", "conditional"), add(OPEN, code("info-needed", "location"))),
        CRD,
    ),
    Case("crd-ci-q3-info-needed", add(OPEN, code("info-needed", "performer")), dialects=CRD),
    Case("crd-ci-q4", add(INFORMATION, *PURPOSE), add(INFORMATION, PURPOSE[0], code("doc-purpose", "retain-doc")), CRD),
    Case("crd-ci-q4", add(EXCLUDED, *PURPOSE), dialects=CRD),
    Case(
        "crd-ci-q4",
        both(put(f"{OPEN}/@pa-needed/valueCode", "no-auth"), add(OPEN, code("doc-purpose", "withpa"))),
        add(OPEN, code("doc-purpose", "withpa")),
        FROM_21,
    ),
    Case("crd-ci-q5-satisfied", drop(f"{INFORMATION}/@satisfied-pa-id"), dialects=CRD),
    Case(
        "crd-ci-q5-number",
        put(f"{INFORMATION}/@pa-needed/valueCode", "auth-needed"),
        both(put(f"{INFORMATION}/@pa-needed/valueCode", "auth-needed"), drop(f"{INFORMATION}/@satisfied-pa-id")),
        CRD,
    ),
    Case(
        "ci-satisfied-covered",
        both(put(f"{INFORMATION}/@covered/valueCode", "conditional"), add(INFORMATION, code("info-needed", "OTH"))),
        dialects=CRD,
    ),
    Case("ci-reason-given", drop(f"{OPEN}/@reason"), dialects=CRD),
    Case("ci-reason-given", drop(f"{CONDITIONAL}/@reason"), dialects=CRD),
    Case(
        "ci-doc-purpose",
        add(CONDITIONAL, code("doc-purpose", "withclaim")),
        add(CONDITIONAL, code("doc-needed", "admin"), code("doc-purpose", "withclaim")),
        CRD,
    ),
    Case("ci-doc-purpose-code", add(OPEN, code("doc-purpose", "withfax")), add(OPEN, code("doc-purpose", "OTH")), CRD),
    Case("ci-expiry", drop(f"{INFORMATION}/@expiry-date"), dialects=FROM_21),
    Case("no-expiry", add(INFORMATION, {"url": "expiry-date", "valueDate": "2027-05-04"}), dialects=("2.0",)),
    Case("allowed-period", drop(f"{INFORMATION}/8"), dialects=("2.0",)),
    Case("allowed-period", both(*[drop(f"{INFORMATION}/@detail")] * 2), drop(f"{INFORMATION}/@detail"), ("2.0",)),
    Case(
        "resp-43-indeterminate",
        both(unclear(CONDITIONAL, "covered", "pa-needed"), drop(f"{CONDITIONAL}/@info-needed")),
        both(
            unclear(CONDITIONAL, "covered", "pa-needed"),
            drop(f"{CONDITIONAL}/@info-needed"),
            reason(CONDITIONAL, "technical"),
        ),
    ),
    Case(
        "resp-43-indeterminate", unclear(OPEN, "pa-needed"), both(unclear(OPEN, "pa-needed"), reason(OPEN, "technical"))
    ),
    Case(
        "resp-43-indeterminate",
        unclear(OPEN, "doc-needed"),
        both(unclear(OPEN, "doc-needed"), reason(OPEN, "technical")),
    ),
    Case("resp-43-technical", reason(OPEN, "technical"), reason(OPEN, "gold-card")),
    Case("resp-44-45", reason(OPEN, "no-member-found"), reason(EXCLUDED, "no-member-found")),
    Case("resp-44-45", reason(CONDITIONAL, "no-active-coverage"), reason(EXCLUDED, "no-active-coverage")),
    Case("resp-44-45", reason(INFORMATION, "coverage-not-found"), reason(EXCLUDED, "coverage-not-found")),
    Case("hook-19", add(OPEN, code("doc-needed", "clinical")), dialects=CRD, primary=False),
    Case(
        "hook-19",
        add(OPEN, code("doc-needed", "admin"), {"url": "questionnaire", "valueCanonical": "https://x.example.org/q|1"}),
        dialects=CRD,
        primary=False,
    ),
    Case(
        "hook-19",
        written([assertion("assertion-1", number="P1")]),
        written([assertion("assertion-1")]),
        FROM_21,
        primary=False,
    ),
]

DETAILS = [
    Case("ci-detail", drop(f"{LIMIT}/@code"), dialects=FROM_21),
    Case("ci-detail", drop(f"{LIMIT}/@value"), dialects=CRD),
    Case("ci-detail", add(LIMIT, string("qualification", "twice")), drop(f"{LIMIT}/@qualification"), CRD),
    Case("ci-detail", add(LIMIT, string("remark", "x")), dialects=CRD),
    Case("ci-detail", add(POLICY, {"url": "value", "valueUrl": "https://payer.example.org"}), dialects=FROM_21),
    Case(
        "ci-category",
        put(f"{ADVICE}/@category/valueCode", "cat-advice"),
        put(f"{ADVICE}/@category/valueCode", "cat-decisional"),
    ),
    Case("ci-detail-code", put(f"{ADVICE}/@code/valueCode", "instructions"), dialects=FROM_21),
    Case("ci-detail-value", put(f"{ADVICE}/@value/valueBoolean", True), dialects=FROM_21),
    Case("ci-detail-value", put(f"{LIMIT}/@value/valueInteger", 210), dialects=CRD),
    Case(
        "ci-detail-value",
        put(f"{INFORMATION}/8/extension/@value/valuePeriod", {"start": "2026-05-05"}),
        put(f"{INFORMATION}/8/extension/@value/valuePeriod", {"end": "2027-05-04"}),
        ("2.0",),
    ),
    Case("ci-value-type", put(f"{LIMIT}/@value", string("value", "210 units")), dialects=CRD),
    Case(
        "ci-value-type",
        put(f"{ADVICE}/@value", {"url": "value", "valueUrl": "https://x.example.org"}),
        dialects=FROM_21,
    ),
    Case("ci-value-type", put(f"{POLICY}/@value", string("value", "the policy")), dialects=FROM_21),
    Case(
        "ci-value-type",
        add(INFORMATION, coded(TEMPORARY, "allowed-period", "valueString", "a year")),
        add(INFORMATION, coded(TEMPORARY, "allowed-period", "valuePeriod", {"end": "2027-05-04"})),
        UNTIL_21,
    ),
    Case(
        "ci-value-type",
        add(INFORMATION, coded(TEMPORARY, "concurrent-review", "valueString", "yes")),
        add(INFORMATION, coded(TEMPORARY, "concurrent-review", "valueBoolean", True)),
        UNTIL_21,
    ),
    Case(
        "no-url-2.0",
        add(INFORMATION, named("Policy", "valueUrl", "https://payer.example.org/policy")),
        add(INFORMATION, named("Policy", "valueString", "https://payer.example.org/policy")),
        ("2.0",),
    ),
    Case("no-category", add(LIMIT, code("category", "cat-limitation")), dialects=UNTIL_21),
    Case("category", drop(f"{LIMIT}/@category")),
    Case("category-of-code", put(f"{LIMIT}/@category/valueCode", "cat-other")),
    Case("category-of-code", put(f"{POLICY}/@category/valueCode", "cat-limitation")),
    Case(
        "category-of-code",
        add(INFORMATION, detail(NEWEST, "concurrent-review", {"url": "value", "valueBoolean": True})),
        both(
            add(INFORMATION, detail(NEWEST, "concurrent-review", {"url": "value", "valueBoolean": True})),
            put(f"{INFORMATION}/14/extension/@category/valueCode", "cat-decisional"),
        ),
    ),
]

INVARIANT_CASES = [*INVARIANTS, *DETAILS]
