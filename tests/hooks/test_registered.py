"""A service with a registry: each client gets what it is registered for, and nobody else gets anything."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from werkzeug.test import TestResponse

from criteria.facts import SearchState
from examples.ehr import TOKEN
from service.__main__ import main
from service.app import create_app
from service.deadline import Deadline
from service.fhir_client import Fetched
from service.settings import Profile, Settings
from tests.hooks.bodies import as_appointment, as_dispatch, as_encounter, as_select
from tests.hooks.clients import FHIR, PUBLIC_URL, RecordServer, information_of, record_of, request_of
from tests.service.builders import FixedClock, development, logged, shipped_data
from tests.service.signing import PrivateKey, ec_key, jwk, jwks, rsa_key

NOW = datetime(2026, 9, 15, 8, 0, tzinfo=UTC)
MET = "oscar-margenza-after-two"
MARGENZA = "MedicationRequest/order-02"
HOOK = "/cds-services/her2-order-sign"

REGISTRY = """
clients:
  - id: new-ehr
    issuer: https://new.example.org
    jwks_file: keys.json
    fhir_servers: ["http://127.0.0.1:9/fhir"]
  - id: old-ehr
    issuer: https://old.example.org
    jwks_file: keys.json
    crd_version: 2.0.1
  - id: plain-ehr
    issuer: https://plain.example.org
    tenant: clinic
    jwks_file: keys.json
    crd_version: cds-hooks
    algorithms: [RS384]
  - id: kit
    issuer: https://kit.example.org
    jku: https://kit.example.org/jwks.json
    default_payer: mmm
    tolerate_reused_jti: true
