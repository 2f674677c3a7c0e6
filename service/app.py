"""The WSGI application: `service.app:create_app()`."""

import gc
import os
from collections.abc import Mapping
from typing import Any

from flask import Flask

from cards.links import Links
from criteria.library import Library
from criteria.vocabulary import Vocabulary
from service.answer import answer_hook as shipped_answer
from service.authorizations import Authorizations
from service.callers import Anyone, Callers, RegisteredCallers, anybody
from service.clients import Client, read_clients
from service.clock import Clock, SystemClock
from service.deadline import Deadline
from service.decision_store import DecisionStore, KeptDecision
from service.exact_json import use_exact_json
from service.fhir_client import Fetch, FhirClient
from service.headers import register_headers
from service.hook_routes import AnswerHook
from service.hooks import offered_services
from service.jwks import KeySource
from service.logs import configure_logs
from service.observation_codes import observation_codes
from service.operating import Operation
from service.problems import register_error_handlers
from service.replays import ReplaysInMemory
from service.routes import create_routes
from service.services import Services, configured, load_data
from service.settings import Settings, read_settings
from service.turns import Turns

KEYS_SECONDS = 1.5
"""Time to fetch a client's keys, out of the time for the whole call."""


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
    library_as_run = configured(loaded, settings)
    clock = clock or SystemClock()
    client = FhirClient(loopback_allowed=settings.in_development)
    offered = offered_services(observation_codes(vocabulary))
    operation = Operation.of(settings, library_as_run, clock, offered.keys())
    counted = operation.metrics.counted
    services = Services(
        settings=settings,
        library=library_as_run,
        vocabulary=vocabulary,
        clock=clock,
        store=DecisionStore[KeptDecision](weigh=lambda kept: len(kept.json)),
        authorizations=Authorizations(),
        links=Links(settings.public_url),
        callers=_callers(settings, library_as_run, clock, client, operation),
        turns=Turns(settings.calls_per_client),
        fetch_for=lambda caller: counted(fetch or client.within(caller.private_networks), caller.client),
        stage=operation.stage,
    )
    app = Flask("service", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    use_exact_json(app)
    register_error_handlers(app)
    register_headers(app, settings)
    operation.attach(app, offered.keys())
    app.register_blueprint(create_routes(services, offered, answer_hook))
    if library is None:
        configure_logs()
        _keep_out_of_collection()
    return app


def _callers(settings: Settings, library: Library, clock: Clock, client: FhirClient, operation: Operation) -> Callers:
    """Return what tells who calls; raise ClientsError for a registry with mistakes."""
    if settings.clients is None:
        return Anyone(anybody(settings))
    clients = read_clients(settings.clients, development=settings.in_development, payers=library.payers)

    def fetch_keys(of: Client) -> Mapping[str, Any] | None:
        deadline = Deadline.after(KEYS_SECONDS)
        return None if of.jku is None else client.fetch_json(of.jku, of.private_networks, deadline)

    operation.metrics.expect_clients(each.id for each in clients)
    keys = KeySource(fetch_keys, on_fetch=operation.metrics.keys_fetched)
    return RegisteredCallers(clients, settings, keys=keys, replays=ReplaysInMemory(clock), clock=clock)


def _keep_out_of_collection() -> None:
    """Take what was loaded out of garbage collection, and collect less often.

    A request makes a few thousand containers and keeps none; walking the policies for each few hundred of them is
    what the slowest answers spend their time on.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
