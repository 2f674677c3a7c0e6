"""The addresses of the service: each reads its input, calls one function and writes what that returns."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from cards.policy_page import policy_json, policy_page
from cards.questionnaire import questionnaire
from criteria.policy import Policy
from service.callers import anybody
from service.deadline import Deadline
from service.exact_json import JsonError, decode, encode
from service.fhir_client import Fetch
from service.hook_request import HookRequest, read_request
from service.hooks import HookService, discovery
from service.prefetch import Gathered, complete
from service.problems import FHIR_JSON, RequestProblem, request_problem
from service.search import Server
from service.services import Services

AnswerHook = Callable[[HookRequest, Gathered, Services], dict[str, Any]]

_JSON = "application/json"
_HTML = "text/html; charset=utf-8"


def create_routes(
    services: Services, offered: Mapping[str, HookService], fetch: Fetch, answer_hook: AnswerHook
) -> Blueprint:
    """Return every route of the service."""
    routes = Blueprint("service", __name__)
    discovered = encode(discovery(offered))

    @routes.get("/cds-services")
    def discover() -> Response:
        return Response(discovered, content_type=_JSON)

    @routes.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        service = offered.get(service_id)
        if service is None:
            raise _not_found("there is no service with this id; see /cds-services")
        deadline = Deadline.after(services.settings.deadline_seconds)
        caller = anybody(services.settings)
        hook_request = read_request(_body(), service, caller, strict_orders=services.settings.strict_orders)
        if hook_request.context.is_empty:
            return _json({"cards": []})
        gathered = complete(hook_request, _server(hook_request, fetch, deadline))
        return _json(answer_hook(hook_request, gathered, services))

    @routes.get("/livez")
    def live() -> Response:
        return _json({"status": "alive"})

    _add_reading_routes(routes, services)
    return routes


def _add_reading_routes(routes: Blueprint, services: Services) -> None:
    policies = services.library.policies

    @routes.get("/decisions/<decision_id>")
    def decision(decision_id: str) -> Response:
        record = services.store.get(decision_id)
        if record is None:
            raise _not_found("there is no decision with this id, or it is no longer kept")
        return Response(record.json, content_type=_JSON)

    @routes.get("/policies")
    def policy_index() -> Response:
        if _wants_json():
            return _json({"policies": [_summary(each, services) for each in policies.values()]})
        return Response(_index_page(policies, services), content_type=_HTML)

    @routes.get("/policies/<path:policy_id>")
    def policy(policy_id: str) -> Response:
        found = policies.get(policy_id) or policies.get(policy_id.removesuffix(".json"))
        if found is None:
            raise _not_found("there is no policy with this id; see /policies")
        if policy_id != found.id or _wants_json():
            return _json(policy_json(found))
        return Response(policy_page(found), content_type=_HTML)

    @routes.get("/fhir/Questionnaire/<questionnaire_id>")
    def form(questionnaire_id: str) -> Response:
        found = services.library.questionnaire(questionnaire_id)
        if found is None:
            raise _not_found("there is no questionnaire with this id")
        owner, path = found
        body = questionnaire(owner, owner.paths[path], services.settings.public_url)
        return Response(encode(body), content_type=FHIR_JSON)


def _body() -> Any:
    """Return the parsed body; raise RequestProblem 415 or 400. Flask itself refuses what is too large (413)."""
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != _JSON or charset not in {"utf-8", "utf8"} or request.content_encoding:
        raise request_problem("", "not-supported", "the body must be application/json in UTF-8", status=415)
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= (request.max_content_length or 0):
        # werkzeug cuts a body that came in chunks at the limit and says nothing.
        raise RequestEntityTooLarge
    try:
        return decode(body)
    except JsonError as error:
        raise request_problem("$", "invalid", f"the body is {error}") from None


def _server(hook_request: HookRequest, fetch: Fetch, deadline: Deadline) -> Server | None:
    """Return the caller's FHIR server when it names one that this service may call."""
    if hook_request.fhir is None:
        return None
    base = hook_request.caller.fhir_base(hook_request.fhir.server)
    return None if base is None else Server(base, hook_request.fhir.token, fetch, deadline)


def _json(value: Any) -> Response:
    return Response(encode(value), content_type=_JSON)


def _not_found(text: str) -> RequestProblem:
    return request_problem("", "not-found", text, status=404)


def _wants_json() -> bool:
    """`?format=json` says so; otherwise JSON must be preferred to HTML, because browsers accept anything."""
    if request.args.get("format") == "json":
        return True
    return request.accept_mimetypes.best_match(["text/html", _JSON]) == _JSON


def _summary(policy: Policy, services: Services) -> dict[str, Any]:
    return {
        "id": policy.id,
        "title": policy.title,
        "version": policy.version,
        "payer": policy.payer,
        "url": services.links.policy(policy.id),
    }


def _index_page(policies: Mapping[str, Policy], services: Services) -> str:
    rows = "\n".join(
        f'<li><a href="{escape(services.links.policy(each.id))}">{escape(each.title)}</a>, version '
        f"{escape(each.version)}, in force from {each.effective.start.isoformat()}</li>"
        for each in policies.values()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Coverage policies</title></head>\n'
        f"<body>\n<h1>Coverage policies</h1>\n<ul>\n{rows}\n</ul>\n</body>\n</html>\n"
    )
