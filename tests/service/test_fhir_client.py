import gzip
import io
import logging
import time
import tracemalloc
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, ProtocolError, ReadTimeoutError
from urllib3.response import HTTPResponse

from criteria.facts import SearchState
from service.addresses import AddressRefused
from service.connections import CONNECT_SECONDS, READ_SECONDS, ReachAdapter
from service.deadline import MOST_BYTES, Allowance, Deadline
from service.fhir_client import LARGEST_ANSWER, Fetched, FhirClient
from service.key_set import LARGEST_KEY_SET
from tests.service.builders import FHIR
from tests.service.loopback import ANSWER, Behaviour, Connection, Loopback, answer, loopback, resolving, sending

URL = f"{FHIR}/Condition?patient=p1"
ANSWERED, DENIED, FAILED = SearchState.ANSWERED, SearchState.DENIED, SearchState.FAILED


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def fetch(*, token: str | None = "t", deadline: Deadline | None = None) -> Fetched:  # noqa: S107 - made up
    return FhirClient(loopback_allowed=False)(URL, token, deadline or Deadline.after(60))


def test_a_resource_is_read_exactly(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, body=b'{"resourceType":"Bundle","total":1.10}')
    fetched = fetch()
    assert (fetched.state, str((fetched.body or {})["total"])) == (ANSWERED, "1.10")
    headers = mocked.calls[0].request.headers
    assert headers["Authorization"] == "Bearer t"
    assert headers["Accept"] == "application/fhir+json"
    assert headers["Accept-Encoding"] == "gzip"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["User-Agent"] == "her2-crd"


def test_an_open_server_is_sent_no_token(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, json={"resourceType": "Bundle"})
    fetch(token=None)
    assert "Authorization" not in mocked.calls[0].request.headers


def test_a_compressed_answer_is_read(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, body=gzip.compress(b'{"resourceType":"Bundle"}', mtime=0), headers={"Content-Encoding": "gzip"})
    assert fetch().state is ANSWERED


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 422, 501])
def test_a_no_of_the_server_is_a_denial(mocked: responses.RequestsMock, status: int) -> None:
    mocked.get(URL, status=status, json={"resourceType": "OperationOutcome"})
    assert fetch() == Fetched(DENIED, reason=f"answered {status}")


@pytest.mark.parametrize("status", [201, 204, 304, 401, 408, 409, 429, 500, 502, 503, 504])
def test_every_other_status_is_a_failure_and_asked_once(mocked: responses.RequestsMock, status: int) -> None:
    mocked.get(URL, status=status, headers={"Retry-After": "3600"})
    assert fetch() == Fetched(FAILED, reason=f"answered {status}")
    assert len(mocked.calls) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(mocked: responses.RequestsMock, status: int) -> None:
    mocked.get(URL, status=status, headers={"Location": "http://169.254.169.254/latest"})
    assert fetch() == Fetched(FAILED, reason=f"answered {status}")
    assert len(mocked.calls) == 1


@pytest.mark.parametrize("body", ["", "<html>", "{nope", "NaN", "[" * 10_000, "\x00"])
def test_an_answer_that_is_not_json_is_a_failure(mocked: responses.RequestsMock, body: str) -> None:
    mocked.get(URL, body=body)
    assert fetch() == Fetched(FAILED, reason="answered something that is not JSON")


@pytest.mark.parametrize("body", ["[]", "5", "null", '"text"'])
def test_json_that_is_no_object_is_a_failure(mocked: responses.RequestsMock, body: str) -> None:
    mocked.get(URL, body=body)
    assert fetch() == Fetched(FAILED, reason="answered something that is not a FHIR resource")


def test_a_broken_compression_is_a_failure(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, body=b"not gzip", headers={"Content-Encoding": "gzip"})
    assert fetch() == Fetched(FAILED, reason="broke off its answer")


