"""The values in the registry of clients: one function reads each kind, or refuses it in words (docs/clients.md)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cards.dialect import DIALECTS
from criteria.names import no_such
from service.addresses import Network
from service.base_url import BaseUrl
from service.exact_json import JsonError
from service.key_set import ALGORITHMS, LARGEST_KEY_SET, KeySet, KeySetError, read_key_set
from service.problems import ServiceError
from service.strict_json import read_object

_ID = re.compile(r"[a-z0-9-]{1,64}")

# RFC 1918, RFC 6598 (carrier-grade NAT, which cloud networks use) and RFC 4193. Link-local addresses are missing for
# a reason: a cloud machine's own credentials are served there.
_NOT_PUBLIC = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
_LOOPBACK = ("127.0.0.0/8", "::1/128")

# Releases of CRD -> the dialect that answers them; 2.2.0 and 2.2.1 say the same.
_RELEASES: Mapping[str, str] = MappingProxyType({"2.0.1": "2.0", "2.1.0": "2.1", "2.2.0": "2.2", "2.2.1": "2.2"})


class ValueRefusedError(ServiceError):
    """A value cannot be used; the text says why, and the place is known to whoever asked."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a value is judged by besides itself. `folder` is where files are looked for."""

    folder: Path
    development: bool
    payers: frozenset[str]


Read = Callable[[Any, Surroundings], Any]
"""Returns the value, or raises ValueRefusedError."""


def read_text(value: Any, _around: Surroundings) -> str:
    """Return a text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise ValueRefusedError("must be text, in quotes if it looks like a number")
    return value


def read_claim(value: Any, around: Surroundings) -> str:
    """Return a text that the claim of a token can be (service.tokens takes printable ones only).

    Spaces around it are a slip of the pen, and would keep the client out.
    """
    text = read_text(value, around)
    if not text.isprintable() or text != text.strip():
        raise ValueRefusedError("must be printable text without spaces around it, as the tokens have it")
    return text


def read_id(value: Any, _around: Surroundings) -> str:
    """Return a name that can stand in logs and metrics."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueRefusedError("must consist of a to z, 0 to 9 and -, at most 64 of them")
    return value


def read_jku(value: Any, around: Surroundings) -> str:
    """Return the address of a key set as it stands. Over http anyone on the way could put in keys of their own."""
    address = _address(value)
    if address.scheme == "https" or (around.development and address.is_loopback):
        return str(value)
    raise ValueRefusedError("must begin with https:// (in development also with http:// on this machine)")


def read_key_file(value: Any, around: Surroundings) -> KeySet:
    """Return the keys of a file with a JWK Set, whose path begins at the registry's folder."""
    path = around.folder / read_text(value, around)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_KEY_SET + 1)
    except OSError as error:
        raise ValueRefusedError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ValueRefusedError("must be the path of a file; no file can be called that") from None
    if len(content) > LARGEST_KEY_SET:
        raise ValueRefusedError(f"{path} has more than {LARGEST_KEY_SET} bytes")
    try:
        keys = read_key_set(read_object(content))
    except JsonError as error:
        raise ValueRefusedError(f"{path} is {error}") from None
    except KeySetError as error:
        raise ValueRefusedError(f"{path}: {error}") from None
    if not keys.keys:
        raise ValueRefusedError("; ".join((f"{path} holds no key that can be used", *keys.unused)))
    return keys


def read_algorithm(value: Any, _around: Surroundings) -> str:
    """Return the name of a signature algorithm."""
    if value not in ALGORITHMS:
        raise ValueRefusedError(f"must be {' or '.join(ALGORITHMS)}")
    return str(value)


def read_fhir_server(value: Any, around: Surroundings) -> BaseUrl:
    """Return the base of a FHIR server, to which access tokens will be sent."""
    base = _address(value)
    if base.scheme != "https" and not around.development:
        raise ValueRefusedError("must begin with https:// (http:// is for development)")
    return base


def read_private_network(value: Any, around: Surroundings) -> Network:
    """Return a network that is not public."""
    try:
        network = ip_network(read_text(value, around))
    except ValueError:
        raise ValueRefusedError("must be a network like 10.20.0.0/16, its host bits zero") from None
    allowed = (*_NOT_PUBLIC, *_LOOPBACK) if around.development else _NOT_PUBLIC
    if not any(_lies_in(network, ip_network(each)) for each in allowed):
        raise ValueRefusedError(f"must lie in one of {', '.join(allowed)}")
    return network


def read_crd_version(value: Any, _around: Surroundings) -> str:
    """Return the name of the dialect of a CRD version; without quotes 2.2 is a number with both its digits."""
    name = _RELEASES.get(str(value), str(value))
    if name not in DIALECTS:
        raise ValueRefusedError(f"must be one of {', '.join((*DIALECTS, *_RELEASES))}")
    return name


def read_payer(value: Any, around: Surroundings) -> str:
    """Return the id of a payer that is loaded."""
    payer = read_text(value, around)
    if payer not in around.payers:
        raise ValueRefusedError(no_such("payer", payer, around.payers))
    return payer


def read_flag(value: Any, _around: Surroundings) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueRefusedError("must be true or false")
    return value


def _address(value: Any) -> BaseUrl:
    address = BaseUrl.of(value) if isinstance(value, str) else None
    if address is None:
        raise ValueRefusedError("must be an http(s) URL without user, query and fragment")
    return address


def _lies_in(network: Network, other: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)
