from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, jsonify
from hypothesis import given, settings
from hypothesis import strategies as st

from service.exact_json import DEEPEST, JsonError, decode, encode, use_exact_json


@pytest.mark.parametrize(
    "text",
    [
        b'{"value":1.10}',
        b'{"z":1,"a":2,"m":[]}',
        b'{"big":123456789012345678901234567890}',
        b'{"on":true,"off":false,"nothing":null}',
        '{"name":"Müller 😀"}'.encode(),
    ],
)
def test_what_comes_in_goes_out_unchanged(text: bytes) -> None:
    assert encode(decode(text)) == text


def test_decimals_keep_their_digits_and_whole_numbers_stay_whole() -> None:
    assert decode(b"[1.10, 3]") == [Decimal("1.10"), 3]
    assert isinstance(decode(b"[3]")[0], int)


def test_a_small_decimal_may_change_its_form_but_not_its_digits() -> None:
    assert encode(decode(b"[0.0000001230]")) == b"[1.230E-7]"


def test_of_two_equal_members_the_last_one_counts() -> None:
    assert decode(b'{"a":1,"a":2}') == {"a": 2}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "cut off"),
        (b"{nope", "byte 1"),
        (b'{"a":1}x', "byte 8"),
        (b"NaN", "byte 0"),
        (b'{"a":Infinity}', "byte 5"),
        (b'{"a":-Infinity}', "byte"),
        (b'"\xff"', "UTF-8"),
        (b'"\xed\xa0\x80"', "UTF-8"),
        (b'"\\ud800"', "not JSON"),
        (b'"\\ud800 and more text"', "not JSON"),
        (b'"\\ud800\\ud800"', "not JSON"),
        (b"\xef\xbb\xbf{}", "byte 0"),
        (b"[1e999999999]", "too large"),
        (b"[1e-999999999]", "too small"),
        (b"9" * 5000, "too large"),
        (b"[" * 10_000, "64 levels"),
        (b"[" * 10_000 + b"]" * 10_000, "64 levels"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "64 levels"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "64 levels"),
        (b'[{"a":' * 33 + b"1" + b"}]" * 33, "64 levels"),
    ],
)
def test_what_is_not_exact_json_is_refused_with_its_place(body: bytes, words: str) -> None:
    with pytest.raises(JsonError, match=words):
        decode(body)


def test_the_deepest_allowed_body_is_read() -> None:
    body = b"[" * DEEPEST + b"]" * DEEPEST
    assert encode(decode(body)) == body


def test_brackets_inside_of_texts_do_not_count_as_nesting() -> None:
    body = encode({"text": "[{" * 500, "list": [{"text": "}]" * 500}]})
    assert encode(decode(body)) == body


@pytest.mark.parametrize("between", ["1", '"plain"', r'"\\\\"', r'"a \" quote"', '{"[":"]"}'])
@pytest.mark.parametrize("text", ["]", "}", r"\"]", r"\\\"]", "]]"])
def test_brackets_inside_of_texts_do_not_hide_nesting(text: str, between: str) -> None:
    opened, closed = f'["{text}",', f',"{"[" * len(text)}"]'
    with pytest.raises(JsonError, match="64 levels"):
        decode((opened * 400 + between + closed * 400).encode())
    inner = 0 if between[0] != "{" else 1
    assert decode((opened * (DEEPEST - inner) + between + closed * (DEEPEST - inner)).encode())
    with pytest.raises(JsonError, match="64 levels"):
        decode((opened * (DEEPEST + 1 - inner) + between + closed * (DEEPEST + 1 - inner)).encode())


def test_brackets_that_would_cancel_nesting_do_not() -> None:
    with pytest.raises(JsonError, match="64 levels"):
        decode(b'["]",' * 400 + b"1" + b',"["]' * 400)


_TEXTS = st.text(st.sampled_from('[]{}"\\,:a'), max_size=5)


def depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


@settings(max_examples=300, deadline=None)
@given(st.recursive(_TEXTS, lambda each: st.lists(each, max_size=4) | st.dictionaries(_TEXTS, each, max_size=4)))
def test_the_depth_is_that_of_the_value_whatever_its_texts_hold(value: Any) -> None:
    assert nests_to(encode(value), depth(value))


def nests_to(body: bytes, levels: int) -> bool:
    """Say whether so many further levels around the body that DEEPEST is reached are read, and one more is not."""
    around = DEEPEST - levels
    decode(b"[" * around + body + b"]" * around)
    with pytest.raises(JsonError, match="64 levels"):
        decode(b"[" * (around + 1) + body + b"]" * (around + 1))
    return True


def test_an_error_repeats_nothing_of_the_body() -> None:
    with pytest.raises(JsonError) as caught:
        decode(b'{"name": "Canary" oops}')
    assert "Canary" not in str(caught.value)
    assert caught.value.__cause__ is None


_LEAVES = st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text()


@settings(max_examples=100, deadline=None)
@given(st.recursive(_LEAVES, lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=20))
def test_any_value_survives_the_round_trip(value: Any) -> None:
    once = encode(value)
    assert encode(decode(once)) == once


def test_flask_reads_and_writes_with_this_module() -> None:
    app = Flask("exact")
    use_exact_json(app)
    with app.app_context():
        response = jsonify({"z": Decimal("1.10"), "a": 1})
        assert response.data == b'{"z":1.10,"a":1}'
        assert response.content_type == "application/json"
        assert app.json.loads(app.json.dumps({"b": Decimal("2.0")})) == {"b": Decimal("2.0")}
        assert app.json.loads(b'{"b":2.0}') == {"b": Decimal("2.0")}
