"""The WSGI application: `service.app:create_app()`."""

import gc
import os

from flask import Flask

from cards.links import Links
from criteria.library import Library
from criteria.vocabulary import Vocabulary
from service.answer import answer_hook as shipped_answer
from service.authorizations import Authorizations
from service.clock import Clock, SystemClock
from service.decision_store import DecisionStore, KeptDecision
from service.exact_json import use_exact_json
from service.fhir_client import Fetch, FhirClient
from service.headers import register_headers
from service.hooks import offered_services
from service.logs import configure_logs
from service.observation_codes import observation_codes
from service.problems import register_error_handlers
from service.routes import AnswerHook, create_routes
from service.services import Services, configured, load_data
from service.settings import Settings, read_settings


def create_app(
    settings: Settings | None = None,
    library: tuple[Library, Vocabulary] | None = None,
    clock: Clock | None = None,
    fetch: Fetch | None = None,
    answer_hook: AnswerHook = shipped_answer,
) -> Flask:
    """Return the application; everything that is not handed in is the real thing.

    Raises SettingsError for settings that cannot run and LibraryError for policies that do not load.
    """
    settings = settings or read_settings(os.environ)
    loaded, vocabulary = library or load_data(settings)
    services = Services(
        settings=settings,
        library=configured(loaded, settings),
        vocabulary=vocabulary,
        clock=clock or SystemClock(),
        store=DecisionStore[KeptDecision](),
        authorizations=Authorizations(),
        links=Links(settings.public_url),
    )
    app = Flask("service", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    use_exact_json(app)
    register_error_handlers(app)
    register_headers(app, settings)
    offered = offered_services(observation_codes(vocabulary))
    app.register_blueprint(
        create_routes(services, offered, fetch or FhirClient(loopback_allowed=settings.in_development), answer_hook)
    )
    if library is None:
        configure_logs()
        _keep_out_of_collection()
    return app


def _keep_out_of_collection() -> None:
    """Take what was loaded out of garbage collection, and collect less often.

    A request makes a few thousand containers and keeps none; walking the policies for each few hundred of them is
    what the slowest answers spend their time on.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
