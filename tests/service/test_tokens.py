import hmac
import json
from hashlib import sha384
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.key_set import read_key_set
from service.problems import operation_outcome
from service.tokens import LARGEST_TOKEN, Reason, Unauthenticated
from tests.service.door import KEYS, Door, rs384
from tests.service.signing import (
    ENDPOINT,
    NOW,
    base64url,
    bearer,
    claims,
    client,
    ec_key,
    header,
    jwk,
    rsa_key,
    signed,
)

# ------------------------------------------------------------------------------------------------ what passes


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
def test_a_right_token_names_its_client(scheme: str) -> None:
    assert Door().enter(bearer().replace("Bearer ", scheme)).id == "ehr"


def test_a_token_signed_with_rs384_passes_although_the_key_does_not_say_its_alg() -> None:
    assert "alg" not in KEYS["keys"][1]
    assert Door().enter(bearer(head=rs384(), key=rsa_key())).id == "ehr"


def test_a_client_whose_keys_were_given_to_us_passes_and_nothing_is_fetched() -> None:
    door = Door(client(jku=None, keys=read_key_set(KEYS)))
    assert door.enter(bearer(head=header(jku=None))).id == "ehr"
    assert door.fetch.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [ENDPOINT]},
        {"aud": ["https://other.example.org", ENDPOINT]},
        {"exp": NOW + 299.5},
        {"nbf": NOW},
        {"sub": "someone", "other": {"a": [1]}},
        {"jti": "n" * 256},
        {"jti": "é ü 日本"},
    ],
)
def test_what_the_specification_leaves_open_passes(changes: dict[str, Any]) -> None:
    assert Door().enter(bearer(claims(**changes))).id == "ehr"


def test_a_token_without_jku_passes_with_the_registered_address() -> None:
    door = Door()
    assert door.enter(bearer(head=header(jku=None))).id == "ehr"
    assert door.fetch.asked == ["ehr"]


