import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.deadline import Deadline
from service.jwks import BETWEEN_FETCHES_SECONDS
from service.tokens import LEEWAY_SECONDS, Reason, verify
from tests.service.door import AUDIENCES, Door, outcome, rs384
from tests.service.signing import (
    ENDPOINT,
    ISSUER,
    NOW,
    MovingClock,
    base64url,
    bearer,
    claims,
    client,
    ec_key,
    header,
    jwk,
    jwks,
    rsa_key,
)

# ------------------------------------------------------------------------------------------------ the signature


@pytest.mark.parametrize(("head", "thief"), [(header(), ec_key("thief")), (rs384(), rsa_key("thief"))])
def test_a_signature_by_another_key_under_a_known_kid_is_refused(head: dict[str, Any], thief: Any) -> None:
    assert Door().reason(bearer(head=head, key=thief)) is Reason.SIGNATURE


@pytest.mark.parametrize(("head", "thief"), [(header(), rsa_key()), (rs384(), ec_key())])
def test_a_signature_of_the_other_kind_of_key_is_refused(head: dict[str, Any], thief: Any) -> None:
    assert Door().reason(bearer(head=head, key=thief)) is Reason.SIGNATURE


def test_what_was_changed_after_signing_is_refused() -> None:
    head, _, signature = bearer().split(".")
    for change in ({"jti": "n-0002"}, {"exp": NOW + 299}):
        payload = base64url(json.dumps(claims(**change)).encode())
        assert Door().reason(f"{head}.{payload}.{signature}") is Reason.SIGNATURE


@pytest.mark.parametrize("signature", ["AA", "A" * 128, "A" * 127 + "B", "A" * 342, "_" * 128])
@pytest.mark.parametrize("head", [header(), rs384()])
def test_a_made_up_signature_is_refused(signature: str, head: dict[str, Any]) -> None:
    token = bearer(head=head).rpartition(".")[0]
    assert Door().reason(f"{token}.{signature}") is Reason.SIGNATURE


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        (jwk(rsa_key(bits=1024), "r1"), rsa_key(bits=1024)),
        (jwk(rsa_key(), "r1", use="enc"), rsa_key()),
        (jwk(rsa_key(), "r1", alg="RS256"), rsa_key()),
        (jwk(rsa_key(), "r1", key_ops=["encrypt"]), rsa_key()),
    ],
)
def test_a_key_that_is_weak_or_for_another_purpose_verifies_nothing(entry: dict[str, Any], key: Any) -> None:
    door = Door(documents={"ehr": jwks(entry)})
    assert door.reason(bearer(head=rs384(), key=key)) is Reason.UNKNOWN_KEY


def test_two_keys_of_one_kid_verify_nothing() -> None:
    door = Door(documents={"ehr": jwks(jwk(ec_key()), jwk(ec_key("thief")))})
    assert door.reason(bearer()) is Reason.NO_KEYS
    assert door.reason(bearer(key=ec_key("thief"))) is Reason.NO_KEYS


def test_a_client_whose_keys_cannot_be_had_is_refused() -> None:
    assert Door(documents={}).reason(bearer()) is Reason.NO_KEYS


def test_a_client_that_changes_its_keys_need_not_tell_us() -> None:
    door = Door()
    assert door.enter(bearer(claims(jti="1"))).id == "ehr"
    door.fetch.documents["ehr"] = jwks(jwk(ec_key("next"), "k2"))
    door.clock.seconds += BETWEEN_FETCHES_SECONDS
    assert door.enter(bearer(claims(jti="2"), header(kid="k2"), ec_key("next"))).id == "ehr"
    assert door.reason(bearer(claims(jti="3"))) is Reason.UNKNOWN_KEY
    assert door.fetch.asked == ["ehr", "ehr"]


# ------------------------------------------------------------------------------------------------ network


@pytest.mark.parametrize(
    "token",
    [
        bearer(claims(iss="https://evil.example")),
        bearer(claims(tenant="north")),
        bearer(claims(aud="https://other.example.org")),
        bearer(claims(exp=NOW - 40, iat=NOW - 300)),
        bearer(claims(exp=NOW + 301)),
        bearer(claims(jti=None)),
        bearer(head=header(alg="HS384")),
        bearer(head=header(jku="https://evil.example")),
        bearer(head=header(typ=None)),
        "Bearer x.y.z",
    ],
)
def test_a_token_that_is_wrong_by_itself_has_nothing_fetched(token: str) -> None:
    door = Door()
    door.reason(token)
    assert door.fetch.asked == []


# ------------------------------------------------------------------------------------------------ replays


def test_a_token_is_good_for_one_call() -> None:
    door = Door()
    token = bearer()
    assert door.enter(token).id == "ehr"
    assert door.reason(token) is Reason.REPLAYED
    assert door.reason(bearer(claims(exp=NOW + 200))) is Reason.REPLAYED
    assert door.enter(bearer(claims(jti="n-0002"))).id == "ehr"


