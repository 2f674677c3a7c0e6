"""The services on offer: one row per service; discovery, routing and prefetch all follow from it.

Standard prefetch expressions are verbatim those of CRD 2.2.1 (CRDServices.json); a server that wants an element of
the standard set must use them (found-29). Keys that refer to earlier keys stand after them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from service.templates import Template

CRD_VERSIONS = ("2.2",)
"""CRD versions answered, major and minor number only (dev-1, dev-2)."""

CDS_HOOKS_VERSION = "3.0.0"

_OBSERVATION_CODES = "<observation codes>"
"""Stands in a template for the codes of the vocabulary, which is data and not known here."""


@dataclass(frozen=True, slots=True)
class Option:
    """Something a caller can configure (dev-4): a response type on or off, or a number."""

    code: str
    name: str
    description: str
    default: bool | int

    def to_json(self) -> dict[str, Any]:
        """Return the option as discovery shows it."""
        kind = "boolean" if isinstance(self.default, bool) else "integer"
        return {
            "code": self.code,
            "type": kind,
            "name": self.name,
            "description": self.description,
            "default": self.default,
        }


@dataclass(frozen=True, slots=True)
class HookService:
    """One CDS service. The templates of `prefetch` stand after those they refer to.

    `primary` marks the hooks on which coverage information is mandatory (resp-26); `orders` names the context
    member that holds the orders.
    """

    hook: str
    id: str
    title: str
    description: str
    usage_requirements: str
    prefetch: tuple[Template, ...]
    options: tuple[Option, ...]
    primary: bool = True
    orders: str = "draftOrders"

    def __post_init__(self) -> None:
        """Refuse templates that refer to keys which do not stand before them."""
        earlier: set[str] = set()
        for template in self.prefetch:
            if not template.needs <= earlier:
                raise ValueError(f"{self.id}: the template {template.key} refers to a key that is not before it")
            earlier.add(template.key)

    def option(self, code: str) -> Option | None:
        """Return the option with this code, None when there is none."""
        return next((option for option in self.options if option.code == code), None)

    def to_json(self) -> dict[str, Any]:
        """Return the service as discovery shows it."""
        return {
            "hook": self.hook,
            "id": self.id,
            "title": self.title,
            "description": self.description,
            "usageRequirements": self.usage_requirements,
            "version": CDS_HOOKS_VERSION,
            "prefetch": {template.key: template.text for template in self.prefetch},
            "extension": {
                "davinci-crd.version": list(CRD_VERSIONS),
                "davinci-crd.configuration-options": [option.to_json() for option in self.options],
            },
        }


def _templates(texts: Mapping[str, str]) -> tuple[Template, ...]:
    return tuple(Template.of(key, text) for key, text in texts.items())


_STANDARD = {
    "patient": "Patient/{{context.patientId}}",
    "encounter": "Encounter/{{context.encounterId}}",
    "coverage": "Coverage?patient={{context.patientId}}&status=active",
    "medications": (
        "Medication?_id={{context.draftOrders.entry.resource.ofType(MedicationRequest).medication.resolve().id}}"
    ),
}

_CHART = {
    "payors": "Organization?_id={{%coverage.entry.resource.payor.resolve().ofType(Organization).id}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "observations": "Observation?patient={{context.patientId}}&code=" + _OBSERVATION_CODES,
    "medicationRequests": "MedicationRequest?patient={{context.patientId}}",
    "medicationAdministrations": "MedicationAdministration?patient={{context.patientId}}",
    "medicationStatements": "MedicationStatement?patient={{context.patientId}}",
    "medicationDispenses": "MedicationDispense?patient={{context.patientId}}",
    "procedures": "Procedure?patient={{context.patientId}}",
    "allergies": "AllergyIntolerance?patient={{context.patientId}}",
    # AdverseEvent has no `patient` parameter in R4.
    "adverseEvents": "AdverseEvent?subject=Patient/{{context.patientId}}",
    "diagnosticReports": "DiagnosticReport?patient={{context.patientId}}",
    "documents": "DocumentReference?patient={{context.patientId}}",
    "questionnaireResponses": "QuestionnaireResponse?patient={{context.patientId}}",
}

_OPTIONS = (
    Option(
        "coverage-info",
        "Coverage information",
        "Adds coverage, prior authorization and documentation requirements to each order.",
        default=True,
    ),
    Option(
        "unsolicited-determ",
        "Unsolicited determinations",
        "Allows an authorization number to be issued when the record already meets the policy.",
        default=True,
    ),
    Option(
        "therapy-alternatives-req",
        "Required alternatives",
        "Proposes preferred products instead of a restricted one, as complete draft orders.",
        default=True,
    ),
    Option(
        "appropriate-use",
        "Documentation needed",
        "Says which documentation is still needed, most decisive first.",
        default=True,
    ),
    Option(
        "clinical-reminder",
        "Reflex tests",
        "Proposes the test that would settle an equivocal result.",
        default=True,
    ),
    Option("guideline", "Policy references", "Links to the deciding part of the coverage policy.", default=True),
    Option(
        "contraindication",
        "Label safety notes",
        "Names boxed-warning facts found in the record.",
        default=True,
    ),
    Option(
        "insurance",
        "Missing coverage",
        "Says that no Coverage was found, and which payer's policy was read instead.",
        default=True,
    ),
    Option("max-cards", "Maximum cards", "Upper limit for returned cards; most important first.", default=10),
)

HOOKS = (
    HookService(
        hook="order-sign",
        id="her2-order-sign",
        title="HER2-targeted drugs: coverage at order signing",
        description=(
            "Decides coverage and prior authorization of HER2-targeted drugs against the payer's medical policy, "
            "and says what is still needed."
        ),
        usage_requirements=(
            "Best answered with prefetch. Otherwise needs fhirServer and a token that may read Coverage, "
            "Organization, Condition, Observation, medication history, Procedure, DiagnosticReport, "
            "DocumentReference and QuestionnaireResponse."
        ),
        prefetch=_templates(_STANDARD | _CHART),
        options=_OPTIONS,
    ),
)


def offered_services(observation_codes: Iterable[tuple[str, str]]) -> Mapping[str, HookService]:
    """Return the services by id, their templates completed with the (system URL, code) pairs that are read.

    The pairs are sorted, so that discovery is the same text after every start.
    """
    codes = ",".join(f"{system}|{code}" for system, code in sorted(set(observation_codes)))
    return MappingProxyType({row.id: _completed(row, codes) for row in HOOKS})


def _completed(row: HookService, codes: str) -> HookService:
    return replace(
        row, prefetch=_templates({each.key: each.text.replace(_OBSERVATION_CODES, codes) for each in row.prefetch})
    )


def discovery(services: Mapping[str, HookService]) -> dict[str, Any]:
    """Return the discovery document."""
    return {"services": [service.to_json() for service in services.values()]}
