"""The addresses of the CDS Hooks: discovery, the calls, and feedback on their cards."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, Response, g, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import RequestEntityTooLarge

from service.answer import Answered
from service.arrival import call_deadline
from service.call_report import report_searches
from service.callers import Caller
from service.exact_json import JsonError, decode, encode
from service.feedback import take_feedback
from service.hook_request import HookRequest, read_request
from service.hooks import HookService, discovery
from service.logs import log_event
from service.prefetch import Gathered, complete
from service.problems import request_problem
from service.search import Server
from service.services import Services
from service.stages import Stage

AnswerHook = Callable[[HookRequest, Gathered, Services], Answered]

_JSON = "application/json"
RECORDED = "Her2-Crd-Recorded"
"""Says whether the decisions of an answer are recorded for good; without that no number was issued."""
_DISCOVERY = "/cds-services"


def add_hook_routes(
    routes: Blueprint, services: Services, offered: Mapping[str, HookService], answer_hook: AnswerHook
) -> None:
    """Add the routes below /cds-services."""
    discovered = encode(discovery(offered))
    routes.teardown_request(_end_turn)

    @routes.get(_DISCOVERY)
    def discover() -> Response:
        if services.settings.protect_discovery:
            identify(services, _DISCOVERY)
        return Response(discovered, content_type=_JSON)

    @routes.post(f"{_DISCOVERY}/<service_id>")
    def call(service_id: str) -> Response:
        service = _service(offered, service_id)
        caller = identify(services, f"{_DISCOVERY}/{service_id}")
        hook_request = read_request(_body(), service, caller, strict_orders=services.settings.strict_orders)
        if hook_request.context.is_empty:
            return _json({"cards": []})
        with services.stage(Stage.GATHER):
            gathered = complete(hook_request, _server(hook_request, services), services.fetches)
        report_searches(gathered.searches.items())
        with services.stage(Stage.DECIDE):
            answered = answer_hook(hook_request, gathered, services)
        response = Response(answered.body, content_type=_JSON)
        response.headers[RECORDED] = "true" if answered.is_recorded else "false"
        return response

    @routes.post(f"{_DISCOVERY}/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        _service(offered, service_id)
        # The specification does not say which of the two addresses a token for feedback is made for.
        own = f"{_DISCOVERY}/{service_id}"
        caller = identify(services, f"{own}/feedback", own)
        take_feedback(_body(), caller.client, services.sent, services.feedbacks)
        return _json({})


def identify(services: Services, *paths: str) -> Caller:
    """Return who makes the present call, which takes a turn of theirs from here to its end.

    Raises Unauthenticated (401) for nobody we know, TooManyCalls (429) for who has as many calls under way as allowed.
    """
    caller = services.callers.identify(request.headers.get("Authorization"), *paths, deadline=call_deadline())
    g.client = caller.client
    turn = ExitStack()
    turn.enter_context(services.turns.take(caller.client))
    g.turn = turn
    return caller


def _end_turn(_error: BaseException | None = None) -> None:
    if (turn := g.pop("turn", None)) is not None:
        turn.close()


def _service(offered: Mapping[str, HookService], service_id: str) -> HookService:
    service = offered.get(service_id)
    if service is None:
        raise request_problem("", "not-found", "there is no service with this id; see /cds-services", status=404)
    return service


def _body() -> Any:
    """Return the parsed body; raise RequestProblem 415 or 400. Flask itself refuses what is too large (413)."""
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != _JSON or charset not in {"utf-8", "utf8"} or request.content_encoding:
        raise request_problem("", "not-supported", "the body must be application/json in UTF-8", status=415)
    try:
        body = request.get_data(cache=False)
    except (OSError, ParseException):
        # gunicorn says so of chunks that are none.
        raise request_problem("$", "invalid", "the body broke off") from None
    if request.content_length is None and len(body) >= (request.max_content_length or 0):
        # werkzeug cuts a body that came in chunks at the limit and says nothing.
        raise RequestEntityTooLarge
    try:
        return decode(body)
    except JsonError as error:
        raise request_problem("$", "invalid", f"the body is {error}") from None


def _server(hook_request: HookRequest, services: Services) -> Server | None:
    """Return the caller's FHIR server when it names one that this service may call."""
    if hook_request.fhir is None:
        return None
    base = hook_request.caller.fhir_base(hook_request.fhir.server)
    if base is None:
        # A client without any server of its own names one in every call all the same.
        log_event("server-not-allowed", level="warning" if hook_request.caller.fhir_servers else "info")
        return None
    fetch = services.fetch_for(hook_request.caller, base)
    return Server(base, hook_request.fhir.token, fetch, call_deadline())


def _json(value: Any) -> Response:
    return Response(encode(value), content_type=_JSON)
