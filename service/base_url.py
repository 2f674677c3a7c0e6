r"""Base URLs of FHIR servers: parsed once, compared by their parts, and called exactly as they were compared.

What is allowed and what is called must be the same text, otherwise a URL that two parsers read differently
("http://127.0.0.1\@evil.example") reaches a server that nobody allowed.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SCHEME_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?")
_STEPS = re.compile(r"[/\\;]")
_PLAIN = re.compile(r"[!-\[\]-~]+")
"""Visible ASCII without the backslash, which some parsers read as a slash."""


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """Scheme, host, port and path (without a slash at its end) of a server."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, text: str) -> "BaseUrl | None":
        """Return the parts of an absolute http(s) URL without user, query and fragment; None for anything else."""
        if not _PLAIN.fullmatch(text) or "?" in text or "#" in text:
            return None
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            return None
        host = (parts.hostname or "").lower()
        if parts.scheme not in _SCHEME_PORTS or "@" in parts.netloc or not _is_host(host):
            return None
        path = parts.path.rstrip("/")
        if _climbs(path):
            return None
        return cls(parts.scheme, host, port if port is not None else _SCHEME_PORTS[parts.scheme], path)

    @property
    def origin(self) -> "BaseUrl":
        """Return the server alone, without a path."""
        return BaseUrl(self.scheme, self.host, self.port, "")

    @property
    def is_loopback(self) -> bool:
        """Say whether the host is this machine by name or by literal address."""
        address = self.address
        return self.host == "localhost" or (address is not None and address.is_loopback)

    @property
    def address(self) -> Address | None:
        """The host's literal address; None when the host is a name."""
        try:
            return literal_address(self.host)
        except ValueError:
            return None

    def covers(self, url: str) -> bool:
        """Say whether an absolute URL (query allowed) has this origin and lies at or below this path."""
        address = url.partition("#")[0].partition("?")[0]
        other = BaseUrl.of(address)
        return (
            other is not None
            and (other.scheme, other.host, other.port) == (self.scheme, self.host, self.port)
            and (other.path == self.path or other.path.startswith(f"{self.path}/"))
        )

    def __str__(self) -> str:
        """Write the URL from its parts; a default port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _SCHEME_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def literal_address(text: str) -> Address:
    """Return an address, an IPv4 address in IPv6 clothing as what it is; raise ValueError for what is no address."""
    address = ipaddress.ip_address(text)
    return (address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None) or address


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _HOST.fullmatch(host) is not None
    try:
        # A zone ("%eth0") is the sender's business and would be written into our request.
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _climbs(path: str) -> bool:
    """A path with dot segments, plain or percent-encoded, is called at another place than it names.

    Servers differ in what ends a segment: some decode "%2f" first, some read a backslash as a slash, and Java's drop
    what follows a semicolon. Whatever ends one for any of them ends one here.
    """
    return any(step in {".", ".."} for step in _STEPS.split(unquote(path)))
