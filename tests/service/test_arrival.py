import time
from collections.abc import Iterator

import pytest
from flask import Flask

from service.arrival import _ARRIVED as ARRIVED
from service.arrival import arrived, call_deadline, register_arrival
from service.problems import register_error_handlers


@pytest.fixture(autouse=True)
def unheard() -> Iterator[None]:
    """The moment of arrival as it was before the test."""
    token = ARRIVED.set(None)
    yield
    ARRIVED.reset(token)


def app(seconds: float = 4.0) -> Flask:
    made = Flask("arrival", static_folder=None)
    register_error_handlers(made)
    register_arrival(made, seconds)
    for path in ("/call", "/livez", "/readyz", "/metrics"):
        made.add_url_rule(path, path, lambda: str(call_deadline().remaining()))
    return made


def test_a_call_has_its_time_from_when_it_had_arrived() -> None:
    arrived(time.monotonic() - 1.5)
    left = float(app().test_client().get("/call").text)
    assert 2.0 < left <= 2.5


def test_without_a_server_that_tells_a_call_arrives_when_it_is_begun() -> None:
    left = float(app().test_client().get("/call").text)
    assert 3.5 < left <= 4.0


@pytest.mark.parametrize(("waited", "status"), [(1.5, 200), (2.1, 503), (10.0, 503)])
def test_a_call_that_has_waited_for_half_its_time_is_sent_away(waited: float, status: int) -> None:
    arrived(time.monotonic() - waited)
    response = app().test_client().get("/call")
    assert (response.status_code, response.headers.get("Retry-After")) == (status, "1" if status == 503 else None)
    if status == 503:
        assert response.get_json()["issue"][0]["code"] == "throttled"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_questions_how_the_process_is_are_answered_at_any_time(path: str) -> None:
    arrived(time.monotonic() - 60)
    assert app().test_client().get(path).status_code == 200
