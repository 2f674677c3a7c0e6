"""What composing an answer needs besides the decisions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from cards.dialect import NEWEST, Dialect
from cards.links import Links
from criteria.decision import Decision
from criteria.drugs import Drug, DrugTable

_SYSTEM_URLS = {
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ndc": "http://hl7.org/fhir/sid/ndc",
}


def _no_defects(_: Mapping[str, Any]) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class CardContext:
    """Where links lead, what drugs are, and how code systems are addressed in drafts.

    `user` is the reference of the signing clinician, the requester of a draft when the order names none.
    `defects` names the elements of a resource that FHIR does not allow.
    """

    links: Links
    drugs: DrugTable
    systems: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(_SYSTEM_URLS))
    user: str | None = None
    dialect: Dialect = NEWEST
    defects: Callable[[Mapping[str, Any]], frozenset[str]] = _no_defects

    def product(self, decision: Decision) -> Drug | None:
        """Return the ordered product when it is identified."""
        key = decision.order.drug.key
        return self.drugs[key] if key is not None and key in self.drugs else None


@dataclass(frozen=True, slots=True)
class DecidedOrder:
    """One decision with the order as the client sent it.

    `coverage_reference` is None when no Coverage was found (a default payer decided); `target` is the resource that
    carries the coverage information when it is not the order itself (an appointment, an encounter); `ours` are ids
    of earlier assertions of this service on the resource that carries it. Where `is_annotated` is false nothing is
    written: the answer has cards only.
    """

    decision: Decision
    resource: Mapping[str, Any]
    coverage_reference: str | None
    ours: frozenset[str] = frozenset()
    target: Mapping[str, Any] | None = None
    is_annotated: bool = True

    def __post_init__(self) -> None:
        """Refuse a target that cannot be named: cards and updates refer to it."""
        if self.target is not None and not (self.target.get("resourceType") and self.target.get("id")):
            raise ValueError("the resource that carries coverage information has a type and an id")

    @property
    def carrier(self) -> Mapping[str, Any]:
        """Return the resource that carries the coverage information."""
        return self.resource if self.target is None else self.target

    @property
    def reference(self) -> str:
        """Return the resource of the call that the answer is about, as a local reference."""
        if self.target is None:
            return self.decision.order.source.reference
        return f"{self.target['resourceType']}/{self.target['id']}"
