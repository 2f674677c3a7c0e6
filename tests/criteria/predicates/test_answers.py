"""A clinician's answers against what the record says (contract section 8)."""

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from criteria.facts import SearchState
from criteria.finding import Judgement, Need, NeedKind, document, met, not_met, review, unknown
from criteria.predicates.answers import (
    answer_evidence,
    ask,
    choice,
    closed,
    completeness,
    newest,
    number,
    searched,
    stated,
    weigh,
)
from criteria.verdict import Verdict
from tests.criteria.facts_builders import answer, case, evidence

RECORD = evidence("Observation/1")
MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("derived", "said", "verdict"),
    [
        (met(RECORD), True, MET),
        (met(RECORD), False, UNKNOWN),
        (not_met(RECORD), False, NOT_MET),
        (not_met(RECORD), True, UNKNOWN),
        (unknown(document("send")), True, MET),
        (unknown(document("send")), False, NOT_MET),
        (unknown(Need(NeedKind.SOURCE, "down")), True, MET),
        (unknown(review("which?")), True, UNKNOWN),
        (unknown(review("which?"), document("send")), True, MET),
    ],
)
def test_an_answer_outranks_derivation_and_a_contradiction_is_for_review(
    derived: Judgement, said: bool, verdict: Verdict
) -> None:
    found = weigh(derived, case(answers=[answer("leaf", said)]), "leaf")
    assert found.verdict is verdict
    assert found.evidence[0].statement
    assert {each.kind for each in found.needs} <= {NeedKind.REVIEW}


def test_a_contradiction_shows_what_the_answer_and_what_the_record_say() -> None:
    (need,) = weigh(met(RECORD), case(answers=[answer("leaf", False)]), "leaf").needs
    assert need.readings == ("the answer: not-met", "the record: met")


@pytest.mark.parametrize("value", ["yes", Decimal(1), date(2026, 1, 1)])
def test_what_is_no_yes_or_no_decides_nothing(value: str | Decimal | date) -> None:
    derived = unknown(document("send"))
    assert weigh(derived, case(answers=[answer("leaf", value)]), "leaf") is derived
    assert weigh(derived, case(answers=[answer("other", True)]), "leaf") is derived


def test_the_newest_answer_counts() -> None:
    subject = case(answers=[answer("leaf", True, "2026-06-01", ref="b"), answer("leaf", False, "2026-06-02", ref="a")])
    assert stated(subject, "leaf") is False
    found = newest(subject, "leaf")
    assert found is not None
    assert found.source.reference == "QuestionnaireResponse/a"
    assert newest(subject, "other") is None


def test_answers_are_read_by_their_type() -> None:
    subject = case(answers=[answer("n", Decimal(3)), answer("c", "failed"), answer("b", True)])
    assert (number(subject, "n"), number(subject, "c"), number(subject, "b")) == (Decimal(3), None, None)
    assert (choice(subject, "c"), choice(subject, "n"), choice(subject, "nothing")) == ("failed", None, None)
    assert stated(subject, "n") is None


@pytest.mark.parametrize(
    ("answers", "complete"),
    [
        ([], False),
        ([answer("leaf.history-complete", True)], True),
        ([answer("other.history-complete", True)], True),
        ([answer("leaf.history-complete", False)], False),
        (
            [answer("leaf.history-complete", True, "2026-06-01"), answer("leaf.history-complete", False, "2026-06-02")],
            False,
        ),
        (
            [answer("leaf.history-complete", False, "2026-06-01"), answer("leaf.history-complete", True, "2026-06-02")],
            True,
        ),
        ([answer("leaf.other", True)], False),
    ],
)
def test_the_history_is_complete_when_the_newest_answer_says_so(answers: list[object], complete: bool) -> None:
    assert (completeness(case(answers=answers)) is not None) is complete  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "kind", "is_closed"),
    [
        (SearchState.ANSWERED, NeedKind.DOCUMENT, True),
        (SearchState.DENIED, NeedKind.DOCUMENT, False),
        (SearchState.NOT_OFFERED, NeedKind.DOCUMENT, False),
        (SearchState.FAILED, NeedKind.SOURCE, False),
    ],
)
def test_only_a_failed_search_is_technical_and_only_an_answered_one_closes_the_world(
    state: SearchState, kind: NeedKind, is_closed: bool
) -> None:
    subject = case(searches={"Condition": state, "Observation": SearchState.ANSWERED})
    assert ask(subject, ("Condition", "Observation"), document("send")).kind is kind
    assert closed(subject, ("Condition", "Observation")) is is_closed


def test_answers_and_searches_are_shown_in_words() -> None:
    assert answer_evidence(answer("leaf", True)).observed == "clinician's answer to leaf: yes"
    assert answer_evidence(answer("leaf", False)).observed == "clinician's answer to leaf: no"
    assert answer_evidence(answer("leaf", Decimal(4))).observed == "clinician's answer to leaf: 4"
    assert searched(("Condition", "Observation"), "nothing").source.reference == "Searched(Condition, Observation)"


def test_two_answers_of_one_moment_that_contradict_each_other_are_for_review() -> None:
    yes, no = answer("leaf", True), answer("leaf", False)
    for answers in ([yes, no], [no, yes]):
        subject = case(answers=answers)
        assert newest(subject, "leaf") is None
        found = weigh(met(RECORD), subject, "leaf")
        assert (found.verdict, [each.kind for each in found.needs]) == (UNKNOWN, [NeedKind.REVIEW])
    assert weigh(unknown(document("send")), case(answers=[yes, yes]), "leaf").verdict is MET


def test_of_two_answers_of_a_day_the_later_counts() -> None:
    early = replace(answer("leaf", True), moment="2026-06-10T08:00:00+00:00")
    late = replace(answer("leaf", False), moment="2026-06-10T09:00:00+00:00")
    for answers in ([early, late], [late, early]):
        assert newest(case(answers=answers), "leaf") == late