@pytest.mark.parametrize(
    ("error", "reason", "unreachable"),
    [
        (requests.ConnectTimeout(), "did not answer in time", True),
        (requests.ReadTimeout(), "did not answer in time", False),
        (requests.ConnectionError(MaxRetryError(None, "", None)), "could not be reached", True),  # type: ignore[arg-type]
        (requests.ConnectionError(), "could not be reached", True),
        (requests.exceptions.SSLError(), "could not be reached", True),
        (requests.ConnectionError(ProtocolError("gone")), "could not be reached", False),
        (requests.exceptions.ChunkedEncodingError(), "broke off its answer", False),
        (requests.exceptions.InvalidURL(), "broke off its answer", False),
        (OSError(), "broke off its answer", False),
    ],
)
def test_a_server_that_is_not_there_is_a_failure(
    mocked: responses.RequestsMock, error: Exception, reason: str, unreachable: bool
) -> None:
    mocked.get(URL, body=error)
    assert fetch() == Fetched(FAILED, reason=reason, unreachable=unreachable)


FAULTS = [408, 429, 500, 502, 503, 504]


@pytest.mark.parametrize("status", [200, 201, 204, 301, 302, 304, 400, 401, 403, 404, 409, 422, 501, *FAULTS])
def test_a_server_is_blamed_for_its_own_trouble_only(mocked: responses.RequestsMock, status: int) -> None:
    mocked.get(URL, status=status, json={"resourceType": "Bundle"}, headers={"Location": "/login"})
    assert fetch().fault is (status in FAULTS)


@pytest.mark.parametrize(
    ("body", "headers", "fault"),
    [
        (b"<html>", {}, True),
        (b"[]", {}, True),
        (b"not gzip", {"Content-Encoding": "gzip"}, True),
        (b"{}", {"Content-Encoding": "br"}, True),
        (b"{}" + b" " * LARGEST_ANSWER, {}, False),
    ],
)
def test_a_server_is_blamed_for_what_cannot_be_read_not_for_how_much_there_is(
    mocked: responses.RequestsMock, body: bytes, headers: dict[str, str], fault: bool
) -> None:
    mocked.get(URL, body=body, headers=headers)
    fetched = fetch()
    assert (fetched.state, fetched.fault) == (FAILED, fault)


@pytest.mark.parametrize("left", [0.2, CONNECT_SECONDS, READ_SECONDS - 0.01, READ_SECONDS, 4.0])
@pytest.mark.parametrize(
    ("error", "needed"),
    [
        (requests.ConnectTimeout(), CONNECT_SECONDS),
        (requests.ReadTimeout(), READ_SECONDS),
        (ReadTimeoutError(None, "", ""), READ_SECONDS),  # type: ignore[arg-type]
        (requests.ConnectionError(), 0.0),
        (requests.exceptions.SSLError(), 0.0),
        (requests.exceptions.ChunkedEncodingError(), 0.0),
        (requests.exceptions.InvalidHeader(), 99.0),
        (AddressRefused(), 99.0),
        (UnicodeEncodeError("ascii", "€", 0, 1, ""), 99.0),
    ],
)
def test_a_server_is_blamed_for_silence_only_when_it_had_its_time(
    mocked: responses.RequestsMock, left: float, error: Exception, needed: float
) -> None:
    mocked.get(URL, body=error)
    fetched = fetch(deadline=Deadline(left, monotonic=lambda: 0.0))
    assert (fetched.state, fetched.fault) == (FAILED, left >= needed)


def test_a_connection_closed_while_idle_is_opened_once_more(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, body=requests.ConnectionError(ProtocolError("closed")))
    mocked.get(URL, json={"resourceType": "Bundle"})
    assert fetch().state is ANSWERED
    assert len(mocked.calls) == 2


def test_no_second_attempt_is_made_when_time_is_up(mocked: responses.RequestsMock) -> None:
    now = iter([0.0, 0.0, 0.0, 9.0])
    mocked.get(URL, body=requests.ConnectionError(ProtocolError("closed")))
    fetched = fetch(deadline=Deadline.after(4.0, monotonic=lambda: next(now)))
    assert fetched.reason == "could not be reached"
    assert len(mocked.calls) == 1


def test_nothing_is_asked_without_time() -> None:
    assert fetch(deadline=Deadline.after(0)) == Fetched(FAILED, reason="no time was left")


