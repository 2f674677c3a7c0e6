"""Verdicts of single predicates that policy cases are unlikely to reach."""

from datetime import date
from typing import Any

import pytest

from criteria.facts import Case, ConditionState, MarkerCall, PlanFacts, SearchState, VariantCall
from criteria.finding import NeedKind, Role
from criteria.policy import LabelConditions, PreferredProducts
from criteria.predicates.context import LawRow, PlanTables, ShortageRow
from criteria.verdict import Verdict
from tests.criteria.facts_builders import (
    ANSWERED,
    answer,
    case,
    diagnosis,
    given,
    marker,
    measurement,
    order,
    source,
    stage,
    status,
    variant,
)
from tests.criteria.predicates.building import judged

MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN
BREAST, LUNG = diagnosis("cancer-breast", ref="breast"), diagnosis("cancer-lung", ref="lung")
M1 = stage("M1", "2025-01-01")
LISTED = {"listed": ["capecitabine"], "instead": "chemotherapy", "in_addition": "A further drug."}


def with_listed(*orders: Any, **facts: Any) -> Verdict:
    return judged("combined-with", LISTED, case(orders=orders, diagnoses=[BREAST], **facts)).verdict


def capecitabine(authored: str | None) -> Any:
    return order("capecitabine", ref="c", status="active", authored=authored)


@pytest.mark.parametrize(
    ("authored", "progressed", "expected"),
    [
        ("2026-06-01", None, MET),
        ("2026-06-01", "2026-06-02", UNKNOWN),
        ("2026-06-01", "2026-06-01", MET),
        (None, None, UNKNOWN),
    ],
)
def test_a_listed_partner_on_an_active_order_counts_until_progression(
    authored: str | None, progressed: str | None, expected: Verdict
) -> None:
    statuses = [] if progressed is None else [status("worsened", progressed)]
    assert with_listed(capecitabine(authored), disease_statuses=statuses) is expected


def test_brain_metastases_of_one_of_two_primaries_need_a_link() -> None:
    params = {"site": "breast", "leptomeningeal": "x"}
    brain = diagnosis("metastasis-brain", ref="brain")
    linked = diagnosis("metastasis-brain", ref="brain", related=["Condition/breast"])
    reasoned = order(reasons=[BREAST])
    unlinked = judged("brain-metastases", params, case(reasoned, diagnoses=[BREAST, LUNG, brain]))
    assert (unlinked.verdict, unlinked.needs[0].kind) == (UNKNOWN, NeedKind.DOCUMENT)
    assert judged("brain-metastases", params, case(reasoned, diagnoses=[BREAST, LUNG, linked])).verdict is MET
    unnamed = judged("brain-metastases", params, case(diagnoses=[BREAST, LUNG, brain]))
    assert unnamed.verdict is UNKNOWN


def test_one_diagnosis_coded_as_cancers_of_two_organs_is_for_review() -> None:
    both = diagnosis("cancer-breast", "cancer-lung", ref="both")
    found = judged("diagnosed", {"is": ["cancer-breast"]}, case(order(reasons=[both])))
    assert (found.verdict, found.needs[0].kind) == (UNKNOWN, NeedKind.REVIEW)


def test_a_metastasis_on_record_keeps_its_state_out_of_the_brain_when_inactive() -> None:
    brain = diagnosis("metastasis-brain", state=ConditionState.INACTIVE)
    found = judged("brain-metastases", {"site": "breast", "leptomeningeal": "x"}, case(diagnoses=[BREAST, brain]))
    assert found.verdict is UNKNOWN


@pytest.mark.parametrize(
    ("percent", "expected"),
    [("0", UNKNOWN), ("1", MET), ("< 1", UNKNOWN), (">= 1", MET), ("0-5", UNKNOWN), (None, UNKNOWN)],
)
def test_a_receptor_is_positive_from_one_percent_of_cells_on(percent: str | None, expected: Verdict) -> None:
    subject = case(markers=[marker("er", marker="er", percent=percent)])
    assert judged("receptor-status-documented", {}, subject).verdict is expected


def test_both_receptors_negative_are_documented_too() -> None:
    er = marker("er", marker="er", percent="0")
    pr = marker("pr", marker="pr", call=MarkerCall.NEGATIVE)
    assert judged("receptor-status-documented", {}, case(markers=[er, pr])).verdict is MET
    assert (
        judged("receptor-status-documented", {}, case(markers=[marker("x", marker="er-pr", percent="0")])).verdict
        is MET
    )


TESTED = answer("leaf.date", date(2026, 5, 1))
GENE = {"gene": "ERBB2", "uncertain": "Uncertain."}


