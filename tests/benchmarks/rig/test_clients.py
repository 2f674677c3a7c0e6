from pathlib import Path

import pytest

from benchmarks.rig.clients import PUBLIC_URL, Client, production, registry
from benchmarks.rig.orders import PATH
from service.clients import read_clients
from service.clock import SystemClock
from service.settings import Profile, read_settings
from tests.service.door import Door
from tests.service.registry import PAYERS
from tests.service.signing import jwks


def test_the_settings_of_production_start_it(tmp_path: Path) -> None:
    settings = read_settings(production(tmp_path, [Client("clinic")]))
    assert (settings.profile, settings.public_url) == (Profile.PRODUCTION, PUBLIC_URL)


def test_each_client_has_its_own_issuer_and_its_keys_beside_the_registry(tmp_path: Path) -> None:
    written = registry(tmp_path, [Client("one"), Client("two", {"jku": "https://keys.example.org/jwks.json"})])
    found = {
        each.id: each for each in read_clients(Path(written["HER2_CRD_CLIENTS"]), development=False, payers=PAYERS)
    }
    assert (found["one"].issuer, found["one"].jku) == ("https://one.example.org", None)
    assert found["two"].jku == "https://keys.example.org/jwks.json"


@pytest.mark.parametrize("header", [{}, {"jku": "http://127.0.0.1/jwks.json"}])
def test_a_token_is_good_for_one_call_of_its_address(tmp_path: Path, header: dict[str, str]) -> None:
    client = Client("clinic")
    path = Path(registry(tmp_path, [client])["HER2_CRD_CLIENTS"])
    (registered,) = read_clients(path, development=False, payers=PAYERS)
    door = Door(registered, documents={"clinic": jwks()})
    door.clock = SystemClock()  # type: ignore[assignment]
    one, other = (client.headers(PATH, **header)["Authorization"] for _ in range(2))
    audiences = frozenset({f"{PUBLIC_URL}{PATH}"})
    assert one != other
    assert door.enter(one, audiences).id == "clinic"
    assert door.reason(one, audiences=audiences).value == "replayed"
    assert door.reason(other, audiences=frozenset({f"{PUBLIC_URL}/decisions/1"})).value == "audience"
