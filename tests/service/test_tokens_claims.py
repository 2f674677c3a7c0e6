from typing import Any

import pytest

from service.tokens import LEEWAY_SECONDS, Reason
from tests.service.door import AUDIENCES, KEYS, Door
from tests.service.signing import (
    ENDPOINT,
    ISSUER,
    NOW,
    bearer,
    claims,
    client,
    ec_key,
    jwk,
    jwks,
)

# ------------------------------------------------------------------------------------------------ claims


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "jti"])
@pytest.mark.parametrize("value", [None, "", True, {}, [], [5], [ISSUER, 5], [""], -1, 10**400, "\ud800"])
def test_a_claim_that_is_missing_or_of_the_wrong_type_is_refused(claim: str, value: Any) -> None:
    assert Door().reason(bearer(claims(**{claim: value}))) in {Reason.CLAIM, Reason.AUDIENCE}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": str(NOW + 300)}, Reason.CLAIM),
        ({"iat": str(NOW)}, Reason.CLAIM),
        ({"nbf": str(NOW)}, Reason.CLAIM),
        ({"nbf": True}, Reason.CLAIM),
        ({"nbf": [NOW]}, Reason.CLAIM),
        ({"exp": 253_402_300_800}, Reason.CLAIM),
        ({"exp": 253_402_300_799}, Reason.LIFE),
        ({"jti": "n" * 257}, Reason.CLAIM),
        ({"jti": 5}, Reason.CLAIM),
        ({"jti": "a\nb"}, Reason.CLAIM),
        ({"iss": [ISSUER]}, Reason.CLAIM),
        ({"tenant": 5}, Reason.CLAIM),
        ({"tenant": ""}, Reason.CLAIM),
        ({"tenant": ["north"]}, Reason.CLAIM),
        ({"aud": ["https://other.example.org"]}, Reason.AUDIENCE),
        ({"aud": "https://crd.example.org"}, Reason.AUDIENCE),
        ({"aud": f"{ENDPOINT}/"}, Reason.AUDIENCE),
        ({"aud": f"{ENDPOINT}/feedback"}, Reason.AUDIENCE),
        ({"aud": ENDPOINT[:-1]}, Reason.AUDIENCE),
        ({"aud": ENDPOINT.upper()}, Reason.AUDIENCE),
        ({"iss": f"{ISSUER}/"}, Reason.UNKNOWN_CLIENT),
        ({"iss": "https://evil.example"}, Reason.UNKNOWN_CLIENT),
        ({"tenant": "north"}, Reason.UNKNOWN_CLIENT),
    ],
)
def test_a_token_with_other_claims_is_refused(changes: dict[str, Any], reason: Reason) -> None:
    assert Door().reason(bearer(claims(**changes))) is reason


@pytest.mark.parametrize("claim", ["tenant", "nbf"])
def test_an_optional_claim_that_is_null_is_refused(claim: str) -> None:
    assert Door().reason(bearer(claims() | {claim: None})) is Reason.CLAIM


def test_an_endpoint_may_be_known_under_several_addresses() -> None:
    both = AUDIENCES | {f"{ENDPOINT}/feedback"}
    door = Door()
    assert door.enter(bearer(claims(aud=ENDPOINT, jti="1")), both).id == "ehr"
    assert door.enter(bearer(claims(aud=f"{ENDPOINT}/feedback", jti="2")), both).id == "ehr"


NORTH = client(id="north", tenant="north")
SOUTH = client(id="south", tenant="south")
SOUTH_KEYS = jwks(jwk(ec_key("south"), "k1"))


def test_the_tenant_chooses_the_client_and_with_it_the_keys() -> None:
    door = Door(NORTH, SOUTH, documents={"north": KEYS, "south": SOUTH_KEYS})
    assert door.enter(bearer(claims(tenant="north", jti="1"))).id == "north"
    assert door.enter(bearer(claims(tenant="south", jti="2"), key=ec_key("south"))).id == "south"
    assert door.reason(bearer(claims(tenant="south", jti="3"))) is Reason.SIGNATURE


@pytest.mark.parametrize("tenant", [None, "east", "North", "north "])
def test_a_tenant_that_is_not_registered_is_unknown(tenant: str | None) -> None:
    assert Door(NORTH, SOUTH).reason(bearer(claims(tenant=tenant))) is Reason.UNKNOWN_CLIENT


def test_a_client_without_tenant_does_not_stand_in_for_a_tenant() -> None:
    door = Door(client(id="all"), NORTH)
    assert door.reason(bearer(claims(tenant="east"))) is Reason.UNKNOWN_CLIENT
    assert door.enter(bearer(claims(tenant="north"))).id == "north"
    assert door.enter(bearer(claims(jti="n-2"))).id == "all"


# ------------------------------------------------------------------------------------------------ time


@pytest.mark.parametrize(
    ("late", "reason"),
    [(0, None), (LEEWAY_SECONDS - 0.001, None), (LEEWAY_SECONDS, Reason.EXPIRED), (LEEWAY_SECONDS + 1, Reason.EXPIRED)],
)
def test_a_token_passes_until_it_expired_and_the_leeway_is_over(late: float, reason: Reason | None) -> None:
    door = Door()
    door.clock.seconds = NOW + 300 + late
    if reason is None:
        assert door.enter(bearer()).id == "ehr"
    else:
        assert door.reason(bearer()) is reason


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize(
    ("early", "reason"), [(0, None), (LEEWAY_SECONDS, None), (LEEWAY_SECONDS + 0.001, Reason.NOT_YET_VALID)]
)
def test_a_token_from_the_future_passes_within_the_leeway(claim: str, early: float, reason: Reason | None) -> None:
    door = Door()
    token = bearer(claims(**{claim: NOW + early}, exp=NOW + 200))
    if reason is None:
        assert door.enter(token).id == "ehr"
    else:
        assert door.reason(token) is reason


def test_a_token_of_the_future_does_not_pass_because_its_nbf_is_past() -> None:
    assert Door().reason(bearer(claims(iat=NOW + 60, nbf=NOW))) is Reason.NOT_YET_VALID


@pytest.mark.parametrize(
    ("life", "reason"),
    [(299, None), (300, None), (300.001, Reason.LIFE), (3600, Reason.LIFE), (0, Reason.LIFE), (-1, Reason.LIFE)],
)
def test_a_token_lives_five_minutes_at_most(life: float, reason: Reason | None) -> None:
    token = bearer(claims(exp=NOW + life))
    if reason is None:
        assert Door().enter(token).id == "ehr"
    else:
        assert Door().reason(token) is reason


def test_the_longest_life_can_be_chosen() -> None:
    assert Door().enter(bearer(claims(exp=NOW + 3600)), longest_life_seconds=3600).id == "ehr"
    assert Door().reason(bearer(claims(exp=NOW + 3601)), longest_life_seconds=3600) is Reason.LIFE
