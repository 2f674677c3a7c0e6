import socket
import threading
import time
import zlib
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import requests
from requests import adapters

from criteria.facts import SearchState
from service.addresses import Reach
from service.callers import anybody
from service.connections import CONNECT_SECONDS, ReachAdapter
from service.deadline import Deadline
from service.fetches import Fetches
from service.fhir_client import Distrust, Fetched, FhirClient
from service.prefetch import complete
from service.search import Server
from tests.service.builders import development, hook_request
from tests.service.certificates import Authority
from tests.service.loopback import Behaviour, Connection, Loopback, answer, dripping, loopback, resolving, sending

HOST = "ehr.example.org"
SECONDS = 0.4
LATE = 0.3
"""What a thread may live on after its deadline."""
REFUSED = Fetched(SearchState.FAILED, reason="is at an address this service may not call", unreachable=True)
LOCAL = (ip_network("127.0.0.0/8"),)


def timed(call: Callable[[], Fetched]) -> tuple[Fetched, float]:
    start = time.monotonic()
    return call(), time.monotonic() - start


def fetch(url: str, seconds: float = 5.0, client: FhirClient | None = None) -> Fetched:
    return (client or FhirClient(loopback_allowed=True))(url, "t", Deadline.after(seconds))


# ------------------------------------------------------------------------------------------------------------ address


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "[::ffff:127.0.0.1]"])
def test_a_server_within_is_not_connected_to(host: str) -> None:
    with loopback(sending(answer())) as server:
        fetched = FhirClient(loopback_allowed=False)(server.url(host, "https"), "t", Deadline.after(5))
    assert fetched == REFUSED
    assert (fetched.distrust, server.connections) == (Distrust.ADDRESS, 0)


