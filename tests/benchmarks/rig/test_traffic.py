import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle

import pytest

from benchmarks.rig.traffic import Call, Tally, Timed, Traffic, latencies, percentile, statuses
from benchmarks.rig.web import Answer, Connection, NoAnswerError, get, post, status_of


@contextmanager
def answering(seconds: float = 0.0, *, standing: threading.Event | None = None) -> Iterator[int]:
    """A server that answers what it was sent, after a while; with `standing` not before that is set."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(seconds)
            if standing is not None:
                standing.wait(5)
            if body == b"close":
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in http.server
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def call(number: int) -> Call:
    return Call("/", json.dumps({"number": number}).encode())


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([5], 1, 5),
        ([5], 100, 5),
        ([1, 2, 3, 4], 50, 2),
        ([4, 3, 2, 1], 75, 3),
        ([1, 2, 3, 4], 76, 4),
        (list(range(1, 101)), 99, 99),
        (list(range(1, 101)), 99.5, 100),
        (list(range(1, 1001)), 99, 990),
    ],
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    values: list[float], percent: float, expected: float
) -> None:
    assert percentile(values, percent) == expected


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 100.1)])
def test_there_is_no_percentile_of_nothing(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)


def test_statuses_and_latencies_are_said_in_words() -> None:
    good, dropped = Timed(0.0, 0.010, 200), Timed(0.0, 0.030, 0, "ConnectionRefusedError")
    assert statuses([good, good]) == "only 200"
    assert statuses([good, dropped, good]) == "2 x 200, 1 x no answer (ConnectionRefusedError)"
    assert statuses([]) == latencies([]) == "no calls"
    assert latencies([good, dropped]) == "p50 10 ms, p99 30 ms, max 30 ms"


def test_calls_are_told_in_the_order_in_which_they_ended_so_that_each_is_in_one_part() -> None:
    tally, calls = Tally(), [Timed(0.0, 0.5, 200), Timed(0.9, 0.2, 200), Timed(0.1, 1.2, 200)]
    for each in calls:
        tally.add(each)
    assert tally.calls() == tuple(calls)
    assert tally.calls(after=2) == (calls[2],)
    assert tally.calls(after=3) == ()


def test_every_call_has_a_number_of_its_own_and_is_told_to_whoever_watches() -> None:
    seen: list[Answer] = []
    with answering() as port:
        tally = Traffic(lambda: port, call, seen.append).saturate(4).run(0.2)
    assert tally.statuses() == "only 200"
    numbers = sorted(each.json()["number"] for each in seen)
    assert numbers == list(range(len(tally.calls())))


def test_calls_flow_at_the_rate_that_was_asked_for() -> None:
    with answering() as port:
        begin = time.monotonic()
        tally = Traffic(lambda: port, call, lambda _: None).flow(100).run(0.5)
        took = time.monotonic() - begin
    assert 0.5 <= took < 1.5
    assert 40 <= len(tally.calls()) <= 100 * took + 1


# Whoever measures from the moment of sending sees one slow call here, because the others wait for it unseen.
def test_a_server_that_stands_still_is_seen_by_all_calls_that_were_to_be_made_meanwhile() -> None:
    standing = threading.Event()
    with answering(standing=standing) as port:
        traffic = Traffic(lambda: port, call, lambda _: None).flow(50, connections=1)
        time.sleep(0.5)
        standing.set()
        tally = traffic.run(0.1)
    slow = [each for each in tally.calls() if each.seconds > 0.1]
    assert len(slow) >= 15
    assert max(each.seconds for each in slow) >= 0.45


def test_what_does_not_answer_is_counted() -> None:
    with answering() as port:
        with pytest.raises(NoAnswerError, match="RemoteDisconnected"):
            post(port, "/", b"close")
        tally = Traffic(lambda: port, lambda _: Call("/", b"close"), lambda _: None, keep=False).flow(50).run(0.1)
    assert tally.statuses() == "only no answer (RemoteDisconnected)"
    assert status_of(port, "/") == 0
    with pytest.raises(NoAnswerError, match="ConnectionRefusedError"):
        get(port, "/")


def test_a_call_that_is_refused_goes_to_another_server_and_fails_where_there_is_none() -> None:
    with answering() as gone:
        pass
    with answering() as port:
        turns = cycle((gone, port))
        tally = Traffic(lambda: next(turns), call, lambda _: None, keep=False).flow(50, connections=1).run(0.2)
    assert tally.statuses() == "only 200"
    tally = Traffic(lambda: gone, call, lambda _: None, keep=False).flow(50, connections=1).run(0.1)
    assert tally.statuses() == "only no answer (ConnectionRefusedError)"


def test_a_kept_connection_that_was_closed_is_opened_anew_but_not_for_ever() -> None:
    with answering() as port:
        connection = Connection(port)
        assert connection.call("POST", "/", b"1").body == b"1"
        with pytest.raises(NoAnswerError):
            connection.call("POST", "/", b"close")
        assert connection.call("POST", "/", b"2").body == b"2"
        connection.close()
