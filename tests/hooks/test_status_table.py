"""The status of every kind of call, row by row: the status codes of CDS Hooks 3.0, the failures that CRD 2.2.1 names.

An error is an OperationOutcome with the JSON path of the place and nothing of the patient. What a payer can decide or
has to ask is a 200, in each version's words. Two outcomes of the specification have no row, because no call leads to
them: a member who is not found (resp-44, no-member-found) and a coverage that fits no single record (resp-45,
coverage-not-found). Both need a register of members, and this service has none. What browsers of which origin get is
in tests/service/test_headers.py.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from werkzeug.test import TestResponse

from tests.hooks import calls
from tests.hooks.answers import FOURTH_LINE
from tests.hooks.calls import Call
from tests.hooks.clients import SERVICE_URL, Json, information_of, named, orders_of, request_of
from tests.hooks.status_rows import ANSWERED, DEFAULT_PAYER, DISPATCH, MEMBERS, REFUSED, STRICT, Issue, Members
from tests.hooks.test_registered import registered

# FHIR R4, value set issue-type: those that an error of ours may have.
ISSUE_TYPES = {
    "business-rule",
    "duplicate",
    "exception",
    "invalid",
    "invariant",
    "login",
    "multiple-matches",
    "not-found",
    "not-supported",
    "required",
    "structure",
    "too-costly",
    "too-long",
    "value",
}


def issues_of(response: TestResponse) -> list[Issue]:
    """Assert that the answer is an OperationOutcome that names places and nobody; return its issues."""
    assert response.content_type == "application/fhir+json"
    text = response.get_data(as_text=True)
    outcome = json.loads(text)
    assert set(outcome) == {"resourceType", "issue"}
    get_fhir_model_class("OperationOutcome").model_validate(outcome)
    assert outcome["resourceType"] == "OperationOutcome"
    for issue in outcome["issue"]:
        assert (issue["severity"], issue["code"] in ISSUE_TYPES) == ("error", True)
        assert issue["details"]["text"].strip()
        if "expression" in issue:
            assert [f"$.{each}" for each in issue["expression"]] == [issue["diagnostics"]]
    known = named(request_of(FOURTH_LINE), "Patient/ex-06")
    assert not [value for value in ("ex-06", known["birthDate"], "dr-01", "Margenza") if value in text]
    return [(issue["code"], issue.get("diagnostics")) for issue in outcome["issue"]]


@pytest.mark.parametrize(
    ("call", "status", "issues"),
    [pytest.param(call, status, issues, id=situation) for situation, call, status, issues in REFUSED],
)
def test_a_call_that_cannot_be_answered_gets_its_status_and_an_operation_outcome(
    call: Call, status: int, issues: list[Issue]
) -> None:
    response = call.send()
    assert (response.status_code, issues_of(response)) == (status, issues)
    assert ("Allow" in response.headers) is (status == 405)


@pytest.mark.parametrize(
    "body", [calls.profiled("searchset"), calls.nameless(), calls.profiled(requester=None), calls.asking("2.2.1")]
)
def test_what_crd_alone_asks_of_an_order_is_tolerated_unless_strict(body: Json) -> None:
    assert Call(body).send().status_code == 200
    assert Call(calls.profiled(), settings=STRICT).send().status_code == 200


@pytest.mark.parametrize("path", [SERVICE_URL, f"{SERVICE_URL}/feedback", DISPATCH])
@pytest.mark.parametrize("signed", [None, {"aud": "https://other.example.org"}, {"issuer": "https://x.example.org"}])
def test_without_a_token_for_the_address_the_status_is_401_and_says_no_more(
    path: str, signed: dict[str, Any] | None, tmp_path: Path
) -> None:
    with registered(tmp_path) as here:
        headers: dict[str, str] | None = {} if signed is None else None
        response = here.post(path, request_of(FOURTH_LINE), headers=headers, **(signed or {}))
    assert (response.status_code, issues_of(response)) == (401, [("login", None)])
    assert response.headers["WWW-Authenticate"] == "Bearer"


# Browsers send a preflight without the token; what it allows is in tests/service/test_headers.py.
@pytest.mark.parametrize("path", ["/cds-services", SERVICE_URL, f"{SERVICE_URL}/feedback"])
def test_a_preflight_needs_no_token(path: str, tmp_path: Path) -> None:
    headers = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
    with registered(tmp_path, protect_discovery=True) as here:
        response = here.app.test_client().options(path, headers=headers)
    assert (response.status_code, response.get_data()) == (200, b"")


def fail(*_: Any) -> Any:
    raise ValueError(f"ex-06 {request_of(FOURTH_LINE)}")


@pytest.mark.parametrize(
    ("name", "broken"),
    [("answer.map_record", fail), ("deciding.evaluate", fail), ("answer.CONFIGURATION_REMARKS", "not-known")],
    ids=["reading fails", "deciding fails", "the answer breaks a rule"],
)
def test_a_defect_of_ours_is_a_500_and_never_half_an_answer(
    name: str, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = calls.member(extension={"davinci-crd.configuration": {"max-cards": "all"}})
    assert Call(body).send().status_code == 200
    monkeypatch.setattr(f"service.{name}", broken)
    response = Call(body).send()
    assert (response.status_code, issues_of(response)) == (500, [("exception", None)])
    assert response.headers["X-Correlation-Id"] in response.get_data(as_text=True)


# ---------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
@pytest.mark.parametrize(
    ("call", "members", "words"),
    [pytest.param(call, members, words, id=situation) for situation, call, members, words in ANSWERED],
)
def test_whatever_can_be_decided_or_asked_for_is_a_200_in_the_words_of_each_version(
    call: Call, members: dict[str, Members], words: str, version: str
) -> None:
    response = replace(call, body=calls.asking(version, call.body)).send()
    assert response.status_code == 200
    said = [information_of(each["resource"]) for each in response.get_json()["systemActions"]]
    assert len(said) == len(orders_of(call.body))
    reason = said[0]["reason"]
    codes = [each["code"] for each in reason.get("coding", ())] or [None]
    assert (*(said[0].get(name) for name in MEMBERS), *codes) == members[version]
    assert words in reason["text"]


# Without a Coverage there is nothing that coverage information could refer to.
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (calls.lacking("coverage"), "no Coverage found"),
        (calls.lacking("coverage", fhir=True), "nothing was decided, a system did not answer"),
    ],
    ids=["nobody to ask", "the FHIR server is down"],
)
def test_a_default_payer_makes_cards_of_a_missing_coverage(body: Json, words: str) -> None:
    response = Call(body, settings=DEFAULT_PAYER).send()
    assert response.status_code == 200
    answer = response.get_json()
    assert "systemActions" not in answer
    assert any(words in card["summary"] for card in answer["cards"])


def test_a_call_about_nothing_is_answered_with_nothing() -> None:
    response = Call(calls.context(draftOrders={"resourceType": "Bundle", "type": "collection"})).send()
    assert (response.status_code, response.get_json()) == (200, {"cards": []})
