"""Which addresses a call may go to: public ones, and those that are opened for a client.

The name of a registered server is the client's, and so is the DNS that answers for it: a name that is allowed can lead
into the network this service runs in. So the addresses are judged, and what was judged is connected to; see
`service.connections`.
"""

import socket
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

from service.base_url import Address, literal_address
from service.in_time import within

Network = IPv4Network | IPv6Network

# The only block that IANA gives out as global unicast. Everything else of IPv6 is special, among it addresses that
# stand for IPv4 ones: NAT64 (RFC 6052, RFC 8215), "IPv4-compatible" and "IPv4-translated".
_GLOBAL_UNICAST = IPv6Network("2000::/3")


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, texts))


# Not public, whatever the tables of this Python release say (IANA special-purpose registries): protocol assignments
# with Teredo and ORCHID, 6to4 and its relays, documentation.
_NOT_PUBLIC = _networks("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "2001:db8::/32", "3fff::/20")

# Never called, not even when a client's network holds them: "this host", link-local, multicast, broadcast.
_NEVER = (
    *_networks("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32", "::/128", "fe80::/10", "ff00::/8"),
    # Metadata services of clouds outside of link-local, which hand credentials to whoever asks: AWS, Google, Alibaba,
    # Oracle, and Azure's, whose address looks public.
    *_networks("fd00:ec2::/32", "fd20:ce::254/128", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32"),
)


class AddressRefused(Exception):  # noqa: N818 - what happened, as in urllib3 and requests
    """A host has addresses, and none that may be called. Holds no text: nobody shows it."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The addresses that may be called: public ones and those in `networks`; loopback where it is allowed."""

    networks: tuple[Network, ...] = ()
    loopback_allowed: bool = False

    def includes(self, address: Address) -> bool:
        """Say whether an address may be called."""
        if _lies_in(address, _NEVER):
            return False
        if address.is_loopback and self.loopback_allowed:
            return True
        return _is_public(address) or _lies_in(address, self.networks)

    def of(self, host: str, port: int, seconds: float) -> tuple[Address, ...]:
        """Return the addresses of a host that may be called, in the resolver's order; one resolution.

        Addresses that may not be called are left out, not held against the others: what is connected to has been
        judged either way, whoever controls the name could send a public address alone, and mixed answers are ordinary
        (a private IPv6 address beside a public IPv4 one, DNS64).

        Raises AddressRefused when none is left, TimeoutError, and OSError or UnicodeError for what is no name.
        """
        found = resolve(host, port, seconds)
        allowed = tuple(each for each in found if self.includes(each))
        if not allowed:
            raise AddressRefused
        return allowed


def resolve(host: str, port: int, seconds: float) -> tuple[Address, ...]:
    """Return the addresses of a host, an IPv4 address in IPv6 clothing as what it is.

    The resolver takes no timeout and cannot be interrupted. Raises TimeoutError, and OSError or UnicodeError for what
    is no name.
    """
    try:
        return (literal_address(host),)
    except ValueError:
        pass
    found = within(seconds, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM), name="resolve")
    return tuple(dict.fromkeys(literal_address(str(address[0])) for *_, address in found))


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not _lies_in(address, _NOT_PUBLIC)


def _lies_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
