import gzip
import io
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, ProtocolError, ReadTimeoutError
from urllib3.response import HTTPResponse

from criteria.facts import SearchState
from service.callers import anybody
from service.deadline import MOST_BYTES, Allowance, Deadline
from service.fhir_client import LARGEST_ANSWER, Fetched, FhirClient
from tests.service.builders import FHIR, development

URL = f"{FHIR}/Condition?patient=p1"
ANSWERED, DENIED, FAILED = SearchState.ANSWERED, SearchState.DENIED, SearchState.FAILED


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def fetch(*, token: str | None = "t", deadline: Deadline | None = None) -> Fetched:  # noqa: S107 - made up
    return FhirClient()(URL, token, deadline or Deadline.after(60))


def test_a_resource_is_read_exactly(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, body=b'{"resourceType":"Bundle","total":1.10}')
    fetched = fetch()
    assert (fetched.state, str((fetched.body or {})["total"])) == (ANSWERED, "1.10")
    headers = mocked.calls[0].request.headers
    assert headers["Authorization"] == "Bearer t"
    assert headers["Accept"] == "application/fhir+json"
    assert headers["Cache-Control"] == "no-cache"


def test_an_open_server_is_sent_no_token(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, json={"resourceType": "Bundle"})
    fetch(token=None)
    assert "Authorization" not in mocked.calls[0].request.headers


def test_a_compressed_answer_is_read(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, body=gzip.compress(b'{"resourceType":"Bundle"}'), headers={"Content-Encoding": "gzip"})
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
    """Make the session answer with a raw body."""

    def get(_self: requests.Session, url: str, **_kwargs: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = 200
        response.url = url
        response.raw = HTTPResponse(body=io.BufferedReader(body), preload_content=False)
        return response

    monkeypatch.setattr(requests.Session, "get", get)


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


@pytest.mark.parametrize("error", [ReadTimeoutError(None, "", ""), ProtocolError("cut"), OSError()])  # type: ignore[arg-type]
def test_an_answer_that_breaks_off_is_a_failure(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def tick() -> None:
        raise error

    answering(monkeypatch, Drip(tick))
    assert fetch() == Fetched(FAILED, reason="broke off its answer")


def sent(monkeypatch: pytest.MonkeyPatch, deadline: Deadline) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def get(_self: requests.Session, _url: str, **kwargs: Any) -> requests.Response:
        seen.update(kwargs)
        raise requests.ReadTimeout

    monkeypatch.setattr(requests.Session, "get", get)
    fetch(deadline=deadline)
    return seen


@pytest.mark.parametrize(("left", "timeout"), [(4.0, (0.5, 4.0)), (0.25, (0.25, 0.25))])
def test_timeouts_are_never_longer_than_the_time_left(
    monkeypatch: pytest.MonkeyPatch, left: float, timeout: tuple[float, float]
) -> None:
    seen = sent(monkeypatch, Deadline.after(left, monotonic=lambda: 0.0))
    assert seen["timeout"] == timeout
    assert seen["allow_redirects"] is False


def test_proxies_and_passwords_of_the_environment_are_not_used(
    mocked: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    mocked.get(URL, json={})
    fetch(token=None)
    assert mocked.calls[0].request.req_kwargs["proxies"] == {}  # type: ignore[attr-defined]


def test_cookies_of_one_call_are_not_sent_with_the_next(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, json={}, headers={"Set-Cookie": "session=of-another-patient; Path=/"})
    mocked.get(URL, json={})
    client = FhirClient()
    for _ in range(2):
        client(URL, "t", Deadline.after(60))
    assert "Cookie" not in mocked.calls[1].request.headers


def test_a_refused_connection_says_that_the_server_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> socket.socket:
        raise ConnectionRefusedError

    monkeypatch.setattr("urllib3.util.connection.create_connection", refuse)
    url = f"{anybody(development()).fhir_base('http://127.0.0.1:9')}/Patient/p1"
    fetched = FhirClient()(url, None, Deadline.after(60))
    assert (fetched.state, fetched.unreachable) == (FAILED, True)


def test_all_answers_to_one_call_together_are_bounded(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, body=b'{"resourceType":"Bundle"}' + b" " * 7_999_975)
    client, deadline = FhirClient(), Deadline.after(60)
    fetched = [client(URL, "t", deadline) for _ in range(MOST_BYTES // 8_000_000 + 2)]
    assert [each.state for each in fetched] == [*[ANSWERED] * (MOST_BYTES // 8_000_000), FAILED, FAILED]
    assert fetched[-1].reason == "answered too much in all"
    assert client(URL, "t", Deadline.after(60)).state is ANSWERED


def test_what_a_compressed_answer_unpacks_to_is_counted(mocked: responses.RequestsMock) -> None:
    mocked.get(URL, body=gzip.compress(b"{}" + b" " * 100_000), headers={"Content-Encoding": "gzip"})
    deadline = Deadline(at=Deadline.after(60).at, allowance=Allowance(50_000))
    assert fetch(deadline=deadline) == Fetched(FAILED, reason="answered too much in all")
