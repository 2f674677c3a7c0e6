"""Marked names and values go through every path, refusals included, and none of them comes out for others to read."""

import json
from pathlib import Path
from typing import Any

import pytest

import service.answer
import service.problems
import service.reporting
import service.telemetry
from criteria.facts import SearchState
from service.deadline import Deadline
from service.fhir_client import Fetched
from service.settings import Profile
from tests.hooks.bodies import as_appointment, as_dispatch, as_encounter, as_select
from tests.hooks.canary import (
    BORN,
    MARK,
    MarkedServer,
    Watch,
    feedback,
    mark,
    own_url,
    planted,
    planted_record,
)
from tests.hooks.clients import SERVICE_URL, Json, information_of, request_of
from tests.hooks.status_rows import REFUSED
from tests.hooks.test_registered import registered

CHARTS = (
    "oscar-margenza-after-two",
    "mmm-margenza-fourth-line",
    "mmm-margenza-her2-equivocal",
    "mmm-margenza-her2-low",
    "mmm-coverage-ended",
    "mmm-two-drugs-in-one",
    "mmm-kadcyla-continued",
)
KEPT = ("patient", "coverage", "payors")


def discharge(body: Json) -> Json:
    return as_encounter(body, "encounter-discharge")


@pytest.mark.parametrize("make", [dict, as_select, as_dispatch, as_appointment, as_encounter, discharge])
@pytest.mark.parametrize("chart", CHARTS)
def test_a_decided_call_leaves_no_mark(watch: Watch, clean: Any, chart: str, make: Any) -> None:
    client = watch.client()
    body = planted(make(request_of(chart)))
    called = watch.send(client, own_url(body), body)
    assert called.status_code == 200, called.text
    for action in called.get_json().get("systemActions", ()):
        found = information_of(action["resource"])["coverage-assertion-id"]
        for path in (f"/decisions/{found}", f"/decisions/{found}/feedback"):
            assert watch.send(client, path, method="GET").status_code == 200
    for card in called.get_json()["cards"]:
        url = f"{own_url(body)}/feedback"
        assert watch.send(client, url, feedback(card=card["uuid"])).status_code == 200
        for changes in ({"outcome": mark("outcome")}, {"outcomeTimestamp": BORN}, {"card": mark("card")}):
            wrong = feedback(**{"card": card["uuid"], **changes})
            assert watch.send(client, url, wrong).status_code == 400
    assert clean() == []


def test_the_marked_patient_is_decided_like_any_other(watch: Watch) -> None:
    for chart in CHARTS:
        watch.send(watch.client(), SERVICE_URL, planted(request_of(chart)))
    outcomes = {each for line in watch.lines.getvalue().splitlines() for each in json.loads(line).get("outcomes", ())}
    assert {"authorized", "not-met", "no-active-coverage", "documentation"} <= outcomes


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2", "cds-hooks"])
def test_every_dialect_leaves_no_mark(watch: Watch, clean: Any, version: str) -> None:
    for chart in CHARTS:
        assert watch.send(watch.client(dialect=version), SERVICE_URL, planted(request_of(chart))).status_code == 200
    assert clean() == []


@pytest.mark.parametrize("chart", CHARTS)
def test_what_is_fetched_leaves_no_mark(watch: Watch, clean: Any, chart: str) -> None:
    body = request_of(chart, fhir=True)
    body["prefetch"] = {key: value for key, value in body["prefetch"].items() if key in KEPT}
    server = MarkedServer(planted_record(chart))
    called = watch.send(watch.client(server), SERVICE_URL, planted(body))
    assert called.status_code == 200, called.text
    assert server.asked
    assert all(mark("") in each for each in server.asked)
    assert clean() == []


# ---------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(("call", "status"), [pytest.param(row[1], row[2], id=row[0]) for row in REFUSED])
def test_a_refused_call_leaves_no_mark(watch: Watch, clean: Any, call: Any, status: int) -> None:
    state = SearchState.ANSWERED if call.answers else SearchState.FAILED

    def fetch(url: str, token: str | None, deadline: Deadline) -> Fetched:
        empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
        return Fetched(state, body=empty) if call.answers else Fetched(state, reason="answered 503")

    client = watch.client(fetch, **{"default_payer": None, **call.settings})
    body = planted(call.body, strange="strict_orders" not in call.settings)
    response = watch.send(client, call.url, body, method=call.method, headers=dict(call.headers))
    assert response.status_code == status, response.text
    assert clean() == []


