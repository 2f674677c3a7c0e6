import json
from pathlib import Path
from typing import Any

import pytest

from tests.service.registry import MINIMAL, mistakes, one, read
from tests.service.signing import ec_key, jwk, jwks, private_jwk, rsa_key


@pytest.mark.parametrize(
    ("written", "version"),
    [
        ('"2.0"', "2.0"),
        ("2.0", "2.0"),
        ("2.0.1", "2.0"),
        ("2.1", "2.1"),
        ("2.1.0", "2.1"),
        ("2.2", "2.2"),
        ("2.2.0", "2.2"),
        ("2.2.1", "2.2"),
        ("cds-hooks", "cds-hooks"),
    ],
)
def test_a_crd_version_is_named_by_its_dialect_or_release(tmp_path: Path, written: str, version: str) -> None:
    (found,) = read(tmp_path, one(f"{MINIMAL}, crd_version: {written}"))
    assert found.crd_version == version


@pytest.mark.parametrize(
    ("entry", "place", "words"),
    [
        # names
        ("issuer: i, jku: https://a.example/k", "$.clients[0]", "id is missing"),
        ("id: Example EHR, issuer: i, jku: https://a.example/k", "$.clients[0].id", "must consist of"),
        ('id: "a\\n", issuer: i, jku: https://a.example/k', "$.clients[0].id", "must consist of"),
        ("id: 5, issuer: i, jku: https://a.example/k", "$.clients[0].id", "must consist of"),
        (f"id: {'a' * 65}, issuer: i, jku: https://a.example/k", "$.clients[0].id", "at most 64"),
        ("id: a, jku: https://a.example/k", "$.clients[0]", "issuer is missing"),
        ("id: a, issuer: , jku: https://a.example/k", "$.clients[0].issuer", "must be text"),
        ('id: a, issuer: " ", jku: https://a.example/k', "$.clients[0].issuer", "must be text"),
        (f"{MINIMAL}, tenant: 12", "$.clients[0].tenant", "in quotes if it looks like a number"),
        (f"{MINIMAL}, tenant: [a]", "$.clients[0].tenant", "must be text"),
        ('id: a, issuer: " i", jku: https://a.example/k', "$.clients[0].issuer", "without spaces around it"),
        ('id: a, issuer: "i ", jku: https://a.example/k', "$.clients[0].issuer", "without spaces around it"),
        ('id: a, issuer: "i\\u200b", jku: https://a.example/k', "$.clients[0].issuer", "must be printable"),
        ('id: a, issuer: "a\\tb", jku: https://a.example/k', "$.clients[0].issuer", "must be printable"),
        (f'{MINIMAL}, tenant: "t\\n"', "$.clients[0].tenant", "must be printable"),
        (f'{MINIMAL}, tenant: "t "', "$.clients[0].tenant", "without spaces around it"),
        (f"{MINIMAL}, tenants: a", "$.clients[0].tenants", "no key is called tenants; nearest: tenant"),
        # keys
        ("id: a, issuer: i", "$.clients[0]", "either jku or jwks_file"),
        (f"{MINIMAL}, jwks_file: good.json", "$.clients[0]", "either jku or jwks_file"),
        ("id: a, issuer: i, jku: http://a.example/k", "$.clients[0].jku", "must begin with https://"),
        ("id: a, issuer: i, jku: http://127.0.0.1/k", "$.clients[0].jku", "must begin with https://"),
        ("id: a, issuer: i, jku: ftp://a.example/k", "$.clients[0].jku", "must be an http(s) URL"),
        ("id: a, issuer: i, jku: https://u@a.example/k", "$.clients[0].jku", "must be an http(s) URL"),
        ("id: a, issuer: i, jku: 5", "$.clients[0].jku", "must be an http(s) URL"),
        ("id: a, issuer: i, jwks_file: [x]", "$.clients[0].jwks_file", "must be text"),
        ("id: a, issuer: i, jwks_file: none.json", "$.clients[0].jwks_file", "cannot be read: No such file"),
        ("id: a, issuer: i, jwks_file: .", "$.clients[0].jwks_file", "cannot be read: Is a directory"),
        ('id: a, issuer: i, jwks_file: "a\\0b"', "$.clients[0].jwks_file", "must be the path of a file"),
        ("id: a, issuer: i, jwks_file: text.json", "$.clients[0].jwks_file", "is not JSON"),
        ("id: a, issuer: i, jwks_file: twice.json", "$.clients[0].jwks_file", "a member that stands twice"),
        ("id: a, issuer: i, jwks_file: large.json", "$.clients[0].jwks_file", "more than 65536 bytes"),
        ("id: a, issuer: i, jwks_file: doubled.json", "$.clients[0].jwks_file", "two keys have the same kid"),
        ("id: a, issuer: i, jwks_file: empty.json", "$.clients[0].jwks_file", "holds no key that can be used"),
        ("id: a, issuer: i, jwks_file: private.json", "$.clients[0].jwks_file", "$.keys[0]: is a private key"),
        (
            "id: a, issuer: i, jwks_file: good.json, algorithms: [RS384]",
            "$.clients[0].jwks_file",
            "holds no key for RS384",
        ),
        (f"{MINIMAL}, algorithms: [ES384, RS256]", "$.clients[0].algorithms[1]", "must be ES384 or RS384"),
        (f"{MINIMAL}, algorithms: [none]", "$.clients[0].algorithms[0]", "must be ES384 or RS384"),
        (f"{MINIMAL}, algorithms: []", "$.clients[0].algorithms", "must name an algorithm"),
        (f"{MINIMAL}, algorithms: ES384", "$.clients[0].algorithms", "must be a list"),
        ("id: a, issuer: i, jwks_file: good.json, algorithms: ES384", "$.clients[0].algorithms", "must be a list"),
        # where keys can never be fetched
        ("id: a, issuer: i, jku: https://127.0.0.1/k", "$.clients[0].jku", "may not be called"),
        ("id: a, issuer: i, jku: https://localhost/k", "$.clients[0].jku", "may not be called"),
        ("id: a, issuer: i, jku: 'https://[::1]/k'", "$.clients[0].jku", "may not be called"),
        ("id: a, issuer: i, jku: 'https://[::ffff:10.0.0.1]/k'", "$.clients[0].jku", "may not be called"),
        ("id: a, issuer: i, jku: https://10.0.0.1/k", "$.clients[0].jku", "see private_networks"),
        ("id: a, issuer: i, jku: https://169.254.169.254/k", "$.clients[0].jku", "may not be called"),
        (
            "id: a, issuer: i, jku: https://10.1.0.1/k, private_networks: [10.0.0.0/16]",
            "$.clients[0].jku",
            "see private_networks",
        ),
        (
            "id: a, issuer: i, jku: https://10.1.0.1/k, private_networks: [intranet]",
            "$.clients[0].private_networks[0]",
            "must be a network",
        ),
        (
            "id: a, issuer: i, jku: https://10.1.0.1/k, private_networks: 10.0.0.0/8",
            "$.clients[0].private_networks",
            "must be a list",
        ),
        # what may be called
        (f"{MINIMAL}, fhir_servers: https://a.example", "$.clients[0].fhir_servers", "must be a list"),
        (f"{MINIMAL}, fhir_servers: [a.example]", "$.clients[0].fhir_servers[0]", "must be an http(s) URL"),
        (f"{MINIMAL}, fhir_servers: [http://a.example]", "$.clients[0].fhir_servers[0]", "must begin with https://"),
        (f"{MINIMAL}, private_networks: [10.0.0.1/8]", "$.clients[0].private_networks[0]", "host bits zero"),
        (f"{MINIMAL}, private_networks: [10]", "$.clients[0].private_networks[0]", "must be text"),
        (f"{MINIMAL}, private_networks: [intranet]", "$.clients[0].private_networks[0]", "must be a network"),
        (f"{MINIMAL}, private_networks: [0.0.0.0/0]", "$.clients[0].private_networks[0]", "must lie in one of"),
        (f"{MINIMAL}, private_networks: ['::/0']", "$.clients[0].private_networks[0]", "must lie in one of"),
        (f"{MINIMAL}, private_networks: [10.0.0.0/7]", "$.clients[0].private_networks[0]", "must lie in one of"),
        (f"{MINIMAL}, private_networks: [169.254.0.0/16]", "$.clients[0].private_networks[0]", "must lie in one of"),
        (f"{MINIMAL}, private_networks: [127.0.0.0/8]", "$.clients[0].private_networks[0]", "must lie in one of"),
        # how it is answered
        (f"{MINIMAL}, crd_version: 2.20", "$.clients[0].crd_version", "must be one of 2.0, 2.1, 2.2, cds-hooks"),
        (f"{MINIMAL}, crd_version: [2.2]", "$.clients[0].crd_version", "must be one of"),
        (f"{MINIMAL}, default_payer: oskar", "$.clients[0].default_payer", "no payer is called oskar; nearest: oscar"),
        (f"{MINIMAL}, default_payer: null", "$.clients[0].default_payer", "must be text"),
        (f"{MINIMAL}, tolerate_reused_jti: yes", "$.clients[0].tolerate_reused_jti", "must be true or false"),
    ],
)
def test_a_mistake_stops_the_start_and_is_named_by_its_place(
    tmp_path: Path, entry: str, place: str, words: str
) -> None:
    key_files: dict[str, Any] = {
        "good.json": json.dumps(jwks(jwk(ec_key()))),
        "text.json": "keys",
        "twice.json": '{"keys": [], "keys": []}',
        "large.json": '{"keys": []}' + " " * 65_536,
        "doubled.json": json.dumps(jwks(jwk(ec_key()), jwk(rsa_key()))),
        "empty.json": '{"keys": []}',
        "private.json": json.dumps(jwks(private_jwk(ec_key()))),
    }
    for name, content in key_files.items():
        (tmp_path / name).write_text(content)
    (found,) = mistakes(tmp_path, one(entry))
    assert found.startswith("1:")
    assert f": {place}: " in found
    assert words in found


