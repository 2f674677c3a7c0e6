import builtins
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask

from service.app import create_app
from service.lifecycle import lifecycle
from service.operating import Operation
from service.settings import Profile, SettingsError
from tests.service.builders import FHIR, FixedClock, development, issues, logged, request_body, shipped_data, world
from tests.service.metric_pages import number

TOKENS = frozenset({sha256(b"operator-1").hexdigest()})


def test_a_service_that_is_ready_says_so_and_no_more() -> None:
    response = world().client.get("/readyz")
    assert (response.status_code, response.get_json()) == (200, {"status": "ready"})
    assert response.headers["Cache-Control"] == "no-store"


def test_a_process_that_is_told_to_stop_is_not_ready_but_alive_and_ends_its_calls() -> None:
    here = world()
    lifecycle(here.app).stopping = True
    response = here.client.get("/readyz")
    assert (response.status_code, response.get_json()) == (503, {"status": "not-ready", "failing": ["serving"]})
    assert here.client.get("/livez").status_code == 200
    assert here.client.get("/cds-services").status_code == 200
    assert number(here.client.get("/metrics").text, "ready") == 0


def test_without_a_database_it_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.storage.database.Database.answers", lambda *_: False)
    here = world()
    with logged() as stream:
        response = here.client.get("/readyz")
    assert (response.status_code, response.get_json()["failing"]) == (503, ["database"])
    assert '"event":"not-ready"' in stream.getvalue()
    assert number(here.client.get("/metrics").text, "check_passed", check="database") == 0


def test_without_policies_it_is_not_ready() -> None:
    library = replace(shipped_data()[0], policies={})
    operation = Operation.of(Flask("x"), development(), library, FixedClock(), {})
    with logged():
        assert operation.readiness.failing() == ("policies",)


def test_the_circuits_of_the_configuration_and_of_the_database_are_shown() -> None:
    here = world()
    here.post(request_body(fhirServer=FHIR, prefetch={}))
    page = here.client.get("/metrics").text
    assert number(page, "circuit_state", circuit="database") == 0
    assert number(page, "circuit_state", circuit=f"anybody {FHIR}") == 0


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("Bearer operator-1", 200), ("Bearer operator-2", 401), ("Basic operator-1", 401), (None, 401)],
)
def test_in_production_only_operators_see_the_metrics(authorization: str | None, status: int) -> None:
    here = world(profile=Profile.PRODUCTION, operator_tokens=TOKENS)
    headers = {} if authorization is None else {"Authorization": authorization}
    with logged() as stream:
        response = here.client.get("/metrics", headers=headers)
    assert response.status_code == status
    assert ("her2_crd_build_info" in response.text) is (status == 200)
    if status == 401:
        assert issues(response) == [(None, "login")]
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert '"reason":"not-an-operator"' in stream.getvalue()
        page = here.client.get("/metrics", headers={"Authorization": "Bearer operator-1"}).text
        assert number(page, "refused_callers_total", reason="not-an-operator") == 1
    assert "operator-1" not in stream.getvalue()
    assert "operator-2" not in stream.getvalue()


def test_in_production_everybody_may_ask_whether_it_lives_and_is_ready() -> None:
    here = world(profile=Profile.PRODUCTION)
    assert [here.client.get(path).status_code for path in ("/livez", "/readyz", "/metrics")] == [200, 200, 401]


def test_metrics_are_plain_text_whatever_is_asked_for() -> None:
    response = world().client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=Canary"})
    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"


def test_traces_without_the_extra_stop_the_start_and_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name in {"opentelemetry", "service.telemetry"}:
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match="HER2_CRD_OPEN_TELEMETRY: needs OpenTelemetry"):
        create_app(development(open_telemetry=True), shipped_data())


def test_a_process_without_traces_starts_nothing_but_its_own_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[bool] = []
    monkeypatch.setattr("service.operating.catch_strays", lambda: caught.append(True))
    here = world()
    for each in lifecycle(here.app).forked:
        each()
    assert caught == [True]
    assert here.client.get("/livez").status_code == 200
