"""Keys, key sets and tokens of made-up clients; private keys are made anew for each run and never written down."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from service.clients import Client
from service.deadline import Deadline

ISSUER = "https://ehr.example.org"
JKU = "https://ehr.example.org/jwks.json"
ENDPOINT = "https://crd.example.org/cds-services/her2-order-sign"
NOW = 1_780_000_000

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def ec_key(_name: str = "a") -> ec.EllipticCurvePrivateKey:
    """Return a key for ES384; the same for the same name."""
    return ec.generate_private_key(ec.SECP384R1())


@cache
def rsa_key(_name: str = "a", bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a key for RS384; the same for the same name."""
    return rsa.generate_private_key(65537, bits)


def private_jwk(key: PrivateKey, kid: Any = "k1", **changes: Any) -> dict[str, Any]:
    """Return a key with its private members; a change to None leaves the member out."""
    if isinstance(key, rsa.RSAPrivateKey):
        made = RSAAlgorithm.to_jwk(key, as_dict=True)
    else:
        made = ECAlgorithm.to_jwk(key, as_dict=True)
    made.pop("key_ops", None)
    members = made | {"kid": kid} | changes
    return {name: value for name, value in members.items() if value is not None}


def jwk(key: PrivateKey, kid: Any = "k1", **changes: Any) -> dict[str, Any]:
    """Return the public part of a key."""
    private = dict.fromkeys(("d", "p", "q", "dp", "dq", "qi"))
    return private_jwk(key, kid, **(private | changes))


def jwks(*entries: Any) -> dict[str, Any]:
    """Return a key set."""
    return {"keys": list(entries)}


def client(**changes: Any) -> Client:
    """Return a client whose keys are at JKU."""
    known: dict[str, Any] = {"id": "ehr", "issuer": ISSUER, "jku": JKU}
    return Client(**(known | changes))


def claims(**changes: Any) -> dict[str, Any]:
    """Return right claims; a change to None leaves the claim out."""
    right = {"iss": ISSUER, "aud": ENDPOINT, "iat": NOW, "exp": NOW + 300, "jti": "n-0001"} | changes
    return {name: value for name, value in right.items() if value is not None}


def header(**changes: Any) -> dict[str, Any]:
    """Return a right header for ES384; a change to None leaves the parameter out."""
    right = {"typ": "JWT", "alg": "ES384", "kid": "k1", "jku": JKU} | changes
    return {name: value for name, value in right.items() if value is not None}


def base64url(content: bytes) -> str:
    """Return the content as the parts of a token are written."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(head: bytes, payload: bytes, key: PrivateKey) -> str:
    """Return a token of exactly these bytes."""
    text = f"{base64url(head)}.{base64url(payload)}"
    if isinstance(key, rsa.RSAPrivateKey):
        signature = RSAAlgorithm(RSAAlgorithm.SHA384).sign(text.encode(), key)
    else:
        signature = ECAlgorithm(ECAlgorithm.SHA384).sign(text.encode(), key)
    return f"{text}.{base64url(signature)}"


def bearer(
    payload: Mapping[str, Any] | None = None, head: Mapping[str, Any] | None = None, key: PrivateKey | None = None
) -> str:
    """Return the value of an Authorization header, right in all that is not given."""
    made = signed(
        json.dumps(header() if head is None else head).encode(),
        json.dumps(claims() if payload is None else payload).encode(),
        key or ec_key(),
    )
    return f"Bearer {made}"


@dataclass
class MovingClock:
    """Tells the time it is set to, as time of day and as a clock that counts seconds."""

    seconds: float = NOW

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def today(self) -> Any:
        return self.now().date()

    def __call__(self) -> float:
        return self.seconds


@dataclass
class FakeFetch:
    """Gives each client's document and remembers who was asked for; a client without a document cannot be reached."""

    documents: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, client: Client, _deadline: Deadline) -> Mapping[str, Any] | None:
        self.asked.append(client.id)
        found: Mapping[str, Any] | None = self.documents.get(client.id)
        return found
