import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from signal import SIGTERM
from threading import Event
from typing import Any

import pytest
from gunicorn.http import errors

from service import worker as worker_module
from service.server import GunicornLog, Server
from service.worker import Worker
from tests.service.builders import development, world
from tests.service.serving import HOST, Serving, configured, gunicorn_loggers, parse, post, read_all, read_one, serving

SECRET = b"SECRETTOKEN"
GET = b"GET /plain HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with gunicorn_loggers():
        yield


@pytest.fixture
def here() -> Iterator[Serving]:
    with serving() as it:
        yield it


def status(answer: bytes) -> bytes:
    """Return the status line of an answer; of one that is sent in several parts the first."""
    return answer.partition(b"\r\n")[0].removeprefix(b"HTTP/1.1 ")


# ------------------------------------------------------------------------------------------------ requests on their way

SLOW = {
    "nothing": b"",
    "a part of the head": b"GET /plain HTTP/1.1\r\nX: ",
    "a part of the body": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
    "a part of the chunks": b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    "an expectation": b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n",
}


def test_who_sends_slowly_or_nothing_takes_no_thread(here: Serving) -> None:
    with ExitStack() as stack:
        for part in [*SLOW.values()] * 4:
            stack.enter_context(slow := here.connect())
            slow.sendall(part)
        begun = time.monotonic()
        for _ in range(3):
            assert status(here.get("/plain")) == b"200 OK"
        assert time.monotonic() - begun < 1


def test_who_sends_too_slowly_is_told_so_and_let_go(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker_module, "RECEIVE_SECONDS", 0.2)
    with serving() as here, ExitStack() as stack:
        slow = [stack.enter_context(here.connect()) for _ in SLOW]
        kept = stack.enter_context(here.connect())
        kept.sendall(GET)
        assert status(read_one(kept)) == b"200 OK"
        for connection, part in zip(slow, SLOW.values(), strict=True):
            connection.sendall(part)
        kept.sendall(b"GET /plain")
        answers = [read_all(connection) for connection in slow]
        assert status(read_all(kept)) == b"408 Request Timeout"
        assert here.worker.nr_conns == 0
    assert answers[0] == b""
    assert [status(each) for each in answers[1:4]] == [b"408 Request Timeout"] * 3
    assert [status(each) for each in answers[4].split(b"\r\n\r\n")] == [b"100 Continue", b"408 Request Timeout", b""]
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["reason"] for line in lines] == ["a request was refused: 408 Request Timeout"] * 5


@pytest.mark.parametrize("size", [1, 3, 50])
def test_a_request_that_comes_in_pieces_is_read_as_it_was_sent(here: Serving, size: int) -> None:
    body = bytes(range(256))
    whole = post(body, b"Connection: close")
    answer = here.ask(*(whole[at : at + size] for at in range(0, len(whole), size)))
    assert (status(answer), answer.endswith(b"\r\n\r\n" + body)) == (b"200 OK", True)


def test_a_request_in_chunks_is_read_as_it_was_sent(here: Serving) -> None:
    head = b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n" + HOST
    answer = here.ask(head + b"\r\n", b"3\r\n{\r\n\r\n", b"2\r\n", b'"}\r\n', b"0\r\nX: y\r\n", b"\r\n")
    assert (status(answer), answer.endswith(b'\r\n\r\n{\r\n"}')) == (b"200 OK", True)


def test_further_requests_on_a_connection_are_answered_in_turn(here: Serving) -> None:
    with here.connect() as connection:
        connection.sendall(post(b"one") + post(b"two") + GET[:10])
        time.sleep(0.05)
        connection.sendall(GET[10:-2] + b"Connection: close\r\n\r\n")
        answers = read_all(connection)
    assert [answers.count(each) for each in (b"200 OK", b"\r\n\r\none", b"\r\n\r\ntwo", b"\r\n\r\nplain")] == [
        3,
        1,
        1,
        1,
    ]
    assert answers.index(b"one") < answers.index(b"two") < answers.index(b"plain")


