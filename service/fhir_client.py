"""Reading one URL of a caller's FHIR server, within a deadline and a size, following nothing it says.

Whether the URL may be called at all is decided before (settings.fhir_base); this module keeps a slow, broken or
hostile server from costing more than its own answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ProtocolError

from criteria.facts import SearchState
from service.deadline import Deadline
from service.exact_json import JsonError, decode

CONNECT_SECONDS = 0.5
LARGEST_ANSWER = 10_000_000
_CHUNK = 16_384
_CONNECTIONS = 64

# The server understood and does not give it: a clinician can. 400, 405, 422 and 501 are how servers say "unsupported".
_DENIED = frozenset({400, 403, 404, 405, 410, 422, 501})


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one URL: a JSON object, or how and why it failed; reasons hold no patient data.

    `unreachable` says that no connection came about, so that asking again is no use.
    """

    state: SearchState
    body: Mapping[str, Any] | None = None
    reason: str = ""
    unreachable: bool = False


Fetch = Callable[[str, str | None, Deadline], Fetched]
"""Reads a URL with a token by a deadline; never raises for what a server does. Tests bring their own."""


class FhirClient:
    """Reads URLs over one pool of connections; safe to call from several threads."""

    def __init__(self) -> None:
        """Open a session that takes nothing from the environment and keeps nothing a server sends."""
        self._session = requests.Session()
        self._session.trust_env = False
        # A cookie of one patient's call must not be sent with another's.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # urllib3's own retries obey Retry-After, which waits for hours; see also `_get`.
        adapter = HTTPAdapter(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def __call__(self, url: str, token: str | None, deadline: Deadline) -> Fetched:
        """Return what came of the URL."""
        if deadline.passed:
            return _failed("no time was left")
        try:
            with self._get(url, token, deadline) as response:
                return _answer(response, deadline)
        except requests.Timeout as error:
            return _failed("did not answer in time", unreachable=isinstance(error, requests.ConnectTimeout))
        except requests.ConnectionError as error:
            return _failed("could not be reached", unreachable=not _dropped(error))
        except (requests.RequestException, HTTPError, OSError, UnicodeError):
            return _failed("broke off its answer")

    def _get(self, url: str, token: str | None, deadline: Deadline) -> requests.Response:
        """A pooled connection may have been closed by the server while it was idle: that, and only that, is retried."""
        try:
            return self._send(url, token, deadline)
        except requests.ConnectionError as error:
            if not _dropped(error) or deadline.passed:
                raise
        return self._send(url, token, deadline)

    def _send(self, url: str, token: str | None, deadline: Deadline) -> requests.Response:
        headers = {"Accept": "application/fhir+json", "Cache-Control": "no-cache"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        left = max(deadline.remaining(), 0.001)
        timeout = (min(CONNECT_SECONDS, left), left)
        return self._session.get(url, headers=headers, timeout=timeout, allow_redirects=False, stream=True)


def _dropped(error: requests.ConnectionError) -> bool:
    return bool(error.args) and isinstance(error.args[0], ProtocolError)


def _answer(response: requests.Response, deadline: Deadline) -> Fetched:
    status = response.status_code
    if status in _DENIED:
        return Fetched(SearchState.DENIED, reason=f"answered {status}")
    if status != requests.codes.ok:
        return _failed(f"answered {status}")
    body = _read(response, deadline)
    if isinstance(body, Fetched):
        return body
    try:
        value = decode(body)
    except JsonError:
        return _failed("answered something that is not JSON")
    if not isinstance(value, dict):
        return _failed("answered something that is not a FHIR resource")
    return Fetched(SearchState.ANSWERED, body=value)


def _read(response: requests.Response, deadline: Deadline) -> bytes | Fetched:
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
            return _failed("did not finish its answer in time")
    return b"".join(parts)


def _failed(reason: str, *, unreachable: bool = False) -> Fetched:
    return Fetched(SearchState.FAILED, reason=reason, unreachable=unreachable)
