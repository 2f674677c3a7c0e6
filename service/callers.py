"""Who calls, and what that caller may: which FHIR servers are asked for it, and how its answers are written."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from cards.dialect import DIALECTS, NEWEST, Dialect
from service.base_url import BaseUrl
from service.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A registered client, or anybody where the development profile asks nobody who they are.

    `client` is the id in the registry, None for anybody. `default_payer` stands in where no Coverage is sent. Only
    `fhir_servers` are ever called; with `loopback` also servers on this machine. `private_networks` are those that
    the names of these servers may lead into.
    """

    client: str | None = None
    dialect: Dialect = NEWEST
    default_payer: str | None = None
    fhir_servers: tuple[BaseUrl, ...] = ()
    loopback: bool = False
    private_networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def fhir_base(self, url: str) -> BaseUrl | None:
        """Return the base to call for a `fhirServer`, None when that server is not allowed.

        Nothing else is ever called: a service that fetches any address it is told is a way into its own network.
        """
        base = BaseUrl.of(url)
        if base is None:
            return None
        return base if base in self.fhir_servers or (self.loopback and base.is_loopback) else None


def anybody(settings: Settings) -> Caller:
    """Return the caller whom nobody asked for a name: the development profile without a registry answers it."""
    return Caller(
        dialect=DIALECTS[settings.dialect],
        default_payer=settings.default_payer,
        fhir_servers=settings.fhir_servers,
        loopback=settings.in_development,
    )
