"""Signed calls: the service with a registry of one client, and that client's tokens."""

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from benchmarks.calls import PATH, Application, StoppedClock, decision_service
from criteria.library import Library
from criteria.vocabulary import Vocabulary

ISSUER = "https://ehr.example.org"
ADDRESS = "http://127.0.0.1:8080"
ALGORITHMS = ("RS384", "ES384")

# One token signs every call, so that signing, which is the client's work, is no part of what is measured.
_REGISTRY = f"""
clients:
  - id: ehr
    issuer: {ISSUER}
    jwks_file: keys.json
    default_payer: oscar
    tolerate_reused_jti: true
"""


def signed_service(
    algorithm: str, library: tuple[Library, Vocabulary] | None = None, *, database: str = "sqlite://"
) -> Application:
    """Return the decision service as a registered client calls it, every call signed with the algorithm."""
    key, public = _key(algorithm)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        (folder / "keys.json").write_text(json.dumps({"keys": [public | {"kid": "k"}]}), encoding="utf-8")
        (folder / "clients.yaml").write_text(_REGISTRY, encoding="utf-8")
        app = decision_service(library=library, clients=folder / "clients.yaml", database=database)
    return _with_authorization(app, f"Bearer {_token(key, algorithm, StoppedClock().now())}")


def _key(algorithm: str) -> tuple[Any, dict[str, Any]]:
    if algorithm == "ES384":
        curve = ec.generate_private_key(ec.SECP384R1())
        return curve, ECAlgorithm.to_jwk(curve.public_key(), as_dict=True)
    modulus = rsa.generate_private_key(65537, 2048)
    return modulus, RSAAlgorithm.to_jwk(modulus.public_key(), as_dict=True)


def _token(key: Any, algorithm: str, now: datetime) -> str:
    moment = int(now.timestamp())
    claims = {"iss": ISSUER, "aud": f"{ADDRESS}{PATH}", "iat": moment, "exp": moment + 300, "jti": "benchmark"}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "k"})


def _with_authorization(app: Application, authorization: str) -> Application:
    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return app({**environ, "HTTP_AUTHORIZATION": authorization}, start_response)

    return call
