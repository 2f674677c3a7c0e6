import json

import pytest
from flask import Flask, abort
from werkzeug.exceptions import TooManyRequests

from service.problems import (
    Issue,
    RequestProblem,
    operation_outcome,
    outcome_response,
    register_error_handlers,
    request_problem,
)


def test_an_issue_names_its_place_as_json_path_and_as_fhirpath() -> None:
    issue = Issue("$.context.draftOrders.entry[0].resource.medication[x]", "required", "is required and missing")
    assert operation_outcome((issue,)) == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "required",
                "details": {"text": "is required and missing"},
                "diagnostics": "$.context.draftOrders.entry[0].resource.medication[x]",
                "expression": ["context.draftOrders.entry[0].resource.medication"],
            }
        ],
    }


@pytest.mark.parametrize("path", ["", "$", "$.extension['davinci-crd.configuration']"])
def test_a_place_that_is_no_fhirpath_has_no_expression(path: str) -> None:
    (issue,) = operation_outcome((Issue(path, "value", "x"),))["issue"]
    assert "expression" not in issue
    assert issue.get("diagnostics", "") == path


def test_every_issue_of_a_problem_is_answered() -> None:
    problem = RequestProblem(400, (Issue("$.a", "value", "one"), Issue("$.b", "required", "two")))
    assert str(problem) == "$.a: one; $.b: two"
    outcome = json.loads(outcome_response(problem.status, problem.issues).data)
    assert [issue["diagnostics"] for issue in outcome["issue"]] == ["$.a", "$.b"]


def failing_app() -> Flask:
    app = Flask("failing")
    register_error_handlers(app)

    @app.get("/<int:status>")
    def fail(status: int) -> str:
        abort(status)

    @app.get("/busy")
    def busy() -> str:
        raise TooManyRequests(retry_after=3)

    @app.get("/problem")
    def problem() -> str:
        raise request_problem("$.x", "value", "is wrong", status=422)

    return app


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("/400", 400, "invalid"),
        ("/404", 404, "not-found"),
        ("/405", 405, "not-supported"),
        ("/408", 408, "timeout"),
        ("/413", 413, "too-long"),
        ("/415", 415, "not-supported"),
        ("/418", 418, "processing"),
        ("/500", 500, "processing"),
        ("/busy", 429, "processing"),
        ("/problem", 422, "value"),
    ],
)
def test_every_error_leaves_as_an_operation_outcome(url: str, status: int, code: str) -> None:
    response = failing_app().test_client().get(url)
    assert (response.status_code, response.content_type) == (status, "application/fhir+json")
    assert json.loads(response.data)["issue"][0]["code"] == code


def test_a_busy_server_says_when_to_come_back() -> None:
    assert failing_app().test_client().get("/busy").headers["Retry-After"] == "3"