"""

Json = dict[str, Any]


@dataclass
class Registered:
    """The service, and clients that sign their calls to it."""

    app: Any
    server: RecordServer
    settings: Settings
    calls: int = 0

    def headers(self, url: str, issuer: str = "https://new.example.org", **claims: Any) -> dict[str, str]:
        """The headers of a call that is signed for a URL."""
        self.calls += 1
        is_rsa = claims.pop("alg", "ES384") == "RS384"
        key: PrivateKey = rsa_key() if is_rsa else ec_key()
        moment = int(NOW.timestamp())
        known = {"iss": issuer, "aud": url, "iat": moment, "exp": moment + 300, "jti": f"call-{self.calls}"}
        header = {"typ": "JWT", "kid": "r1" if is_rsa else "k1"}
        algorithm = "RS384" if is_rsa else "ES384"
        return {"Authorization": f"Bearer {jwt.encode(known | claims, key, algorithm=algorithm, headers=header)}"}

    def post(self, path: str, body: Mapping[str, Any], headers: dict[str, str] | None = None, **signed: Any) -> Any:
        """Call an endpoint, signed for it unless headers are given."""
        headers = self.headers(f"{PUBLIC_URL}{path}", **signed) if headers is None else headers
        content = json.dumps(body, default=float)
        return self.app.test_client().post(path, data=content, content_type="application/json", headers=headers)

    def get(self, path: str, headers: dict[str, str] | None = None, **signed: Any) -> TestResponse:
        headers = self.headers(f"{PUBLIC_URL}{path}", **signed) if headers is None else headers
        found: TestResponse = self.app.test_client().get(path, headers=headers)
        return found


@contextmanager
def registered(folder: Path, **settings: Any) -> Iterator[Registered]:
    """The service in production, with the registry above."""
    (folder / "keys.json").write_text(json.dumps(jwks(jwk(ec_key(), "k1"), jwk(rsa_key(), "r1"))), encoding="utf-8")
    (folder / "clients.yaml").write_text(REGISTRY.replace("http://127.0.0.1:9", FHIR.removesuffix("/fhir")), "utf-8")
    known = {"profile": Profile.DEVELOPMENT, "default_payer": None, "fhir_servers": (), "public_url": PUBLIC_URL}
    chosen = development(**(known | {"clients": folder / "clients.yaml"} | settings))
    server = RecordServer(record_of(MET))
    yield Registered(create_app(chosen, shipped_data(), FixedClock(NOW), server), server, chosen)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Registered]:
    with registered(tmp_path) as service:
        yield service


def written(response: TestResponse) -> Json:
    assert response.status_code == 200, response.get_data(as_text=True)
    answer: Json = json.loads(response.get_data(as_text=True))
    found = [each["resource"] for each in answer.get("systemActions", ())]
    return {f"{each['resourceType']}/{each['id']}": information_of(each) for each in found}


def test_a_registered_client_is_answered(here: Registered) -> None:
    assert written(here.post(HOOK, request_of(MET)))[MARGENZA]["pa-needed"] == "satisfied"


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_both_recommended_algorithms_are_answered(here: Registered, alg: str) -> None:
    assert here.post(HOOK, request_of(MET), alg=alg).status_code == 200


@pytest.mark.parametrize(
    "signed",
    [
        {"issuer": "https://nobody.example.org"},
        {"aud": f"{PUBLIC_URL}/cds-services/her2-order-select"},
        {"aud": f"{PUBLIC_URL}/cds-services"},
        {"aud": "http://localhost/cds-services/her2-order-sign"},
        {"exp": int(NOW.timestamp()) - 30, "iat": int(NOW.timestamp()) - 100},
        {"tenant": "clinic"},
        {"issuer": "https://plain.example.org", "alg": "RS384"},
        {"issuer": "https://plain.example.org", "tenant": "clinic"},
    ],
)
def test_nobody_else_is_answered_and_nobody_learns_why(here: Registered, signed: dict[str, Any]) -> None:
    response = here.post(HOOK, request_of(MET), **signed)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.get_json() == {
        "resourceType": "OperationOutcome",
        "issue": [
            {"severity": "error", "code": "login", "details": {"text": "The caller could not be authenticated."}}
        ],
    }


@pytest.mark.parametrize(
    "path",
    [
        HOOK,
        f"{HOOK}/feedback",
        "/cds-services/her2-order-select",
        "/cds-services/her2-order-dispatch",
        "/cds-services/her2-appointment-book",
        "/cds-services/her2-encounter-start",
        "/cds-services/her2-encounter-discharge",
    ],
)
def test_without_a_token_no_endpoint_answers(here: Registered, path: str) -> None:
    """Whether or not the body could be read: it is not looked at."""
    assert here.post(path, request_of(MET), headers={}).status_code == 401
    assert here.app.test_client().post(path, data=b"{", content_type="text/plain").status_code == 401


@pytest.mark.parametrize("make", [as_select, as_dispatch, as_appointment, as_encounter])
def test_every_hook_answers_a_token_made_for_it(here: Registered, make: Any) -> None:
    body = make(request_of(MET))
    assert here.post(f"/cds-services/her2-{body['hook']}", body).status_code == 200


def test_a_token_is_good_for_one_call(here: Registered) -> None:
    headers = here.headers(f"{PUBLIC_URL}{HOOK}")
    assert [here.post(HOOK, request_of(MET), headers=headers).status_code for _ in range(2)] == [200, 401]


def refused(response: TestResponse) -> Json:
    """The coverage information of the order that is not covered."""
    (found,) = [each for each in written(response).values() if each["covered"] == "not-covered"]
    return dict(found)


def test_a_client_is_answered_in_the_version_it_is_registered_for(here: Registered) -> None:
    body = request_of("mmm-margenza-her2-low")
    new, old = (here.post(HOOK, body, issuer=f"https://{each}.example.org") for each in ("new", "old"))
    assert [refused(each).get("pa-needed") for each in (new, old)] == [None, "no-auth"]
    body["extension"] = {"davinci-crd.requestedVersion": "2.2"}
    asked = here.post(HOOK, body, issuer="https://old.example.org")
    assert "pa-needed" not in refused(asked)


def test_a_client_without_crd_gets_cards_that_say_it_all(here: Registered) -> None:
    signed: dict[str, Any] = {"issuer": "https://plain.example.org", "tenant": "clinic", "alg": "RS384"}
    answer = here.post(HOOK, request_of(MET), **signed).get_json()
    assert "systemActions" not in answer
    assert "davinci-crd" not in json.dumps(answer)
    assert "prior authorization OSCAR-" in answer["cards"][0]["summary"]


def test_without_a_coverage_only_a_client_with_a_default_payer_is_answered(here: Registered) -> None:
    body = request_of(MET)
    body["prefetch"]["coverage"] = None
    assert here.post(HOOK, body).status_code == 400


def test_only_the_clients_own_fhir_server_is_called(here: Registered) -> None:
    body = request_of(MET, without=["conditions"], fhir=True)
    body["fhirAuthorization"]["access_token"] = TOKEN
    assert here.post(HOOK, body).status_code == 200
    assert here.server.asked
    here.server.asked.clear()
    assert here.post(HOOK, body, issuer="https://old.example.org").status_code == 200
    assert here.server.asked == []


def test_a_decision_is_shown_to_the_client_whose_call_it_answered_and_to_no_other(here: Registered) -> None:
    found = written(here.post(HOOK, request_of(MET)))[MARGENZA]
    path = f"/decisions/{found['coverage-assertion-id']}"
    for page in (path, f"{path}/feedback"):
        assert here.get(page).status_code == 200
        assert here.get(page, issuer="https://old.example.org").status_code == 404
        assert here.get(page, headers={}).status_code == 401


@pytest.mark.parametrize("audience", [f"{HOOK}/feedback", HOOK])
def test_feedback_takes_a_token_for_either_of_its_addresses(here: Registered, audience: str) -> None:
    headers = here.headers(f"{PUBLIC_URL}{audience}")
    item = {
        "card": "0d3a4f3e-8a0b-4f0f-8a56-5f4f7f0c9b10",
        "outcome": "overridden",
        "outcomeTimestamp": "2026-09-15T08:00:00Z",
    }
    assert here.post(f"{HOOK}/feedback", {"feedback": [item]}, headers=headers).status_code == 200


def test_a_client_does_not_write_on_the_cards_of_another(here: Registered) -> None:
    answer = here.post(HOOK, request_of(MET)).get_json()
    item = {"card": answer["cards"][0]["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-09-15T08:00:00Z"}
    path = f"{HOOK}/feedback"
    assert here.post(path, {"feedback": [item]}, issuer="https://old.example.org").status_code == 200
    information = information_of(answer["systemActions"][0]["resource"])
    listed = here.get(f"/decisions/{information['coverage-assertion-id']}/feedback")
    assert listed.get_json() == {"feedback": []}


def test_discovery_is_open_unless_it_is_protected(tmp_path: Path) -> None:
    with registered(tmp_path) as here:
        assert here.get("/cds-services", headers={}).status_code == 200
    with registered(tmp_path, protect_discovery=True) as here:
        assert here.get("/cds-services", headers={}).status_code == 401
        assert here.get("/cds-services").status_code == 200


@pytest.mark.parametrize("path", ["/policies", "/policies/oscar/cg101", "/livez"])
def test_what_cards_link_to_is_open(here: Registered, path: str) -> None:
    assert here.get(path, headers={}).status_code == 200


def test_the_log_says_who_called_and_why_nobody_was_recognised(tmp_path: Path) -> None:
    with logged() as lines, registered(tmp_path) as here:
        here.post(HOOK, request_of(MET))
        here.post(HOOK, request_of(MET), aud="https://other.example.org")
        token = here.headers("x")["Authorization"].removeprefix("Bearer ")
        here.post(HOOK, request_of(MET), headers={"Authorization": f"Bearer {token}"})
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [each.get("client") for each in found if each["event"] == "answered"] == ["new-ehr", None, None]
    assert [each["reason"] for each in found if each["event"] == "unauthenticated"] == ["audience", "audience"]
    assert token not in lines.getvalue()


def test_keys_are_fetched_from_the_registered_address_by_the_guarded_client(tmp_path: Path) -> None:
    fetched: list[str] = []

    def fetch(url: str, _token: str | None, _deadline: Deadline) -> Fetched:
        fetched.append(url)
        return Fetched(SearchState.ANSWERED, jwks(jwk(ec_key(), "k1")))

    with pytest.MonkeyPatch.context() as patch, registered(tmp_path) as here:
        patch.setattr("service.fhir_client.FhirClient.key_sets", lambda _self, _networks: fetch)
        kit = {"issuer": "https://kit.example.org"}
        body = request_of("mmm-kadcyla-early")
        body["prefetch"]["coverage"] = None
        headers = here.headers(f"{PUBLIC_URL}{HOOK}", **kit)
        first = here.post(HOOK, body, headers=headers)
        again = here.post(HOOK, body, headers=headers)
        assert here.post(HOOK, body, issuer="https://evil.example.org").status_code == 401
    assert fetched == ["https://kit.example.org/jwks.json"]
    assert (first.status_code, again.status_code) == (200, 200)
    assert "systemActions" not in first.get_json()
    assert any(card["source"]["topic"]["code"] == "insurance" for card in first.get_json()["cards"])


def test_a_registry_with_mistakes_stops_the_start_and_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text("clients:\n  - id: x\n    issuer: https://ehr.example.org\n", encoding="utf-8")
    monkeypatch.setenv("HER2_CRD_CLIENTS", str(file))
    monkeypatch.setenv("HER2_CRD_PUBLIC_URL", "https://crd.example.org")
    monkeypatch.setenv("HER2_CRD_WORKERS", "1")
    assert main() == 2
    assert "must have either jku or jwks_file" in capsys.readouterr().err


def test_two_clients_that_send_the_same_have_decisions_and_numbers_of_their_own(here: Registered) -> None:
    body = request_of(MET)
    new, old = (
        written(here.post(HOOK, body, issuer=f"https://{each}.example.org"))[MARGENZA] for each in ("new", "old")
    )
    assert new["coverage-assertion-id"] != old["coverage-assertion-id"]
    assert new["satisfied-pa-id"] != old["satisfied-pa-id"]
    path = f"/decisions/{new['coverage-assertion-id']}"
    assert here.get(path).status_code == 200
    assert here.get(path, issuer="https://old.example.org").status_code == 404


def test_more_calls_of_a_client_at_once_than_it_may_have_are_put_off(tmp_path: Path) -> None:
    with registered(tmp_path, calls_per_client=1) as here:
        inner: list[TestResponse] = []

        def call_meanwhile(url: str, token: str | None, deadline: Deadline) -> Fetched:
            if not inner:
                inner.append(here.post(HOOK, request_of(MET)))
            return here.server(url, token, deadline)

        here.app = create_app(here.settings, shipped_data(), FixedClock(NOW), call_meanwhile)
        assert here.post(HOOK, request_of(MET, without=["conditions"], fhir=True)).status_code == 200
    assert inner[0].status_code == 429
    assert inner[0].headers["Retry-After"] == "1"
    assert inner[0].get_json()["issue"][0]["code"] == "throttled"
