"""Criteria of Oscar CG101 that only the plan's own files can meet: shortages (1.d) and state law (1.g)."""

import shutil
from collections.abc import Callable
from importlib.resources import as_file
from pathlib import Path

import pytest

from criteria.library import Library
from criteria.loading import load_library, shipped_data
from criteria.vocabulary import Vocabulary
from tests import builders as fhir
from tests import margenza
from tests.builders import Json
from tests.margenza import CHART, DISEASE, TRASTUZUMAB_TWICE, Decided, decide, given, weight, worsened
from tests.service.builders import shipped_data as shipped

Data = tuple[Library, Vocabulary]
Plan = Callable[[str], Data]

PREFERRED = ("trastuzumab_deruxtecan", "trastuzumab_emtansine", "pertuzumab", "phesgo")
TWO_FAILED = (
    given("e", "Enhertu", "2025-02-01"),
    worsened("pd3", "2025-06-01"),
    given("k", "Kadcyla", "2025-07-01"),
    worsened("pd4", "2026-01-20"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder of its own with the shipped policies."""
    with as_file(shipped_data() / "policies") as policies:
        shutil.copytree(policies, tmp_path / "policies")
    return tmp_path


def loaded(folder: Path) -> Data:
    vocabulary = shipped()[1]
    return load_library([folder], vocabulary), vocabulary


def shortages(folder: Path, *rows: str) -> Data:
    listed = "\n".join(f"  - {{{row}, source: the plan's notice}}" for row in rows)
    (folder / "policies" / "shortages.yaml").write_text(f'as_of: "2026-06-14"\nrows:\n{listed}\n', encoding="utf-8")
    return loaded(folder)


def every_product(days: str) -> list[str]:
    return [f"product: {product}, {days}" for product in PREFERRED]


def plan(folder: Path, facts: str) -> Data:
    """Give the plan "gold" these facts."""
    file = folder / "policies" / "oscar" / "payer.yaml"
    text = file.read_text(encoding="utf-8")
    row = f"{{value: gold, {facts}, source: the plan's own file}}"
    file.write_text(text.replace("plans: []", f"plans: [{row}]"), encoding="utf-8")
    return loaded(folder)


def member_of(value: str) -> Json:
    kind = fhir.concept((f"{fhir.TERMINOLOGY}/coverage-class", "plan"))
    return fhir.coverage() | {"class": [{"type": kind, "value": value}]}


def needed(decided: Decided, criterion: str) -> str:
    return " ".join(each["text"] for each in decided.nodes[criterion]["needs"])


# ------------------------------------------------------------------------------------------------- shortage (1.d, O7)


def test_a_shortage_of_all_preferred_products_is_authorized_for_three_months(folder: Path) -> None:
    decided = decide(*CHART, data=shortages(folder, *every_product('from: "2026-03-01", to: null')))
    assert decided.outcome == "authorized"
    assert decided.verdict("preferred-unavailable") == "met"
    assert decided.verdict("supporting-documentation") == "met"
    approval = decided.record["approval"]
    assert (approval["months"], approval["expires"]) == (3, "2026-09-14")
    assert "extended" in approval["remark"]
    assert "extended" in decided.information["reason"]["text"]


def test_each_row_of_the_list_is_evidence_with_its_source(folder: Path) -> None:
    decided = decide(*CHART, data=shortages(folder, *every_product('from: "2026-03-01"')))
    evidence = decided.nodes["preferred-unavailable"]["evidence"]
    assert {each["path"] for each in evidence} == set(PREFERRED)
    assert all("the plan's notice" in each["observed"] for each in evidence)


def test_a_shortage_of_three_of_four_products_is_for_the_reviewer(folder: Path) -> None:
    rows = every_product('from: "2026-03-01"')[:3]
    decided = decide(*CHART, data=shortages(folder, *rows))
    assert decided.verdict("preferred-unavailable") == "unknown"
    assert decided.kinds("preferred-unavailable") == {"review"}


# The order is of 2026-06-15.
@pytest.mark.parametrize(
    ("days", "verdict"),
    [
        ('from: "2026-06-14", to: null', "met"),
        ('from: "2026-06-15", to: null', "met"),
        ('from: "2026-06-16", to: null', "unknown"),
        ('from: "2026-03-01", to: "2026-06-16"', "met"),
        ('from: "2026-03-01", to: "2026-06-15"', "met"),
        ('from: "2026-03-01", to: "2026-06-14"', "unknown"),
    ],
)
def test_a_shortage_counts_from_its_first_to_its_last_day(folder: Path, days: str, verdict: str) -> None:
    assert decide(*CHART, data=shortages(folder, *every_product(days))).verdict("preferred-unavailable") == verdict


def test_an_exception_that_is_met_otherwise_too_lasts_twelve_months(folder: Path) -> None:
    decided = decide(*CHART, *TWO_FAILED, data=shortages(folder, *every_product('from: "2026-03-01"')))
    assert decided.verdict("preferred-unavailable") == "met"
    approval = decided.record["approval"]
    assert (approval["months"], approval["remark"]) == (12, None)
    assert approval["expires"] == "2026-12-31"


def test_a_shortage_of_trastuzumab_is_none_of_a_preferred_product(folder: Path) -> None:
    decided = decide(*CHART, data=shortages(folder, 'product: trastuzumab, from: "2026-03-01"'))
    assert decided.verdict("preferred-unavailable") == "unknown"
    assert decided.nodes["preferred-unavailable"]["evidence"] == []


def test_the_shortage_does_not_make_up_for_off_label_use(folder: Path) -> None:
    data = shortages(folder, *every_product('from: "2026-03-01"'))
    decided = decide(fhir.patient(birth="2010-01-01"), *DISEASE, *TRASTUZUMAB_TWICE, weight(), data=data)
    assert decided.outcome == "review"


# ------------------------------------------------------------------------------------------------ state law (1.g, O10)


def test_a_verified_law_for_a_fully_insured_plan_and_stage_four_cancer_is_an_exception(folder: Path) -> None:
    data = plan(folder, "state_of_issue: US-TX, fully_insured: true")
    decided = decide(*CHART, data=data, coverage=member_of("gold"))
    assert decided.outcome == "authorized"
    assert decided.verdict("step-therapy-prohibited") == "met"
    assert decided.verdict("supporting-documentation") == "met"
    assert decided.record["approval"]["months"] == 12
    shown = " ".join(each["observed"] for each in decided.nodes["step-therapy-prohibited"]["evidence"])
    assert "1369.213" in shown


def test_the_law_does_not_reach_a_self_funded_plan(folder: Path) -> None:
    data = plan(folder, "state_of_issue: US-TX, fully_insured: false")
    decided = decide(*CHART, data=data, coverage=member_of("gold"))
    assert decided.verdict("step-therapy-prohibited") == "not-met"
    assert decided.outcome == "documentation"


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ("state_of_issue: US-TX", ""),
        ("fully_insured: true", ""),
        ("state_of_issue: US-CA, fully_insured: true", ""),
        ("state_of_issue: US-MD, fully_insured: true", "15-142"),
        ("state_of_issue: US-OK, fully_insured: true", "HB 2748"),
        # Stated not to decide: commercial law of Puerto Rico beside Medicare Advantage (readings section 6).
        ("state_of_issue: PR, fully_insured: true", ""),
    ],
)
def test_what_the_plan_does_not_say_or_no_one_checked_is_for_the_reviewer(folder: Path, facts: str, shown: str) -> None:
    decided = decide(*CHART, data=plan(folder, facts), coverage=member_of("gold"))
    assert decided.verdict("step-therapy-prohibited") == "unknown"
    assert decided.kinds("step-therapy-prohibited") == {"review"}
    assert shown in needed(decided, "step-therapy-prohibited")


# Readings section 6: any missing input leaves it open with the statute shown. Minnesota asks whether the drug is on the
# plan's formulary, which neither chart nor plan file says.
def test_a_law_with_a_condition_nobody_knows_is_for_the_reviewer(folder: Path) -> None:
    data = plan(folder, "state_of_issue: US-MN, fully_insured: true")
    decided = decide(*CHART, data=data, coverage=member_of("gold"))
    assert decided.verdict("step-therapy-prohibited") == "unknown"
    assert "62Q.1841" in needed(decided, "step-therapy-prohibited")


def test_without_stage_four_on_record_the_law_is_for_the_reviewer_and_shown(folder: Path) -> None:
    data = plan(folder, "state_of_issue: US-TX, fully_insured: true")
    decided = decide(fhir.patient(), DISEASE[0], margenza.HER2, data=data, coverage=member_of("gold"))
    assert decided.verdict("step-therapy-prohibited") == "unknown"
    assert "1369.213" in needed(decided, "step-therapy-prohibited")


def test_a_member_of_another_plan_is_not_touched(folder: Path) -> None:
    data = plan(folder, "state_of_issue: US-TX, fully_insured: true")
    decided = decide(*CHART, data=data, coverage=member_of("silver"))
    assert decided.verdict("step-therapy-prohibited") == "unknown"


def test_the_law_does_not_make_up_for_off_label_use(folder: Path) -> None:
    data = plan(folder, "state_of_issue: US-GA, fully_insured: true")
    young = fhir.patient(birth="2010-01-01")
    decided = decide(young, *DISEASE, *TRASTUZUMAB_TWICE, data=data, coverage=member_of("gold"))
    assert decided.verdict("step-therapy-prohibited") == "met"
    assert decided.outcome == "review"


# ---------------------------------------------------------------------------------------- no clinician is asked (5.1)


def test_plan_side_criteria_are_in_no_question_and_on_no_list_of_documents() -> None:
    policy = shipped()[0].policies["oscar/cg101"]
    asked = {question.link_id.partition(".")[0] for question in policy.paths["initial"].questions}
    plan_side = {leaf.id for leaf in policy.leaves.values() if leaf.plan_side}
    assert plan_side == {
        "preferred-unavailable",
        "guideline-preference",
        "step-therapy-prohibited",
        "poor-response-risk-or-not-a-candidate",
    }
    assert asked & plan_side == set()
    (card,) = decide(*CHART).cards("appropriate-use")
    assert "shortage" not in card["detail"]
    assert "state of issue" not in card["detail"]
