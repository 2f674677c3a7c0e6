"""What an order is called: by what its sender calls it, else in words, and never by its FHIR type."""

from collections.abc import Mapping
from types import MappingProxyType

from cards.markdown import plain
from criteria.decision import Decision

_NOUNS: Mapping[str, str] = MappingProxyType({"Appointment": "appointment", "Encounter": "encounter"})
"""What a resource that is no order is called."""
_UNNAMED: Mapping[str, str] = MappingProxyType(
    {"Appointment": "this appointment", "Encounter": "this visit", "MedicationRequest": "the ordered drug"}
)


def noun(resource_type: str) -> str:
    """Return what a resource that is decided about, or written to, is called."""
    return _NOUNS.get(resource_type, "order")


def order_noun(decision: Decision) -> str:
    """Return what kind of thing is decided: an order, an appointment, an encounter."""
    return noun(_type(decision))


def is_drug_order(decision: Decision) -> bool:
    """Say whether a drug is ordered."""
    return _type(decision) == "MedicationRequest"


def given_name(decision: Decision) -> str:
    """Return what the sender calls what is ordered, empty when that has no name: its type stands for one then."""
    label = plain(decision.order.drug.label)
    return "" if label == _type(decision) else label


def order_name(decision: Decision) -> str:
    """Return what is ordered, as it is called within a sentence."""
    return given_name(decision) or _UNNAMED.get(_type(decision), "this order")


def opening_name(decision: Decision) -> str:
    """Return what is ordered, as it is called where a sentence begins; names of the sender are left as they are."""
    name = order_name(decision)
    return given_name(decision) or f"{name[0].upper()}{name[1:]}"


def _type(decision: Decision) -> str:
    """Return the type of the decided resource: the path of an order's source is the whole resource."""
    return decision.order.source.path
