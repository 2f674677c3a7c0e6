"""The registry of clients: who may call, by which keys, and what may be called for them (docs/clients.md).

Read once at start from a YAML file. A mistake in it lets the wrong caller in or keeps the right one out, so the
service does not start with one, and every mistake is named at once.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from criteria.data_files import DataFile, read_yaml
from criteria.errors import Defect, LibraryError
from criteria.names import no_such
from service.addresses import Network, Reach
from service.base_url import BaseUrl
from service.client_values import (
    Read,
    Surroundings,
    ValueRefusedError,
    read_algorithm,
    read_claim,
    read_crd_version,
    read_fhir_server,
    read_flag,
    read_id,
    read_jku,
    read_key_file,
    read_payer,
    read_private_network,
)
from service.key_set import ALGORITHMS, KeySet
from service.problems import ServiceError


class ClientsError(ServiceError):
    """The registry cannot be used; carries every mistake found, each with its file, line and path."""

    def __init__(self, defects: tuple[Defect, ...]) -> None:
        """Join the defects, one a line."""
        super().__init__("\n".join(str(defect) for defect in defects))
        self.defects = defects


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A system that may call. Its keys are at an address (`jku`), or were given to us (`keys`), never both."""

    id: str
    """Our name for it, safe to log."""
    issuer: str
    tenant: str | None = None
    jku: str | None = None
    """Exactly as registered, because a token's own `jku` must be the same text."""
    keys: KeySet | None = None
    algorithms: tuple[str, ...] = ALGORITHMS
    fhir_servers: tuple[BaseUrl, ...] = ()
    private_networks: tuple[Network, ...] = ()
    """Networks that are not public and that addresses of this client may lie in."""
    crd_version: str | None = None
    """Name of the dialect (cards.dialect) it is answered in when a call does not say."""
    default_payer: str | None = None
    tolerate_reused_jti: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a client without keys, or with two sources of them."""
        if (self.jku is None) == (self.keys is None):
            raise ValueError(f"client {self.id} needs either an address of keys or keys")


@dataclass(frozen=True, slots=True)
class Clients:
    """All registered clients, by the issuer and tenant that their tokens name."""

    by_caller: Mapping[tuple[str, str | None], Client]

    @classmethod
    def of(cls, clients: Iterable[Client]) -> "Clients":
        """Return the registry of some clients; raise ValueError when tokens would not tell two of them apart."""
        by_caller: dict[tuple[str, str | None], Client] = {}
        for client in clients:
            if by_caller.setdefault((client.issuer, client.tenant), client) is not client:
                raise ValueError(f"client {client.id} has issuer and tenant of another one")
        return cls(MappingProxyType(by_caller))

    def find(self, issuer: str, tenant: str | None) -> Client | None:
        """Return the client of exactly this issuer and tenant.

        A tenant that is not registered is not let in by way of a registration without tenant: whoever registered
        that one knew of one organization, and an issuer that begins to name tenants has several.
        """
        return self.by_caller.get((issuer, tenant))

    def __iter__(self) -> Iterator[Client]:
        """Yield the clients in the order of the file."""
        return iter(self.by_caller.values())


_VALUES: Mapping[str, Read] = MappingProxyType(
    {
        "id": read_id,
        "issuer": read_claim,
        "tenant": read_claim,
        "jku": read_jku,
        "jwks_file": read_key_file,
        "crd_version": read_crd_version,
        "default_payer": read_payer,
        "tolerate_reused_jti": read_flag,
    }
)
_LISTS: Mapping[str, Read] = MappingProxyType(
    {
        "algorithms": read_algorithm,
        "fhir_servers": read_fhir_server,
        "private_networks": read_private_network,
    }
)
KNOWN_KEYS = (*_VALUES, *_LISTS)
"""What can be said of a client."""

_FIELDS: Mapping[str, str] = MappingProxyType({"jwks_file": "keys"})
"""Keys of the file -> fields of Client, where they differ."""

_Path = tuple[str | int, ...]


def read_clients(path: Path, *, development: bool, payers: Collection[str]) -> Clients:
    """Return the clients of a file; raise ClientsError with every mistake in it and in the key files it names.

    `development` allows http: for FHIR servers anywhere, for keys on this machine. `payers` are the ids that exist.
    """
    try:
        file = read_yaml(path, path.name)
    except LibraryError as error:
        raise ClientsError(error.defects) from None
    except OSError as error:
        raise ClientsError((Defect(str(path), 1, 1, "$", f"cannot be read: {error.strerror}"),)) from None
    reading = _Reading(file, Surroundings(path.parent, development, frozenset(payers)))
    found = reading.entries()
    if reading.defects:
        raise ClientsError(tuple(sorted(reading.defects, key=lambda defect: (defect.line, defect.column))))
    return Clients.of(Client(**fields) for fields in found)


@dataclass(slots=True)
class _Reading:
    """One file on its way to clients, and what was found wrong in it so far."""

    file: DataFile
    around: Surroundings
    defects: list[Defect] = field(default_factory=list)

    def entries(self) -> list[dict[str, Any]]:
        """Return the fields of each client; those with a mistake are left out, and nobody is built from them."""
        for key in self.file.content:
            if key != "clients":
                self._refuse((key,), no_such("key", key, {"clients"}))
        rows = self.file.content.get("clients")
        if not isinstance(rows, list) or not rows:
            self._refuse(("clients",), "must be a list of at least one client")
            return []
        self._check_apart(rows)
        return [self._fields(("clients", index), row) for index, row in enumerate(rows)]

    def _fields(self, at: _Path, row: Any) -> dict[str, Any]:
        if not isinstance(row, Mapping):
            self._refuse(at, "must be a mapping")
            return {}
        fields: dict[str, Any] = {}
        for key, value in row.items():
            if key in _VALUES:
                fields[_FIELDS.get(key, key)] = self._value((*at, key), value, _VALUES[key])
            elif key in _LISTS:
                fields[key] = self._values((*at, key), value, _LISTS[key])
            else:
                self._refuse((*at, key), no_such("key", key, KNOWN_KEYS))
        for key in ("id", "issuer"):
            if key not in row:
                self._refuse(at, f"{key} is missing")
        if ("jku" in row) == ("jwks_file" in row):
            self._refuse(at, "must have either jku or jwks_file, which say where its keys are")
        self._check_algorithms(at, fields)
        self._check_reach(at, fields)
        return fields

    def _check_reach(self, at: _Path, fields: Mapping[str, Any]) -> None:
        """Refuse a `jku` at which no keys can ever be fetched; what a name leads to is known at each fetch only."""
        url, networks = BaseUrl.of(fields.get("jku") or ""), fields.get("private_networks", ())
        if url is None or networks is None or None in networks:
            return
        reach = Reach(networks, self.around.development)
        elsewhere = url.address is not None and not reach.includes(url.address)
        if elsewhere or (url.is_loopback and not self.around.development):
            self._refuse((*at, "jku"), "is at an address that may not be called; see private_networks")

    def _check_algorithms(self, at: _Path, fields: Mapping[str, Any]) -> None:
        algorithms, keys = fields.get("algorithms", ALGORITHMS), fields.get("keys")
        if algorithms == ():
            self._refuse((*at, "algorithms"), "must name an algorithm")
        elif algorithms is None or None in algorithms or keys is None:
            return
        elif not any(key.algorithm in algorithms for key in keys.keys.values()):
            self._refuse((*at, "jwks_file"), f"holds no key for {' or '.join(algorithms)}")

    def _check_apart(self, rows: list[Any]) -> None:
        """Refuse what a token, or a reader of the log, could not tell apart."""
        ids: set[str] = set()
        callers: set[tuple[str, str | None]] = set()
        for index, row in enumerate(rows):
            each = row if isinstance(row, Mapping) else {}
            name, issuer, tenant = each.get("id"), each.get("issuer"), each.get("tenant")
            if isinstance(name, str):
                if name in ids:
                    self._refuse(("clients", index, "id"), "is the id of an earlier client")
                ids.add(name)
            if isinstance(issuer, str) and isinstance(tenant, str | None):
                if (issuer, tenant) in callers:
                    self._refuse(("clients", index, "issuer"), "is that of an earlier client with the same tenant")
                callers.add((issuer, tenant))

    def _values(self, at: _Path, value: Any, read: Read) -> tuple[Any, ...] | None:
        """Return what a list says, None in the place of each item that was refused."""
        if not isinstance(value, list):
            self._refuse(at, "must be a list")
            return None
        return tuple(self._value((*at, index), item, read) for index, item in enumerate(value))

    def _value(self, at: _Path, value: Any, read: Read) -> Any:
        """Return what a value says, None when it was refused."""
        try:
            return read(value, self.around)
        except ValueRefusedError as error:
            self._refuse(at, str(error))
            return None

    def _refuse(self, at: _Path, text: str) -> None:
        self.defects.append(self.file.defect(at, text))
