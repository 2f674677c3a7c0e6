"""Who is calling: the bearer token of a call, checked as CDS Hooks asks ("Trusting CDS Clients", RFC 7519, RFC 8725).

The caller never learns why a token was refused; the log does, as one of `Reason`. PyJWT checks the signature. The
claims are checked here: PyJWT reads the machine's clock and takes a number in quotes for a time.
"""

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeGuard

from jwt import PyJWS, PyJWTError

from service.clients import Client, Clients
from service.clock import Clock
from service.deadline import Deadline
from service.exact_json import JsonError
from service.jwks import KeySource
from service.key_set import ALGORITHMS, PublicKey
from service.problems import Issue, RequestProblem
from service.replays import Replays
from service.strict_json import read_object

LARGEST_TOKEN = 8192
LONGEST_JTI = 256
LEEWAY_SECONDS = 30
"""So far the clocks of a client and ours may be apart."""

LONGEST_LIFE_SECONDS = 300
"""From `iat` to `exp`. The specification sets no limit; a token is good for one call, made at once."""

_LAST_SECOND = 253_402_300_799
"""The end of the year 9999; later moments cannot be reckoned with."""

_BEARER = re.compile(r"(?i:bearer) +([^ ]*)")
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")

# It knows no other algorithm, so that no mistake here could let one in.
_SIGNATURES = PyJWS(algorithms=ALGORITHMS, options={"enforce_minimum_key_length": True})


class Reason(Enum):
    """Why a call is not authenticated, for the log; a closed set of words, none of them the caller's."""

    NO_AUTHORIZATION = "no-authorization"
    NOT_BEARER = "not-bearer"
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"
    """Not a compact JWS of two JSON objects, each member once."""
    HEADER = "header"
    """`typ`, `alg` or `kid` is missing or wrong, or there is `crit`."""
    CLAIM = "claim"
    """A claim is missing or of the wrong type."""
    UNKNOWN_CLIENT = "unknown-client"
    """No client is registered with this issuer and tenant."""
    ALGORITHM = "algorithm"
    JKU = "jku"
    """The token names another address of keys than the registered one."""
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    LIFE = "life"
    """Valid for too long, or for no time at all."""
    NO_KEYS = "no-keys"
    """The client's keys could not be had."""
    UNKNOWN_KEY = "unknown-key"
    SIGNATURE = "signature"
    REPLAYED = "replayed"
    """Used before, or there is no room to remember it (service.replays)."""


class Unauthenticated(RequestProblem):
    """The caller is not known. `reason` is for the log and never for the answer."""

    def __init__(self, reason: Reason) -> None:
        """Answer 401, whatever the reason. HTTP wants `WWW-Authenticate: Bearer` with it (RFC 9110, 15.5.2)."""
        super().__init__(401, (Issue("", "login", "The caller could not be authenticated."),))
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Header:
    algorithm: str
    kid: str
    jku: Any
    """None when the token has none."""


@dataclass(frozen=True, slots=True)
class _Claims:
    issuer: str
    tenant: str | None
    audience: tuple[str, ...]
    issued: float
    expires: float
    begins: float | None
    jti: str


def verify(
    authorization: str | None,
    audiences: frozenset[str],
    *,
    clients: Clients,
    keys: KeySource,
    replays: Replays,
    clock: Clock,
    deadline: Deadline,
    longest_life_seconds: int = LONGEST_LIFE_SECONDS,
) -> Client:
    """Return the client whose token the Authorization header carries; raise Unauthenticated.

    `audiences` are the addresses under which clients know the endpoint that is called; `deadline` is that of the call.
    Keys are looked up only for a token of a registered client that is right in all else, and its `jti` is used up only
    when the signature is valid: otherwise a forger could use it up first.
    """
    token = _bearer_token(authorization)
    header, claims = _read(token)
    client = clients.find(claims.issuer, claims.tenant)
    if client is None:
        raise Unauthenticated(Reason.UNKNOWN_CLIENT)
    _check_header(header, client)
    if not audiences.intersection(claims.audience):
        raise Unauthenticated(Reason.AUDIENCE)
    _check_times(claims, clock.now().timestamp(), longest_life_seconds)
    if not _is_signed(token, header, _key(header, client, keys, deadline)):
        raise Unauthenticated(Reason.SIGNATURE)
    if not client.tolerate_reused_jti:
        ends = datetime.fromtimestamp(claims.expires + LEEWAY_SECONDS, UTC)
        if not replays.first_use(claims.issuer, claims.jti, ends):
            raise Unauthenticated(Reason.REPLAYED)
    return client


