"""The WSGI application: `service.app:create_app()`."""

import gc
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask import Flask

from cards.links import Links
from criteria.library import Library
from criteria.vocabulary import Vocabulary
from service.answer import answer_hook as shipped_answer
from service.arrival import register_arrival
from service.base_url import BaseUrl
from service.callers import Anyone, Caller, Callers, RegisteredCallers, anybody
from service.circuits import Circuits
from service.clients import Client, read_clients
from service.clock import Clock, SystemClock
from service.deadline import Deadline
from service.exact_json import use_exact_json
from service.fhir_client import Fetch, FhirClient, watched
from service.headers import register_headers
from service.hook_routes import AnswerHook
from service.hooks import offered_services
from service.jwks import KeySource
from service.lifecycle import lifecycle
from service.logs import configure_logs
from service.observation_codes import observation_codes
from service.operating import Operation
from service.problems import register_error_handlers
from service.retention import data_digests
from service.routes import create_routes
from service.services import Services, configured, data_folders, load_data
from service.settings import Settings, read_settings
from service.storage.database import Database
from service.storage.feedbacks import Feedbacks
from service.storage.ledger import Ledger
from service.storage.schema import prepare
from service.storage.sealing import seal_of
from service.storage.sent_cards import SentCards
from service.storage.used_tokens import UsedTokens
from service.turns import Turns


def create_app(
    settings: Settings | None = None,
    library: tuple[Library, Vocabulary] | None = None,
    clock: Clock | None = None,
    fetch: Fetch | None = None,
    answer_hook: AnswerHook = shipped_answer,
) -> Flask:
    """Return the application; everything that is not handed in is the real thing.

    Raises SettingsError for settings that cannot run, LibraryError for policies that do not load, and SchemaError or
    StorageDownError for a database that cannot be begun with.
    """
    settings = settings or read_settings(os.environ)
    loaded, vocabulary = library or load_data(settings)
    library_as_run = configured(loaded, settings)
    clock = clock or SystemClock()
    client = FhirClient(loopback_allowed=settings.in_development)
    circuits, database = Circuits(), Database.of(settings.database)
    app = _bare_app()
    operation = Operation.of(app, settings, library_as_run, clock, {"database": database.answers})

    seal = seal_of(settings)
    keys = _keys(client, circuits, operation)
    services = Services(
        settings=settings,
        library=library_as_run,
        vocabulary=vocabulary,
        clock=clock,
        database=database,
        ledger=Ledger(database),
        seal=seal,
        digests=data_digests(data_folders(settings)),
        links=Links(settings.public_url),
        sent=SentCards(database),
        feedbacks=Feedbacks(database, seal),
        callers=_callers(settings, library_as_run, clock, database, keys=keys, operation=operation),
        turns=Turns(settings.calls_per_client),
        fetch_for=_fetch_for(fetch, client, circuits, operation),
        circuits=circuits,
        stage=operation.stage,
    )
    # Last of all that may refuse to start, so that a mistake elsewhere leaves no file behind.
    prepare(database)
    lifecycle(app).forked.append(partial(database.dispose, close=False))
    _open(app, services, operation, answer_hook)
    if library is None:
        configure_logs()
        _keep_out_of_collection()
    return app


def _bare_app() -> Flask:
    app = Flask("service", static_folder=None)
    # The environment could switch it on (FLASK_DEBUG), and it shows more than an error should.
    app.debug = False
    # A redirect would lead to http, because TLS ends in front: who follows it sends token and chart in the clear.
    app.url_map.merge_slashes = False
    return app


def _fetch_for(
    fetch: Fetch | None, client: FhirClient, circuits: Circuits, operation: Operation
) -> Callable[[Caller, BaseUrl], Fetch]:
    """Return what gives a fetch for a caller's server: counted, watched and guarded by its circuit."""

    def fetch_for(caller: Caller, base: BaseUrl) -> Fetch:
        counted = operation.metrics.counted(fetch or client.within(caller.private_networks), caller.client)
        return circuits.guard_server(watched(counted, caller.client), caller, base)

    return fetch_for


def _open(app: Flask, services: Services, operation: Operation, answer_hook: AnswerHook) -> None:
    """Add what every call passes, in this order, and the addresses."""
    settings, circuits, database = services.settings, services.circuits, services.database
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    use_exact_json(app)
    register_error_handlers(app)
    register_headers(app, settings)
    offered = offered_services(observation_codes(services.vocabulary))
    # Before a call can be refused for its waiting, it has a number and is counted.
    operation.begin(offered.keys(), lambda: {**circuits.states(), "database": database.circuit})
    register_arrival(app, settings.deadline_seconds)
    app.register_blueprint(create_routes(services, offered, answer_hook))


def _keys(client: FhirClient, circuits: Circuits, operation: Operation) -> KeySource:
    """Return what has the keys of clients, fetched from where they are registered."""

    def fetch_keys(of: Client, deadline: Deadline) -> Mapping[str, Any] | None:
        address = BaseUrl.of(of.jku) if of.jku else None
        if of.jku is None or address is None:
            return None
        own = watched(client.key_sets(of.private_networks), of.id)
        fetch = circuits.guard_keys(own, address, of.private_networks)
        return fetch(of.jku, None, deadline).body

    return KeySource(fetch_keys, on_fetch=operation.metrics.keys_fetched)


def _callers(
    settings: Settings, library: Library, clock: Clock, database: Database, *, keys: KeySource, operation: Operation
) -> Callers:
    """Return what tells who calls; raise ClientsError for a registry with mistakes."""
    if settings.clients is None:
        return Anyone(anybody(settings))
    clients = read_clients(settings.clients, development=settings.in_development, payers=library.payers)
    operation.metrics.expect_clients(each.id for each in clients)
    return RegisteredCallers(clients, settings, keys=keys, replays=UsedTokens(database, clock), clock=clock)


def _keep_out_of_collection() -> None:
    """Take what was loaded out of garbage collection, and collect less often.

    A request makes a few thousand containers and keeps none; walking the policies for each few hundred of them is
    what the slowest answers spend their time on.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
