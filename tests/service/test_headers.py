import json

import pytest

from service.settings import Profile
from tests.service.builders import SERVICE_URL, logged, request_body, world

ORIGIN = "https://sandbox.cds-hooks.org"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.mark.parametrize("url", ["/cds-services", SERVICE_URL])
def test_in_development_any_page_may_call(url: str) -> None:
    response = world().client.options(url, headers=PREFLIGHT)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
    assert "Access-Control-Allow-Private-Network" not in response.headers


def test_in_development_a_public_page_may_call_this_machine() -> None:
    headers = PREFLIGHT | {"Access-Control-Request-Private-Network": "true"}
    assert (
        world().client.options(SERVICE_URL, headers=headers).headers["Access-Control-Allow-Private-Network"] == "true"
    )


def test_a_browser_may_read_errors_too() -> None:
    response = world().post("{nope", headers={"Origin": ORIGIN})
    assert response.status_code == 400
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Expose-Headers"] == "X-Correlation-Id"


@pytest.mark.parametrize("url", ["/cds-services", "/policies", "/none"])
def test_in_production_a_shared_cache_keeps_answers_apart_by_origin(url: str) -> None:
    here = world(profile=Profile.PRODUCTION, cors_origins=("https://app.example",))
    assert here.client.get(url).headers.getlist("Vary") == ["Origin"]


@pytest.mark.parametrize(("origin", "allowed"), [("https://app.example", True), (ORIGIN, False)])
def test_in_production_only_configured_pages_may_call(origin: str, allowed: bool) -> None:
    here = world(profile=Profile.PRODUCTION, cors_origins=("https://app.example",))
    headers = here.client.options(SERVICE_URL, headers=PREFLIGHT | {"Origin": origin}).headers
    assert headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert headers.get("Vary") == "Origin"


def test_a_caller_without_origin_gets_no_cors_headers() -> None:
    assert not [name for name in dict(world().client.get("/cds-services").headers) if name.startswith("Access")]


@pytest.mark.parametrize(
    ("method", "url", "value"),
    [
        ("POST", SERVICE_URL, "no-store"),
        ("GET", "/decisions/none", "no-store"),
        ("GET", "/cds-services", None),
        ("GET", "/policies", None),
    ],
)
def test_answers_about_patients_are_not_kept(method: str, url: str, value: str | None) -> None:
    response = world().client.open(url, method=method, json=request_body() if method == "POST" else None)
    assert response.headers.get("Cache-Control") == value


def test_every_answer_has_a_number_of_its_own() -> None:
    here = world()
    calls = [here.client.get("/livez", headers={"X-Correlation-Id": "mine"}) for _ in range(2)]
    numbers = {call.headers["X-Correlation-Id"] for call in calls}
    assert len(numbers) == 2
    assert "mine" not in numbers


def test_pages_run_no_scripts() -> None:
    headers = world().client.get("/policies/oscar/cg101").headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_call_is_logged_once_without_patient_data() -> None:
    here = world()
    with logged() as stream:
        here.post(request_body())
        here.client.get("/livez")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["service_id"], line["status"]) == ("answered", "her2-order-sign", 200)
    assert "p1" not in str({name: value for name, value in line.items() if name not in {"time", "correlation_id"}})


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("POST", "/cds-services/Canary", 404),
        ("OPTIONS", "/cds-services/Canary", 200),
        ("OPTIONS", "/cds-services/Canary/feedback", 200),
        ("GET", "/cds-services/Canary", 405),
    ],
)
def test_an_address_that_does_not_exist_is_not_logged_as_a_service(method: str, url: str, status: int) -> None:
    here = world()
    with logged() as stream:
        here.client.open(url, method=method)
    line = json.loads(stream.getvalue())
    assert line["status"] == status
    assert "service_id" not in line
    assert "Canary" not in str(line)