def _bearer_token(authorization: str | None) -> str:
    if authorization is None:
        raise Unauthenticated(Reason.NO_AUTHORIZATION)
    bearer = _BEARER.fullmatch(authorization)
    if bearer is None:
        raise Unauthenticated(Reason.NOT_BEARER)
    if len(bearer[1]) > LARGEST_TOKEN:
        raise Unauthenticated(Reason.TOO_LARGE)
    return bearer[1]


def _read(token: str) -> tuple[_Header, _Claims]:
    """Return what a token says of itself, none of it proven yet."""
    parts = _COMPACT.fullmatch(token)
    if parts is None:
        raise Unauthenticated(Reason.MALFORMED)
    try:
        header, claims = (read_object(urlsafe_b64decode(f"{part}==")) for part in parts.groups())
    except (JsonError, ValueError):
        raise Unauthenticated(Reason.MALFORMED) from None
    return _read_header(header), _read_claims(claims)


def _read_header(header: dict[str, Any]) -> _Header:
    """Keys that a token brings along (`jwk`, `x5c`) or points at (`x5u`) are not looked at: anyone can sign by them."""
    algorithm, kid = header.get("alg"), header.get("kid")
    if header.get("typ") != "JWT" or "crit" in header or not _is_text(algorithm) or not _is_text(kid):
        raise Unauthenticated(Reason.HEADER)
    return _Header(algorithm, kid, header.get("jku"))


def _read_claims(claims: dict[str, Any]) -> _Claims:
    issuer, jti, tenant = claims.get("iss"), claims.get("jti"), claims.get("tenant")
    issued, expires, begins = claims.get("iat"), claims.get("exp"), claims.get("nbf")
    audience = claims.get("aud")
    audience = [audience] if isinstance(audience, str) else audience
    if (
        not (_is_text(issuer) and _is_text(jti) and len(jti) <= LONGEST_JTI)
        or not ("tenant" not in claims or _is_text(tenant))
        or not (isinstance(audience, list) and all(_is_text(each) for each in audience))
        or not (_is_moment(issued) and _is_moment(expires) and ("nbf" not in claims or _is_moment(begins)))
    ):
        raise Unauthenticated(Reason.CLAIM)
    return _Claims(issuer, tenant, tuple(audience), issued, expires, begins, jti)


def _is_text(value: Any) -> TypeGuard[str]:
    """Printable, so that half a surrogate pair, which JSON can spell, never reaches a database."""
    return isinstance(value, str) and value != "" and value.isprintable()


def _is_moment(value: Any) -> TypeGuard[float]:
    """JSON's true is no number, although Python's True is."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LAST_SECOND


def _check_header(header: _Header, client: Client) -> None:
    """A `jku` that is not the registered text is refused: "begins with" and "same host" have been bypassed elsewhere.

    Of a client whose keys were given to us it is not looked at: such a client may say to everyone where its keys are.
    """
    if header.algorithm not in client.algorithms:
        raise Unauthenticated(Reason.ALGORITHM)
    if client.jku is not None and header.jku not in (None, client.jku):
        raise Unauthenticated(Reason.JKU)


def _check_times(claims: _Claims, now: float, longest: int) -> None:
    if not 0 < claims.expires - claims.issued <= longest:
        raise Unauthenticated(Reason.LIFE)
    if now >= claims.expires + LEEWAY_SECONDS:
        raise Unauthenticated(Reason.EXPIRED)
    begins = claims.issued if claims.begins is None else max(claims.issued, claims.begins)
    if begins > now + LEEWAY_SECONDS:
        raise Unauthenticated(Reason.NOT_YET_VALID)


def _key(header: _Header, client: Client, source: KeySource, deadline: Deadline) -> PublicKey:
    keys = source.keys_for(client, header.kid, deadline)
    if keys is None:
        raise Unauthenticated(Reason.NO_KEYS)
    key = keys.find(header.kid, header.algorithm)
    if key is None:
        raise Unauthenticated(Reason.UNKNOWN_KEY)
    return key


def _is_signed(token: str, header: _Header, key: PublicKey) -> bool:
    try:
        _SIGNATURES.decode_complete(token, key, algorithms=(header.algorithm,))
    except PyJWTError:
        return False
    return True
