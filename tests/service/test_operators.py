import json
from hashlib import sha256

import pytest

from service.operators import NotAnOperator, is_operator, require_operator
from service.settings import Profile
from tests.service.builders import development, logged

TOKEN = "operator-token-1"
OTHER = "operator-token-2"
HASHES = frozenset(sha256(each.encode()).hexdigest() for each in (TOKEN, OTHER))


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer   {TOKEN}", True),
        (f"BEARER {OTHER}", True),
        (None, False),
        ("", False),
        ("Bearer", False),
        ("Bearer ", False),
        (TOKEN, False),
        (f"Basic {TOKEN}", False),
        (f"Bearer {TOKEN} ", False),
        (f"Bearer {TOKEN} {OTHER}", False),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN.upper()}", False),
        (f"Bearer {sha256(TOKEN.encode()).hexdigest()}", False),
        ("Bearer tök", False),
        (f"Bearer {'x' * 100_000}", False),
    ],
)
def test_an_operator_is_known_by_a_token_whose_hash_is_configured(authorization: str | None, expected: bool) -> None:
    assert is_operator(authorization, development(operator_tokens=HASHES)) is expected


def test_without_a_hash_nobody_is_an_operator() -> None:
    assert not is_operator(f"Bearer {TOKEN}", development())
    assert not is_operator("Bearer ", development(operator_tokens=frozenset({sha256(b"").hexdigest()})))


def test_every_hash_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(given: str, known: str) -> bool:
        compared.append(known)
        return given == known

    monkeypatch.setattr("service.operators.compare_digest", compare)
    assert is_operator(f"Bearer {TOKEN}", development(operator_tokens=HASHES))
    assert set(compared) == HASHES


def test_development_asks_nobody_for_a_token() -> None:
    require_operator(None, development(operator_tokens=HASHES))


def test_in_production_others_are_refused_and_the_log_says_so_without_the_token() -> None:
    settings = development(profile=Profile.PRODUCTION, operator_tokens=HASHES)
    require_operator(f"Bearer {TOKEN}", settings)
    with logged() as stream, pytest.raises(NotAnOperator) as caught:
        require_operator("Bearer Canary", settings)
    assert caught.value.status == 401
    line = json.loads(stream.getvalue())
    assert (line["event"], line["reason"]) == ("unauthenticated", "not-an-operator")
    assert "Canary" not in f"{line}{caught.value}"