@pytest.mark.parametrize(
    ("said", "variants", "expected", "kind"),
    [
        ("pathogenic", [], MET, None),
        ("likely-pathogenic", [], MET, None),
        ("none-found", [], NOT_MET, None),
        ("uncertain", [], UNKNOWN, NeedKind.REVIEW),
        ("uncertain", [variant("v", name="Y772dup")], MET, None),
        ("none-found", [variant("v", name="Y772dup")], UNKNOWN, NeedKind.REVIEW),
    ],
)
def test_a_mutation_result_a_clinician_reports_is_weighed_with_the_record(
    said: str, variants: list[Any], expected: Verdict, kind: NeedKind | None
) -> None:
    found = judged("gene-variant", GENE, case(variants=variants, answers=[answer("leaf.result", said), TESTED]))
    assert found.verdict is expected
    assert [each.kind for each in found.needs] == ([] if kind is None else [kind])


def test_an_absent_mutation_is_no_proof_while_the_system_did_not_answer() -> None:
    absent = variant("v", VariantCall.ABSENT)
    assert judged("gene-variant", GENE, case(variants=[absent], searches=ANSWERED)).verdict is NOT_MET
    down = judged("gene-variant", GENE, case(variants=[absent], searches={"Observation": SearchState.FAILED}))
    assert [each.kind for each in down.needs] == [NeedKind.SOURCE]


# ------------------------------------------------------------------ plan


def law(
    state: str = "verified", *, applies: bool = True, requires: Any = ("stage-four-advanced-metastatic",)
) -> PlanTables:
    return PlanTables(laws=(LawRow("US-TX", "a law", state, applies, frozenset(requires)),))


def prohibited(plan: PlanFacts, tables: PlanTables, **facts: Any) -> Verdict:
    return judged(
        "step-therapy-prohibited", {"text": "x"}, case(plan=plan, diagnoses=[BREAST], **facts), tables=tables
    ).verdict


INSURED = PlanFacts("payer", "US-TX", fully_insured=True)


@pytest.mark.parametrize(
    ("plan", "tables", "facts", "expected"),
    [
        (INSURED, law(), {"stages": [M1]}, MET),
        (INSURED, law(), {}, UNKNOWN),
        (INSURED, law("partly-verified"), {"stages": [M1]}, UNKNOWN),
        (INSURED, law(applies=False), {"stages": [M1]}, UNKNOWN),
        (INSURED, law(requires=("drug-on-formulary",)), {"stages": [M1]}, UNKNOWN),
        (INSURED, law(requires=()), {"stages": [M1]}, UNKNOWN),
        (PlanFacts("payer", "US-OH", fully_insured=True), law(), {"stages": [M1]}, UNKNOWN),
        (PlanFacts("payer", "US-TX"), law(), {"stages": [M1]}, UNKNOWN),
        (PlanFacts("payer"), law(), {"stages": [M1]}, UNKNOWN),
        (PlanFacts("payer", "US-TX", fully_insured=False), law(), {"stages": [M1]}, NOT_MET),
        (PlanFacts("payer", None, fully_insured=False, source=source("plans/1")), PlanTables(), {}, NOT_MET),
    ],
)
def test_a_state_law_needs_state_funding_a_checked_text_and_its_own_conditions(
    plan: PlanFacts, tables: PlanTables, facts: dict[str, Any], expected: Verdict
) -> None:
    assert prohibited(plan, tables, **facts) is expected


PRODUCTS = PreferredProducts(
    ("trastuzumab_emtansine", "pertuzumab"),
    ("margetuximab",),
    {"pertuzumab": LabelConditions(first_line_only=True)},
)


def shortage(product: str, to: date | None = None) -> ShortageRow:
    return ShortageRow(product, date(2026, 6, 1), to, "a notice")


@pytest.mark.parametrize(
    ("rows", "on", "expected"),
    [
        ([shortage("trastuzumab_emtansine"), shortage("pertuzumab")], date(2026, 6, 1), MET),
        ([shortage("trastuzumab_emtansine"), shortage("pertuzumab")], date(2026, 5, 31), UNKNOWN),
        ([shortage("trastuzumab_emtansine"), shortage("pertuzumab", date(2026, 6, 10))], date(2026, 6, 10), MET),
        ([shortage("trastuzumab_emtansine"), shortage("pertuzumab", date(2026, 6, 10))], date(2026, 6, 11), UNKNOWN),
        ([shortage("trastuzumab_emtansine")], date(2026, 6, 15), UNKNOWN),
        ([], date(2026, 6, 15), UNKNOWN),
    ],
)
def test_preferred_products_are_unavailable_while_all_are_on_the_list(
    rows: list[ShortageRow], on: date, expected: Verdict
) -> None:
    tables = PlanTables(shortages=tuple(rows), shortages_as_of="2026-06-01")
    found = judged("preferred-unavailable", {"text": "x"}, case(), on=on, tables=tables, products=PRODUCTS)
    assert found.verdict is expected


