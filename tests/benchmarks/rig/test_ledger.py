import json
from typing import Any

import pytest

from benchmarks.rig.ledger import Asserted, Ledger, asserted_in, is_acknowledged, lost_in_export, lost_when_read
from benchmarks.rig.web import Answer
from examples.play import COVERAGE_INFORMATION
from tests.benchmarks.rig.test_traffic import answering

KEPT = {"a1": "MMM-1", "a2": None}


def body(*decisions: tuple[str, str | None]) -> dict[str, Any]:
    def extension(assertion: str, number: str | None) -> dict[str, Any]:
        parts = [{"url": "covered", "valueCode": "covered"}, {"url": "coverage-assertion-id", "valueString": assertion}]
        if number is not None:
            parts.append({"url": "satisfied-pa-id", "valueString": number})
        return {"url": COVERAGE_INFORMATION, "extension": parts}

    other = {"url": "http://example.org/other", "valueString": "a9"}
    return {
        "cards": [],
        "systemActions": [
            {"type": "update", "resource": {"extension": [other, extension(*each)]}} for each in decisions
        ],
    }


def answer(recorded: str | None, *decisions: tuple[str, str | None], status: int = 200) -> Answer:
    headers = {} if recorded is None else {"her2-crd-recorded": recorded}
    return Answer(status, headers, json.dumps(body(*decisions)).encode(), 0.0)


def test_every_decision_of_an_answer_is_read() -> None:
    found = list(asserted_in(body(("a1", "MMM-1"), ("a2", None))))
    assert found == [Asserted("a1", "covered", None, "MMM-1"), Asserted("a2", "covered", None, None)]
    assert list(asserted_in({"cards": []})) == []


@pytest.mark.parametrize(
    ("recorded", "status", "expected"),
    [("true", 200, True), ("false", 200, False), (None, 200, False), ("true", 503, False)],
)
def test_only_an_answer_of_200_that_says_so_is_acknowledged(recorded: str | None, status: int, expected: bool) -> None:
    assert is_acknowledged(answer(recorded, status=status)) is expected


def test_what_was_not_acknowledged_cannot_be_lost() -> None:
    ledger = Ledger()
    ledger.note(answer("true", ("a1", "MMM-1"), ("a2", None)))
    assert (ledger.words, ledger.figure) == ("every number recorded", "0 not recorded")
    ledger.note(answer("false", ("a3", None)))
    ledger.note(answer(None, ("a5", "MMM-5")))
    ledger.note(answer("true", ("a4", None), status=503))
    assert ledger.acknowledged() == KEPT
    assert (ledger.words, ledger.figure) == ("1 numbers without a record", "2 not recorded")
    assert ledger.count == 1


def exported(assertion: str, number: str | None = None) -> str:
    approval = None if number is None else {"number": number}
    return json.dumps({"hash": "0", "decision": {"assertion": assertion, "approval": approval}})


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        ([exported("a1", "MMM-1"), exported("a2")], set()),
        ([exported("a2"), exported("a3"), exported("a1", "MMM-1"), exported("a1", "MMM-1")], set()),
        ([exported("a1", "MMM-1")], {"a2"}),
        ([exported("a1", "MMM-2"), exported("a2")], {"a1"}),
        ([exported("a1"), exported("a2")], {"a1"}),
        (['{"text":"a1 MMM-1 a2"}', "a1", '["a2"]', '{"decision":"a2"}', '{"decision":null}'], {"a1", "a2"}),
        ([], {"a1", "a2"}),
    ],
)
def test_a_decision_that_no_line_of_an_export_holds_is_lost(lines: list[str], lost: set[str]) -> None:
    assert lost_in_export(KEPT, lines) == lost


def test_a_decision_that_cannot_be_read_is_lost() -> None:
    with answering() as port:  # which has no GET
        assert lost_when_read(KEPT, port) == {"a1", "a2"}
    assert lost_when_read(KEPT, port) == {"a1", "a2"}
