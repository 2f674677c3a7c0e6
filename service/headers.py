"""What every answer carries besides its body: a correlation id, CORS, caching and browser safety."""

from collections.abc import Collection
from time import perf_counter

from flask import Flask, Response, g, request

from service.logs import begin_correlation, correlation_id, log_event
from service.settings import Settings

_NOT_STORED = ("/cds-services/", "/decisions/")
"""Answers about patients; discovery itself ("/cds-services") may be kept."""

_NOT_LOGGED = frozenset({"/livez"})


def register_headers(app: Flask, settings: Settings, service_ids: Collection[str]) -> None:
    """Number every call, decorate its answer and log that it was answered.

    `service_ids` are those on offer. The path of a call may name anything, so no other id is logged.
    """

    @app.before_request
    def begin() -> None:
        begin_correlation()
        g.started = perf_counter()

    @app.after_request
    def decorate(response: Response) -> Response:
        headers, path = response.headers, request.path
        headers["X-Correlation-Id"] = correlation_id()
        headers["X-Content-Type-Options"] = "nosniff"
        if path.startswith(_NOT_STORED):
            headers["Cache-Control"] = "no-store"
        if response.mimetype == "text/html":
            headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        _allow_origin(response, settings)
        if path not in _NOT_LOGGED:
            service_id = (request.view_args or {}).get("service_id", "")
            milliseconds = round((perf_counter() - g.started) * 1000, 3)
            known = {"service_id": service_id} if service_id in service_ids else {}
            if (client := g.get("client")) is not None:
                known["client"] = client
            log_event("answered", status=response.status_code, milliseconds=milliseconds, **known)
        return response


def _allow_origin(response: Response, settings: Settings) -> None:
    """Browser clients (sandboxes, SMART apps) need CORS; credentials are never allowed, tokens are in headers."""
    if not settings.in_development:
        # Whether there is an Origin or not: a shared cache would give what it keeps of a call without one to browsers.
        response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is None or not (settings.in_development or origin in settings.cors_origins):
        return
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = "*" if settings.in_development else origin
    headers["Access-Control-Expose-Headers"] = "X-Correlation-Id"
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        headers["Access-Control-Max-Age"] = "600"
        # A public sandbox page that calls a service on this machine asks for this (Private Network Access).
        if settings.in_development and "Access-Control-Request-Private-Network" in request.headers:
            headers["Access-Control-Allow-Private-Network"] = "true"