class Drip(io.RawIOBase):
    """A body that gives a byte at a time; the fake clock moves on with each."""

    def __init__(self, tick: Callable[[], None], piece: bytes = b" ") -> None:
        self._tick, self._piece = tick, piece

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._tick()
        size = min(len(buffer), len(self._piece))
        buffer[:size] = self._piece[:size]
        return size


def answering(monkeypatch: pytest.MonkeyPatch, body: io.RawIOBase) -> None:
    """Make the server answer with a raw body."""

    def send(_self: ReachAdapter, _request: requests.PreparedRequest, **_kwargs: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = 200
        response.raw = HTTPResponse(body=io.BufferedReader(body), preload_content=False)
        return response

    monkeypatch.setattr(ReachAdapter, "send", send)


def test_a_server_that_drips_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def tick() -> None:
        now[0] += 0.3

    answering(monkeypatch, Drip(tick))
    fetched = fetch(deadline=Deadline.after(1.5, monotonic=lambda: now[0]))
    assert fetched == Fetched(FAILED, reason="did not finish its answer in time")
    assert now[0] <= 2.0


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    read = [0]

    def tick() -> None:
        read[0] += 1

    answering(monkeypatch, Drip(tick, b" " * 65_536))
    assert fetch() == Fetched(FAILED, reason="answered too much")
    assert read[0] <= LARGEST_ANSWER / 16_384 + 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ReadTimeoutError(None, "", ""), "did not finish its answer in time"),  # type: ignore[arg-type]
        (ProtocolError("cut"), "broke off its answer"),
        (OSError(), "broke off its answer"),
    ],
)
def test_an_answer_that_breaks_off_is_a_failure(monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str) -> None:
    def tick() -> None:
        raise error

    answering(monkeypatch, Drip(tick))
    assert fetch() == Fetched(FAILED, reason=reason)