STRUCTURES: list[Any] = [mark("text"), [mark("list")], {mark("key"): mark("value")}, 174, True]
PLACES = (
    *[("context", each) for each in ("patientId", "userId", "draftOrders", "encounterId")],
    *[("", each) for each in ("hook", "hookInstance", "context", "prefetch", "fhirServer", "fhirAuthorization")],
    *[
        ("order", each)
        for each in (
            "resourceType",
            "id",
            "status",
            "intent",
            "subject",
            "medicationCodeableConcept",
            "authoredOn",
            "reasonCode",
            "dosageInstruction",
            "insurance",
            "requester",
            "extension",
            "contained",
            "identifier",
            "category",
            "_status",
        )
    ],
    *[("configuration", each) for each in ("davinci-crd.configuration", "davinci-crd.requestedVersion")],
)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("parent", "member"), PLACES)
def test_a_member_of_the_wrong_kind_leaves_no_mark(
    watch: Watch, clean: Any, parent: str, member: str, strict: bool
) -> None:
    client = watch.client(strict_orders=strict)
    for value in STRUCTURES:
        body = planted(request_of("mmm-margenza-fourth-line"))
        places: dict[str, Json] = {
            "": body,
            "context": body["context"],
            "order": body["context"]["draftOrders"]["entry"][0]["resource"],
            "configuration": body["extension"],
        }
        places[parent][member] = value
        assert watch.send(client, SERVICE_URL, body).status_code in {200, 400, 422}
    assert clean() == []


@pytest.mark.parametrize("key", ["observations", "conditions", "medications", "coverage", "payors", "patient"])
def test_a_chart_that_cannot_be_read_leaves_no_mark(watch: Watch, clean: Any, key: str) -> None:
    client = watch.client()
    for value in [*STRUCTURES, {"resourceType": mark("type")}, {"resourceType": "Bundle", "entry": STRUCTURES}]:
        body = planted(request_of("mmm-margenza-fourth-line"))
        body["prefetch"][key] = value
        assert watch.send(client, SERVICE_URL, body).status_code in {200, 400, 412}
    assert clean() == []


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (f'{{"hook": "{mark("cut")}', {}, 400),
        (f'{{"hook": NaN, "x": "{mark("nan")}"}}', {}, 400),
        (f'{{"{mark("key")}": 1' * 10, {}, 400),
        ('{"a":' * 10_000 + f'"{mark("deep")}"' + "}" * 10_000, {}, 400),
        ("[" * 100_000 + mark("deep") + "]" * 100_000, {}, 400),
        (f'"{mark("large") * 200_000}"', {}, 413),
        (mark("text"), {"Content-Type": f"text/{mark('type')}"}, 415),
        (mark("text"), {"Content-Type": f"application/json; charset={mark('charset')}"}, 415),
        (mark("text"), {"Content-Encoding": mark("encoding")}, 415),
        (f'{{"{mark("key")}"}}'.encode("utf-16"), {}, 400),
        (mark("bytes").encode() + b"\xff\xfe\x00", {}, 400),
    ],
    ids=["cut", "NaN", "open", "nested", "lists", "large", "type", "charset", "encoding", "utf-16", "bytes"],
)
def test_what_is_no_request_leaves_no_mark(
    watch: Watch, clean: Any, content: str | bytes, headers: dict[str, str], status: int
) -> None:
    for path in (SERVICE_URL, f"{SERVICE_URL}/feedback"):
        assert watch.send(watch.client(), path, content, headers=headers).status_code == status
    assert clean() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "ZQ7X-METHOD"])
def test_an_address_leaves_no_mark(watch: Watch, clean: Any, method: str) -> None:
    client = watch.client()
    for start in ("", "/decisions", "/policies", "/fhir/Questionnaire", "/cds-services", "/metrics", "/readyz"):
        for end in (mark("path"), f"{mark('path')}/feedback", f"%00{mark('path')}", f"..%2f{mark('path')}"):
            response = watch.send(client, f"{start}/{end}?patient={mark('query')}", method=method)
            assert response.status_code in {200, 404, 405, 415}
    for path in ("/cds-services", "/policies", "/livez", "/readyz", "/metrics", SERVICE_URL):
        watch.send(client, f"{path}?patient={mark('query')}&{mark('query')}=1", method=method)
    assert clean() == []


