import json
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from service.base_url import BaseUrl
from service.clients import KNOWN_KEYS, Clients, ClientsError, read_clients
from tests.service.registry import MINIMAL, PAYERS, mistakes, one, quoted, read
from tests.service.signing import client, ec_key, jwk, jwks

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_a_client_with_all_keys_is_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
clients:
  - id: ehr-north
    issuer: https://ehr.example.org
    tenant: north
    jku: https://ehr.example.org/north/jwks.json
    algorithms: [RS384]
    fhir_servers:
      - https://ehr.example.org/north/fhir/
      - https://ehr.example.org:8443/fhir
    private_networks: [10.20.0.0/16, "fd00:1::/64"]
    crd_version: "2.1"
    default_payer: oscar
    tolerate_reused_jti: true
""",
    )
    expected = client(
        id="ehr-north",
        tenant="north",
        jku="https://ehr.example.org/north/jwks.json",
        algorithms=("RS384",),
        fhir_servers=(
            BaseUrl("https", "ehr.example.org", 443, "/north/fhir"),
            BaseUrl("https", "ehr.example.org", 8443, "/fhir"),
        ),
        private_networks=(ip_network("10.20.0.0/16"), ip_network("fd00:1::/64")),
        crd_version="2.1",
        default_payer="oscar",
        tolerate_reused_jti=True,
    )
    assert found.find("https://ehr.example.org", "north") == expected


def test_a_client_needs_an_id_an_issuer_and_keys_only(tmp_path: Path) -> None:
    (found,) = read(tmp_path, one(MINIMAL))
    assert found == client(id="a", issuer="i", jku="https://ehr.example.org/jwks")
    assert found.algorithms == ("ES384", "RS384")
    assert (found.fhir_servers, found.private_networks) == ((), ())
    assert (found.tenant, found.crd_version, found.default_payer) == (None, None, None)
    assert found.tolerate_reused_jti is False


def test_the_keys_of_a_file_are_read_at_start(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "a.json").write_text(json.dumps(jwks(jwk(ec_key()))))
    (found,) = read(tmp_path, one("id: a, issuer: i, jwks_file: keys/a.json"))
    assert found.jku is None
    assert found.keys is not None
    assert found.keys.find("k1", "ES384") == ec_key().public_key()


def test_the_example_that_is_shipped_can_be_used_in_production() -> None:
    found = read_clients(DOCS / "clients.example.yaml", development=False, payers=PAYERS)
    assert len(list(found)) >= 2


@pytest.mark.parametrize("name", ["clients.example.yaml", "clients.md"])
@pytest.mark.parametrize("key", KNOWN_KEYS)
def test_every_key_is_explained(name: str, key: str) -> None:
    mark = f"{key}:" if name.endswith(".yaml") else f"| `{key}` |"
    assert mark in (DOCS / name).read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------ who is found


TWO_TENANTS = quoted("""
clients:
  - {id: north, issuer: https://ehr.example.org, tenant: north, jku: https://ehr.example.org/n}
  - {id: south, issuer: https://ehr.example.org, tenant: south, jku: https://ehr.example.org/s}
  - {id: other, issuer: https://other.example.org, jku: https://other.example.org/jwks}
""")


@pytest.mark.parametrize(
    ("issuer", "tenant", "found"),
    [
        ("https://ehr.example.org", "north", "north"),
        ("https://ehr.example.org", "south", "south"),
        ("https://ehr.example.org", "east", None),
        ("https://ehr.example.org", None, None),
        ("https://ehr.example.org/", "north", None),
        ("https://other.example.org", None, "other"),
        ("https://other.example.org", "north", None),
        ("https://evil.example", None, None),
    ],
)
def test_a_client_is_found_by_exactly_its_issuer_and_tenant(
    tmp_path: Path, issuer: str, tenant: str | None, found: str | None
) -> None:
    client = read(tmp_path, TWO_TENANTS).find(issuer, tenant)
    assert (client and client.id) == found


def test_an_issuer_may_be_registered_with_and_without_tenant(tmp_path: Path) -> None:
    found = read(tmp_path, one(f"{MINIMAL}}}, {{{MINIMAL.replace('id: a', 'id: b')}, tenant: t"))
    assert [client.id for client in found] == ["a", "b"]


# ------------------------------------------------------------------------------------------------ the whole file


def test_every_mistake_is_named_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
client: []
clients:
  - id: a
    issuer: i
    jku: http://a.example/k
    fhir_servers: [x, "https://a.example", y]
  - text
  - id: a
    issuer: i
    tenant: [t]
    jwks_file: none.json
  - id: b
    issuer: i
    jku: https://a.example/k
    default_payer: nobody
"""
    found = mistakes(tmp_path, text)
    assert [(line.split(": ")[0], line.split(": ")[1]) for line in found] == [
        ("1:1", "$.client"),
        ("5:5", "$.clients[0].jku"),
        ("6:20", "$.clients[0].fhir_servers[0]"),
        ("6:44", "$.clients[0].fhir_servers[2]"),
        ("7:5", "$.clients[1]"),
        ("8:5", "$.clients[2].id"),
        ("10:5", "$.clients[2].tenant"),
        ("11:5", "$.clients[2].jwks_file"),
        ("13:5", "$.clients[3].issuer"),
        ("15:5", "$.clients[3].default_payer"),
    ]


@pytest.mark.parametrize("tenant", ["", ", tenant: t"])
def test_two_clients_of_one_issuer_and_tenant_are_refused(tmp_path: Path, tenant: str) -> None:
    text = one(f"{MINIMAL}{tenant}}}, {{{MINIMAL.replace('id: a', 'id: b')}{tenant}")
    (found,) = mistakes(tmp_path, text)
    assert "$.clients[1].issuer: is that of an earlier client with the same tenant" in found


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "1:1: $: "),
        ("- id: a\n", "1:1: $: "),
        ("clients:\n", "1:1: $.clients: "),
        ("clients: []\n", "1:1: $.clients: "),
        ("clients: {id: a}\n", "1:1: $.clients: "),
        ("other: 1\n", "1:1: $.other: "),
        ("clients: [\n", "2:1: $: not YAML"),
        ("clients:\n  - id: a\n    id: b\n", "3:5: $: key 'id' stands twice"),
        ("clients: &x []\nmore: *x\n", "2:7: $: aliases are not read"),
    ],
)
def test_a_file_that_is_no_list_of_clients_is_refused(tmp_path: Path, text: str, place: str) -> None:
    assert mistakes(tmp_path, text)[0].startswith(place)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClientsError, match=r"none\.yaml:1:1: \$: cannot be read: No such file"):
        read_clients(tmp_path / "none.yaml", development=False, payers=PAYERS)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clients.yaml").write_bytes(b"clients: [\xff]\n")
    with pytest.raises(ClientsError, match="not YAML"):
        read_clients(tmp_path / "clients.yaml", development=False, payers=PAYERS)


def test_a_file_in_utf_16_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clients.yaml").write_text(one(MINIMAL), encoding="utf-16")
    with pytest.raises(ClientsError, match=r"clients\.yaml:1:1: \$: is not UTF-8"):
        read_clients(tmp_path / "clients.yaml", development=False, payers=PAYERS)


# ------------------------------------------------------------------------------------------------ the types


@pytest.mark.parametrize("sources", [{"jku": None}, {"keys": object()}])
def test_a_client_has_one_source_of_keys(sources: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="client ehr needs either"):
        client(**sources)


def test_a_registry_cannot_hold_two_clients_that_no_token_tells_apart() -> None:
    with pytest.raises(ValueError, match="client b has issuer and tenant of another one"):
        Clients.of([client(id="a"), client(id="b")])
