"""What the product answers today is what its own check lets out."""

from collections.abc import Mapping
from typing import Any

import pytest

from cards.compose import compose_answer
from cards.context import DecidedOrder
from cards.coverage_information import EXTENSION
from criteria.decision import Decision
from criteria.facts import SearchState
from criteria.outcome import Outcome
from examples.chart import Chart, load_charts
from examples.play import request_for
from service.exact_json import decode
from tests.cards.builders import alternatives, context, decision, order_resource, safety_note, secondary
from tests.cards.checks.cases import judge, rules
from tests.hooks.clients import FHIR, RecordServer, api, templates

CHARTS = load_charts()


def asserted(answer: Mapping[str, Any]) -> frozenset[str]:
    """Return the ids of all coverage information in an answer to orders that came without any."""
    return frozenset(
        member["valueString"]
        for action in answer.get("systemActions", ())
        for extension in action["resource"]["extension"]
        if extension["url"] == EXTENSION
        for member in extension["extension"]
        if member["url"] == "coverage-assertion-id"
    )


def sign(chart: Chart) -> Any:
    state = SearchState.FAILED if chart.fhir_server == "fails" else SearchState.ANSWERED
    called = api(RecordServer(chart.record, state)).sign(request_for(chart, templates(), FHIR))
    assert called.status == 200, called.text
    return decode(called.text.encode())


def composed(found: Decision) -> dict[str, Any]:
    return compose_answer([DecidedOrder(found, order_resource(), "Coverage/cov1")], context()).to_json()


def test_there_are_eighteen_charts() -> None:
    assert len(CHARTS) == 18


@pytest.mark.parametrize("chart", CHARTS, ids=[each.name for each in CHARTS])
def test_the_answer_to_a_chart_may_be_sent(chart: Chart) -> None:
    answer = sign(chart)
    assert answer["systemActions"]
    assert judge(answer, ours=asserted(answer)) == ()


def test_the_charts_show_every_kind_of_answer() -> None:
    answers = [sign(each) for each in CHARTS]
    topics = {card["source"]["topic"]["code"] for each in answers for card in each["cards"]}
    assert topics == {
        "appropriate-use",
        "clinical-reminder",
        "contraindication",
        "guideline",
        "therapy-alternatives-req",
    }
    codes = {
        (member["url"], member["valueCode"])
        for each in answers
        for action in each["systemActions"]
        for extension in action["resource"]["extension"]
        for member in extension["extension"]
        if "valueCode" in member
    }
    assert {value for url, value in codes if url == "covered"} == {
        "covered",
        "not-covered",
        "conditional",
        "indeterminate",
    }
    assert {value for url, value in codes if url == "pa-needed"} == {
        "auth-needed",
        "satisfied",
        "conditional",
        "indeterminate",
    }


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_answer_of_each_outcome_may_be_sent(outcome: Outcome) -> None:
    found = decision(outcome, alternatives=alternatives(), safety_notes=(safety_note(),))
    assert judge(composed(found), ours={found.id}) == ()


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_answer_of_each_outcome_on_a_secondary_hook_may_be_sent(outcome: Outcome) -> None:
    found = secondary(decision(outcome, alternatives=alternatives(), safety_notes=(safety_note(),)))
    assert judge(composed(found), primary=False, ours={found.id}) == ()


def test_an_answer_for_a_primary_hook_is_not_sent_on_a_secondary_one() -> None:
    found = decision(Outcome.AUTHORIZED)
    assert rules(judge(composed(found), primary=False, ours={found.id})) == {"hook-19"}


def test_an_answer_without_a_coverage_is_cards_only_and_may_be_sent() -> None:
    found = decision(Outcome.DOCUMENTATION, alternatives=alternatives())
    answer = compose_answer([DecidedOrder(found, order_resource(), None)], context()).to_json()
    assert "systemActions" not in answer
    assert judge(answer, ours=()) == ()
