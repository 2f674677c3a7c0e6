"""Damaged bodies by the thousand: each is answered or refused in form, and none of them ends in an error of ours.

The bodies are made of valid requests (`mutations.py`); every run of the tests sends the same ones.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, note, seed, settings

from criteria.facts import SearchState
from examples.chart import load_charts
from examples.ehr import Record, respond
from service.deadline import Deadline
from service.exact_json import decode
from service.fhir_client import Fetched
from tests.hooks.bodies import as_appointment, as_dispatch, as_encounter, as_select
from tests.hooks.clients import FHIR, Json, api, request_of
from tests.hooks.damage import Choices
from tests.hooks.mutations import JSON, KINDS, Body, Requests, mutated, mutations
from tests.hooks.wrong_values import CANARY
from tests.service.builders import logged, request_body, world

SHARDS = 16
"""So many tests, which run beside each other, so that no one of them takes long."""
BODIES = 670
"""Sent in each; a few of them are made twice."""
ALL_BODIES = 10_000
"""So many different ones at least."""
GOOD_SHARE = 0.25
"""Of the answers of each service at least so many are 200, and at least so many 400: damage that is seldom noticed, or
always, tests little."""
SELDOM = 100
"""Each kind of damage was done at least so often."""

VERSIONS = ("2.0", "2.1", "2.2")
OTHER_HOOKS = ("oscar-margenza-first", "mmm-margenza-her2-equivocal", "mmm-coverage-ended", "mmm-two-drugs-in-one")
"""Charts whose requests are sent to the hooks beside order-sign, in every version."""

FETCHED = "mmm-kadcyla-continued"
"""The chart that is sent without most of its prefetch too: such a call takes four times as long as another."""

OF_A_PROGRAM = re.compile(r"Traceback|Error\b|Exception|<class|object at 0x|\.py\b|\bline \d|NoneType|msgspec|werkzeug")
"""What texts of exceptions look like."""


@cache
def requests() -> Requests:
    """Return the valid requests: a row for each service, with the names and bodies of its requests."""
    made: dict[str, dict[str, bytes]] = {
        "her2-order-sign": {
            **{chart: _json(request_of(chart)) for chart in _charts()},
            f"{FETCHED}, to be fetched": _json(_unfetched(FETCHED)),
        },
    }
    for make in (as_select, as_dispatch, as_appointment, as_encounter, _as_discharge):
        for version, chart in product(VERSIONS, OTHER_HOOKS):
            body = make(request_of(chart))
            body["extension"] = {"davinci-crd.requestedVersion": version}
            made.setdefault(f"her2-{body['hook']}", {})[f"{chart}, {version}"] = _json(body)
    return made


def _as_discharge(body: Mapping[str, Any]) -> Json:
    return as_encounter(body, "encounter-discharge")


def _charts() -> list[str]:
    return [each.name.partition("-")[2] for each in load_charts()]


def _unfetched(chart: str) -> Mapping[str, Any]:
    """Return a request that leaves all but the insurance to be fetched."""
    body = request_of(chart, fhir=True)
    kept = {key: value for key, value in body["prefetch"].items() if key in {"patient", "coverage", "payors"}}
    return {**body, "prefetch": kept}


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()


@cache
def _record() -> Record:
    return Record([resource for each in load_charts() for resource in each.record.resources])


def fetch(url: str, token: str | None, deadline: Deadline) -> Fetched:
    """Answer as the FHIR server of the valid requests; a damaged request may name another, which does not answer."""
    if not url.startswith(f"{FHIR}/"):
        return Fetched(SearchState.FAILED, reason="answered 503")
    status, body = respond(_record(), url.removeprefix("http://127.0.0.1:9"), FHIR)
    if status != 200:
        return Fetched(SearchState.DENIED, reason=f"answered {status}")
    return Fetched(SearchState.ANSWERED, body=decode(json.dumps(body).encode()))


# ------------------------------------------------------------------ one body


def send(client: FlaskClient, body: Body) -> int:
    """Send a body, check the form of the answer and return its status."""
    response = client.post(f"/cds-services/{body.service}", data=body.data, content_type=body.content_type)
    assert response.status_code < 500, response.text
    answer = json.loads(response.data)
    if response.status_code == 200:
        assert response.content_type == JSON
        assert isinstance(answer["cards"], list)
        assert isinstance(answer.get("systemActions", []), list)
    else:
        assert response.content_type == "application/fhir+json"
        check_refusal(answer, response.text)
    return response.status_code


def check_refusal(answer: Any, text: str) -> None:
    """An OperationOutcome that says something, in our words and without a value of the body."""
    assert answer["resourceType"] == "OperationOutcome"
    assert answer["issue"]
    for issue in answer["issue"]:
        assert issue["severity"] == "error"
        assert issue["code"]
        assert issue["details"]["text"]
    assert not OF_A_PROGRAM.search(text), text
    assert CANARY not in text, text


# ------------------------------------------------------------------ ten thousand bodies


class Sent(NamedTuple):
    """What is remembered of a body: its digest, where it was sent, what came back, and the damage it had."""

    digest: str
    service: str
    status: int
    kinds: list[str]


bounded = settings(
    max_examples=BODIES,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def tallies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is the same for all workers of this run of the tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "fuzzing"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_damaged_body_is_answered_or_refused_in_form(shard: int, tallies: Path) -> None:
    client = api(fetch=fetch).client
    sent: list[Sent] = []

    @seed(shard)
    @bounded
    @given(mutations(requests()))
    def check(body: Body) -> None:
        with logged() as lines:
            try:
                status = send(client, body)
            except AssertionError:
                note(lines.getvalue())  # which exception it was, and where
                raise
        sent.append(Sent(sha256(body.data).hexdigest(), body.service, status, [kind for kind, _ in body.edits]))

    check()
    leave(sent, tallies / f"{shard}.json")
    files = list(tallies.glob("*.json"))
    if len(files) == SHARDS:  # the last of them to end, whichever worker that is on
        check_variety([Sent(*row) for file in files for row in json.loads(file.read_text())])


def leave(sent: list[Sent], file: Path) -> None:
    """Write a tally under its name when it is complete, so that nobody reads half of it."""
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(sent))
    unfinished.rename(file)


def check_variety(sent: Sequence[Sent]) -> None:
    """There were as many different bodies as promised, and for each service they were neither too tame nor too wild."""
    assert len({each.digest for each in sent}) >= ALL_BODIES
    for service in requests():
        statuses = Counter(each.status for each in sent if each.service == service)
        for status in (200, 400):
            assert statuses[status] >= GOOD_SHARE * statuses.total(), (service, statuses)
    kinds = Counter(kind for each in sent for kind in each.kinds)
    assert set(kinds) == KINDS
    assert min(kinds.values()) >= SELDOM, kinds


# ------------------------------------------------------------------ the fuzzing itself


@pytest.mark.parametrize(
    ("service", "name"), [(service, name) for service, named in requests().items() for name in named]
)
def test_what_is_damaged_was_valid_before(service: str, name: str) -> None:
    undamaged = Body(service, name, (), requests()[service][name])
    assert send(api(fetch=fetch).client, undamaged) == 200


def an_order() -> Body:
    return Body("her2-order-sign", "an order", (), json.dumps(request_body()).encode())


def test_an_error_of_ours_would_be_seen() -> None:
    broken = world()
    assert send(broken.client, an_order()) == 200
    broken.answer.error = ValueError(CANARY)
    with pytest.raises(AssertionError, match="Correlation id"):
        send(broken.client, an_order())


@pytest.mark.parametrize("answer", [{}, {"cards": None}, {"cards": {}}, {"cards": [], "systemActions": None}])
def test_an_answer_without_a_list_of_cards_would_be_seen(answer: Json) -> None:
    broken = world()
    broken.answer.answer = answer
    with pytest.raises((AssertionError, KeyError)):
        send(broken.client, an_order())


@pytest.mark.parametrize(
    "text",
    [
        f"{CANARY} is no date",
        "ValueError: month must be in 1..12",
        "'NoneType' object is not subscriptable",
        "Object missing required field - at `$.context` (msgspec)",
        'File "answer.py", line 7',
        "",
    ],
)
def test_a_refusal_with_a_value_of_the_body_or_the_text_of_an_exception_would_be_seen(text: str) -> None:
    issue = {"severity": "error", "code": "value", "details": {"text": text}}
    refusal = {"resourceType": "OperationOutcome", "issue": [issue]}
    with pytest.raises(AssertionError):
        check_refusal(refusal, json.dumps(refusal))


def some(count: int, status: int, kinds: Iterable[str] = KINDS) -> list[Sent]:
    return [Sent(f"{status} {each}", "her2-order-sign", status, [*kinds]) for each in range(count)]


@pytest.mark.parametrize(
    ("accepted", "refused"),
    [(0, 0), (ALL_BODIES // 2, ALL_BODIES // 2 - 1), (ALL_BODIES, ALL_BODIES // 4), (ALL_BODIES // 4, ALL_BODIES)],
    ids=["none", "one too few", "too tame", "too wild"],
)
def test_bodies_that_are_few_or_all_of_one_sort_would_be_seen(accepted: int, refused: int) -> None:
    with pytest.raises(AssertionError):
        check_variety([*some(accepted, 200), *some(refused, 400)])


def test_the_same_bodies_sent_again_would_be_seen() -> None:
    with pytest.raises(AssertionError):
        check_variety([*some(ALL_BODIES // 4, 200), *some(ALL_BODIES // 4, 400)] * 2)


@pytest.mark.parametrize(("times", "enough"), [(0, False), (SELDOM - 1, False), (SELDOM, True)])
def test_damage_that_is_never_or_seldom_done_would_be_seen(times: int, enough: bool) -> None:
    without = [*some(ALL_BODIES // 2, 200, KINDS - {"cut"}), *some(ALL_BODIES // 2, 400, KINDS - {"cut"})]
    sent = [*(each._replace(kinds=[*each.kinds, "cut"]) for each in without[:times]), *without[times:]]
    with nullcontext() if enough else pytest.raises(AssertionError):
        check_variety(sent)


def test_enough_bodies_of_all_sorts_are_enough() -> None:
    check_variety([*some(ALL_BODIES // 2, 200), *some(ALL_BODIES // 2, 400)])


def test_the_same_choices_make_the_same_body_and_no_choices_make_one_too() -> None:
    names = [(service, sorted(named)) for service, named in requests().items()]
    first, again, simplest = (mutated(requests(), names, Choices(data)) for data in (b"\x07" * 64, b"\x07" * 64, b""))
    assert first == again
    assert first.edits
    assert len(simplest.edits) == 1