@pytest.mark.parametrize(("left", "timeout"), [(4.0, 4.0), (0.25, 0.25)])
def test_the_timeout_is_the_time_left(monkeypatch: pytest.MonkeyPatch, left: float, timeout: float) -> None:
    seen: dict[str, Any] = {}

    def send(_self: ReachAdapter, _request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        seen.update(kwargs)
        raise requests.ReadTimeout

    monkeypatch.setattr(ReachAdapter, "send", send)
    fetch(deadline=Deadline.after(left, monotonic=lambda: 0.0))
    assert seen["timeout"].total == timeout


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback(sending(answer())) as server, loopback(sending(answer())) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert local(server).state is ANSWERED
    assert (server.connections, proxy.connections) == (1, 0)


def test_passwords_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with loopback(sending(answer())) as server:
        local(server, token=None)
    assert b"authorization" not in server.requests[0].lower()


def test_cookies_of_one_call_are_not_sent_with_the_next(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, json={}, headers={"Set-Cookie": "session=of-another-patient; Path=/"})
    mocked.get(URL, json={})
    client = FhirClient(loopback_allowed=False)
    for _ in range(2):
        client(URL, "t", Deadline.after(60))
    assert "Cookie" not in mocked.calls[1].request.headers


def test_all_answers_to_one_call_together_are_bounded(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, body=b'{"resourceType":"Bundle"}' + b" " * 7_999_975)
    client, deadline = FhirClient(loopback_allowed=False), Deadline.after(60)
    fetched = [client(URL, "t", deadline) for _ in range(MOST_BYTES // 8_000_000 + 2)]
    assert [each.state for each in fetched] == [*[ANSWERED] * (MOST_BYTES // 8_000_000), FAILED, FAILED]
    assert fetched[-1].reason == "answered too much in all"
    assert client(URL, "t", Deadline.after(60)).state is ANSWERED


def test_what_a_compressed_answer_unpacks_to_is_counted(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, body=gzip.compress(b"{}" + b" " * 100_000, mtime=0), headers={"Content-Encoding": "gzip"})
    deadline = Deadline(at=Deadline.after(60).at, allowance=Allowance(50_000))
    assert fetch(deadline=deadline) == Fetched(FAILED, reason="answered too much in all")


# ------------------------------------------------------------------------------------------------------- real servers


def local(
    server: Loopback,
    *,
    token: str | None = "t",  # noqa: S107 - made up
    client: FhirClient | None = None,
    deadline: Deadline | None = None,
) -> Fetched:
    return (client or FhirClient(loopback_allowed=True))(server.url(), token, deadline or Deadline.after(5))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_no_server_leads_to_another(status: str) -> None:
    with loopback(sending(answer())) as other, loopback(sending(answer(status=status, Location=other.url()))) as server:
        assert local(server) == Fetched(FAILED, reason=f"answered {status[:3]}")
    assert (len(server.requests), other.connections) == (1, 0)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_server_that_asks_to_wait_is_not_waited_for(status: str) -> None:
    with loopback(sending(answer(status=status, Retry_After="2"))) as server:
        start = time.monotonic()
        assert local(server).reason == f"answered {status[:3]}"
    assert time.monotonic() - start < 1
    assert len(server.requests) == 1


def test_of_an_answer_of_200_mb_no_more_is_read_than_may_be() -> None:
    sent = [0]

    def pour(connection: Connection, seen: Loopback) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
        while sent[0] < 200_000_000 and not seen.stopped.is_set():
            connection.sendall(b" " * 100_000)
            sent[0] += 100_000

    with loopback(pour) as server:
        assert local(server) == Fetched(FAILED, reason="answered too much")
    # What was sent and not read lies in the buffers of both sockets.
    assert LARGEST_ANSWER <= sent[0] < 3 * LARGEST_ANSWER


def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_off() -> None:
    packed = gzip.compress(b"{}" + b" " * 100_000_000, mtime=0)
    with loopback(sending(answer(packed, Content_Encoding="gzip"))) as server:
        tracemalloc.start()
        fetched = local(server, deadline=Deadline.after(30))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert fetched == Fetched(FAILED, reason="answered too much")
    assert most < 3 * LARGEST_ANSWER


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Encoding: gzip, gzip",
        "Content-Encoding: gzip\r\nContent-Encoding: gzip",
        "Content-Encoding: identity, gzip",
        "Content-Encoding: gzip,",
        "Content-Encoding: deflate",
        "Content-Encoding: x-gzip",
        "Content-Encoding: br",
        "Content-Encoding: other",
    ],
)
def test_an_answer_that_is_packed_in_another_way_or_more_than_once_is_not_unpacked(lines: str) -> None:
    packed = gzip.compress(gzip.compress(ANSWER, mtime=0))
    head = f"HTTP/1.1 200 OK\r\n{lines}\r\nContent-Length: {len(packed)}\r\n\r\n"
    with loopback(sending(head.encode(), packed)) as server:
        assert local(server) == Fetched(FAILED, reason="answered in an encoding that is not read")


@pytest.mark.parametrize(
    ("encoding", "body"), [("GZip", gzip.compress(ANSWER, mtime=0)), ("identity", ANSWER)], ids=["gzip", "identity"]
)
def test_an_answer_that_is_packed_once_or_not_at_all_is_read(encoding: str, body: bytes) -> None:
    with loopback(sending(answer(body, Content_Encoding=encoding))) as server:
        assert local(server).state is ANSWERED


def test_cookies_of_a_server_are_not_sent_back_to_it() -> None:
    client = FhirClient(loopback_allowed=True)
    with loopback(sending(answer(Set_Cookie="session=of-another-patient; Path=/"))) as server:
        for _ in range(2):
            assert local(server, client=client).state is ANSWERED
    assert b"cookie" not in server.requests[1].lower()


def test_the_token_of_one_call_is_not_sent_with_the_next() -> None:
    client = FhirClient(loopback_allowed=True)
    with loopback(sending(answer())) as server:
        local(server, client=client, token="of the first")
        local(server, client=client, token=None)
    assert b"Authorization: Bearer of the first\r\n" in server.requests[0]
    assert b"authorization" not in server.requests[1].lower()


def breaking(connection: Connection, _seen: Loopback) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    connection.close()


def garbage(connection: Connection, _seen: Loopback) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    connection.close()


@pytest.mark.parametrize(
    "behave",
    [
        sending(answer()),
        sending(answer(status="401 Unauthorized")),
        sending(answer(b"<html>")),
        sending(b"HTTP/1.1 200 OK\r\n: no name\r\nContent-Length: 2\r\n\r\n{}"),
        breaking,
        garbage,
        sending(b"HTTP/1.1 200 OK\r\n"),
    ],
)
def test_the_token_is_in_no_log_and_in_no_result(behave: Behaviour, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with loopback(behave) as server:
        fetched = local(server, token="secret-token", deadline=Deadline.after(0.3))
    assert b"secret-token" in server.requests[0]
    assert "secret-token" not in repr(fetched)
    assert any(each.name.startswith("urllib3") for each in caplog.records)
    assert all("secret-token" not in repr(vars(each)) for each in caplog.records)
    assert "secret-token" not in caplog.text


@pytest.mark.parametrize("token", ["secret\r\nX-Injected: 1", "secret-\u20ac"])
def test_a_token_that_is_no_header_is_not_sent(token: str) -> None:
    with loopback(sending(answer())) as server:
        assert local(server, token=token) == Fetched(FAILED, reason="broke off its answer")
    assert server.requests == []


@pytest.mark.parametrize("url", ["http://ehr.example.org/fhir", "HTTP://ehr.example.org/fhir", "http://9.9.9.9/fhir"])
def test_without_tls_no_server_is_called_outside_of_development(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    resolver = resolving(monkeypatch, ["9.9.9.9"])
    client = FhirClient(loopback_allowed=False).within((ip_network("0.0.0.0/0"),))
    assert client(url, "t", Deadline.after(5)) == Fetched(FAILED, reason="has no https address", unreachable=True)
    assert resolver.asked == []


def test_the_same_networks_are_read_by_the_same_connections() -> None:
    client = FhirClient(loopback_allowed=False)
    ten, private = ip_network("10.0.0.0/8"), ip_network("192.168.0.0/16")
    assert client.within((ten, private)) is client.within((private, ten))
    assert client.within((ten,)) is not client.within((ten, private))
    assert client.within(()) is client.within(())


# ----------------------------------------------------------------------------------------------------------- key sets


def keys(server: Loopback, deadline: Deadline | None = None) -> Any:
    return FhirClient(loopback_allowed=True).key_sets(())(server.url(), "t", deadline or Deadline.after(5)).body


def test_a_key_set_is_read_without_a_token() -> None:
    with loopback(sending(answer(b'{"keys":[]}'))) as server:
        assert keys(server) == {"keys": []}
    assert b"Accept: application/json\r\n" in server.requests[0]
    assert b"authorization" not in server.requests[0].lower()


@pytest.mark.parametrize(("size", "expected"), [(LARGEST_KEY_SET, {}), (LARGEST_KEY_SET + 1, None)])
def test_a_key_set_may_be_as_large_as_a_file_of_keys_and_no_larger(size: int, expected: Any) -> None:
    with loopback(sending(answer(b"{}".ljust(size)))) as server:
        assert keys(server) == expected


def test_a_key_set_does_not_use_up_what_a_call_may_read() -> None:
    deadline = Deadline(at=Deadline.after(5).at, allowance=Allowance(10))
    with loopback(sending(answer(b'{"keys":[]}'))) as server:
        assert keys(server, deadline) == {"keys": []}
    assert deadline.allowance.take(10)


@pytest.mark.parametrize(
    "behave",
    [
        sending(answer(b"[]")),
        sending(answer(b"no")),
        sending(answer(b'{"keys":[],"keys":[]}')),
        sending(answer(b'{"keys":[{"kid":"a","kid":"b"}]}')),
        sending(answer(b"{}", status="404 Not Found")),
        breaking,
    ],
)
def test_a_key_set_that_cannot_be_had_is_none(behave: Behaviour) -> None:
    with loopback(behave) as server:
        assert keys(server) is None