# ------------------------------------------------------------------------------------------------ the header field


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, Reason.NO_AUTHORIZATION),
        ("", Reason.NOT_BEARER),
        ("Bearer", Reason.NOT_BEARER),
        ("Basic dXNlcjpwYXNz", Reason.NOT_BEARER),
        ("BearerX a.b.c", Reason.NOT_BEARER),
        (bearer().removeprefix("Bearer "), Reason.NOT_BEARER),
        (f"{bearer()} x", Reason.NOT_BEARER),
        (f"{bearer()}, {bearer()}", Reason.NOT_BEARER),
        ("Bearer ", Reason.MALFORMED),
        ("Bearer opaque", Reason.MALFORMED),
        ("Bearer a.b", Reason.MALFORMED),
        ("Bearer a.b.c.d", Reason.MALFORMED),
        ("Bearer a.b.c.d.e", Reason.MALFORMED),
        ("Bearer ..", Reason.MALFORMED),
        (f"{bearer()}=", Reason.MALFORMED),
        (f"{bearer()}\n", Reason.MALFORMED),
        (bearer().replace(".", "=."), Reason.MALFORMED),
        (bearer().replace(".", "+.", 1), Reason.MALFORMED),
        (bearer().replace(".", "é.", 1), Reason.MALFORMED),
    ],
)
def test_what_is_no_bearer_token_is_refused(authorization: str | None, reason: Reason) -> None:
    assert Door().reason(authorization) is reason


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_token_has_a_largest_size(beyond: int) -> None:
    fill = "x" * ((LARGEST_TOKEN - 8 - len(bearer())) * 3 // 4)
    token = bearer(head=header(x=fill)).removeprefix("Bearer ")
    assert LARGEST_TOKEN - 20 < len(token) <= LARGEST_TOKEN
    assert Door().enter(f"Bearer {token}").id == "ehr"
    padded = f"Bearer {token}{'A' * (LARGEST_TOKEN + beyond - len(token))}"
    assert Door().reason(padded) is (Reason.TOO_LARGE if beyond else Reason.SIGNATURE)


# ------------------------------------------------------------------------------------------------ two JSON objects


@pytest.mark.parametrize("part", ["header", "payload"])
@pytest.mark.parametrize("text", ["", "x", "[]", "null", "5", '"text"', '{"a": 1', '{"a": NaN}', '{"a": 1}{"a": 1}'])
def test_what_is_no_json_object_is_refused(part: str, text: str) -> None:
    head, payload = json.dumps(header()), json.dumps(claims())
    if part == "header":
        head = text
    else:
        payload = text
    assert Door().reason(f"Bearer {signed(head.encode(), payload.encode(), ec_key())}") is Reason.MALFORMED


def test_a_part_that_is_not_utf_8_or_nested_too_deep_is_refused() -> None:
    for head in (b'{"kid": "\xff"}', b'{"a":' + b"[" * 2900 + b"]" * 2900 + b"}"):
        assert Door().reason(f"Bearer {signed(head, b'{}', ec_key())}") is Reason.MALFORMED


@pytest.mark.parametrize("member", ['"alg": "RS384"', '"kid": "k2"', '"alg": "ES384"', '"\\u006bid": "k2"'])
def test_a_header_member_that_stands_twice_is_refused(member: str) -> None:
    head = f"{{{member}, {json.dumps(header())[1:]}"
    assert Door().reason(f"Bearer {signed(head.encode(), json.dumps(claims()).encode(), ec_key())}") is Reason.MALFORMED


@pytest.mark.parametrize("member", ['"iss": "other"', '"exp": 1', '"aud": "x"', '"nested": {"a": 1, "a": 2}'])
def test_a_claim_that_stands_twice_is_refused_though_pyjwt_would_take_the_last(member: str) -> None:
    payload = f"{{{member}, {json.dumps(claims())[1:]}"
    token = f"Bearer {signed(json.dumps(header()).encode(), payload.encode(), ec_key())}"
    assert Door().reason(token) is Reason.MALFORMED


# ------------------------------------------------------------------------------------------------ the token's header


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"typ": None}, Reason.HEADER),
        ({"typ": "jwt"}, Reason.HEADER),
        ({"typ": "at+jwt"}, Reason.HEADER),
        ({"typ": ["JWT"]}, Reason.HEADER),
        ({"alg": None}, Reason.HEADER),
        ({"alg": ""}, Reason.HEADER),
        ({"alg": 5}, Reason.HEADER),
        ({"alg": ["ES384"]}, Reason.HEADER),
        ({"kid": None}, Reason.HEADER),
        ({"kid": ""}, Reason.HEADER),
        ({"kid": 1}, Reason.HEADER),
        ({"kid": {"k1": 1}}, Reason.HEADER),
        ({"crit": ["b64"], "b64": True}, Reason.HEADER),
        ({"crit": []}, Reason.HEADER),
        ({"crit": "x"}, Reason.HEADER),
        ({"b64": False}, Reason.SIGNATURE),
        ({"alg": "none"}, Reason.ALGORITHM),
        ({"alg": "None"}, Reason.ALGORITHM),
        ({"alg": "es384"}, Reason.ALGORITHM),
        ({"alg": "ES256"}, Reason.ALGORITHM),
        ({"alg": "ES512"}, Reason.ALGORITHM),
        ({"alg": "RS256"}, Reason.ALGORITHM),
        ({"alg": "PS384"}, Reason.ALGORITHM),
        ({"alg": "EdDSA"}, Reason.ALGORITHM),
        ({"alg": "HS256"}, Reason.ALGORITHM),
        ({"alg": "HS384"}, Reason.ALGORITHM),
        ({"kid": "k2"}, Reason.UNKNOWN_KEY),
        ({"kid": "K1"}, Reason.UNKNOWN_KEY),
        ({"kid": "r1"}, Reason.UNKNOWN_KEY),
        ({"alg": "RS384"}, Reason.UNKNOWN_KEY),
    ],
)
def test_a_token_with_another_header_is_refused(changes: dict[str, Any], reason: Reason) -> None:
    assert Door().reason(bearer(head=header(**changes))) is reason


