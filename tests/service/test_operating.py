import builtins
from hashlib import sha256
from typing import Any

import pytest

from service.app import create_app
from service.operating import Operation, worker_started, worker_stopping
from service.settings import Profile, SettingsError
from tests.service.builders import FixedClock, development, issues, logged, shipped_data, world
from tests.service.metric_pages import number

TOKEN = "an operator's token"
TOKENS = frozenset({sha256(b"operator-1").hexdigest()})


def test_a_service_that_is_ready_says_so_and_no_more() -> None:
    response = world().client.get("/readyz")
    assert (response.status_code, response.get_json()) == (200, {"status": "ready"})
    assert response.headers["Cache-Control"] == "no-store"


def test_a_process_that_is_told_to_stop_is_not_ready_but_alive_and_ends_its_calls() -> None:
    here = world()
    worker_stopping(here.app)
    response = here.client.get("/readyz")
    assert (response.status_code, response.get_json()) == (503, {"status": "not-ready", "failing": ["serving"]})
    assert here.client.get("/livez").status_code == 200
    assert here.client.get("/cds-services").status_code == 200
    assert number(here.client.get("/metrics").text, "ready") == 0


def test_a_check_of_the_application_turns_readiness_off() -> None:
    settings, library = development(), shipped_data()[0]
    checks = {"database": lambda: False}
    operation = Operation.of(settings, library, FixedClock(), ["her2-order-sign"], checks)
    with logged():
        assert operation.readiness.failing() == ("database",)


def test_without_policies_it_is_not_ready() -> None:
    here = world()
    operation: Operation = here.app.extensions["her2-crd"]
    assert operation.readiness.results() == {"policies": True, "serving": True}


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
    worker_started(here.app)
    assert caught == [True]
    assert here.client.get("/livez").status_code == 200
