"""What is proposed instead of Margenza under Oscar's programme (contract section 2)."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from criteria.alternatives import alternatives_of
from criteria.decision import Alternative, Alternatives
from criteria.drugs import DrugTable
from criteria.facts import Order
from criteria.library import Library
from criteria.loading import load_library, shipped_data
from tests.criteria.facts_builders import (
    ANSWERED,
    ON,
    answer,
    case,
    coded,
    diagnosis,
    exposure,
    given,
    ihc,
    measurement,
    order,
    reaction,
    stage,
    status,
)
from tests.vocabulary import own_vocabulary

ENHERTU, KADCYLA, PERJETA, PHESGO = "trastuzumab_deruxtecan", "trastuzumab_emtansine", "pertuzumab", "phesgo"
BREAST = diagnosis("cancer-breast", ref="breast")


@cache
def library() -> Library:
    return load_library([shipped_data()], own_vocabulary())


def before(days_ago: int) -> str:
    return (ON - timedelta(days=days_ago)).isoformat()


def proposed(ordered: Order | str = "margetuximab", **facts: Any) -> Alternatives | None:
    subject = case(ordered, **{"diagnoses": [BREAST], "searches": ANSWERED, **facts})
    return alternatives_of(subject, ON, library().policies["oscar/cg101"], library())


def offered(**facts: Any) -> list[str]:
    found = proposed(**facts)
    assert found is not None
    return [each.drug for each in found.offered]


def left_out(**facts: Any) -> dict[str, str]:
    found = proposed(**facts)
    assert found is not None
    return {each.drug: each.reason for each in found.left_out}


def offer(drug: str, **facts: Any) -> Alternative:
    found = proposed(**facts)
    assert found is not None
    return next(each for each in found.offered if each.drug == drug)


def test_without_anything_against_them_all_preferred_products_are_proposed_in_the_order_of_the_table() -> None:
    assert offered() == [ENHERTU, KADCYLA, PERJETA, PHESGO]


def test_nothing_is_proposed_for_a_product_that_is_not_restricted() -> None:
    assert proposed("trastuzumab") is None


def test_nothing_is_proposed_where_the_policy_has_no_preferred_products() -> None:
    policy = library().policies["mmm/mp-rx-fp-56-23"]
    assert alternatives_of(case(), ON, policy, library()) is None
    oscar = library().policies["oscar/cg101"]
    assert alternatives_of(case(), ON, replace(oscar, products=None), library()) is None


@pytest.mark.parametrize(("days_ago", "under"), [(1, True), (41, True), (42, True), (43, False), (-1, True)])
def test_a_patient_who_had_the_ordered_drug_within_forty_two_days_is_not_switched(days_ago: int, under: bool) -> None:
    assert (proposed(exposures=[exposure("margetuximab", before(days_ago))]) is None) is under


def test_without_a_gap_in_the_policy_a_patient_under_treatment_may_be_switched() -> None:
    policy = replace(library().policies["oscar/cg101"], alternatives_gap_days=None)
    subject = case(diagnoses=[BREAST], exposures=[exposure("margetuximab", before(5))])
    assert alternatives_of(subject, ON, policy, library()) is not None


@pytest.mark.parametrize(
    ("facts", "drug", "words"),
    [
        (
            {
                "exposures": [
                    given(KADCYLA, "2025-01-01", "2025-06-01", stopped=True, reasons=["no-response"]),
                ]
            },
            KADCYLA,
            "failed before",
        ),
        ({"answers": [answer(f"each-preferred-ruled-out.{ENHERTU}.outcome", "failed")]}, ENHERTU, "failed before"),
        ({"reactions": [reaction(ENHERTU, "pneumonitis", severe=True)]}, ENHERTU, "not tolerated before"),
        ({"reactions": [reaction(KADCYLA)]}, KADCYLA, "not tolerated before"),
        (
            {"answers": [answer(f"each-preferred-ruled-out.{PHESGO}.outcome", "intolerable")]},
            PHESGO,
            "not tolerated before",
        ),
        ({"diagnoses": [BREAST, diagnosis("interstitial-lung-disease")]}, ENHERTU, "contraindicated"),
        (
            {"answers": [answer(f"each-preferred-ruled-out.{PERJETA}.outcome", "contraindicated")]},
            PERJETA,
            "contraindicated",
        ),
        (
            {"diagnoses": [BREAST, diagnosis("left-ventricular-dysfunction")]},
            PERJETA,
            "label warning: left ventricular",
        ),
        ({"diagnoses": [BREAST, diagnosis("pregnancy")]}, ENHERTU, "label warning: pregnancy on record"),
        ({"findings": [coded("pregnancy", "2026-06-01")]}, KADCYLA, "label warning: pregnancy on record"),
        ({"measurements": [measurement("lvef", "45", "2026-06-01")]}, ENHERTU, "LVEF 45 is under the label's 50 %"),
        ({"measurements": [measurement("lvef", "< 50", "2026-06-01")]}, ENHERTU, "LVEF < 50 is under"),
        (
            {
                "stages": [stage("M1", "2025-01-01")],
                "exposures": [given("trastuzumab", "2025-02-01", "2025-05-01")],
            },
            PERJETA,
            "labeled only before other therapy",
        ),
        ({"stages": [stage("M0", "2026-06-01")]}, ENHERTU, "which the record excludes"),
        ({"diagnoses": [diagnosis("cancer-lung")]}, ENHERTU, "not breast cancer"),
        ({"markers": [ihc("0")]}, ENHERTU, "HER2-negative"),
        ({"drafts": [order(ENHERTU, ref="other")]}, ENHERTU, "already ordered"),
        ({"orders": [order(ENHERTU, ref="other", status="active")]}, ENHERTU, "already ordered"),
        ({"orders": [order(ENHERTU, ref="other", status="draft")]}, ENHERTU, "already ordered"),
        (
            {"reactions": [reaction("trastuzumab", hypersensitivity=True, severe=True)]},
            KADCYLA,
            "severe hypersensitivity to Herceptin (trastuzumab), which has the same trastuzumab backbone",
        ),
    ],
)
def test_a_product_that_does_not_suit_is_left_out_with_the_reason(facts: dict[str, Any], drug: str, words: str) -> None:
    assert words in left_out(**facts)[drug]


@pytest.mark.parametrize(
    "facts",
    [
        {"markers": [ihc("3+")]},
        {"diagnoses": []},
        {"orders": [order(ENHERTU, ref="other", status="completed")]},
        {"measurements": [measurement("lvef", "50", "2026-06-01")]},
        {"measurements": [measurement("lvef", "> 40", "2026-06-01")]},
        {"reactions": [reaction("amoxicillin", "rash", severe=True, hypersensitivity=True)]},
        {"findings": [coded("pregnancy", "2020-01-01"), coded("pregnancy", "2026-01-01", present=False)]},
        {"answers": [answer(f"each-preferred-ruled-out.{ENHERTU}.outcome", "not-tried")]},
    ],
)
def test_what_says_nothing_against_a_product_keeps_it(facts: dict[str, Any]) -> None:
    assert ENHERTU in offered(**facts)


def test_a_severe_hypersensitivity_to_one_trastuzumab_rules_out_its_whole_backbone() -> None:
    facts = {"reactions": [reaction("trastuzumab", hypersensitivity=True, severe=True)]}
    assert offered(**facts) == [PERJETA]


def test_a_mild_hypersensitivity_rules_out_the_same_substance_only() -> None:
    facts = {"reactions": [reaction("trastuzumab", hypersensitivity=True, severe=False)]}
    assert offered(**facts) == [ENHERTU, KADCYLA, PERJETA]


def test_only_what_was_failed_is_left_out() -> None:
    facts = {
        "stages": [stage("M1", "2025-01-01")],
        "exposures": [given(KADCYLA, "2025-02-01", "2025-05-01")],
        "disease_statuses": [status("worsened", "2025-05-10")],
    }
    assert offered(**facts) == [ENHERTU]


# ------------------------------------------------------------------ doses


def test_a_dose_by_weight_is_computed_from_the_label_and_the_recorded_weight() -> None:
    found = offer(ENHERTU, measurements=[measurement("body-weight", "70.5", before(3))])
    assert (found.dose_mg, found.interval_days) == ("380.7", 21)
    assert found.basis == f"Label dose 5.4 mg/kg at 70.5 kg ({before(3)})"
    assert found.weight_source is not None


def test_without_a_recent_weight_no_dose_is_computed_and_none_is_taken_over() -> None:
    found = offer(KADCYLA, ordered=order(dose_mg="1050"), measurements=[measurement("body-weight", "70", before(31))])
    assert (found.dose_mg, found.dose_ml, found.weight_source) == (None, None, None)
    assert "no body weight of the last 30 days" in found.basis


@pytest.mark.parametrize(("last", "loading"), [(None, "840"), (41, None), (42, "840"), (43, "840")])
def test_a_fixed_dose_begins_with_one_loading_dose_and_again_after_six_weeks(
    last: int | None, loading: str | None
) -> None:
    exposures = [] if last is None else [exposure(PERJETA, before(last))]
    found = offer(PERJETA, exposures=exposures)
    assert (found.loading_mg, found.dose_mg) == (loading, "420")
    assert found.basis == f"Label {'loading and maintenance' if loading else 'maintenance'} dose, fixed"


def test_a_mixture_is_dosed_in_millilitres() -> None:
    found = offer(PHESGO)
    assert (found.loading_mg, found.dose_mg) == (None, None)
    assert (found.loading_ml, found.dose_ml) == ("15", "10")


def test_a_product_without_a_label_dose_is_proposed_without_one() -> None:
    bare = {key: replace(each, label=None) for key, each in library().drugs.by_key.items()}
    without = replace(library(), drugs=DrugTable(bare))
    found = alternatives_of(case(diagnoses=[BREAST]), ON, library().policies["oscar/cg101"], without)
    assert found is not None
    assert {(each.dose_mg, each.basis) for each in found.offered} == {(None, "No label dose is on file")}


def test_a_dose_by_weight_of_a_policy_without_a_dose_limit_takes_the_weight_of_the_day() -> None:
    policy = replace(library().policies["oscar/cg101"], dose_limit=None)
    subject = case(diagnoses=[BREAST], measurements=[measurement("body-weight", "70", ON.isoformat())])
    found = alternatives_of(subject, ON, policy, library())
    assert found is not None
    assert found.offered[0].dose_mg == "378"


def test_a_fixed_dose_without_a_time_to_load_again_is_never_a_loading_dose() -> None:
    perjeta = library().drugs[PERJETA]
    assert perjeta.label is not None
    changed = {
        **library().drugs.by_key,
        PERJETA: replace(perjeta, label=replace(perjeta.label, reload_after_days=None)),
    }
    found = alternatives_of(
        case(diagnoses=[BREAST]), ON, library().policies["oscar/cg101"], replace(library(), drugs=DrugTable(changed))
    )
    assert found is not None
    assert {each.drug: (each.loading_mg, each.dose_mg) for each in found.offered}[PERJETA] == (None, "420")