def test_who_waits_to_be_told_to_go_on_is_told_once(here: Serving) -> None:
    whole = post(b"{}", b"Expect: 100-continue", b"Connection: close")
    with here.connect() as connection:
        connection.sendall(whole[:-2])
        assert read_one(connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(whole[-2:])
        answer = read_all(connection)
    assert (status(answer), answer.endswith(b"\r\n\r\n{}")) == (b"200 OK", True)


def test_a_body_that_is_too_large_is_refused_before_it_comes(here: Serving) -> None:
    with here.connect() as connection:
        connection.sendall(post(b"", path="/echo").replace(b"Length: 0", b"Length: 100001"))
        time.sleep(0.1)
        # What is sent all the same is thrown away: otherwise the answer could be lost with it.
        connection.sendall(b" " * 50_000)
        answer = read_all(connection)
    assert (status(answer), answer.endswith(b"}]}")) == (b"413 REQUEST ENTITY TOO LARGE", True)
    assert status(here.get("/plain")) == b"200 OK"


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (b"GET / HTTP/1.1\r\nX: ".ljust(70_000, b"x"), b"431 Request Header Fields Too Large"),
        (post(b"{}", b"Content-Length: 2"), b"400 Bad Request"),
        (post(b"{}", b"Transfer-Encoding: chunked"), b"400 Bad Request"),
        (post(b"{}").replace(b"Length: 2", b"Length: +2"), b"400 Bad Request"),
        (b"\x16\x03\x01 hello\r\n\r\n", b"400 Bad Request"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_at_once(here: Serving, wrong: bytes, expected: bytes) -> None:
    assert status(here.ask(wrong)) == expected
    assert status(here.get("/plain")) == b"200 OK"


def test_what_the_parser_misses_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, here: Serving) -> None:
    # The two readings of a request differ: this one believes that none has a body.
    monkeypatch.setattr("service.receiving.Incoming._read_head", lambda self, end: setattr(self, "_whole", end + 4))
    begun = time.monotonic()
    answer = here.ask(post(b"{}")[:-1])
    assert time.monotonic() - begun < 1
    assert status(answer) == b"400 BAD REQUEST"
    assert here.worker.nr_conns == 0


def test_of_a_socket_only_that_is_read_which_is_there() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        arrived = worker_module._Arrived(ours)
        theirs.sendall(b"here")
        assert (arrived.recv(3), arrived.recv(3)) == (b"her", b"e")
        with pytest.raises(errors.NoMoreData):
            arrived.recv(3)
        theirs.close()
        assert arrived.recv(3) == b""
        assert ours.gettimeout() == 5


def test_all_that_has_come_so_far_is_bounded(monkeypatch: pytest.MonkeyPatch, here: Serving) -> None:
    monkeypatch.setattr(worker_module, "MOST_RECEIVED", 100_000)
    with here.connect() as one, here.connect() as other:
        one.sendall(post(b" " * 90_000)[:-1])
        time.sleep(0.1)
        other.sendall(post(b" " * 50_000)[:-1])
        assert status(read_all(other)) == b"503 Service Unavailable"
        one.sendall(b" ")
        assert status(read_one(one)) == b"200 OK"
        assert here.worker._received == 0


# -------------------------------------------------------------------------------------------------- busy, and stopping


def test_a_client_that_does_not_close_its_end_stops_nobody(monkeypatch: pytest.MonkeyPatch, here: Serving) -> None:
    monkeypatch.setattr(worker_module, "LEAVE_SECONDS", 0.2)
    with ExitStack() as stack:
        begun = time.monotonic()
        open_ends = [stack.enter_context(here.connect()) for _ in range(4)]
        for each in open_ends:
            each.sendall(b"GET /plain HTTP/1.0\r\n\r\n")
            assert b"plain" in read_all(each)
        assert status(here.get("/plain")) == b"200 OK"
        assert time.monotonic() - begun < 1
        time.sleep(1.3)
        assert here.worker._leaving == {}


def test_who_breaks_off_after_the_answer_is_forgotten(here: Serving) -> None:
    with here.connect() as connection:
        connection.sendall(b"GET /plain HTTP/1.0\r\n\r\n")
        assert b"plain" in read_all(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert status(here.get("/plain")) == b"200 OK"
    assert len(here.worker._leaving) <= 1


def test_when_many_leave_at_once_they_are_not_waited_for(monkeypatch: pytest.MonkeyPatch, here: Serving) -> None:
    monkeypatch.setattr(worker_module, "MOST_LEAVING", 0)
    with here.connect() as connection:
        connection.sendall(b"GET /plain HTTP/1.0\r\n\r\n")
        assert b"plain" in read_all(connection)
        assert here.worker._leaving == {}


def test_a_client_that_does_not_take_its_answer_gives_its_thread_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "SEND_SECONDS", 0.2)
    with serving(threads=1) as here, here.connect() as greedy:
        greedy.sendall(b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n")
        time.sleep(0.1)
        begun = time.monotonic()
        assert status(here.get("/plain")) == b"200 OK"
        assert time.monotonic() - begun < 1


def test_questions_how_the_process_is_are_answered_when_all_threads_are_busy(here: Serving) -> None:
    with here.connect() as one, here.connect() as other:
        for each in (one, other):
            each.sendall(b"GET /held HTTP/1.1\r\n" + HOST + b"\r\n")
        assert here.begun.wait(5)
        assert status(here.get("/livez")) == b"200 OK"
        here.held.set()
        assert [status(read_one(each)) for each in (one, other)] == [b"200 OK"] * 2


def test_the_time_of_a_call_runs_from_its_arrival_not_from_when_a_thread_is_free() -> None:
    with serving(threads=1, deadline=60) as here, here.connect() as first, ThreadPoolExecutor(1) as pool:
        first.sendall(b"GET /held HTTP/1.1\r\n" + HOST + b"\r\n")
        assert here.begun.wait(5)
        second = pool.submit(here.get, "/left")
        time.sleep(0.3)
        here.held.set()
        assert 59 < float(second.result().rpartition(b"\r\n")[2]) < 59.8


@pytest.mark.parametrize(("deadline", "expected"), [(1.0, b"503 SERVICE UNAVAILABLE"), (9.0, b"200 OK")])
def test_a_call_that_waited_for_half_its_time_is_sent_away(deadline: float, expected: bytes) -> None:
    with serving(threads=1, deadline=deadline) as here, here.connect() as first, ThreadPoolExecutor(1) as pool:
        first.sendall(b"GET /held HTTP/1.1\r\n" + HOST + b"\r\n")
        assert here.begun.wait(5)
        second = pool.submit(here.get, "/plain")
        time.sleep(0.7)
        here.held.set()
        answer = second.result()
        assert status(answer) == expected
        assert (b"Retry-After: 1\r\n" in answer, b'"throttled"' in answer) == (deadline < 9, deadline < 9)
        assert status(here.get("/plain")) == b"200 OK"


def test_a_stopping_worker_ends_what_it_has_and_takes_nothing_new(
    monkeypatch: pytest.MonkeyPatch, here: Serving
) -> None:
    monkeypatch.setattr(worker_module, "LEAVE_SECONDS", 0.1)
    with here.connect() as busy, here.connect() as silent:
        busy.sendall(b"GET /held HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
        assert here.begun.wait(5)
        here.worker.handle_exit(SIGTERM, None)
        assert here.server.lifecycle.stopping
        time.sleep(0.1)
        with pytest.raises(ConnectionRefusedError):
            here.connect()
        assert read_all(silent) == b""
        here.held.set()
        assert read_all(busy).endswith(b"\r\n\r\nheld")


def test_who_has_connected_before_the_stop_is_answered(here: Serving) -> None:
    # The event loop stands still, as it would under load: the system has the connection, gunicorn does not yet.
    go_on = Event()
    here.worker.method_queue.defer(go_on.wait, 5)
    time.sleep(0.05)
    with here.connect() as connection:
        connection.sendall(GET)
        here.worker.handle_exit(SIGTERM, None)
        go_on.set()
        assert status(read_one(connection)) == b"200 OK"


@pytest.mark.parametrize("abrupt", [True, False])
def test_who_goes_in_the_middle_of_a_request_is_forgotten(here: Serving, abrupt: bool) -> None:
    connection = here.connect()
    connection.sendall(post(b"{}")[:-1])
    time.sleep(0.05)
    if abrupt:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    assert status(here.get("/plain")) == b"200 OK"
    assert (here.worker._incoming, here.worker._received) == ({}, 0)


# ------------------------------------------------------------------------------------ requests that cannot be read


def answered_to(error: Exception) -> bytes:
    """Raise an error as gunicorn does while it reads a request; return what the caller is sent."""
    server = Server(world().app, development())
    worker = Worker(0, 0, [], server, 30, server.cfg, GunicornLog(server.cfg))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            raise error  # noqa: TRY301 - the log asks for the error that is being handled
        except Exception as raised:  # noqa: BLE001
            worker.handle_error(None, ours, ("127.0.0.1", 40_000), raised)
        worker.tmp.close()
        ours.shutdown(socket.SHUT_RDWR)
        return theirs.recv(65_536)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((b"GET / HTTP/1.1", b"Authorization Bearer " + SECRET), b"400 Bad Request"),
        ((b"GET / HTTP/1.1", b"Bad Name: " + SECRET, SECRET + b" x: 1"), b"400 Bad Request"),
        ((b"GET /?patient=" + SECRET + b" HTTP/1.1 more",), b"400 Bad Request"),
        ((SECRET.lower() + b" / HTTP/1.1",), b"400 Bad Request"),
        ((b"GET / HTTP/9." + SECRET,), b"400 Bad Request"),
        ((b"GET /" + SECRET * 1000 + b" HTTP/1.1",), b"414 URI Too Long"),
        ((b"GET / HTTP/1.1", b"X: " + SECRET * 1000), b"431 Request Header Fields Too Large"),
        ((b"GET / HTTP/1.1", b"Expect: " + SECRET), b"417 Expectation Failed"),
        ((b"POST / HTTP/1.1", b"Transfer-Encoding: " + SECRET), b"501 Not Implemented"),
    ],
)
def test_a_request_that_cannot_be_read_is_quoted_nowhere(
    capsys: pytest.CaptureFixture[str], lines: tuple[bytes, ...], status: bytes
) -> None:
    with pytest.raises(errors.ParseException) as caught:
        parse(configured(), *lines)
    answer = answered_to(caught.value)
    assert answer.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert SECRET.lower() not in answer.lower()
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"]) == ("message of gunicorn.error", "warning")
    assert (line["exception"], line["correlation_id"]) == (type(caught.value).__name__, "none")
    assert SECRET.decode().lower() not in str(line).lower()


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("SECRETTOKEN"),
        errors.InvalidResponseHeader("SECRETTOKEN"),  # type: ignore[attr-defined]
        errors.InvalidResponseHeaderName("SECRETTOKEN"),  # type: ignore[attr-defined]
    ],
)
def test_a_failure_of_the_server_is_a_500_that_says_nothing(
    capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    answer = answered_to(error)
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["exception"]) == ("error", type(error).__name__)
    assert "SECRETTOKEN" not in f"{answer!r}{line}"


def test_a_caller_who_is_gone_is_no_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("gunicorn.util.write_nonblock", gone)
    assert answered_to(errors.InvalidHeader("x")) == b""
    assert len(capsys.readouterr().err.splitlines()) == 1
