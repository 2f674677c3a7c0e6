"""Reading one URL of a caller's FHIR server, within a deadline and a size, following nothing it says.

Whether the URL may be called at all is decided before (service.callers), and which addresses its host may have in
service.addresses; this module keeps a slow, broken or hostile server from costing more than its own answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import requests
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError
from urllib3.util import Timeout

from criteria.facts import SearchState
from service.addresses import AddressRefused, Network, Reach
from service.connections import CONNECT_SECONDS, READ_SECONDS, ReachAdapter
from service.deadline import Allowance, Deadline
from service.exact_json import JsonError, decode
from service.key_set import LARGEST_KEY_SET
from service.logs import correlation_id, log_event
from service.strict_json import read_object

LARGEST_ANSWER = 10_000_000
_CHUNK = 16_384
_FHIR_JSON = "application/fhir+json"

# Of packed answers a piece is counted when it is unpacked. One that is packed several times over costs the work and
# the memory of every layer before its first byte is counted, so one layer is all that is unpacked.
_ENCODINGS = frozenset({"", "identity", "gzip"})

# The server understood and does not give it: a clinician can. 400, 405, 422 and 501 are how servers say "unsupported".
_DENIED = frozenset({400, 403, 404, 405, 410, 422, 501})

# Besides 5xx what says that the server itself has trouble. 401 and redirects to a login say it of the caller's token.
_FAULTS = frozenset({408, 429})
_SERVER_ERROR = 500


class Distrust(Enum):
    """Why a server was not asked although it may be called: it may not be the one that is registered."""

    TLS = "tls"
    """No connection by TLS came about, mostly because the certificate is not the server's."""
    ADDRESS = "address"
    """Its name leads to an address that this service may not call."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one URL: a JSON object, or how and why it failed; reasons hold no patient data.

    `unreachable` says that no connection came about, so that asking again is no use. `fault` says that the server
    failed, whoever had asked: it had its time and did not answer, or answered 5xx, 408, 429 or what is no JSON object.
    A token that is refused, an answer that is too large and a deadline that was nearly over are no faults of it.
    """

    state: SearchState
    body: Mapping[str, Any] | None = None
    reason: str = ""
    unreachable: bool = False
    fault: bool = field(default=False, compare=False)
    distrust: Distrust | None = field(default=None, compare=False)


Fetch = Callable[[str, str | None, Deadline], Fetched]
"""Reads a URL with a token by a deadline; never raises for what a server does. Tests bring their own."""

_Parse = Callable[[bytes], Any]
"""Returns the value of a JSON text, or raises JsonError."""


def watched(fetch: Fetch, client: str | None) -> Fetch:
    """Return a fetch for a client that logs a server which cannot be trusted, under the number of the present call."""
    number, known = correlation_id(), {} if client is None else {"client": client}

    def watching(url: str, token: str | None, deadline: Deadline) -> Fetched:
        fetched = fetch(url, token, deadline)
        if fetched.distrust is not None:
            why = fetched.distrust.value
            log_event("server-not-trusted", level="warning", correlation_id=number, reason=why, **known)
        return fetched

    return watching


class FhirClient:
    """Reads URLs over pooled connections; safe to call from several threads."""

    def __init__(self, *, loopback_allowed: bool) -> None:
        """`loopback_allowed` is for development only: this machine, and http, may be called too."""
        self._loopback_allowed = loopback_allowed
        self._lines: dict[frozenset[Network], _Line] = {}

    def __call__(self, url: str, token: str | None, deadline: Deadline) -> Fetched:
        """Return what came of a URL whose host must have a public address."""
        return self.within(())(url, token, deadline)

    def within(self, networks: tuple[Network, ...]) -> Fetch:
        """Return what reads URLs whose hosts may also have addresses in these networks.

        The same networks share connections; others do not, because a connection into a network that was opened for
        one client must not serve another.
        """
        return self._line(networks)

    def key_sets(self, networks: tuple[Network, ...]) -> Fetch:
        """Return what reads key sets: small JSON objects, without a token.

        They are read as strictly as the tokens they are for: no member may stand twice.
        """
        line = self._line(networks)

        def fetch(url: str, _token: str | None, deadline: Deadline) -> Fetched:
            small = replace(deadline, allowance=Allowance(LARGEST_KEY_SET))
            return line.read(url, None, small, "application/json", read_object)

        return fetch

    def _line(self, networks: tuple[Network, ...]) -> "_Line":
        key = frozenset(networks)
        known = self._lines.get(key)
        if known is None:
            # Two threads may both get here; the first one's is kept.
            known = self._lines.setdefault(key, _Line(Reach(tuple(networks), self._loopback_allowed)))
        return known


