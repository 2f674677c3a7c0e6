"""Calls that try to make the service call something it must not: this machine, its network, its cloud's metadata.

Played against the production profile with registered clients, over a network that is played too: names lead where an
attacker's DNS would lead them, and a connection that leaves this machine would be seen and stopped.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rig.bad_ehr import Canary
from benchmarks.rig.charts import request
from benchmarks.rig.clients import Client, production
from benchmarks.rig.network import PlayedNetwork
from benchmarks.rig.orders import PATH
from benchmarks.rig.server import Server, running
from benchmarks.rig.table import Row
from benchmarks.rig.web import NoAnswerError, get, post

_PUBLIC = "93.184.215.14"
"""An address that is nobody's business here; the played network lets no connection to it out."""

_METADATA = "169.254.169.254"
_SERVER = "https://ehr.example.org/fhir"

# Ways to write this machine's address, and to hide it behind another.
_HOSTS = (
    "127.0.0.1",
    "127.1",
    "127.0.0.2",
    "localhost",
    "0.0.0.0",  # noqa: S104 - nothing is bound here
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "user:pw@127.0.0.1",
    "ehr.example.org@127.0.0.1",
    "127.0.0.1%2f@ehr.example.org",
    "ehr.example.org%00.127.0.0.1",
    "127.0.0.1.",
    "\u2460\u2461\u2466.0.0.1",
)


@dataclass(frozen=True, slots=True)
class _Names:
    """What the DNS of attackers says. Each is registered as some client's FHIR server or key set."""

    loopback: str = "loopback.example.org"
    metadata: str = "metadata.example.org"
    inside: str = "inside.example.org"
    mapped: str = "mapped.example.org"
    rebinding: str = "rebinding.example.org"

    def script(self) -> dict[str, list[list[str]]]:
        return {
            self.loopback: [["127.0.0.1", "::1"]],
            self.metadata: [[_METADATA]],
            self.inside: [["10.0.0.5"]],
            self.mapped: [["::ffff:127.0.0.1"]],
            self.rebinding: [[_PUBLIC], ["127.0.0.1"]],
        }


_NAMES = _Names()
_OF_KEYS = f"keys-{_NAMES.loopback}"


def hostile_addresses(port: int) -> Mapping[str, int]:
    """Return addresses that reach the canary, or worse, where nobody checks, and what a call with one is answered.

    Whatever is the URL of some server is only not called: 200. What is none is a mistake of the caller: 400.
    """
    metadata = (f"http://{_METADATA}/latest/meta-data/", "http://2852039166/", "http://[fd00:ec2::254]/latest/")
    urls = (
        *(f"{scheme}://{host}:{port}/fhir" for host in _HOSTS for scheme in ("http", "https")),
        *metadata,
        f"https://ehr.example.org/fhir#@127.0.0.1:{port}/",
        f"https://ehr.example.org/fhir/../../@127.0.0.1:{port}/",
    )
    others = (
        "file:///etc/passwd",
        f"gopher://127.0.0.1:{port}/_GET",
        f"//127.0.0.1:{port}/fhir",
        f"https://ehr.example.org\\@127.0.0.1:{port}/fhir",
    )
    return {**dict.fromkeys(urls, 200), **dict.fromkeys(others, 400)}


def rows(folder: Path) -> Iterator[Row]:
    """Yield the rows; the service is started for them and stopped again."""
    network = PlayedNetwork.of(folder / "network", _NAMES.script())
    with Canary() as canary:
        clients = _clients(canary.port)
        settings = production(folder / "registry", tuple(clients.values()))
        database = {"DATABASE_URL": f"sqlite:///{folder / 'ssrf.sqlite3'}", "HER2_CRD_WORKERS": "1"}
        with running(folder / "service", {**settings, **network.settings, **database}) as server:
            network.seen()
            yield _control(canary)
            yield _servers(server, clients["plain"], canary, network)
            for name in ("loopback", "metadata", "inside", "mapped"):
                yield _named_server(server, clients[name], canary, network)
            yield _rebinding(server, clients["rebinding"], canary, network)
            yield _key_sets(server, clients["keys"], canary, network)
            yield _named_key_set(server, clients["keys"], canary, network)


