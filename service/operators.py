"""Operators: who runs the service, known by tokens of which the settings hold the hashes only."""

import re
from hmac import compare_digest

from service.call_report import present_report
from service.digests import digest
from service.logs import log_event
from service.problems import Issue, RequestProblem
from service.settings import Settings

_BEARER = re.compile(r"(?i:bearer) +([!-~]{1,512})")
"""Longer is no token of an operator, and nothing that anybody sends is hashed without a limit."""

_REASON = "not-an-operator"
_NAME_LENGTH = 8
"""Of the hash of a token so much names an operator in the log; the settings tell which of them it is."""


class NotAnOperator(RequestProblem):
    """Only an operator may see this: 401, worded like any other token that is not taken."""

    def __init__(self) -> None:
        """Do not say whether there was a token."""
        super().__init__(401, (Issue("", "login", "The caller could not be authenticated."),))


def is_operator(authorization: str | None, settings: Settings) -> bool:
    """Say whether an Authorization header carries the token of an operator, and note whose in the report of the call.

    Every hash is compared, and each in constant time: how long it takes tells nothing about the right ones.
    """
    bearer = None if authorization is None else _BEARER.fullmatch(authorization)
    if bearer is None:
        return False
    given = digest(bearer[1].encode())
    is_known = any([compare_digest(given, known) for known in settings.operator_tokens])  # noqa: C419 - no short cut
    if is_known:
        present_report().operator = given[:_NAME_LENGTH]
    return is_known


def require_operator(authorization: str | None, settings: Settings) -> None:
    """Raise NotAnOperator in production unless an operator asks; in development anybody may."""
    if settings.in_development or is_operator(authorization, settings):
        return
    present_report().refused = _REASON
    log_event("unauthenticated", level="warning", reason=_REASON)
    raise NotAnOperator
