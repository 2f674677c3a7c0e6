from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from service.key_set import MOST_KEYS, KeySetError, read_key_set
from tests.service.signing import ec_key, jwk, jwks, private_jwk, rsa_key


def test_the_keys_of_both_algorithms_are_found_by_kid_and_algorithm() -> None:
    keys = read_key_set(jwks(jwk(ec_key(), "e"), jwk(rsa_key(), "r")))
    assert keys.find("e", "ES384") == ec_key().public_key()
    assert keys.find("r", "RS384") == rsa_key().public_key()
    assert keys.unused == ()
    assert "e" in keys
    assert "x" not in keys


@pytest.mark.parametrize(("kid", "algorithm"), [("e", "RS384"), ("r", "ES384"), ("r", "RS256"), ("x", "ES384")])
def test_a_key_is_never_found_for_another_algorithm_or_id(kid: str, algorithm: str) -> None:
    assert read_key_set(jwks(jwk(ec_key(), "e"), jwk(rsa_key(), "r"))).find(kid, algorithm) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "ES384"},
        {"alg": None},
        {"use": "sig"},
        {"use": None},
        {"key_ops": ["verify"]},
        {"key_ops": ["sign", "verify"]},
    ],
)
def test_a_key_for_signatures_is_used(changes: dict[str, Any]) -> None:
    assert read_key_set(jwks(jwk(ec_key(), **changes))).find("k1", "ES384") is not None


OCT = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldC1zZWNyZXQ", "kid": "k1", "alg": "HS384"}
OKP = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "k1"}


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("text", "no object"),
        (None, "no object"),
        (jwk(ec_key(), kid=None), "no kid"),
        (jwk(ec_key(), kid=""), "no kid"),
        (jwk(ec_key(), kid=5), "no kid"),
        (OCT, "neither"),
        (OKP, "neither"),
        (jwk(ec_key(), kty=["EC"]), "neither"),
        (jwk(ec_key(), kty=None), "neither"),
        (private_jwk(ec_key()), "private key"),
        (private_jwk(rsa_key()), "private key"),
        (jwk(ec_key(), use="enc"), "use other than sig"),
        (jwk(ec_key(), use=["sig"]), "use other than sig"),
        (jwk(ec_key(), key_ops=["sign"]), "key_ops without verify"),
        (jwk(ec_key(), key_ops=[]), "key_ops without verify"),
        (jwk(ec_key(), key_ops="verify"), "key_ops without verify"),
        (jwk(ec_key(), alg="ES256"), "alg other than ES384"),
        (jwk(ec_key(), alg="RS384"), "alg other than ES384"),
        (jwk(rsa_key(), alg="RS256"), "alg other than RS384"),
        (jwk(rsa_key(), alg="HS384"), "alg other than RS384"),
        (jwk(rsa_key(bits=1024)), "2048 bits"),
        (jwk(rsa_key(bits=2047)), "2048 bits"),
        (jwk(ec.generate_private_key(ec.SECP256R1())), "P-384"),
        (jwk(ec.generate_private_key(ec.SECP521R1())), "P-384"),
        (jwk(ec_key(), crv="P-256"), "cannot be parsed"),
        (jwk(ec_key(), x=jwk(ec_key("b"))["x"]), "cannot be parsed"),
        (jwk(ec_key(), x=5), "cannot be parsed"),
        (jwk(ec_key(), y=None), "cannot be parsed"),
        (jwk(rsa_key(), n=None), "cannot be parsed"),
        (jwk(rsa_key(), n=""), "cannot be parsed"),
        (jwk(rsa_key(), e="AQ"), "cannot be parsed"),
        (jwk(rsa_key(), e=["AQAB"]), "cannot be parsed"),
    ],
)
def test_an_entry_that_must_not_verify_a_token_costs_itself_only(entry: Any, why: str) -> None:
    keys = read_key_set(jwks(entry, jwk(ec_key("b"), "good")))
    assert list(keys.keys) == ["good"]
    (unused,) = keys.unused
    assert unused.startswith("$.keys[0]: ")
    assert why in unused


def test_an_rsa_key_of_2048_bits_is_long_enough() -> None:
    assert read_key_set(jwks(jwk(rsa_key()))).find("k1", "RS384") is not None


@pytest.mark.parametrize("other", [jwk(ec_key("b")), jwk(ec_key()), jwk(rsa_key(), use="enc"), OCT])
def test_two_keys_of_one_id_refuse_the_whole_set(other: dict[str, Any]) -> None:
    with pytest.raises(KeySetError, match="same kid"):
        read_key_set(jwks(jwk(ec_key()), other, jwk(rsa_key(), "another")))


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "k1"}, jwk(ec_key())])
def test_what_is_no_key_set_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(KeySetError, match="list of keys"):
        read_key_set(document)


def test_a_set_without_keys_withdraws_all_of_them() -> None:
    assert dict(read_key_set({"keys": []}).keys) == {}


def test_a_set_has_a_largest_number_of_keys() -> None:
    assert len(read_key_set(jwks(*[{}] * MOST_KEYS)).unused) == MOST_KEYS
    with pytest.raises(KeySetError, match="more than 100"):
        read_key_set(jwks(*[{}] * (MOST_KEYS + 1)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("aA0_-=é\0", max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)
MEMBERS = st.sampled_from(["kid", "kty", "crv", "x", "y", "n", "e", "use", "alg", "key_ops", "d"])


@settings(max_examples=300, deadline=None)
@given(base=st.sampled_from([ec_key(), rsa_key()]), changes=st.dictionaries(MEMBERS, JSON, max_size=3))
def test_no_entry_breaks_the_set(base: Any, changes: dict[str, Any]) -> None:
    keys = read_key_set(jwks(jwk(base) | changes, jwk(ec_key("b"), "good key")))
    assert "good key" in keys
    assert len(keys.keys) + len(keys.unused) == 2
