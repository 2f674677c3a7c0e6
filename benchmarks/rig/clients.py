"""Registered clients: a registry, their keys, and a fresh token for each call, as an EHR signs them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from ruamel.yaml import YAML

from service.clock import SystemClock

ALGORITHM = "ES384"
PUBLIC_URL = "https://crd.payer.example.org"
"""The name under which the clients know the service; it never resolves, and nobody asks for it."""

_LIFE_SECONDS = 290


@dataclass(frozen=True, slots=True)
class Client:
    """A client and its key. `entry_keys` are further keys of its entry; without a `jku` its keys are a file."""

    name: str
    entry_keys: Mapping[str, Any] = field(default_factory=dict)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP384R1()), repr=False)

    @property
    def issuer(self) -> str:
        """Return the `iss` of its tokens."""
        return f"https://{self.name}.example.org"

    def headers(self, path: str, **header: str) -> dict[str, str]:
        """Return the Authorization header of one call; `header` adds to that of the token."""
        now = int(SystemClock().now().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": f"{PUBLIC_URL}{path}",
            "iat": now,
            "exp": now + _LIFE_SECONDS,
            "jti": str(uuid4()),
        }
        token = jwt.encode(claims, self.key, algorithm=ALGORITHM, headers={"kid": self.name, **header})
        return {"Authorization": f"Bearer {token}"}

    def entry(self, folder: Path) -> dict[str, Any]:
        """Return its entry in the registry; write its keys beside it when they have no address."""
        own: dict[str, Any] = {"id": self.name, "issuer": self.issuer}
        if "jku" not in self.entry_keys:
            public = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            file = folder / f"{self.name}.jwks.json"
            file.write_text(json.dumps({"keys": [public | {"kid": self.name}]}), encoding="utf-8")
            own["jwks_file"] = file.name
        return own | dict(self.entry_keys)


def registry(folder: Path, clients: Sequence[Client]) -> dict[str, str]:
    """Write the registry of these clients and return the settings that name it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "clients.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump({"clients": [each.entry(folder) for each in clients]}, file)
    return {"HER2_CRD_CLIENTS": str(path), "HER2_CRD_PUBLIC_URL": PUBLIC_URL}


def production(folder: Path, clients: Sequence[Client]) -> dict[str, str]:
    """Return the settings of the production profile with a registry of these clients."""
    return {**registry(folder, clients), "HER2_CRD_PROFILE": "production"}