def test_a_token_without_signature_is_refused() -> None:
    head, payload = (base64url(json.dumps(part).encode()) for part in (header(alg="none"), claims()))
    assert Door().reason(f"Bearer {head}.{payload}.") is Reason.MALFORMED
    assert Door().reason(f"Bearer {head}.{payload}.AAAA") is Reason.ALGORITHM


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
@pytest.mark.parametrize("kid", ["k1", "r1"])
def test_the_public_key_is_no_secret_to_sign_with(encoding: Encoding, kid: str) -> None:
    public = (ec_key() if kid == "k1" else rsa_key()).public_key()
    secret = public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    text = ".".join(base64url(json.dumps(part).encode()) for part in (header(alg="HS384", kid=kid), claims()))
    mac = base64url(hmac.digest(secret, text.encode(), sha384))
    assert Door().reason(f"Bearer {text}.{mac}") is Reason.ALGORITHM


def test_an_algorithm_that_the_client_is_not_registered_with_is_refused() -> None:
    door = Door(client(algorithms=("ES384",)))
    assert door.reason(bearer(head=rs384(), key=rsa_key())) is Reason.ALGORITHM
    assert door.enter(bearer()).id == "ehr"


@pytest.mark.parametrize(
    "jku",
    [
        "https://evil.example/jwks.json",
        "https://ehr.example.org/jwks.json/",
        "https://ehr.example.org/jwks.json?x",
        "https://ehr.example.org/jwks.json#x",
        "https://ehr.example.org:443/jwks.json",
        "https://EHR.example.org/jwks.json",
        "http://ehr.example.org/jwks.json",
        "https://ehr.example.org/jwks.json@evil.example",
        "https://ehr.example.org",
        "",
        5,
        ["https://ehr.example.org/jwks.json"],
    ],
)
def test_another_jku_than_the_registered_one_is_refused_and_never_fetched(jku: Any) -> None:
    door = Door()
    assert door.reason(bearer(head=header(jku=jku))) is Reason.JKU
    assert door.fetch.asked == []


@pytest.mark.parametrize("jku", ["https://ehr.example.org/jwks.json", "https://evil.example", 5])
def test_the_jku_of_a_client_whose_keys_we_hold_is_not_looked_at(jku: Any) -> None:
    door = Door(client(jku=None, keys=read_key_set(KEYS)))
    assert door.enter(bearer(head=header(jku=jku))).id == "ehr"
    assert door.reason(bearer(claims(jti="n-2"), header(jku=jku), ec_key("thief"))) is Reason.SIGNATURE
    assert door.fetch.asked == []


@pytest.mark.parametrize(
    "brought", [{"jwk": jwk(ec_key("thief"))}, {"x5u": "https://evil.example/cert.pem"}, {"x5c": ["MIIB"]}]
)
def test_a_key_that_a_token_brings_along_is_not_used(brought: dict[str, Any]) -> None:
    door = Door()
    assert door.reason(bearer(head=header(**brought), key=ec_key("thief"))) is Reason.SIGNATURE
    assert door.enter(bearer(head=header(**brought))).id == "ehr"


# ------------------------------------------------------------------------------------------------ the answer


@pytest.mark.parametrize("reason", list(Reason))
def test_the_answer_is_the_same_for_every_reason(reason: Reason) -> None:
    problem = Unauthenticated(reason)
    assert problem.status == 401
    (issue,) = operation_outcome(problem.issues)["issue"]
    assert issue == {
        "severity": "error",
        "code": "login",
        "details": {"text": "The caller could not be authenticated."},
    }
    assert reason.value not in str(problem)


def test_no_error_holds_a_part_of_the_token() -> None:
    marked = "MARKED-BY-THE-CALLER"
    for token in (
        bearer(claims(jti=marked, iss=marked)),
        bearer(claims(jti=marked), header(kid=marked)),
        bearer(head=header(alg=marked)),
        f"Bearer {signed(marked.encode(), b'{}', ec_key())}",
        f"Bearer {marked}",
        f"{marked} x",
    ):
        with pytest.raises(Unauthenticated) as caught:
            Door().enter(token)
        error: BaseException | None = caught.value
        while error is not None:
            assert marked not in f"{error} {error.args}"
            error = error.__cause__ or error.__context__
