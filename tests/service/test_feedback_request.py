from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.card import Coding
from service.exact_json import JsonError, decode
from service.feedback_request import (
    LONGEST_CODING_TEXT,
    LONGEST_COMMENT,
    MOST_ITEMS,
    MOST_SUGGESTIONS,
    Accepted,
    FeedbackItem,
    Overridden,
    read_feedback,
)
from service.problems import RequestProblem
from tests.hooks.damage import Choices, damage
from tests.hooks.wrong_values import CANARY

CARD = "0d3a4f3e-8a0b-4f0f-8a56-5f4f7f0c9b10"
SUGGESTION = "5a1ce6f5-3e36-4f8c-9f0a-9a4f1f7b2c22"
WHEN = "2026-05-04T15:10:00Z"
REASON = {"system": "https://payer.example.org/override", "code": "prior-failure"}
ITEM = "$.feedback[0]"


def accepted(**changes: Any) -> dict[str, Any]:
    item = {
        "card": CARD,
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": SUGGESTION}],
        "outcomeTimestamp": WHEN,
    }
    return item | changes


def overridden(**changes: Any) -> dict[str, Any]:
    return {"card": CARD, "outcome": "overridden", "outcomeTimestamp": WHEN} | changes


def read(*items: Any) -> tuple[FeedbackItem, ...]:
    return read_feedback({"feedback": list(items)})


def refused(body: Any) -> list[tuple[str, str]]:
    with pytest.raises(RequestProblem) as caught:
        read_feedback(body)
    assert caught.value.status == 400
    assert CANARY not in str(caught.value)
    return [(issue.path, issue.code) for issue in caught.value.issues]


# ------------------------------------------------------------------ what is read


def test_an_accepted_card_is_read_with_its_suggestions_in_their_order() -> None:
    other = "e56e1945-20b3-4393-8503-a1a20fd73152"
    (item,) = read(accepted(acceptedSuggestions=[{"id": SUGGESTION}, {"id": other}]))
    assert item == FeedbackItem(CARD, Accepted((SUGGESTION, other)), datetime(2026, 5, 4, 15, 10, tzinfo=UTC))


def test_an_overridden_card_is_read_with_reason_and_comment() -> None:
    reason = REASON | {"display": "Prior failure"}
    (item,) = read(overridden(overrideReason={"reason": reason, "userComment": " as\ntyped\t"}))
    assert item.outcome == Overridden(
        Coding("https://payer.example.org/override", "prior-failure", "Prior failure"), " as\ntyped\t"
    )


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        ({"reason": REASON}, Overridden(Coding(REASON["system"], REASON["code"]))),
        ({"reason": REASON, "userComment": ""}, Overridden(Coding(REASON["system"], REASON["code"]))),
        ({"reason": REASON, "userComment": None}, Overridden(Coding(REASON["system"], REASON["code"]))),
        ({"reason": REASON | {"display": ""}}, Overridden(Coding(REASON["system"], REASON["code"]))),
        ({"userComment": "x"}, Overridden(None, "x")),
        ({"reason": None, "userComment": "x"}, Overridden(None, "x")),
        (None, Overridden()),
    ],
)
def test_a_reason_a_comment_or_neither_is_read(why: Any, expected: Overridden) -> None:
    (item,) = read(overridden(overrideReason=why))
    assert item.outcome == expected


def test_a_card_is_overridden_without_a_reason() -> None:
    (item,) = read(overridden())
    assert item.outcome == Overridden()


def test_several_reports_keep_their_order() -> None:
    assert [type(each.outcome) for each in read(overridden(), accepted(), overridden())] == [
        Overridden,
        Accepted,
        Overridden,
    ]


def test_unknown_members_are_ignored_everywhere() -> None:
    strange = {"strange": {"x": [1]}}
    why = {"reason": REASON | strange, **strange}
    body = {
        "feedback": [
            accepted(acceptedSuggestions=[{"id": SUGGESTION, **strange}], **strange),
            overridden(overrideReason=why, **strange),
        ],
        **strange,
    }
    assert len(read_feedback(body)) == 2


def test_an_empty_list_of_suggestions_contradicts_no_overridden_card() -> None:
    assert read(overridden(acceptedSuggestions=[])) == read(overridden(acceptedSuggestions=None)) == read(overridden())