def _clients(port: int) -> dict[str, Client]:
    named = {
        name: Client(name, {"fhir_servers": [f"https://{getattr(_NAMES, name)}:{port}/fhir"]})
        for name in ("loopback", "metadata", "inside", "mapped", "rebinding")
    }
    keys = Client("keys", {"jku": f"https://{_NAMES.loopback}:{port}/jwks.json"})
    return {**named, "keys": keys, "plain": Client("plain", {"fhir_servers": [_SERVER]})}


def _control(canary: Canary) -> Row:
    """A canary that does not sing proves nothing."""
    before = canary.connections
    with suppress(NoAnswerError):
        get(canary.port, "/")
    seen = canary.connections - before
    canary.connections = 0
    return Row("the harness calls the canary (control)", "1 connections", f"{seen} connections")


def _ask(server: Server, client: Client, base: str, **header: str) -> int:
    try:
        return post(server.port, PATH, request(server.port, base), client.headers(PATH, **header)).status
    except NoAnswerError:
        return 0


def _words(statuses: Iterable[int], connected: Iterable[str] = (), canary: int = 0) -> str:
    """Say how often which status came, and who was connected to."""
    answered = ", ".join(f"{times} x {status}" for status, times in sorted(Counter(statuses).items()))
    return f"{answered}; connected to {', '.join(sorted(set(connected))) or 'nobody'}; canary {canary}"


def _seen(statuses: Iterable[int], canary: Canary, network: PlayedNetwork) -> str:
    answered = list(statuses)
    connected = [line.removeprefix("connect ") for line in network.seen() if line.startswith("connect ")]
    return _words(answered, connected, canary.connections)


def _servers(server: Server, client: Client, canary: Canary, network: PlayedNetwork) -> Row:
    addresses = hostile_addresses(canary.port)
    statuses = (_ask(server, client, each) for each in addresses)
    done = f"{len(addresses)} hostile values of fhirServer"
    return Row(done, _words(addresses.values()), _seen(statuses, canary, network))


def _named_server(server: Server, client: Client, canary: Canary, network: PlayedNetwork) -> Row:
    (base,) = client.entry_keys["fhir_servers"]
    leads = ", ".join(_NAMES.script()[getattr(_NAMES, client.name)][0])
    done = f"registered FHIR server whose name leads to {leads}"
    return Row(done, _words([200]), _seen([_ask(server, client, base)], canary, network))


def _rebinding(server: Server, client: Client, canary: Canary, network: PlayedNetwork) -> Row:
    """The first look-up says a public address, all others this machine: what is judged must be what is called."""
    (base,) = client.entry_keys["fhir_servers"]
    done = f"FHIR server whose name leads to {_PUBLIC} first, then to 127.0.0.1"
    return Row(done, _words([200], [_PUBLIC]), _seen([_ask(server, client, base)], canary, network))


def _key_sets(server: Server, client: Client, canary: Canary, network: PlayedNetwork) -> Row:
    registered = str(client.entry_keys["jku"])
    near = (f"{registered}?", f"{registered}#", registered.upper(), f"{registered}/../x", registered.replace("s:", ":"))
    addresses = (*hostile_addresses(canary.port), *near)
    statuses = (_ask(server, client, _SERVER, jku=each) for each in addresses)
    done = f"{len(addresses)} hostile values of jku"
    return Row(done, _words([401] * len(addresses)), _seen(statuses, canary, network))


def _named_key_set(server: Server, client: Client, canary: Canary, network: PlayedNetwork) -> Row:
    statuses = [_ask(server, client, _SERVER, jku=str(client.entry_keys["jku"]))]
    done = "registered jku whose name leads to 127.0.0.1"
    return Row(done, _words([401]), _seen(statuses, canary, network))
