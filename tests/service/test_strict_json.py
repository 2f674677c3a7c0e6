import pytest

from service.exact_json import JsonError
from service.strict_json import read_object


def test_an_object_is_read_with_all_its_members() -> None:
    text = '{"a": [1, 2.5, null, true], "b": {"a": "é"}}'
    assert read_object(text.encode()) == {"a": [1, 2.5, None, True], "b": {"a": "é"}}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"not json",
        b'{"a": 1',
        b'{"a": 1} {"a": 2}',
        b'{"a": "\xff"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[]",
        b'"text"',
        b"null",
    ],
)
def test_what_is_no_json_object_in_utf_8_is_refused(text: bytes) -> None:
    with pytest.raises(JsonError, match="JSON"):
        read_object(text)


@pytest.mark.parametrize(
    "text", ['{"kid": 1, "kid": 1}', '{"k\\u0069d": 1, "kid": 2}', '{"a": {"b": 1, "b": 2}}', '[{"b": 1, "b": 2}]']
)
def test_a_member_that_stands_twice_is_refused_at_any_depth_and_spelling(text: str) -> None:
    with pytest.raises(JsonError, match="stands twice"):
        read_object(text.encode())


def test_an_error_repeats_nothing_of_the_text() -> None:
    with pytest.raises(JsonError) as caught:
        read_object(b'{"secret-name": 1, "secret-name": secret-value}')
    assert "secret" not in str(caught.value)
