"""What `make bench` measures is what it says it measures; how fast it is, is no matter for a test."""

import json
from typing import Any

import pytest

from benchmarks.bench import CONSTANT, ECHO, SERVICE, Effort, compare
from benchmarks.calls import (
    PATH,
    Application,
    answer_without_storage,
    constant,
    decision_service,
    echo,
    fast_echo,
    post,
)
from benchmarks.requests import SMALLEST, order_sign
from benchmarks.signing import ALGORITHMS, signed_service
from benchmarks.stages import DECIDING, STAGES, Stopwatch, split
from criteria.library import Library
from criteria.vocabulary import Vocabulary
from service.answer import answer_hook
from service.services import load_data
from service.settings import Profile, Settings
from tests.wire import coverage_information

SIZES = [SMALLEST, 100, 200, 400]


@pytest.fixture(scope="module")
def library() -> tuple[Library, Vocabulary]:
    return load_data(Settings(profile=Profile.DEVELOPMENT))


@pytest.fixture(scope="module")
def service(library: tuple[Library, Vocabulary]) -> Any:
    return decision_service(library=library, retain_inputs=True)


def resources(body: bytes) -> list[Any]:
    prefetch = json.loads(body)["prefetch"]
    return [
        each
        for value in prefetch.values()
        for each in ([entry["resource"] for entry in value["entry"]] if value["resourceType"] == "Bundle" else [value])
    ]


def test_the_request_is_the_same_every_time_and_as_large_as_the_goal_says() -> None:
    assert order_sign() == order_sign()
    assert 44_000 <= len(order_sign()) <= 46_000


@pytest.mark.parametrize("size", SIZES)
def test_the_chart_has_as_many_resources_as_asked_for_and_each_has_its_own_id(size: int) -> None:
    found = resources(order_sign(size))
    assert len({(each["resourceType"], each["id"]) for each in found}) == len(found) == size


@pytest.mark.parametrize("size", SIZES)
def test_a_chart_of_every_size_is_decided_as_authorized_and_nothing_is_missing(service: Any, size: int) -> None:
    answer = json.loads(post(service, order_sign(size)))
    (action,) = answer["systemActions"]
    found = coverage_information(action["resource"])
    assert (found["covered"], found["pa-needed"]) == ("covered", "satisfied")
    record = service.test_client().get(f"/decisions/{found['coverage-assertion-id']}").get_json()
    assert record["outcome"] == "authorized"
    assert [note for note in record["notes"] if "FHIR server" in note or "set aside" in note] == []


def test_the_bare_applications_answer_what_they_say() -> None:
    body = order_sign()
    assert json.loads(post(echo(), body)) == json.loads(post(fast_echo(), body)) == json.loads(body)
    assert json.loads(post(constant({"cards": []}), body)) == {"cards": []}


def test_without_storage_the_answer_is_the_same_and_says_that_it_is_not_recorded(
    service: Any, library: tuple[Library, Vocabulary]
) -> None:
    bare = decision_service(answer_without_storage, library)
    assert post(bare, order_sign()) == post(service, order_sign())
    response = bare.test_client().post(PATH, data=order_sign(), content_type="application/json")
    assert response.headers["Her2-Crd-Recorded"] == "false"


def test_an_answer_that_is_not_200_stops_the_measurement(service: Any) -> None:
    with pytest.raises(RuntimeError, match="400"):
        post(service, b"{}")


def test_every_application_is_measured_and_compared_with_the_service(service: Any) -> None:
    apps: dict[str, Application] = {SERVICE: service, ECHO: echo(), CONSTANT: constant({})}
    found = compare(apps, order_sign(), Effort(rounds=1, round_seconds=0.0))
    assert found.cost.keys() == found.ratio.keys() == apps.keys()
    assert found.ratio[SERVICE] == 1.0


def test_every_stage_of_a_decision_is_seen_and_the_service_is_left_as_it_was(
    library: tuple[Library, Vocabulary],
) -> None:
    watch = Stopwatch()
    app = decision_service(watch.timed(DECIDING, answer_hook), library)
    before = post(app, order_sign())
    spent = split(app, watch, order_sign(), requests=2)
    assert spent.keys() == set(STAGES)
    assert min(spent.values()) > 0
    assert post(app, order_sign()) == before
    assert watch.timed("encode", len)(()) == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signed_call_is_answered_like_any_other_and_its_token_is_good_for_nothing_else(
    algorithm: str, library: tuple[Library, Vocabulary]
) -> None:
    signed = signed_service(algorithm, library)
    answer = json.loads(post(signed, order_sign()))
    (action,) = answer["systemActions"]
    assert coverage_information(action["resource"])["pa-needed"] == "satisfied"
    with pytest.raises(RuntimeError, match="401"):
        post(lambda environ, start: signed({**environ, "PATH_INFO": "/cds-services/her2-order-select"}, start), b"{}")
