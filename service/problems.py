"""Errors of a call and their one form on the wire: an OperationOutcome that names places, never patient data."""

from dataclasses import dataclass
from traceback import extract_tb
from types import MappingProxyType
from typing import Any

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from service.exact_json import encode
from service.logs import correlation_id, log_event

_UNAUTHENTICATED = 401
_TRY_AGAIN = frozenset({429, 503})
FHIR_JSON = "application/fhir+json"

# Status of werkzeug's own errors -> FHIR issue type and our sentence; theirs can repeat parts of the URL.
_HTTP_ISSUES = MappingProxyType(
    {
        400: ("invalid", "The request cannot be read."),
        404: ("not-found", "There is nothing at this address."),
        405: ("not-supported", "This address does not answer this method."),
        408: ("timeout", "The request did not arrive in time."),
        413: ("too-long", "The body is too large."),
        415: ("not-supported", "The content type of the body must be application/json."),
    }
)


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong: JSON path of the place, FHIR issue type, and a sentence without patient data."""

    path: str
    code: str
    text: str


class ServiceError(Exception):
    """Any error raised by `service`."""


class UnavailableError(ServiceError):
    """Something the service needs is down for the moment; to be tried again."""


class RequestProblem(ServiceError):  # noqa: N818 - named by what it is, like FHIR names it
    """The caller's request cannot be answered; carries the HTTP status and every issue found."""

    def __init__(self, status: int, issues: tuple[Issue, ...]) -> None:
        """Keep the status and the issues, at least one."""
        super().__init__("; ".join(f"{issue.path}: {issue.text}" for issue in issues))
        self.status = status
        self.issues = issues


def request_problem(path: str, code: str, text: str, status: int = 400) -> RequestProblem:
    """Return the problem of a single place."""
    return RequestProblem(status, (Issue(path, code, text),))


def operation_outcome(issues: tuple[Issue, ...]) -> dict[str, Any]:
    """Return the issues as a FHIR OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in issues]}


def _issue(issue: Issue) -> dict[str, Any]:
    """The JSON path stands in diagnostics; `expression` is FHIRPath, which knows no `$` and no keys in brackets."""
    entry: dict[str, Any] = {"severity": "error", "code": issue.code, "details": {"text": issue.text}}
    if issue.path:
        entry["diagnostics"] = issue.path
    if issue.path.startswith("$.") and "['" not in issue.path:
        entry["expression"] = [issue.path.removeprefix("$.").replace("[x]", "")]
    return entry


def outcome_response(status: int, issues: tuple[Issue, ...]) -> Response:
    """Return the HTTP answer of a failed call."""
    return Response(encode(operation_outcome(issues)), status=status, content_type=FHIR_JSON)


def register_error_handlers(app: Flask) -> None:
    """Make every error of the application leave as an OperationOutcome."""
    app.register_error_handler(RequestProblem, _answer_request_problem)
    app.register_error_handler(UnavailableError, _answer_unavailable)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_defect)


def _answer_request_problem(problem: RequestProblem) -> Response:
    response = outcome_response(problem.status, problem.issues)
    if problem.status == _UNAUTHENTICATED:
        # RFC 9110 section 15.5.2. Nothing says why: that would tell a forger what to try next.
        response.headers["WWW-Authenticate"] = "Bearer"
    if problem.status in _TRY_AGAIN:
        response.headers["Retry-After"] = "1"
    return response


def _answer_unavailable(_error: UnavailableError) -> Response:
    response = outcome_response(503, (Issue("", "transient", "The service cannot do this now; try again later."),))
    response.headers["Retry-After"] = "5"
    return response


def _answer_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    code, text = _HTTP_ISSUES.get(status, ("processing", "The request cannot be answered."))
    response = outcome_response(status, (Issue("", code, text),))
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _answer_defect(error: Exception) -> Response:
    """The last resort: a defect of ours is a 500 with a number to quote, never an empty answer.

    Only the exception's type and place are logged: its text may hold what the record said.
    """
    frames = extract_tb(error.__traceback__)
    location = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "unknown"
    log_event("internal-error", level="error", status=500, exception=type(error).__name__, location=location)
    text = f"Internal error. Correlation id: {correlation_id()}"
    return outcome_response(500, (Issue("", "exception", text),))
