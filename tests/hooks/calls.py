"""Calls of order-sign that go wrong in one way each: the bodies, and how they are sent."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import TestResponse

from criteria.facts import SearchState
from tests.hooks.answers import FOURTH_LINE
from tests.hooks.bodies import as_dispatch
from tests.hooks.clients import (
    FHIR,
    SERVICE_URL,
    Json,
    RecordServer,
    add,
    api,
    named,
    orders_of,
    request_of,
    resources_of,
)

DOWN = "mmm-margenza-server-down"
HELD_BACK = ("observations", "medicationAdministrations", "medicationStatements", "medicationDispenses")
"""Keys that the decision on the chart above hangs on."""


@dataclass(frozen=True)
class Call:
    """One request. There is no default payer unless `settings` names one; a FHIR server `answers` or fails.

    A server that answers holds nothing; it is asked only where the body names it.
    """

    body: Any = field(default_factory=lambda: request_of(FOURTH_LINE))
    url: str = SERVICE_URL
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    answers: bool = False

    def send(self) -> TestResponse:
        state = SearchState.ANSWERED if self.answers else SearchState.FAILED
        here = api(RecordServer(state=state), **{"default_payer": None, **self.settings})
        data = self.body if isinstance(self.body, str | bytes) else json.dumps(self.body, default=float)
        headers = {"Content-Type": "application/json", **self.headers}
        return here.client.open(self.url, method=self.method, data=data, headers=headers)


def _change(target: Json, changes: Mapping[str, Any]) -> None:
    """Change members; a change to None leaves the member out."""
    target |= changes
    for name in [name for name, value in changes.items() if value is None]:
        del target[name]


def _request(change: Callable[[Json], Any]) -> Json:
    body = request_of(FOURTH_LINE)
    change(body)
    return body


def member(**changes: Any) -> Json:
    """A request whose own members are changed."""
    return _request(lambda body: _change(body, changes))


def context(**changes: Any) -> Json:
    """A request whose context is changed."""
    return _request(lambda body: _change(body["context"], changes))


def order(**changes: Any) -> Json:
    """A request whose first order is changed."""
    return _request(lambda body: _change(orders_of(body)[0], changes))


def patient(**changes: Any) -> Json:
    """A request whose patient is changed."""
    return _request(lambda body: _change(named(body, "Patient/ex-06"), changes))


def coverage(**changes: Any) -> Json:
    """A request whose Coverage is changed."""
    return _request(lambda body: _change(named(body, "Coverage/cov-06"), changes))


def payer(**changes: Any) -> Json:
    """A request whose payer's organization is changed."""
    return _request(lambda body: _change(named(body, "Organization/payer-mmm"), changes))


def asking(version: str, body: Json | None = None) -> Json:
    """A request for an answer in a CRD version."""
    return {**(body or request_of(FOURTH_LINE)), "extension": {"davinci-crd.requestedVersion": version}}


def lacking(*keys: str, name: str = FOURTH_LINE, fhir: bool = False) -> Json:
    """A request without some keys of its prefetch; with `fhir` it names a FHIR server."""
    return request_of(name, without=keys, fhir=fhir)


def nothing_but(*keys: str) -> Json:
    """A request whose prefetch has these keys only."""
    return _request(lambda body: body.update(prefetch={key: body["prefetch"][key] for key in keys}))


def two_coverages() -> Json:
    """Two Coverages of one payer, of which the orders name none."""
    body = order(insurance=None)
    orders_of(body)[1].pop("insurance", None)
    add(body, "coverage", {**named(body, "Coverage/cov-06"), "id": "second"})
    return body


def many_orders() -> Json:
    """More orders than one call may have."""
    return _request(
        lambda body: body["context"]["draftOrders"].update(entry=26 * body["context"]["draftOrders"]["entry"])
    )


def profiled(bundle: str = "collection", **changes: Any) -> Json:
    """A request that keeps every rule of CRD, but for the type of its Bundle or changes to its first order."""
    body = order(**changes)
    drafts = body["context"]["draftOrders"]
    drafts["type"] = bundle
    for entry in drafts["entry"]:
        entry["fullUrl"] = f"{FHIR}/{entry['resource']['resourceType']}/{entry['resource']['id']}"
    return body


def nameless() -> Json:
    """A request that keeps every rule of CRD, but for a second entry without fullUrl."""
    body = profiled()
    del body["context"]["draftOrders"]["entry"][1]["fullUrl"]
    return body


def dispatched(*, fhir: bool = False) -> Json:
    """A dispatch whose orders are not in prefetch."""
    body = as_dispatch(request_of(FOURTH_LINE), held=False)
    return {**body, "fhirServer": FHIR} if fhir else body


def rejected() -> Json:
    """A request whose access token the FHIR server does not take."""
    body = lacking(*HELD_BACK, name=DOWN, fhir=True)
    body["fhirAuthorization"]["access_token"] = "expired"
    return body


def unread_drug() -> Json:
    """An order whose drug stands in a Medication that is not in the call."""
    body = lacking("medications", name="mmm-kadcyla-no-number", fhir=True)
    drafts = body["context"]["draftOrders"]
    drafts["entry"] = [each for each in drafts["entry"] if each["resource"]["resourceType"] != "Medication"]
    return body


def told_in_words() -> Json:
    """A request whose diagnoses are free text."""
    body = request_of(FOURTH_LINE)
    for each in resources_of(body):
        if each["resourceType"] == "Condition":
            each["code"] = {"text": "ca mammae, spread"}
    return body