def test_a_uuid_in_capitals_is_the_same_uuid() -> None:
    assert read(accepted(card=CARD.upper(), acceptedSuggestions=[{"id": SUGGESTION.upper()}])) == read(accepted())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-04T15:10:00Z", datetime(2026, 5, 4, 15, 10, tzinfo=UTC)),
        ("2026-05-04t15:10:00z", datetime(2026, 5, 4, 15, 10, tzinfo=UTC)),
        ("2026-05-04T15:10:00.5Z", datetime(2026, 5, 4, 15, 10, 0, 500_000, tzinfo=UTC)),
        ("2026-05-04T15:10:00.1234567Z", datetime(2026, 5, 4, 15, 10, 0, 123_456, tzinfo=UTC)),
        ("2026-05-04T11:10:00-04:00", datetime(2026, 5, 4, 15, 10, tzinfo=UTC)),
        ("2026-05-05T05:09:59+13:59", datetime(2026, 5, 4, 15, 10, 59, tzinfo=UTC)),
        ("2026-05-04T15:10:00-00:00", datetime(2026, 5, 4, 15, 10, tzinfo=UTC)),
        ("2024-02-29T23:59:59Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_utc(text: str, moment: datetime) -> None:
    (item,) = read(overridden(outcomeTimestamp=text))
    assert item.at == moment
    assert item.at.tzinfo is UTC


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("body", [None, [], "text", 5, True])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    assert refused(body) == [("$", "structure")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"feedback": None}, "required"),
        ({"feedback": []}, "required"),
        ({"feedback": {}}, "structure"),
        ({"feedback": CANARY}, "structure"),
        ({"feedback": 0}, "structure"),
    ],
)
def test_a_body_without_reports_is_refused(body: Any, code: str) -> None:
    assert refused(body) == [("$.feedback", code)]


@pytest.mark.parametrize("item", [None, [], CANARY, 5, True])
def test_a_report_that_is_no_object_is_refused(item: Any) -> None:
    assert refused({"feedback": [item]}) == [(ITEM, "structure")]


@pytest.mark.parametrize(
    ("item", "path", "code"),
    [
        (overridden(card=None), "card", "required"),
        (overridden(card=""), "card", "value"),
        (overridden(card=CANARY), "card", "value"),
        (overridden(card=5), "card", "value"),
        (overridden(card=[CARD]), "card", "value"),
        (overridden(card=f"urn:uuid:{CARD}"), "card", "value"),
        (overridden(card=f"{{{CARD}}}"), "card", "value"),
        (overridden(card=CARD.replace("-", "")), "card", "value"),
        (overridden(card=f"{CARD}\n"), "card", "value"),
        (overridden(card=CARD.replace("0", "\u0660")), "card", "value"),
        (overridden(outcome=None), "outcome", "required"),
        (overridden(outcome=""), "outcome", "value"),
        (overridden(outcome="ACCEPTED"), "outcome", "value"),
        (overridden(outcome="ignored"), "outcome", "value"),
        (overridden(outcome=["accepted"]), "outcome", "value"),
        (accepted(acceptedSuggestions=None), "acceptedSuggestions", "required"),
        (accepted(acceptedSuggestions=[]), "acceptedSuggestions", "required"),
        (accepted(acceptedSuggestions={"id": SUGGESTION}), "acceptedSuggestions", "structure"),
        (accepted(acceptedSuggestions=[SUGGESTION]), "acceptedSuggestions[0]", "structure"),
        (accepted(acceptedSuggestions=[{}]), "acceptedSuggestions[0].id", "required"),
        (accepted(acceptedSuggestions=[{"id": SUGGESTION}, {"id": CANARY}]), "acceptedSuggestions[1].id", "value"),
        (accepted(overrideReason={"reason": REASON}), "overrideReason", "invariant"),
        (accepted(overrideReason={}), "overrideReason", "invariant"),
        (overridden(acceptedSuggestions=[{"id": SUGGESTION}]), "acceptedSuggestions", "invariant"),
        (overridden(acceptedSuggestions=CANARY), "acceptedSuggestions", "invariant"),
        (overridden(acceptedSuggestions=0), "acceptedSuggestions", "invariant"),
        (overridden(overrideReason={}), "overrideReason", "invariant"),
        (overridden(overrideReason={"userComment": " "}), "overrideReason", "invariant"),
        (overridden(overrideReason=CANARY), "overrideReason", "structure"),
        (overridden(overrideReason={"userComment": 5}), "overrideReason.userComment", "value"),
        (overridden(overrideReason={"reason": REASON, "userComment": []}), "overrideReason.userComment", "value"),
        (overridden(overrideReason={"reason": CANARY}), "overrideReason.reason", "structure"),
        (overridden(overrideReason={"reason": REASON | {"system": None}}), "overrideReason.reason.system", "required"),
        (overridden(overrideReason={"reason": REASON | {"system": ""}}), "overrideReason.reason.system", "required"),
        (overridden(overrideReason={"reason": REASON | {"code": " "}}), "overrideReason.reason.code", "required"),
        (overridden(overrideReason={"reason": REASON | {"code": 7}}), "overrideReason.reason.code", "value"),
        (overridden(overrideReason={"reason": REASON | {"display": {}}}), "overrideReason.reason.display", "value"),
        (overridden(outcomeTimestamp=None), "outcomeTimestamp", "required"),
    ],
)
def test_what_is_wrong_with_a_report_is_named_by_its_place(item: Any, path: str, code: str) -> None:
    assert refused({"feedback": [item]}) == [(f"{ITEM}.{path}", code)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        5,
        CANARY,
        "2026-05-04",
        "2026-05-04T15:10:00",  # neither UTC nor an offset
        "2026-05-04 15:10:00Z",
        "2026-05-04T15:10Z",
        "2026-05-04T15:10:00,5Z",
        "2026-05-04T15:10:00.Z",
        "2026-05-04T15:10:00Z\n",
        "20260504T151000Z",
        "2026-W19-1T15:10:00Z",
        "2026-02-29T00:00:00Z",  # no leap year
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-05-04T24:00:00Z",
        "2026-05-04T15:60:00Z",
        "2026-05-04T15:10:60Z",
        "2026-05-04T15:10:00+24:00",
        "2026-05-04T15:10:00+05:60",
        "2026-05-04T15:10:00+0400",
        "\u0662026-05-04T15:10:00Z",
        "0001-01-01T00:00:00+00:01",  # in UTC before the first year of the calendar
        "9999-12-31T23:59:00-00:01",
    ],
)
def test_what_is_no_moment_of_the_calendar_is_refused(text: Any) -> None:
    assert refused({"feedback": [overridden(outcomeTimestamp=text)]}) == [(f"{ITEM}.outcomeTimestamp", "value")]