def ruled_out(subject: Case) -> Any:
    params = {"by": ["failed"], "fewest_applicable": 2, "group": "g", "too_few": "too few", "some": "some"}
    return judged("preferred-ruled-out", params, subject, products=PRODUCTS)


def test_a_product_without_label_conditions_stays_applicable() -> None:
    found = ruled_out(case(diagnoses=[BREAST], stages=[M1], exposures=[given("capecitabine", "2025-02-01")]))
    assert (found.verdict, found.needs[0].text) == (UNKNOWN, "too few")
    assert [each.role for each in found.evidence] == [Role.UNUSABLE]
    assert ruled_out(case(diagnoses=[BREAST])).needs[0].text == ""


# ------------------------------------------------------------------ therapy


COMPLETE = answer("leaf.history-complete", True)


def second_line(**facts: Any) -> Verdict:
    lvef = facts.pop("lvef", None)
    params = {"drug": "trastuzumab_deruxtecan", "conditions": ["interstitial-lung-disease"], "lvef_below": 50}
    facts.setdefault("measurements", [measurement("lvef", lvef, "2026-06-01")] if lvef else [])
    prior = given("trastuzumab", "2025-02-01", "2025-06-01")
    subject = case(**{"diagnoses": [BREAST], "stages": [M1], "exposures": [prior], **facts})
    return judged("second-line-without-alternative", params, subject).verdict


@pytest.mark.parametrize(
    ("lvef", "expected"), [("49", MET), ("50", UNKNOWN), ("51", UNKNOWN), ("< 50", MET), (None, UNKNOWN)]
)
def test_a_low_lvef_rules_the_first_drug_out(lvef: str | None, expected: Verdict) -> None:
    assert second_line(lvef=lvef) is expected


def test_without_a_prior_line_a_reason_alone_is_not_enough() -> None:
    assert second_line(lvef="40", exposures=[]) is UNKNOWN


def test_the_first_drug_stopped_or_failed_rules_it_out() -> None:
    stopped = given("trastuzumab_deruxtecan", "2025-02-01", "2025-06-01", stopped=True, reasons=["not-tolerated"])
    assert second_line(exposures=[stopped]) is MET
    given_first = given("trastuzumab_deruxtecan", "2025-02-01", "2025-06-01")
    assert second_line(exposures=[given_first]) is UNKNOWN
    assert second_line(exposures=[given_first], disease_statuses=[status("worsened", "2025-06-10")]) is MET


def subsequent(*exposures: Any, **facts: Any) -> Any:
    subject = case("trastuzumab_emtansine", **{"diagnoses": [LUNG], "stages": [M1], "exposures": exposures, **facts})
    return judged("subsequent-therapy", {"adjuvant_only": "only adjuvant"}, subject)


def test_a_subsequent_therapy_needs_a_line_for_advanced_disease() -> None:
    assert subsequent(given("docetaxel", "2025-02-01")).verdict is MET
    adjuvant = subsequent(given("docetaxel", "2024-02-01"))
    assert (adjuvant.verdict, adjuvant.needs[0].text) == (UNKNOWN, "only adjuvant")
    assert subsequent().verdict is UNKNOWN
    assert subsequent(answers=[COMPLETE]).verdict is NOT_MET
    straddling = [stage("M1", "2025-03-01")]
    assert subsequent(given("docetaxel", "2025"), stages=straddling).verdict is UNKNOWN


def regimens(*exposures: Any, **facts: Any) -> Verdict:
    params = {"class": "her2-agent", "at_least": 2, "agents_only": "agents"}
    subject = case(**{"diagnoses": [BREAST], "stages": [M1], "exposures": exposures, **facts})
    return judged("prior-regimens", params, subject).verdict


@pytest.mark.parametrize(
    ("second", "statuses", "expected"),
    [
        (given("trastuzumab_emtansine", "2025-08-01"), [], MET),
        # the same antibody with another chemotherapy: one regimen, unless progression lies between
        (given("docetaxel", "2025-07-01"), [], UNKNOWN),
        (given("docetaxel", "2025-07-01"), [status("worsened", "2025-06-20")], MET),
        # a pause may be a gap of the record
        (given("trastuzumab", "2025-12-01"), [], UNKNOWN),
    ],
)
def test_a_regimen_counts_once_its_agent_changes_or_progression_brings_a_new_partner(
    second: Any, statuses: list[Any], expected: Verdict
) -> None:
    first = given("trastuzumab", "2025-02-01", "2025-10-01")
    assert regimens(first, second, disease_statuses=statuses) is expected


def test_the_same_antibody_before_and_after_metastasis_is_two_regimens() -> None:
    adjuvant, later = given("trastuzumab", "2024-10-15", "2024-12-20"), given("trastuzumab_hyaluronidase", "2025-01-20")
    assert regimens(adjuvant, later, disease_statuses=[status("worsened", "2025-01-05")]) is MET