def test_a_name_is_resolved_once_per_connection_and_its_address_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback(sending(answer())) as server:
        # A name whose second answer leads elsewhere: DNS rebinding.
        resolver = resolving(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
        client = FhirClient(loopback_allowed=True)
        states = [fetch(server.url(HOST), client=client).state for _ in range(3)]
    assert states == [SearchState.ANSWERED] * 3
    assert resolver.asked == [HOST]
    assert server.connections == 1
    assert f"Host: {HOST}:{server.port}".encode() in server.requests[0]


def test_a_new_connection_is_judged_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def once(connection: Connection, _seen: Loopback) -> None:
        connection.sendall(answer(Connection="close"))

    with loopback(once) as server:
        resolver = resolving(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
        client = FhirClient(loopback_allowed=True)
        fetched = [fetch(server.url(HOST), client=client) for _ in range(2)]
    assert [each.state for each in fetched] == [SearchState.ANSWERED, SearchState.FAILED]
    assert fetched[1] == REFUSED
    assert resolver.asked == [HOST, HOST]
    assert server.connections == 1


def test_the_next_address_is_tried_when_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback(sending(answer())) as server:
        resolving(monkeypatch, ["::1", "127.0.0.2", "127.0.0.1"])
        assert fetch(server.url(HOST)).state is SearchState.ANSWERED


def test_an_address_of_a_kind_that_the_machine_does_not_have_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    class WithoutIPv6(socket.socket):
        def __init__(self, family: int = -1, *args: int, **kwargs: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(97, "Address family not supported by protocol")
            super().__init__(family, *args, **kwargs)

    with loopback(sending(answer())) as server:
        resolving(monkeypatch, ["::1", "127.0.0.1"])
        monkeypatch.setattr(socket, "socket", WithoutIPv6)
        assert fetch(server.url(HOST)).state is SearchState.ANSWERED


def test_an_ipv6_address_is_called() -> None:
    try:
        listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listening:
        port = listening.getsockname()[1]
        fetched, seconds = timed(lambda: fetch(f"http://[::1]:{port}/fhir", 0.2))
        accepted, _ = listening.accept()
        with accepted:
            assert f"Host: [::1]:{port}".encode() in accepted.recv(65_536)
    assert fetched.reason == "did not answer in time"
    assert seconds < 0.2 + LATE


@pytest.mark.parametrize("answers", [[], ["127.0.0.2"]])
def test_a_server_that_is_not_there_could_not_be_reached(monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> None:
    resolving(monkeypatch, answers)
    assert fetch(f"http://{HOST}:9/fhir") == Fetched(
        SearchState.FAILED, reason="could not be reached", unreachable=True
    )


def test_connections_of_one_reach_do_not_serve_another() -> None:
    with loopback(sending(answer())) as server:
        client = FhirClient(loopback_allowed=True)
        for networks in ((), LOCAL, LOCAL, ()):
            assert client.within(networks)(server.url(), "t", Deadline.after(5)).state is SearchState.ANSWERED
    assert server.connections == 2


# ---------------------------------------------------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("certificates"), "trusted")


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> Authority:
    monkeypatch.setattr(adapters, "DEFAULT_CA_BUNDLE_PATH", str(authority.path))
    return authority


def fetch_by_tls(monkeypatch: pytest.MonkeyPatch, server: Loopback, host: str = HOST) -> Fetched:
    resolving(monkeypatch, ["127.0.0.1"])
    return FhirClient(loopback_allowed=False).within(LOCAL)(server.url(host, "https"), "t", Deadline.after(5))


def test_the_certificate_is_that_of_the_name_although_an_address_is_called(
    monkeypatch: pytest.MonkeyPatch, trusting: Authority
) -> None:
    with loopback(sending(answer()), trusting.server(HOST)) as server:
        assert fetch_by_tls(monkeypatch, server).state is SearchState.ANSWERED
    assert server.names == [HOST]


@pytest.mark.parametrize(("host", "days"), [("other.example.org", 1), ("127.0.0.1", 1), ("example.org", 1), (HOST, -1)])
def test_a_certificate_of_another_name_or_that_has_expired_is_refused(
    monkeypatch: pytest.MonkeyPatch, trusting: Authority, host: str, days: int
) -> None:
    with loopback(sending(answer()), trusting.server(host, days)) as server:
        fetched = fetch_by_tls(monkeypatch, server)
    assert fetched == Fetched(SearchState.FAILED, reason="could not be reached", unreachable=True)
    assert (fetched.distrust, server.requests) == (Distrust.TLS, [])


def test_a_certificate_of_an_unknown_authority_is_refused(
    monkeypatch: pytest.MonkeyPatch, trusting: Authority, tmp_path: Path
) -> None:
    with loopback(sending(answer()), Authority.make(tmp_path, "unknown").server(HOST)) as server:
        fetched = fetch_by_tls(monkeypatch, server)
    assert (fetched.reason, fetched.distrust, server.requests) == ("could not be reached", Distrust.TLS, [])


# --------------------------------------------------------------------------------------------------------------- time

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"
SLOW = {
    "status line": dripping(b"HTTP/1.1 2", b"0"),
    "headers": dripping(HEAD + b"X: ", b"x"),
    "more headers": dripping(HEAD, b"X: y\r\n"),
    "information": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": dripping(HEAD + b"Content-Length: 1000\r\n\r\n{", b" "),
    "body to the end": dripping(HEAD + b"\r\n{", b" "),
    "chunks": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n"),
    "size of a chunk": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1", b";x"),
    "trailers": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X: y\r\n"),
    "silence": dripping(b"", b"", 5.0),
    "silence after headers": dripping(HEAD + b"Content-Length: 10\r\n\r\n", b"", 5.0),
}


@pytest.mark.parametrize("behave", SLOW.values(), ids=SLOW.keys())
def test_an_answer_that_drips_is_left_at_the_deadline(behave: Behaviour) -> None:
    with loopback(behave) as server:
        fetched, seconds = timed(lambda: fetch(server.url(), SECONDS))
    assert fetched.state is SearchState.FAILED
    assert fetched.reason in {"did not answer in time", "did not finish its answer in time"}
    assert not fetched.unreachable
    assert seconds < SECONDS + LATE


@pytest.mark.parametrize("part", ["silence", "silence after headers"])
def test_a_server_that_is_silent_is_left_long_before_the_deadline(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    monkeypatch.setattr("service.connections.READ_SECONDS", 0.2)
    with loopback(SLOW[part]) as server:
        fetched, seconds = timed(lambda: fetch(server.url(), 5.0))
    assert (fetched.state, "in time" in fetched.reason) == (SearchState.FAILED, True)
    assert 0.2 <= seconds < 0.2 + LATE


def test_an_answer_that_comes_in_pieces_may_take_all_the_time_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.connections.READ_SECONDS", 0.2)

    def slowly(connection: Connection, seen: Loopback) -> None:
        connection.sendall(HEAD + b"Content-Length: 10\r\n\r\n{}")
        for _ in range(8):
            seen.stopped.wait(0.1)
            connection.sendall(b" ")

    with loopback(slowly) as server:
        fetched, seconds = timed(lambda: fetch(server.url(), 5.0))
    assert fetched.state is SearchState.ANSWERED
    assert seconds > 0.4


@pytest.mark.parametrize("part", ["headers", "body"])
def test_an_answer_that_drips_through_tls_is_left_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, trusting: Authority, part: str
) -> None:
    with loopback(SLOW[part], trusting.server(HOST)) as server:
        resolving(monkeypatch, ["127.0.0.1"])
        fetched, seconds = timed(lambda: fetch(server.url(HOST, "https"), SECONDS))
    assert "in time" in fetched.reason
    assert len(server.requests) == 1
    assert seconds < SECONDS + LATE


def test_a_handshake_that_drips_is_left_when_the_time_for_connecting_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(listening: socket.socket, over: threading.Event) -> None:
        accepted, _ = listening.accept()
        with accepted:
            # A record of 16 kB begins, and comes byte by byte.
            accepted.sendall(b"\x16\x03\x03\x40\x00")
            while not over.wait(0.02):
                try:
                    accepted.sendall(b"\x02")
                except OSError:
                    return

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening, over))
        thread.start()
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/fhir"
        fetched, seconds = timed(lambda: fetch(url, 5.0))
        over.set()
        thread.join()
    assert fetched.reason == "did not answer in time"
    assert CONNECT_SECONDS <= seconds < CONNECT_SECONDS + LATE


@pytest.mark.parametrize(("left", "seconds"), [(5.0, CONNECT_SECONDS), (0.2, 0.2)])
def test_a_server_that_takes_no_connection_is_left_sooner(left: float, seconds: float) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port = listening.getsockname()[1]
        waiting = []
        try:
            # Linux drops what comes when the queue is full.
            for _ in range(3):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(("127.0.0.1", port))
            fetched, taken = timed(lambda: fetch(f"http://127.0.0.1:{port}/fhir", left))
        finally:
            for each in waiting:
                each.close()
    assert fetched == Fetched(SearchState.FAILED, reason="did not answer in time", unreachable=True)
    assert seconds <= taken < seconds + LATE


def test_addresses_are_tried_only_while_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    class Silent(socket.socket):
        def connect(self, address: Any) -> None:
            tried.append(address[0])
            time.sleep(self.gettimeout() or 0)
            raise TimeoutError

    resolving(monkeypatch, [f"9.9.9.{each}" for each in range(200)])
    monkeypatch.setattr(socket, "socket", Silent)
    fetched, seconds = timed(lambda: fetch(f"http://{HOST}/fhir", 1.2))
    assert (fetched.reason, fetched.unreachable) == ("did not answer in time", True)
    assert tried == ["9.9.9.0", "9.9.9.1", "9.9.9.2"]
    assert seconds < 1.2 + LATE


def test_a_resolver_that_hangs_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["9.9.9.9"], seconds=1.0)
    fetched, seconds = timed(lambda: fetch(f"http://{HOST}/fhir", 0.2))
    assert (fetched.reason, fetched.unreachable) == ("did not answer in time", True)
    assert seconds < 0.2 + LATE
    for each in threading.enumerate():
        if each.name == "resolve":
            each.join()


def test_a_resolver_that_hangs_does_not_take_the_whole_time_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.connections.READ_SECONDS", 0.2)
    resolving(monkeypatch, ["9.9.9.9"], seconds=1.0)
    fetched, seconds = timed(lambda: fetch(f"http://{HOST}/fhir", 5.0))
    assert (fetched.reason, fetched.unreachable, fetched.fault) == ("did not answer in time", True, True)
    assert seconds < 0.2 + LATE
    for each in threading.enumerate():
        if each.name == "resolve":
            each.join()


def test_packed_parts_that_unpack_to_nothing_are_left_at_the_deadline() -> None:
    # urllib3 reads on by itself until something comes out.
    empty = zlib.compressobj(wbits=31)
    start = empty.compress(b"") + empty.flush(zlib.Z_SYNC_FLUSH)
    nothing = b"\x00\x00\x00\xff\xff" * 3_000

    def pour(connection: Connection, seen: Loopback) -> None:
        connection.sendall(HEAD + b"Content-Encoding: gzip\r\n\r\n" + start)
        while not seen.stopped.is_set():
            connection.sendall(nothing)

    with loopback(pour) as server:
        fetched, seconds = timed(lambda: fetch(server.url(), SECONDS))
    assert fetched == Fetched(SearchState.FAILED, reason="did not finish its answer in time")
    assert seconds < SECONDS + LATE


@pytest.mark.parametrize("part", ["headers", "body"])
def test_the_threads_of_a_call_are_free_when_its_deadline_has_passed(part: str) -> None:
    with loopback(SLOW[part]) as server:
        base = anybody(development()).fhir_base(server.url().partition("/Condition")[0])
        assert base is not None
        # Long enough for the searches to begin, on a machine that does other things too.
        deadline = Deadline.after(4 * SECONDS)
        client = FhirClient(loopback_allowed=True)
        fetches = Fetches()
        complete(hook_request(fhirServer=str(base)), Server(base, "t", client, deadline), fetches)
        assert len(server.requests) > 1
        time.sleep(deadline.remaining() + LATE)
        assert fetches.running == 0


def test_a_connection_is_kept_after_an_answer_and_used_again() -> None:
    with loopback(sending(answer())) as server:
        client = FhirClient(loopback_allowed=True)
        for _ in range(3):
            assert fetch(server.url(), client=client).state is SearchState.ANSWERED
    assert (server.connections, len(server.requests)) == (1, 3)


def test_a_slow_answer_does_not_shorten_the_time_of_the_next() -> None:
    def slowly(connection: Connection, seen: Loopback) -> None:
        seen.stopped.wait(0.3)
        connection.sendall(answer())

    with loopback(slowly) as server:
        client = FhirClient(loopback_allowed=True)
        assert [fetch(server.url(), 0.5, client).state for _ in range(2)] == [SearchState.ANSWERED] * 2
    assert server.connections == 1


def test_without_a_timeout_there_is_no_time() -> None:
    request = requests.Request("GET", "http://127.0.0.1:9/fhir").prepare()
    with pytest.raises(requests.ConnectTimeout):
        ReachAdapter(Reach(loopback_allowed=True)).send(request)
