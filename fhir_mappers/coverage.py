"""Coverage and its payor Organization -> who pays, for whom, when.

A payer is recognised by identifier, never by name. The identifiers are those of the payor organization, wherever it
stands (given beside the coverage, contained in it), and the logical identifier of the payor reference itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from criteria.dates import DateRange
from criteria.facts import Source
from fhir_mappers.dates import period
from fhir_mappers.element import (
    Json,
    Origin,
    Resolve,
    mapping,
    mappings,
    reference_of,
    resolved,
    text,
)


class PayerIdentifier(NamedTuple):
    """A business identifier of an organization; `system` is empty when the sender gives none."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class CoverageFact:
    """One coverage as sent; nothing is concluded from it here.

    `reference` is "Coverage/id"; `payor_references` the payors' literal references, resolved or not; `period` first
    and last day, None where open; `class_values` the values of Coverage.class (group, plan, …).
    """

    source: Source
    reference: str
    payor_identifiers: tuple[PayerIdentifier, ...]
    payor_references: tuple[str, ...]
    status: str | None
    period: tuple[DateRange | None, DateRange | None]
    class_values: tuple[str, ...]
    member_number: str | None = None
    """The subscriber's number with the dependent's, as far as they are stated."""


def map_coverage(origin: Origin, resolve: Resolve) -> CoverageFact:
    """Return the coverage; `resolve` finds the payor organizations given beside it."""
    resource = origin.resource
    payors = mappings(origin, resource, "payor")
    literals = (text(origin, payor, "reference", f"payor[{index}]") for index, payor in enumerate(payors))
    classes = enumerate(mappings(origin, resource, "class"))
    values = (text(origin, each, "value", f"class[{index}]") for index, each in classes)
    covered = period(origin, resource, "period")
    return CoverageFact(
        source=origin.source(),
        reference=origin.reference,
        payor_identifiers=tuple(dict.fromkeys(_payor_identifiers(origin, payors, resolve))),
        payor_references=tuple(literal for literal in literals if literal is not None),
        status=text(origin, resource, "status"),
        period=(covered.start, covered.end),
        class_values=tuple(value for value in values if value is not None),
        member_number=_member_number(origin),
    )


def _member_number(origin: Origin) -> str | None:
    parts = [text(origin, origin.resource, name) for name in ("subscriberId", "dependent")]
    return "/".join(each or "" for each in parts) if any(parts) else None


def organization_identifiers(origin: Origin) -> tuple[PayerIdentifier, ...]:
    """Return every identifier of an organization that has a value."""
    entries = enumerate(mappings(origin, origin.resource, "identifier"))
    found = (_identifier(origin, entry, f"identifier[{index}]") for index, entry in entries)
    return tuple(each for each in found if each is not None)


def _payor_identifiers(origin: Origin, payors: Sequence[Json], resolve: Resolve) -> Iterator[PayerIdentifier]:
    for index, payor in enumerate(payors):
        path = f"payor[{index}]"
        logical = mapping(origin, payor, "identifier", path)
        own = None if logical is None else _identifier(origin, logical, f"{path}.identifier")
        if own is not None:
            yield own
        name = reference_of(origin, payor, path)
        organization = None if name is None else resolved(origin, name, resolve)
        if organization is not None and organization.get("resourceType") == "Organization":
            yield from organization_identifiers(Origin.of(organization, origin.issues, f"{origin.reference}#payor"))


def _identifier(origin: Origin, holder: Json, path: str) -> PayerIdentifier | None:
    value = text(origin, holder, "value", path)
    return None if value is None else PayerIdentifier(text(origin, holder, "system", path) or "", value)
