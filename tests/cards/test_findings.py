"""What is read off a determination."""

from dataclasses import replace

import pytest
from msgspec import structs

from cards.findings import (
    asked_needs,
    deciding_criterion,
    decisive,
    finding_of,
    has_needs_out_of_view,
    orderable_tests,
)
from criteria.finding import Finding, document, unknown
from criteria.outcome import Outcome
from criteria.verdict import Verdict
from tests.cards.builders import ASK_HER2, ORDER_ISH, decision, judged, no

TESTING = {"her2": unknown(ORDER_ISH, ASK_HER2)}


def test_a_failed_negation_is_named_itself() -> None:
    inner = Finding("toxicity", "Toxicity", Verdict.MET)
    negation = Finding("no-toxicity", "No toxicity", Verdict.NOT_MET, of=(inner,))
    root = Finding("root", "Root", Verdict.NOT_MET, of=(negation, negation))
    assert [each.id for each in decisive(root)] == ["no-toxicity"]


def test_findings_are_found_by_id() -> None:
    _, determination = judged()
    found = finding_of(determination.root, "shortage")
    assert found is not None
    assert found.title == "Shortage"
    assert finding_of(determination.root, "unheard-of") is None


@pytest.mark.parametrize("outcome", [Outcome.AUTHORIZED, Outcome.NOT_MET, Outcome.NO_POLICY])
def test_decided_orders_ask_nothing(outcome: Outcome) -> None:
    assert asked_needs(decision(outcome)) == ()


def test_the_deciding_criterion_is_the_first_failed_one() -> None:
    assert deciding_criterion(decision(Outcome.NOT_MET, judgements={"her2": no()})) == (
        "her2-positive",
        "HER2-positive",
    )


def test_else_the_first_open_one() -> None:
    found = decision(
        Outcome.DOCUMENTATION, judgements={"adult": unknown(document("Birth date")), "her2": unknown(ASK_HER2)}
    )
    assert deciding_criterion(found) == ("her2-positive", "HER2-positive")


def test_else_the_root() -> None:
    assert deciding_criterion(decision(Outcome.AUTHORIZED)) == ("initial", "Initial authorization")


@pytest.mark.parametrize("outcome", [Outcome.DOCUMENTATION, Outcome.REVIEW, Outcome.TECHNICAL])
def test_a_test_an_order_can_close_is_found_once(outcome: Outcome) -> None:
    policy, determination = judged(**TESTING)
    twice = structs.replace(determination, open_needs=determination.open_needs * 2)
    found = decision(outcome, policy=policy, determination=twice)
    assert [each.need for each in orderable_tests(found)] == [ORDER_ISH]


def test_an_earlier_authorization_asks_for_no_test() -> None:
    policy, determination = judged(**TESTING)
    assert orderable_tests(decision(Outcome.AUTHORIZED, policy=policy, determination=determination)) == ()


def test_branches_without_a_met_gate_are_out_of_view() -> None:
    gated = {"her2": unknown(ASK_HER2), "metastatic": unknown(document("Extent")), "shortage": no()}
    assert has_needs_out_of_view(decision(Outcome.DOCUMENTATION, judgements=gated))
    assert not has_needs_out_of_view(decision(Outcome.DOCUMENTATION))
    assert not has_needs_out_of_view(decision(Outcome.NO_POLICY))


def test_a_criterion_the_policy_does_not_list_has_no_rank() -> None:
    found = decision(Outcome.DOCUMENTATION)
    assert found.policy is not None
    unlisted = structs.replace(found, policy=replace(found.policy, leaves={}))
    assert [each.criterion for each in asked_needs(unlisted)] == ["her2-positive"]