@pytest.mark.parametrize(
    "entry",
    [
        "jku: https://10.0.0.1/k, private_networks: [10.0.0.0/16]",
        "jku: 'https://[fd00:1::5]/k', private_networks: ['fd00:1::/64']",
        "jku: https://9.9.9.9/k",
    ],
)
def test_keys_may_be_at_an_address_that_can_be_called(tmp_path: Path, entry: str) -> None:
    assert len(list(read(tmp_path, one(f"id: a, issuer: i, {entry}")))) == 1


def test_claims_may_hold_spaces_and_letters_of_any_language(tmp_path: Path) -> None:
    (found,) = read(tmp_path, one("id: a, issuer: i, tenant: Klinik Köln, jku: https://ehr.example.org/jwks"))
    assert found.tenant == "Klinik Köln"


def test_a_key_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    content = json.dumps(jwks(jwk(ec_key())))
    (tmp_path / "keys.json").write_text(content + " " * (65_536 - len(content)))
    assert len(list(read(tmp_path, one("id: a, issuer: i, jwks_file: keys.json")))) == 1


@pytest.mark.parametrize(
    "entry",
    [
        "id: a, issuer: i, jku: http://localhost:4567/jwks.json",
        "id: a, issuer: i, jku: 'http://[::1]/jwks.json'",
        f"{MINIMAL}, fhir_servers: [http://ehr.example.org/fhir]",
        f"{MINIMAL}, private_networks: [127.0.0.0/8, '::1/128']",
    ],
)
def test_development_allows_what_stays_on_the_machine(tmp_path: Path, entry: str) -> None:
    assert len(list(read(tmp_path, one(entry), development=True))) == 1
    assert mistakes(tmp_path, one(entry), development=False) != []


def test_development_does_not_take_keys_over_http_from_another_machine(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, one("id: a, issuer: i, jku: http://ehr.example.org/jwks"), development=True)
    assert "$.clients[0].jku" in found
