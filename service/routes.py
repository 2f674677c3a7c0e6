"""The addresses of the service: each reads its input, calls one function and writes what that returns."""

from collections.abc import Mapping
from html import escape
from typing import Any

from flask import Blueprint, Response, request

from cards.policy_page import policy_json, policy_page
from cards.questionnaire import questionnaire
from criteria.policy import Policy
from service.assertions import is_assertion_id
from service.decision_reading import shown
from service.exact_json import encode
from service.hook_routes import AnswerHook, add_hook_routes, identify
from service.hooks import HookService
from service.logs import log_event
from service.operators import is_operator
from service.problems import FHIR_JSON, RequestProblem, request_problem
from service.services import Services
from service.storage.ledger import KeptDecision
from service.storage.rows import client_key

_JSON = "application/json"
_HTML = "text/html; charset=utf-8"


def create_routes(services: Services, offered: Mapping[str, HookService], answer_hook: AnswerHook) -> Blueprint:
    """Return every route of the service."""
    routes = Blueprint("service", __name__)
    add_hook_routes(routes, services, offered, answer_hook)

    @routes.get("/livez")
    def live() -> Response:
        return _json({"status": "alive"})

    _add_decision_route(routes, services)
    _add_policy_routes(routes, services)
    return routes


def _add_decision_route(routes: Blueprint, services: Services) -> None:
    @routes.get("/decisions/<decision_id>")
    def decision(decision_id: str) -> Response:
        """Show a record to the client whose call it answered, and to operators; to others it does not exist."""
        kept = _kept(services, decision_id, f"/decisions/{decision_id}")
        return Response(shown(kept, services), content_type=_JSON)

    @routes.get("/decisions/<decision_id>/feedback")
    def decision_feedback(decision_id: str) -> Response:
        """List what the client told us about the cards of its decision."""
        _kept(services, decision_id, f"/decisions/{decision_id}/feedback")
        return _json({"feedback": services.feedbacks.of_decision(decision_id)})


def _kept(services: Services, decision_id: str, path: str) -> KeptDecision:
    reads_all = is_operator(request.headers.get("Authorization"), services.settings)
    client = None if reads_all else client_key(identify(services, path).client)
    kept = services.ledger.find(decision_id) if is_assertion_id(decision_id) else None
    if kept is not None and client not in {None, kept.client}:
        log_event("forbidden", level="warning", client=client, reason="decision-of-another-client")
        kept = None
    if kept is None:
        raise _not_found("there is no decision with this id")
    return kept


def _add_policy_routes(routes: Blueprint, services: Services) -> None:
    """Policies and questionnaires are open: cards link to them, and people open them in browsers."""
    policies = services.library.policies

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
