"""Who calls, and what that caller may: which FHIR servers are asked for it, and how its answers are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from cards.dialect import DIALECTS, NEWEST, Dialect
from service.addresses import Network
from service.base_url import BaseUrl
from service.call_report import present_report
from service.clients import Client, Clients
from service.clock import Clock
from service.deadline import Deadline
from service.jwks import KeySource
from service.logs import log_event
from service.replays import Replays
from service.settings import Settings
from service.tokens import Unauthenticated, verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A registered client, or anybody where the development profile asks nobody for a name.

    `client` is the id in the registry, None for anybody. `default_payer` stands in where no Coverage is sent. Only
    `fhir_servers` are ever called; with `loopback` also servers on this machine. `private_networks` are those that
    the names of these servers may lead into.
    """

    client: str | None = None
    dialect: Dialect = NEWEST
    default_payer: str | None = None
    fhir_servers: tuple[BaseUrl, ...] = ()
    loopback: bool = False
    private_networks: tuple[Network, ...] = ()

    def fhir_base(self, url: str) -> BaseUrl | None:
        """Return the base to call for a `fhirServer`, None when that server is not allowed.

        Nothing else is ever called: a service that fetches any address it is told is a way into its own network.
        """
        base = BaseUrl.of(url)
        if base is None:
            return None
        return base if base in self.fhir_servers or (self.loopback and base.is_loopback) else None


class Callers(Protocol):
    """Tells who calls."""

    def identify(self, authorization: str | None, /, *paths: str, deadline: Deadline) -> Caller:
        """Return the caller of an Authorization header; raise Unauthenticated (401) when it is nobody we know.

        `paths` are those of the endpoint, below the public address: a token is made for one of them. What has to be
        fetched to find out is fetched by the deadline of the call.
        """
        ...


def anybody(settings: Settings) -> Caller:
    """Return the caller whom nobody asked for a name: the development profile without a registry answers it."""
    return Caller(
        dialect=DIALECTS[settings.dialect],
        default_payer=settings.default_payer,
        fhir_servers=settings.fhir_servers,
        loopback=settings.in_development,
    )


def registered(client: Client, settings: Settings) -> Caller:
    """Return the caller that a client of the registry is; what it does not say, the settings do."""
    return Caller(
        client=client.id,
        dialect=DIALECTS[client.crd_version or settings.dialect],
        default_payer=client.default_payer or settings.default_payer,
        fhir_servers=client.fhir_servers,
        private_networks=client.private_networks,
    )


@dataclass(frozen=True, slots=True)
class Anyone:
    """Everybody is the same caller; for the development profile only."""

    caller: Caller

    def identify(self, *_: str | None, deadline: Deadline) -> Caller:  # noqa: ARG002 - nothing is fetched
        """Return the caller; no token is looked at."""
        return self.caller


class RegisteredCallers:
    """Everybody proves by a token to be a client of the registry."""

    def __init__(
        self, clients: Clients, settings: Settings, *, keys: KeySource, replays: Replays, clock: Clock
    ) -> None:
        """Make the callers that the clients are."""
        self._clients, self._keys, self._replays, self._clock = clients, keys, replays, clock
        self._address = settings.public_url.rstrip("/")
        self._callers: Mapping[str, Caller] = MappingProxyType(
            {client.id: registered(client, settings) for client in clients}
        )

    def identify(self, authorization: str | None, /, *paths: str, deadline: Deadline) -> Caller:
        """Return the client's caller; the log says why nobody was recognised, the answer does not."""
        audiences = frozenset(f"{self._address}{path}" for path in paths)
        try:
            client = verify(
                authorization,
                audiences,
                clients=self._clients,
                keys=self._keys,
                replays=self._replays,
                clock=self._clock,
                deadline=deadline,
            )
        except Unauthenticated as problem:
            present_report().refused = problem.reason.value
            log_event("unauthenticated", level="warning", reason=problem.reason.value)
            raise
        return self._callers[client.id]
