"""JSON Web Key Sets (RFC 7517): which keys of a set verify a token here, parsed once.

PyJWT parses the keys. It also takes what must not verify a client's token (symmetric keys, keys for encryption, short
keys, the last of two keys of one id), so what is used is chosen here, by an entry's own members.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from service.problems import ServiceError

ALGORITHMS = ("ES384", "RS384")
"""What CDS Hooks recommends; `none` and symmetric algorithms are prohibited there, and nothing else is needed."""

LARGEST_KEY_SET = 65_536
"""Bytes; whoever reads a set from a file or an address stops there. A set of a dozen keys has 10 kB."""

MOST_KEYS = 100
SHORTEST_RSA_BITS = 2048
"""RFC 7518 section 3.3."""

_ALGORITHM_OF_TYPE: Mapping[Any, str] = MappingProxyType({"EC": "ES384", "RSA": "RS384"})

PublicKey = RSAPublicKey | EllipticCurvePublicKey


class KeySetError(ServiceError):
    """The document is no set of keys; the text names the place and shows no key."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that verifies signatures of one algorithm."""

    algorithm: str
    public: PublicKey


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of a set by their `kid`, and why each other entry is not used."""

    keys: Mapping[str, Key]
    unused: tuple[str, ...] = ()

    def __contains__(self, kid: str) -> bool:
        """Say whether there is a usable key of this id."""
        return kid in self.keys

    def find(self, kid: str, algorithm: str) -> PublicKey | None:
        """Return the key of this id, when it is one for this algorithm."""
        key = self.keys.get(kid)
        return key.public if key is not None and key.algorithm == algorithm else None


def read_key_set(document: Mapping[str, Any]) -> KeySet:
    """Return the keys of a parsed JWK Set; raise KeySetError when it is none, or names two keys by one id.

    An entry that cannot be used costs itself only: sets hold keys for other purposes too. A set without usable keys
    is one all the same, because that is how a client withdraws its keys.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise KeySetError("$.keys: must be a list of keys")
    if len(entries) > MOST_KEYS:
        raise KeySetError(f"$.keys: holds more than {MOST_KEYS} keys")
    names = [entry["kid"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("kid"), str)]
    if len(set(names)) != len(names):
        raise KeySetError("$.keys: two keys have the same kid")
    keys: dict[str, Key] = {}
    unused: list[str] = []
    for index, entry in enumerate(entries):
        key = _why_unused(entry) or _read_key(entry)
        if isinstance(key, Key):
            keys[entry["kid"]] = key
        else:
            unused.append(f"$.keys[{index}]: {key}")
    return KeySet(MappingProxyType(keys), tuple(unused))


def _why_unused(entry: Any) -> str | None:
    """Say what keeps an entry from verifying tokens, by its members; None when nothing does."""
    if not isinstance(entry, dict):
        return "is no object"
    kid, kty = entry.get("kid"), entry.get("kty")
    if not isinstance(kid, str) or not kid:
        return "has no kid, by which tokens name it"
    if not isinstance(kty, str) or kty not in _ALGORITHM_OF_TYPE:
        return "is neither an EC nor an RSA key"
    if "d" in entry:
        # Whoever can read the set can sign with it. PyJWT would take it, as a key that signs.
        return "is a private key, and no secret any more: the client must replace it"
    if entry.get("use") not in (None, "sig"):
        return "has a use other than sig"
    operations = entry.get("key_ops")
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return "has key_ops without verify"
    if entry.get("alg") not in (None, _ALGORITHM_OF_TYPE[kty]):
        return f"has an alg other than {_ALGORITHM_OF_TYPE[kty]}"
    return None


def _read_key(entry: dict[str, Any]) -> Key | str:
    """Parse a key, or say why it is too weak or cannot be parsed.

    The algorithm is given to PyJWT because it would guess RS256 for an RSA key that does not say its own.
    """
    algorithm = _ALGORITHM_OF_TYPE[entry["kty"]]
    try:
        public = PyJWK(entry, algorithm).key
    except (PyJWTError, ValueError, TypeError):
        return "cannot be parsed"
    if isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP384R1):
        return Key(algorithm, public)
    if isinstance(public, RSAPublicKey) and public.key_size >= SHORTEST_RSA_BITS:
        return Key(algorithm, public)
    return f"must be on the curve P-384, or have {SHORTEST_RSA_BITS} bits if it is RSA"
