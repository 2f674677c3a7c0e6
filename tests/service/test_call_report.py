import contextvars
import json
from time import sleep
from types import SimpleNamespace
from typing import Any

import pytest

from criteria.facts import SearchState
from criteria.outcome import Outcome
from service.call_report import (
    NONE,
    CallReport,
    EndedCall,
    Reported,
    Waiting,
    begin_report,
    present_report,
    report_decisions,
    report_searches,
    unfailing,
    waiting,
)
from service.logs import ALLOWED_FIELDS
from tests.service.builders import logged


def ended(report: CallReport | None = None, **changes: Any) -> EndedCall:
    known: dict[str, Any] = {"service": "her2-order-sign", "route": "call", "status": 200, "seconds": 0.5}
    return EndedCall(report=report or CallReport(), **(known | changes))


def test_time_that_is_waited_is_counted_by_what_is_waited_for() -> None:
    report = begin_report()
    for what, seconds in ((Waiting.FHIR, 0.02), (Waiting.STORAGE, 0.01), (Waiting.FHIR, 0.02)):
        with waiting(what):
            sleep(seconds)
    assert 0.04 <= report.waited[Waiting.FHIR] < 0.2
    assert 0.01 <= report.waited[Waiting.STORAGE] < 0.1


def test_waiting_counts_when_it_ends_in_an_error_too() -> None:
    report = begin_report()

    def fail() -> None:
        sleep(0.01)
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"), waiting(Waiting.STORAGE):
        fail()
    assert report.waited[Waiting.STORAGE] >= 0.01


def test_own_time_is_what_is_left_and_never_below_zero() -> None:
    report = CallReport(waited={Waiting.FHIR: 0.25, Waiting.STORAGE: 0.125})
    assert ended(report, seconds=0.5).own == 0.125
    assert ended(report, seconds=0.25).own == 0.0


def test_outside_of_a_call_nothing_is_noted_and_nothing_breaks() -> None:
    def note() -> CallReport:
        with waiting(Waiting.FHIR):
            pass
        report_searches([("Condition", SearchState.FAILED)])
        return present_report()

    assert contextvars.Context().run(note).searches == {}


def test_each_call_has_a_report_of_its_own() -> None:
    first = begin_report()
    assert present_report() is first
    assert begin_report() is not first
    assert present_report() is not first


def test_of_a_decision_the_policy_and_the_outcome_are_noted_and_nothing_else() -> None:
    report = begin_report()
    decisions: list[Any] = [
        SimpleNamespace(policy=SimpleNamespace(id="mmm/x"), outcome=Outcome.AUTHORIZED),
        SimpleNamespace(policy=None, outcome=Outcome.NO_POLICY),
    ]
    report_decisions(decisions)
    assert report.decisions == (Reported("mmm/x", Outcome.AUTHORIZED), Reported(NONE, Outcome.NO_POLICY))


def test_searches_that_were_answered_or_never_asked_are_not_worth_noting() -> None:
    report = begin_report()
    report_searches(zip("ABCD", SearchState, strict=True))
    assert report.searches == {"C": SearchState.DENIED, "D": SearchState.FAILED}


def test_a_line_says_what_there_is_to_say() -> None:
    report = CallReport(
        waited={Waiting.FHIR: 0.25, Waiting.STORAGE: 0.125},
        decisions=(Reported("mmm/x", Outcome.AUTHORIZED),),
        searches={"Condition": SearchState.FAILED},
        feedback=("accepted",),
    )
    assert ended(report, client="new-ehr", is_recorded=False).fields() == {
        "status": 200,
        "milliseconds": 500.0,
        "own_milliseconds": 125.0,
        "fhir_milliseconds": 250.0,
        "storage_milliseconds": 125.0,
        "route": "call",
        "service_id": "her2-order-sign",
        "client": "new-ehr",
        "outcomes": ["authorized"],
        "policies": ["mmm/x"],
        "recorded": False,
        "searches": {"Condition": "failed"},
        "feedback": ["accepted"],
    }
    assert ended(report).fields().keys() <= set(ALLOWED_FIELDS)
    assert ended(service=NONE).fields().keys() == {"status", "milliseconds", "own_milliseconds", "route"}


def test_what_cannot_be_counted_is_logged_by_its_type_and_breaks_nothing() -> None:
    @unfailing
    def count(_value: str) -> None:
        raise OSError("Canary")

    with logged() as stream:
        count("Canary")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["exception"]) == ("not-counted", "error", "OSError")
    assert "Canary" not in stream.getvalue()
