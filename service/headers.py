"""What every answer carries besides its body: a correlation id, CORS, caching and browser safety."""

from flask import Flask, Response, request

from service.logs import correlation_id
from service.settings import Settings

_NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""What a browser may load for an answer that it shows, and where that may lead."""

_PAGE = f"{_NOTHING}; style-src 'unsafe-inline'"
_ONE_YEAR = "max-age=31536000"
_NOT_STORED = ("/cds-services/", "/decisions/", "/readyz", "/metrics")
"""Answers about patients, and about this moment; discovery itself ("/cds-services") may be kept."""


def register_headers(app: Flask, settings: Settings) -> None:
    """Decorate every answer; its number is the one that service.reporting gave the call."""
    is_https = settings.public_url.startswith("https://")

    @app.after_request
    def decorate(response: Response) -> Response:
        headers, path = response.headers, request.path
        headers["X-Correlation-Id"] = correlation_id()
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Content-Security-Policy"] = _PAGE if response.mimetype == "text/html" else _NOTHING
        if is_https:
            headers["Strict-Transport-Security"] = _ONE_YEAR
        if path.startswith(_NOT_STORED):
            headers["Cache-Control"] = "no-store"
        _allow_origin(response, settings)
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
