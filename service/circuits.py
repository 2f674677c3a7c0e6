"""The circuit breakers of the servers that are asked: one that keeps failing is left alone, and costs no call its time.

A FHIR server has one for each client. What a client sends ends up in what its server is asked, so a client can make
a server fail; that must not close the server to other clients. The servers of keys have one for each host: what is
asked of them stands in the registry, and a host that is down is down for all clients whose keys lie there.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from threading import Lock

from criteria.facts import SearchState
from service.addresses import Network
from service.base_url import BaseUrl
from service.breaker import Breaker, Circuit
from service.callers import Caller
from service.deadline import Deadline
from service.fhir_client import Fetch, Fetched

FAILURES = 5
"""So many failures in a row open a circuit; see `Fetched.fault` for what is one."""

OPEN_SECONDS = 30.0
"""So long nobody asks; then one request tries."""

MOST_CIRCUITS = 1024
"""Registered servers are far fewer; in development a caller may name any on this machine."""

LEFT_ALONE = Fetched(SearchState.FAILED, reason="is left alone after several failures")


@dataclass(frozen=True, slots=True)
class GuardedFetch:
    """Asks only while the circuit allows it, and reports how that went. A Fetch."""

    fetch: Fetch
    breaker: Breaker

    def __call__(self, url: str, token: str | None, deadline: Deadline) -> Fetched:
        """Return what came of the URL, LEFT_ALONE without asking while the circuit is open."""
        if not self.breaker.allows():
            return LEFT_ALONE
        report = self.breaker.abandoned
        try:
            fetched = self.fetch(url, token, deadline)
            if fetched.fault:
                report = self.breaker.failed
            elif fetched.state is not SearchState.FAILED:
                report = self.breaker.succeeded
        finally:
            report()
        return fetched


class Circuits:
    """Keeps the breakers, of those that were used last; safe to use from several threads."""

    def __init__(self, most: int = MOST_CIRCUITS) -> None:
        """Begin with every circuit closed; raise ValueError when none could be kept."""
        if most < 1:
            raise ValueError("a circuit that is not kept never opens")
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[str | None, Breaker]] = OrderedDict()
        self._lock = Lock()

    def guard_server(self, fetch: Fetch, caller: Caller, base: BaseUrl) -> Fetch:
        """Return what asks a FHIR server for a caller."""
        # Who is not registered may name any server on this machine: its name would be a text of the request.
        name = f"{caller.client or 'anybody'} {base}" if base in caller.fhir_servers else None
        return GuardedFetch(fetch, self._breaker((caller.client, base), name))

    def guard_keys(self, fetch: Fetch, address: BaseUrl, networks: tuple[Network, ...]) -> Fetch:
        """Return what asks for the keys at a registered address, which may lie in these networks."""
        host = address.origin
        return GuardedFetch(fetch, self._breaker((host, frozenset(networks)), f"keys {host}"))

    def states(self) -> Mapping[str, Circuit]:
        """Return how the circuits of registered servers stand, by client and base URL, or `keys` and host."""
        with self._lock:
            kept = list(self._kept.values())
        return {name: breaker.circuit for name, breaker in kept if name is not None}

    def _breaker(self, key: Hashable, name: str | None) -> Breaker:
        with self._lock:
            known = self._kept.get(key)
            if known is None:
                known = self._kept[key] = (name, Breaker(FAILURES, OPEN_SECONDS))
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end(key)
            return known[1]