def many_items(count: int) -> dict[str, Any]:
    return {"feedback": [overridden()] * count}


def many_suggestions(count: int) -> dict[str, Any]:
    return {"feedback": [accepted(acceptedSuggestions=[{"id": SUGGESTION}] * count)]}


def long_comment(count: int) -> dict[str, Any]:
    return {"feedback": [overridden(overrideReason={"userComment": "\U0001f980" * count})]}


def long_coding(name: str) -> Callable[[int], dict[str, Any]]:
    return lambda count: {"feedback": [overridden(overrideReason={"reason": REASON | {name: "x" * count}})]}


@pytest.mark.parametrize(
    ("body", "most", "path"),
    [
        (many_items, MOST_ITEMS, "$.feedback"),
        (many_suggestions, MOST_SUGGESTIONS, f"{ITEM}.acceptedSuggestions"),
        (long_comment, LONGEST_COMMENT, f"{ITEM}.overrideReason.userComment"),
        (long_coding("system"), LONGEST_CODING_TEXT, f"{ITEM}.overrideReason.reason.system"),
        (long_coding("code"), LONGEST_CODING_TEXT, f"{ITEM}.overrideReason.reason.code"),
        (long_coding("display"), LONGEST_CODING_TEXT, f"{ITEM}.overrideReason.reason.display"),
    ],
)
def test_what_is_at_a_limit_is_read_and_what_is_beyond_it_is_refused_and_never_cut(
    body: Callable[[int], dict[str, Any]], most: int, path: str
) -> None:
    assert read_feedback(body(most))
    assert refused(body(most + 1)) == [(path, "too-long")]


def test_every_issue_of_every_report_is_named() -> None:
    body = {
        "feedback": [
            overridden(),
            {"outcome": "accepted", "acceptedSuggestions": [{"id": CANARY}, 5], "overrideReason": {}},
            overridden(overrideReason={"reason": {"display": "x"}, "userComment": 5}, outcomeTimestamp=CANARY),
            None,
        ]
    }
    assert refused(body) == [
        ("$.feedback[1].card", "required"),
        ("$.feedback[1].overrideReason", "invariant"),
        ("$.feedback[1].acceptedSuggestions[0].id", "value"),
        ("$.feedback[1].acceptedSuggestions[1]", "structure"),
        ("$.feedback[1].outcomeTimestamp", "required"),
        ("$.feedback[2].overrideReason.userComment", "value"),
        ("$.feedback[2].overrideReason.reason.system", "required"),
        ("$.feedback[2].overrideReason.reason.code", "required"),
        ("$.feedback[2].outcomeTimestamp", "value"),
        ("$.feedback[3]", "structure"),
    ]


VALID = msgspec.json.encode(
    {
        "feedback": [
            accepted(),
            overridden(overrideReason={"reason": REASON | {"display": "Failed"}, "userComment": "tried before"}),
        ]
    }
)


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.binary(min_size=64, max_size=64))
def test_a_damaged_body_is_read_or_refused_and_nothing_else(data: bytes) -> None:
    choices, body = Choices(data), msgspec.json.decode(VALID)
    for _ in range(choices.of([1, 1, 2, 3])):
        damage(choices, body)
    try:
        sent = decode(msgspec.json.encode(body))
    except JsonError:
        return  # refused before it is read
    refusal = ""
    try:
        assert len(read_feedback(sent)) == len(sent["feedback"])
    except RequestProblem as problem:
        refusal = str(problem)
    assert CANARY not in refusal


# ------------------------------------------------------------------ what cannot be built


def test_what_a_user_wrote_is_not_shown() -> None:
    why = {"reason": REASON | {"display": CANARY}, "userComment": CANARY}
    assert CANARY not in repr(read(overridden(overrideReason=why)))


def test_nothing_accepted_is_no_acceptance() -> None:
    with pytest.raises(ValueError, match="suggestion"):
        Accepted(())


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=2))])
def test_a_report_has_its_moment_in_utc(zone: timezone | None) -> None:
    with pytest.raises(ValueError, match="UTC"):
        FeedbackItem(CARD, Overridden(), datetime(2026, 5, 4, tzinfo=zone))