class _Line:
    """Reads URLs within one reach. A Fetch."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        # An adapter without a Session: that would keep cookies, follow redirects and read the environment's proxies
        # and passwords.
        self._adapter = ReachAdapter(reach)

    def __call__(self, url: str, token: str | None, deadline: Deadline) -> Fetched:
        return self.read(url, token, deadline, _FHIR_JSON, decode)

    def read(self, url: str, token: str | None, deadline: Deadline, accept: str, parse: _Parse) -> Fetched:
        """Return what came of the URL."""
        left = deadline.remaining()
        if left <= 0.0:
            return _failed("no time was left")
        if not self._reach.loopback_allowed and not url.lower().startswith("https://"):
            return _failed("has no https address", unreachable=True)
        # Who is asked in the last moment cannot be blamed for not answering.
        had_time = left >= READ_SECONDS
        try:
            with self._get(url, token, deadline, accept) as response:
                return _answer(response, deadline, parse, had_time=had_time)
        except AddressRefused:
            return _failed("is at an address this service may not call", unreachable=True, distrust=Distrust.ADDRESS)
        except requests.ConnectTimeout:
            return _failed("did not answer in time", unreachable=True, fault=left >= CONNECT_SECONDS)
        except requests.Timeout:
            return _failed("did not answer in time", fault=had_time)
        except ReadTimeoutError:
            return _failed("did not finish its answer in time", fault=had_time)
        except requests.ConnectionError as error:
            distrust = Distrust.TLS if isinstance(error, requests.exceptions.SSLError) else None
            return _failed("could not be reached", unreachable=not _dropped(error), fault=True, distrust=distrust)
        except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
            # What cannot be written into a request is the caller's: a token with a line break is a ValueError.
            return _failed("broke off its answer", fault=not isinstance(error, ValueError))

    def _get(self, url: str, token: str | None, deadline: Deadline, accept: str) -> requests.Response:
        """A pooled connection may have been closed by the server while it was idle: that, and only that, is retried."""
        headers = {
            "Accept": accept,
            "Accept-Encoding": "gzip",
            "Cache-Control": "no-cache",
            "User-Agent": "her2-crd",
        }
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = requests.Request("GET", url, headers=headers).prepare()
        try:
            return self._send(request, deadline)
        except requests.ConnectionError as error:
            if not _dropped(error) or deadline.passed:
                raise
        return self._send(request, deadline)

    def _send(self, request: requests.PreparedRequest, deadline: Deadline) -> requests.Response:
        # One timeout for connecting and reading together; service.connections gives connecting less.
        timeout: Any = Timeout(total=max(deadline.remaining(), 0.001))
        return self._adapter.send(request, stream=True, timeout=timeout)


def _dropped(error: requests.ConnectionError) -> bool:
    return bool(error.args) and isinstance(error.args[0], ProtocolError)


def _answer(response: requests.Response, deadline: Deadline, parse: _Parse, *, had_time: bool) -> Fetched:
    status = response.status_code
    if status in _DENIED:
        return Fetched(SearchState.DENIED, reason=f"answered {status}")
    if status != requests.codes.ok:
        return _failed(f"answered {status}", fault=status >= _SERVER_ERROR or status in _FAULTS)
    if response.headers.get("Content-Encoding", "").lower() not in _ENCODINGS:
        return _failed("answered in an encoding that is not read", fault=True)
    body = _read(response, deadline, had_time=had_time)
    if isinstance(body, Fetched):
        return body
    try:
        value = parse(body)
    except JsonError:
        return _failed("answered something that is not JSON", fault=True)
    if not isinstance(value, dict):
        return _failed("answered something that is not a FHIR resource", fault=True)
    return Fetched(SearchState.ANSWERED, body=value)


def _read(response: requests.Response, deadline: Deadline, *, had_time: bool) -> bytes | Fetched:
    """Read with read1, which returns what is there.

    Other ways wait for full chunks, and a server that sends a byte now and then holds them far beyond any timeout.
    """
    parts: list[bytes] = []
    size = 0
    while part := response.raw.read1(_CHUNK, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            return _failed("answered too much")
        if not deadline.allowance.take(len(part)):
            return _failed("answered too much in all")
        if deadline.passed:
            return _failed("did not finish its answer in time", fault=had_time)
    return b"".join(parts)


def _failed(
    reason: str, *, unreachable: bool = False, fault: bool = False, distrust: Distrust | None = None
) -> Fetched:
    return Fetched(SearchState.FAILED, None, reason, unreachable, fault, distrust)
