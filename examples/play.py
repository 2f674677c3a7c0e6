"""Playing a chart against the service as an EHR does, and comparing what came with what was promised.

Nothing here knows how the service decides: it reads discovery, sends what it is asked for, applies the answer to its
orders and looks up the record of each decision.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from examples.chart import Chart
from examples.ehr import TOKEN, prefetch

COVERAGE_INFORMATION = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
SERVICE = "her2-order-sign"

ON_THE_WIRE: Mapping[str, frozenset[tuple[str | None, str | None, str | None]]] = {
    "no-active-coverage": frozenset({("not-covered", None, None)}),
    "no-policy": frozenset({("conditional", "conditional", None)}),
    "preferred": frozenset({("conditional", "conditional", None)}),
    "authorized": frozenset({("covered", "satisfied", None)}),
    "authorizable": frozenset({("covered", "auth-needed", None)}),
    "not-met": frozenset({("not-covered", None, None)}),
    "technical": frozenset({("indeterminate", "indeterminate", None)}),
    "documentation": frozenset({("covered", "auth-needed", "clinical")}),
    # The first when it is the drug that is not clear.
    "review": frozenset({("conditional", "conditional", None), ("covered", "auth-needed", None)}),
}
"""Outcome -> covered, pa-needed and doc-needed as they may be sent (Da Vinci CRD 2.2 coverage information)."""


class Service(Protocol):
    """The service, however it is reached; each answer is a status and parsed JSON."""

    def get(self, path: str) -> tuple[int, Any]:
        """Read an address below the service's base."""
        ...

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Send a body there."""
        ...


@dataclass(frozen=True)
class PlayedOrder:
    """An order after the answer: its coverage information by part, and the record of its decision."""

    reference: str
    information: Mapping[str, Any]
    decision: Mapping[str, Any]

    @property
    def outcome(self) -> str:
        """Return the outcome as the decision's record has it."""
        return str(self.decision.get("outcome", "no decision"))


@dataclass(frozen=True)
class Played:
    """What came of a chart; `differences` is empty when everything is as promised."""

    chart: Chart
    orders: tuple[PlayedOrder, ...]
    cards: tuple[Mapping[str, Any], ...]
    differences: tuple[str, ...]


def play(chart: Chart, service: Service, fhir_base: str | None) -> Played:
    """Sign the orders of a chart and return what came of it; `fhir_base` None names no FHIR server in the call."""
    status, found = service.get("/cds-services")
    offered = {each["id"]: each for each in found["services"]} if status == 200 else {}  # noqa: PLR2004 - HTTP
    if SERVICE not in offered:
        return Played(chart, (), (), (f"discovery answered {status} without {SERVICE}",))
    status, answer = service.post(
        f"/cds-services/{SERVICE}", request_for(chart, offered[SERVICE]["prefetch"], fhir_base)
    )
    if status != 200:  # noqa: PLR2004 - HTTP
        return Played(chart, (), (), (f"{SERVICE} answered {status}",))
    cards = tuple(answer["cards"])
    orders: list[PlayedOrder] = []
    problems: list[str] = []
    for reference, order in apply(chart, answer).items():
        try:
            information = coverage_information(order)
            identity = information["coverage-assertion-id"]
        except LookupError:
            problems.append(f"{reference}: no coverage information")
            continue
        status, decision = service.get(f"/decisions/{identity}")
        if status != 200:  # noqa: PLR2004 - HTTP
            problems.append(f"{reference}: its decision's record answered {status}")
            continue
        orders.append(PlayedOrder(reference, information, decision))
    return Played(chart, tuple(orders), cards, (*problems, *differences(chart, tuple(orders), cards)))


def request_for(chart: Chart, templates: Mapping[str, str], fhir_base: str | None) -> dict[str, Any]:
    """Return the order-sign request for a chart."""
    context = {"userId": "Practitioner/dr-01", "patientId": chart.patient_id, "draftOrders": chart.orders}
    body: dict[str, Any] = {
        "hook": "order-sign",
        "hookInstance": str(uuid5(NAMESPACE_URL, chart.name)),
        "context": context,
        "prefetch": prefetch(templates, chart.keys(templates), context, chart.record),
    }
    if fhir_base is not None:
        body["fhirServer"] = fhir_base
        body["fhirAuthorization"] = {
            "access_token": TOKEN,
            "token_type": "Bearer",
            "expires_in": 30,
            "scope": "patient/*.rs",
            "subject": "her2-crd",
            "patient": chart.patient_id,
        }
    if chart.configuration:
        body["extension"] = {"davinci-crd.configuration": dict(chart.configuration)}
    return body


def apply(chart: Chart, answer: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the chart's orders by reference after every update the answer makes on its own authority."""
    signed = [each["resource"] for each in chart.orders["entry"]]
    orders: dict[str, Mapping[str, Any]] = {_name(each): each for each in signed if _name(each) in chart.outcomes}
    for action in answer.get("systemActions", ()):
        if action["type"] == "update" and _name(action["resource"]) in orders:
            orders[_name(action["resource"])] = action["resource"]
    return orders


def coverage_information(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of an order's coverage information by name; raise LookupError when it has none or several."""
    found = [each for each in order.get("extension", ()) if each["url"] == COVERAGE_INFORMATION]
    if len(found) != 1:
        raise LookupError(f"{len(found)} coverage information extensions")
    return {
        part["url"]: next((value for key, value in part.items() if key.startswith("value")), part.get("extension"))
        for part in found[0]["extension"]
    }


def differences(chart: Chart, orders: tuple[PlayedOrder, ...], cards: tuple[Mapping[str, Any], ...]) -> tuple[str, ...]:
    """Return, in words, each way in which an answer is not what the chart promises."""
    return (*_of_orders(chart, orders), *_of_cards(chart, cards))


def _of_orders(chart: Chart, orders: tuple[PlayedOrder, ...]) -> Iterator[str]:
    played = {each.reference: each for each in orders}
    for reference, promised in chart.outcomes.items():
        order = played.get(reference)
        if order is None:
            yield f"{reference}: promised {promised}, but there is no decision"
            continue
        if order.outcome != promised:
            yield f"{reference}: promised {promised}, but the outcome is {order.outcome}"
        about = order.decision.get("order", {}).get("reference")
        if about != reference:
            yield f"{reference}: its decision is about {about}"
        sent = (
            order.information.get("covered"),
            order.information.get("pa-needed"),
            order.information.get("doc-needed"),
        )
        if sent not in ON_THE_WIRE.get(order.outcome, frozenset()):
            yield f"{reference}: {order.outcome} was sent as {', '.join(str(each) for each in sent)}"
        if ("satisfied-pa-id" in order.information) != (order.outcome == "authorized"):
            yield f"{reference}: {order.outcome}, and an authorization number is there or missing"


def _of_cards(chart: Chart, cards: tuple[Mapping[str, Any], ...]) -> Iterator[str]:
    for card in cards:
        resources = card.get("extension", {}).get("davinci-crd.associated-resource", ())
        named = {each.get("reference") for each in resources}
        if not named or not named <= set(chart.outcomes):
            yield f"the card {card.get('summary')!r} does not name its order"


def _name(resource: Mapping[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
