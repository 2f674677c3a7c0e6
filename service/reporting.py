"""What is said of every call once it is answered: one log line, the metrics, and the attributes of its trace."""

from collections.abc import Callable, Collection
from typing import Protocol

from flask import Flask, Response, g, request

from service.arrival import queued
from service.call_report import NONE, EndedCall, begin_report
from service.hook_routes import RECORDED
from service.logs import begin_correlation, log_event

OPERATING = "operating"
"""The blueprint of the routes for operators and their machines."""

_ASKED_ALL_DAY = frozenset({"service.live", f"{OPERATING}.ready", f"{OPERATING}.metrics"})
"""Routes that machines ask every few seconds. They have a thread of their own, and only who is refused there is worth
a line."""

_UNAUTHENTICATED = 401


class Meter(Protocol):
    """Counts calls, and never raises."""

    def call_began(self) -> None:
        """Count a call that is under way."""
        ...

    def call_ended(self) -> None:
        """Count it no more, whatever became of it."""
        ...

    def count_call(self, call: EndedCall, /) -> None:
        """Count a call that was answered."""
        ...


def register_reporting(
    app: Flask, service_ids: Collection[str], meter: Meter, describe: Callable[[EndedCall], None]
) -> None:
    """Number every call, count it, and log it when it is answered; `describe` is told of it too.

    `service_ids` are those on offer. The path of a call may name anything, so no other id is reported.
    """

    @app.before_request
    def begin() -> None:
        begin_correlation()
        g.report = begin_report(queued())
        if request.endpoint not in _ASKED_ALL_DAY:
            meter.call_began()
            g.is_under_way = True

    @app.after_request
    def report(response: Response) -> Response:
        endpoint = request.endpoint or NONE
        if endpoint in _ASKED_ALL_DAY and response.status_code != _UNAUTHENTICATED:
            return response
        ended = _ended(endpoint, response, service_ids)
        log_event("answered", **ended.fields())
        meter.count_call(ended)
        describe(ended)
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        if g.pop("is_under_way", False):
            meter.call_ended()


def _ended(endpoint: str, response: Response, service_ids: Collection[str]) -> EndedCall:
    named = (request.view_args or {}).get("service_id", NONE)
    recorded = response.headers.get(RECORDED)
    return EndedCall(
        report=g.report,
        service=named if named in service_ids else NONE,
        route=endpoint.rpartition(".")[2],
        status=response.status_code,
        seconds=g.report.seconds(),
        client=g.get("client"),
        is_recorded=None if recorded is None else recorded == "true",
    )
