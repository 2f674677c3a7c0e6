"""Requests of the other hooks, made of an order-sign request: the same patient, orders and record."""

import json
from collections.abc import Mapping
from typing import Any

from tests.hooks.clients import orders_of

Json = dict[str, Any]

ALTERNATE_REFERENCE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"
CHART_ORDERS = {"order-dispatch": "medicationHistory", "appointment-book": "medicationHistory"}
"""Where the orders on record stand in the prefetch of hooks whose own orders have the standard key."""


def names_of(body: Mapping[str, Any]) -> list[str]:
    """The references of the orders of an order-sign request."""
    return [f"{each['resourceType']}/{each['id']}" for each in orders_of(body)]


def as_select(body: Mapping[str, Any], *selections: str) -> Json:
    """Select orders; all of them when none is named."""
    made = _copy(body, "order-select")
    made["context"]["selections"] = list(selections or names_of(body))
    return made


def as_dispatch(body: Mapping[str, Any], version: str = "1.1", *, held: bool = True) -> Json:
    """Dispatch the orders, active by now; `held` puts them into prefetch. Version 1.0 has room for one order."""
    orders = _active(body)
    made = _copy(body, "order-dispatch")
    names = names_of(body)
    members: Json = {"dispatchedOrders": names} if version == "1.1" else {"order": names[0]}
    made["context"] = {
        "patientId": body["context"]["patientId"],
        "performer": "Organization/infusion-centre",
        **members,
    }
    _hold(made, orders if held else [])
    return made


def as_appointment(body: Mapping[str, Any], *, based: bool = True, held: bool = True) -> Json:
    """Book an appointment for each order, or one that is based on none."""
    orders = _active(body)
    made = _copy(body, "appointment-book")
    patient = body["context"]["patientId"]
    booked = [appointment(patient, f"visit-{i}", name) for i, name in enumerate(names_of(body))]
    bundle = {"resourceType": "Bundle", "type": "collection"}
    entries = [{"resource": each} for each in (booked if based else [appointment(patient, "visit-0")])]
    made["context"] = {
        "userId": "Practitioner/dr-01",
        "patientId": patient,
        "appointments": {**bundle, "entry": entries},
    }
    _hold(made, orders if based and held else [])
    return made


def as_encounter(body: Mapping[str, Any], hook: str = "encounter-start") -> Json:
    """Start or end an encounter; the orders are on record, and active."""
    orders = _active(body)
    made = _copy(body, hook)
    patient = body["context"]["patientId"]
    made["context"] = {"userId": "Practitioner/dr-01", "patientId": patient, "encounterId": "visit"}
    made["prefetch"]["encounter"] = {
        "resourceType": "Encounter",
        "id": "visit",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [{"text": "Infusion visit"}],
        "subject": {"reference": f"Patient/{patient}"},
    }
    made["prefetch"]["medicationRequests"]["entry"] = [
        *made["prefetch"]["medicationRequests"].get("entry", []),
        *({"resource": each} for each in orders),
    ]
    made["prefetch"]["medicationRequests"].pop("total", None)
    return made


def appointment(patient: str, identity: str, order: str | None = None) -> Json:
    """An appointment that is based on an order, of whatever type."""
    made: Json = {
        "resourceType": "Appointment",
        "id": identity,
        "status": "proposed",
        "start": "2026-09-22T09:00:00Z",
        "end": "2026-09-22T11:00:00Z",
        "requestedPeriod": [{"start": "2026-09-22", "end": "2026-09-26"}],
        "participant": [
            {"actor": {"reference": f"Patient/{patient}"}, "status": "tentative"},
            {"actor": {"reference": "Practitioner/dr-01"}, "status": "accepted"},
        ],
    }
    if order is not None:
        reference = {"reference": order}
        is_service = order.startswith("ServiceRequest/")
        extension = {"extension": [{"url": ALTERNATE_REFERENCE, "valueReference": reference}]}
        made["basedOn"] = [reference if is_service else extension]
    return made


def _copy(body: Mapping[str, Any], hook: str) -> Json:
    made: Json = json.loads(json.dumps(body))
    made["hook"] = hook
    return made


def _active(body: Mapping[str, Any]) -> list[Json]:
    orders: list[Json] = json.loads(json.dumps(orders_of(body)))
    return [{**each, "status": "active"} for each in orders if each["resourceType"].endswith("Request")]


def _hold(made: Json, orders: list[Json]) -> None:
    """Put the orders under the standard key, and those on record under the other."""
    prefetch = made["prefetch"]
    prefetch["medicationHistory"] = prefetch.pop("medicationRequests")
    if orders:
        entries = [{"resource": each} for each in orders]
        prefetch["medicationRequests"] = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
