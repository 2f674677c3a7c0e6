from typing import Any

import pytest
from gunicorn.http import RequestParser
from gunicorn.http.errors import ChunkMissingTerminator, NoMoreData
from hypothesis import given, settings
from hypothesis import strategies as st

from service.receiving import LARGEST_HEAD, Incoming, Progress
from tests.service.serving import configured

LARGEST = 1000
HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
REQUESTS = {
    "nothing to follow": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "an empty line before": b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "no fields": b"GET / HTTP/1.0\r\n\r\n",
    "a body": HEAD + b"Content-Length: 6\r\n\r\n{\r\n\r\n}",
    "a body, spelt oddly": HEAD + b"CONTENT-length:\t 2 \r\n\r\n{}",
    "an empty body": HEAD + b"Content-Length: 0\r\n\r\n",
    "the length in a value": HEAD + b"X: Content-Length: 50\r\n\r\n",
    "no chunks": CHUNKED + b"0\r\n\r\n",
    "chunks": CHUNKED + b"3\r\n{\r\n\r\n0A\r\n0123456789\r\n0\r\n\r\n",
    "a chunk that looks like the last": CHUNKED + b"5\r\n0\r\n\r\n\r\n0\r\n\r\n",
    "an extension": CHUNKED + b'2;a="0"\r\n{}\r\n0;b\r\n\r\n',
    "trailers": CHUNKED + b"2\r\n{}\r\n0\r\nX: y\r\nZ: y\r\n\r\n",
}


def incoming() -> Incoming:
    return Incoming(60.0, LARGEST)


def is_whole_to_gunicorn(cfg: Any, received: bytes) -> bool:
    """Say whether gunicorn can read a request and all of its body from these bytes."""
    try:
        request: Any = next(RequestParser(cfg, iter([received]), ("127.0.0.1", 40_000)))
        lengths = [int(value) for name, value in request.headers if name == "CONTENT-LENGTH"]
        return len(request.body.read()) >= sum(lengths)
    except (NoMoreData, ChunkMissingTerminator, StopIteration):
        return False


@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS.keys())
def test_a_request_is_whole_when_gunicorn_can_read_all_of_it_and_not_before(request_bytes: bytes) -> None:
    cfg = configured()
    for size in range(1, len(request_bytes) + 1):
        progress = incoming().add(request_bytes[:size])
        assert progress is (Progress.WHOLE if is_whole_to_gunicorn(cfg, request_bytes[:size]) else Progress.PARTIAL)
    assert progress is Progress.WHOLE


@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS.keys())
def test_it_does_not_matter_in_what_parts_a_request_comes(request_bytes: bytes) -> None:
    one = incoming()
    said = [one.add(request_bytes[at : at + 1]) for at in range(len(request_bytes))]
    assert said == [*[Progress.PARTIAL] * (len(request_bytes) - 1), Progress.WHOLE]
    assert one.received == request_bytes


def test_what_follows_a_request_is_kept_with_it() -> None:
    both = REQUESTS["a body"] + REQUESTS["no fields"]
    one = incoming()
    assert one.add(both) is Progress.WHOLE
    assert one.received == both


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(HEAD + b"Content-Length: 1001\r\n\r\n", id="a body that is too large"),
        pytest.param(HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", id="a length that is too long"),
        pytest.param(HEAD + b"Content-Length: +5\r\n\r\n", id="a length that is none"),
        pytest.param(HEAD + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n", id="two lengths"),
        pytest.param(CHUNKED + b"x\r\n", id="a size that is none"),
        pytest.param(CHUNKED + b"\r\n", id="no size"),
        pytest.param(CHUNKED + b"1" * 8193, id="a size that does not end"),
        pytest.param(CHUNKED + b"2\r\n{}\r\n" * 10_000, id="chunks that do not end"),
        pytest.param(CHUNKED + b"0\r\n" + b"X: y\r\n" * 12_000, id="trailers that do not end"),
    ],
)
def test_what_is_refused_anyhow_is_not_waited_for(wrong: bytes) -> None:
    assert incoming().add(wrong) is Progress.WHOLE


def test_a_body_that_may_just_be_sent_is_waited_for() -> None:
    one = incoming()
    assert one.add(HEAD + b"Content-Length: 1000\r\n\r\n") is Progress.PARTIAL
    assert one.add(b" " * 999) is Progress.PARTIAL
    assert one.add(b" ") is Progress.WHOLE


@pytest.mark.parametrize(
    ("size", "progress"), [(LARGEST_HEAD, Progress.PARTIAL), (LARGEST_HEAD + 1, Progress.TOO_LONG)]
)
def test_a_head_that_does_not_end_is_too_long(size: int, progress: Progress) -> None:
    assert incoming().add(b"GET / HTTP/1.1\r\nX: ".ljust(size, b"x")) is progress


def test_who_waits_to_go_on_is_told_of_once() -> None:
    one = incoming()
    assert one.add(HEAD + b"expect: 100-Continue\r\nContent-Length: 3\r\n\r\n") is Progress.WAITING
    assert one.add(b"a") is Progress.PARTIAL
    assert one.add(b"bc") is Progress.WHOLE
    assert incoming().add(HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc") is Progress.WHOLE


@pytest.mark.parametrize(
    ("line", "is_probe"),
    [
        (b"GET /livez HTTP/1.1", True),
        (b"GET /readyz HTTP/1.1", True),
        (b"GET /metrics HTTP/1.1", True),
        (b"GET /livezz HTTP/1.1", False),
        (b"POST /livez HTTP/1.1", False),
        (b"GET /cds-services HTTP/1.1", False),
    ],
)
def test_probes_are_known_by_their_first_line(line: bytes, is_probe: bool) -> None:
    one = incoming()
    one.add(line + b"\r\nHost: a\r\n\r\n")
    assert one.is_probe is is_probe


@settings(max_examples=500, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.sampled_from([HEAD, CHUNKED, b"\r\n\r\n", b"0\r\n", b"5\r\n"]), max_size=8))
def test_garbage_is_received_like_anything_else(parts: list[bytes]) -> None:
    one = incoming()
    for part in parts:
        assert one.add(part) in Progress
    assert one.received == b"".join(parts)