# ------------------------------------------------------------------------------------------------------------ callers


def test_a_caller_who_is_not_known_leaves_no_mark(watch: Watch, clean: Any, tmp_path: Path) -> None:
    body = planted(request_of("oscar-margenza-after-two"))
    with registered(tmp_path, open_telemetry=True, calls_per_client=1) as here:
        client = watch.watch(here.app).test_client()
        signed: list[dict[str, Any]] = [
            {"jti": mark("jti")},
            {"jti": mark("jti")},  # used before
            {"sub": mark("sub"), mark("claim"): mark("claim"), "jti": mark("other-jti")},
            {"issuer": f"https://{mark('issuer')}.example.org"},
            {"tenant": mark("tenant")},
            {"aud": f"https://{mark('audience')}.example.org"},
            {"exp": mark("exp")},
        ]
        tokens = [here.headers(f"https://crd.payer.example.org{SERVICE_URL}", **each) for each in signed]
        tokens += [{"Authorization": f"Bearer {mark('token')}"}, {"Authorization": mark("token")}, {}]
        tokens += [{"Authorization": f"Bearer {MARK}.{MARK}.{MARK}"}, {"Authorization": f"Basic {mark('token')}"}]
        statuses = [watch.send(client, SERVICE_URL, body, headers=each).status_code for each in tokens]
    assert statuses == [200, 401, 200, *[401] * (len(tokens) - 3)]
    assert clean() == []
    parts = [part for each in tokens for part in each.get("Authorization", "").removeprefix("Bearer ").split(".")]
    said = watch.lines.getvalue() + "".join(text for _, text in watch.shown)
    assert not [part for part in parts if len(part) > 20 and part in said]


def test_a_call_too_many_leaves_no_mark(watch: Watch, clean: Any, tmp_path: Path) -> None:
    with registered(tmp_path, open_telemetry=True, calls_per_client=1) as here:
        client = watch.watch(here.app).test_client()
        address = f"https://crd.payer.example.org{SERVICE_URL}"
        body = planted(request_of("oscar-margenza-after-two"))
        inner: list[int] = []
        decided = vars(service.answer)["map_record"]

        def call_meanwhile(*args: Any) -> Any:
            if not inner:
                inner.append(0)
                inner[0] = watch.send(client, SERVICE_URL, body, headers=here.headers(address)).status_code
            return decided(*args)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("service.answer.map_record", call_meanwhile)
            assert watch.send(client, SERVICE_URL, body, headers=here.headers(address)).status_code == 200
    assert inner == [429]
    assert clean() == []


@pytest.mark.parametrize("authorization", [f"Bearer {mark('token')}", mark("token"), f"Basic {mark('token')}"])
def test_who_is_no_operator_leaves_no_mark(watch: Watch, clean: Any, authorization: str) -> None:
    client = watch.client(profile=Profile.PRODUCTION)
    headers = {"Authorization": authorization}
    assert watch.send(client, "/metrics", method="GET", headers=headers).status_code == 401
    assert clean() == []


@pytest.mark.parametrize(
    "document",
    [
        {mark("key"): mark("value")},
        {"keys": [mark("key")]},
        {"keys": [{"kty": mark("kty"), "kid": mark("kid")}]},
        None,
    ],
)
def test_keys_that_cannot_be_had_leave_no_mark(watch: Watch, clean: Any, tmp_path: Path, document: Any) -> None:
    with pytest.MonkeyPatch.context() as patch, registered(tmp_path, open_telemetry=True) as here:
        fetched = Fetched(SearchState.FAILED if document is None else SearchState.ANSWERED, body=document)
        patch.setattr("service.fhir_client.FhirClient.key_sets", lambda *_: lambda *_: fetched)
        client = watch.watch(here.app).test_client()
        address = f"https://crd.payer.example.org{SERVICE_URL}"
        headers = here.headers(address, issuer="https://kit.example.org", jti=mark("jti"))
        assert watch.send(client, SERVICE_URL, {}, headers=headers).status_code == 401
    assert clean() == []