def test_a_token_is_remembered_for_as_long_as_it_would_pass() -> None:
    door = Door()
    token = bearer()
    door.enter(token)
    door.clock.seconds = NOW + 300 + LEEWAY_SECONDS - 0.001
    assert door.reason(token) is Reason.REPLAYED
    door.clock.seconds = NOW + 300 + LEEWAY_SECONDS
    assert door.reason(token) is Reason.EXPIRED


def test_the_same_token_is_good_for_one_call_at_whatever_endpoint() -> None:
    door = Door()
    token = bearer(claims(aud=[ENDPOINT, "https://crd.example.org/cds-services"]))
    door.enter(token)
    assert door.reason(token, audiences=frozenset({"https://crd.example.org/cds-services"})) is Reason.REPLAYED


def test_a_forger_cannot_use_up_anothers_jti() -> None:
    door = Door()
    assert door.reason(bearer(key=ec_key("thief"))) is Reason.SIGNATURE
    assert door.enter(bearer()).id == "ehr"


def test_a_client_that_reuses_its_jti_passes_when_that_is_registered() -> None:
    door = Door(client(tolerate_reused_jti=True))
    token = bearer()
    assert [door.enter(token).id for _ in range(3)] == ["ehr"] * 3


def test_of_eight_calls_with_one_token_exactly_one_passes() -> None:
    door = Door()
    for number in range(20):
        token = bearer(claims(jti=f"n-{number}"))
        barrier = Barrier(8)

        def call(_number: int, token: str = token, barrier: Barrier = barrier) -> Reason | None:
            barrier.wait()
            return outcome(door, token)

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(call, range(8)))
        assert (outcomes.count(None), outcomes.count(Reason.REPLAYED)) == (1, 7)


def test_a_token_is_remembered_until_its_leeway_is_over() -> None:
    seen: list[tuple[str, str, datetime]] = []

    class Remembering:
        def first_use(self, issuer: str, jti: str, expires: datetime) -> bool:
            seen.append((issuer, jti, expires))
            return True

    door = Door()
    verify(
        bearer(),
        AUDIENCES,
        clients=door.clients,
        keys=door.keys,
        replays=Remembering(),
        clock=MovingClock(float(NOW)),
        deadline=Deadline.after(60),
    )
    ((issuer, jti, expires),) = seen
    assert (issuer, jti, expires.timestamp()) == (ISSUER, "n-0001", NOW + 300 + LEEWAY_SECONDS)


# ------------------------------------------------------------------------------------------------ garbage

WORDS = st.sampled_from(["", "JWT", "ES384", "k1", "\0", "\ud800", ISSUER, ENDPOINT])
NUMBERS = st.sampled_from([0, -1, 1.5, 1e308, 10**400, NOW])
ODD: st.SearchStrategy[Any] = WORDS | NUMBERS | st.none() | st.booleans() | st.just({}) | st.just([[]])
NAMES = st.sampled_from([*header(), "crit", "b64", "jwk", "x5c", *claims(), "nbf", "tenant"])
CHANGES = st.dictionaries(NAMES, ODD | st.lists(ODD, max_size=2), max_size=4)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"Bearer [\w.=-]{0,60}") | st.binary(max_size=60).map(bytes.hex))
def test_garbage_is_unauthenticated(garbage: str) -> None:
    door = Door()
    door.reason(garbage)
    door.reason(f"Bearer {garbage}")
    assert door.fetch.asked == []


@settings(max_examples=500, deadline=None)
@given(head=st.binary(max_size=40), payload=st.binary(max_size=40), signature=st.binary(min_size=1, max_size=120))
def test_garbage_in_the_form_of_a_token_is_unauthenticated(head: bytes, payload: bytes, signature: bytes) -> None:
    reason = Door().reason(f"Bearer {'.'.join(map(base64url, (head, payload, signature)))}")
    assert reason in {Reason.MALFORMED, Reason.HEADER, Reason.CLAIM}


@settings(max_examples=500, deadline=None)
@given(head=CHANGES, payload=CHANGES)
def test_odd_members_under_a_valid_signature_never_break_the_check(
    head: dict[str, Any], payload: dict[str, Any]
) -> None:
    # Anything that is raised but Unauthenticated fails the test.
    assert outcome(Door(), bearer(claims() | payload, header() | head)) in {None, *Reason}


@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, 10_000), put=st.sampled_from(["", "A", "_", ".", "=", " ", "é"]))
def test_a_token_with_one_character_changed_is_unauthenticated(cut: int, put: str) -> None:
    token = bearer()
    place = len("Bearer ") + cut % (len(token) - len("Bearer "))
    changed = f"{token[:place]}{put}{token[place + 1 :]}"
    if changed != token:
        Door().reason(changed)
