"""Calling WSGI applications in this process, without sockets, and the applications that are compared."""

import io
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import flask
import msgspec

from criteria.library import Library
from criteria.vocabulary import Vocabulary
from service.answer import Answered, answer_hook, judge, read_call
from service.app import create_app
from service.hook_request import HookRequest
from service.hook_routes import AnswerHook
from service.logs import configure_logs
from service.past import Past
from service.prefetch import Gathered
from service.services import Services
from service.settings import Profile, Settings

PATH = "/cds-services/her2-order-sign"
_OK = "200 OK"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class StoppedClock:
    """Always the day after the order, so that a measurement means the same on every day."""

    def now(self) -> datetime:
        """Return the moment."""
        return datetime(2026, 10, 2, 12, tzinfo=UTC)

    def today(self) -> date:
        """Return its day."""
        return self.now().date()


def decision_service(
    hook: AnswerHook = answer_hook,
    library: tuple[Library, Vocabulary] | None = None,
    clients: Path | None = None,
    *,
    database: str = "sqlite://",
    retain_inputs: bool = False,
) -> flask.Flask:
    """Return the whole service, with a registry of clients when one is named.

    Its log lines are made and written, but to nowhere, unless the library is handed in: then nothing is logged.
    """
    settings = Settings(
        profile=Profile.DEVELOPMENT,
        database=database,
        workers=1,
        retain_inputs=retain_inputs,
        default_payer="oscar",
        clients=clients,
    )
    app = create_app(settings, library=library, clock=StoppedClock(), answer_hook=hook)
    if library is None:
        configure_logs(Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open until the process ends
    return app


def answer_without_storage(request: HookRequest, gathered: Gathered, services: Services) -> Answered:
    """Answer a call as if it were the first there ever was, and record nothing: the rest is what storage costs."""
    judgement = judge(read_call(request, gathered, services), Past(), services.clock.today(), services)
    return Answered(judgement.body, is_recorded=False)


def echo() -> flask.Flask:
    """Return a bare Flask application that parses the body and answers it, all with Flask's defaults."""
    app = flask.Flask("echo")

    @app.post("/cds-services/<service_id>")
    def call(service_id: str) -> flask.Response:  # noqa: ARG001 - the same route as the service's
        return flask.jsonify(flask.request.get_json())

    return app


def constant(answer: Any) -> flask.Flask:
    """Return a bare Flask application that parses the body and always answers the same, with Flask's defaults."""
    app = flask.Flask("constant")

    @app.post("/cds-services/<service_id>")
    def call(service_id: str) -> flask.Response:  # noqa: ARG001 - the same route as the service's
        flask.request.get_json()
        return flask.jsonify(answer)

    return app


def fast_echo() -> flask.Flask:
    """Return the echo with msgspec instead of Flask's JSON: about the least a Flask service can cost."""
    app = flask.Flask("fast echo")
    decoder, encoder = msgspec.json.Decoder(), msgspec.json.Encoder()

    @app.post("/cds-services/<service_id>")
    def call(service_id: str) -> flask.Response:  # noqa: ARG001 - the same route as the service's
        body = decoder.decode(flask.request.get_data(cache=False))
        return flask.Response(encoder.encode(body), content_type="application/json")

    return app


def post(app: Application, body: bytes) -> bytes:
    """Return the answer's body; raise RuntimeError when the status is not 200."""
    statuses: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": PATH,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_ACCEPT": "application/json",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    parts = app(environ, lambda status, *_: statuses.append(status))
    answer = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    if statuses != [_OK]:
        raise RuntimeError(f"answered {statuses}: {answer[:300]!r}")
    return answer
