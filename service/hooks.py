"""The services on offer: one row per service; discovery, routing and prefetch all follow from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

from cards.dialect import CRD_VERSIONS
from service import hook_options, hook_templates
from service.hook_options import Option
from service.templates import Template

CDS_HOOKS_VERSION = "3.0.0"


class Scope(Enum):
    """What a hook decides about, and where that stands."""

    DRAFTS = "every order of draftOrders"
    SELECTIONS = "the orders of draftOrders that selections name"
    DISPATCHED = "the orders that dispatchedOrders (hook version 1.0: order) names, which are fetched"
    APPOINTMENTS = "the orders that appointments are based on, else the appointments"
    ENCOUNTER = "the coverage of the encounter, and the active orders on record"


@dataclass(frozen=True, slots=True)
class HookService:
    """One CDS service. The templates of `prefetch` stand after those they refer to.

    `primary` marks the hooks on which coverage information is mandatory (resp-26). `users` are the types that
    `context.userId` may name; none where the hook has no user. `options` are also what the service can return:
    a card whose topic is not among them is not sent.
    """

    hook: str
    id: str
    title: str
    description: str
    usage_requirements: str
    prefetch: tuple[Template, ...]
    options: tuple[Option, ...]
    scope: Scope = Scope.DRAFTS
    primary: bool = True
    users: frozenset[str] = frozenset({"Practitioner", "PractitionerRole"})
    needs_encounter: bool = False

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
        """Return the service as discovery shows it.

        Every version is listed (dev-2), although the pattern of crdver-1 in CRD 2.2.1 has no room for the zero of
        "2.0": the text of the same specification uses that version as its example.
        """
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


_RECORD = (
    "Condition, Observation, medication history, Procedure, AllergyIntolerance, AdverseEvent, DiagnosticReport, "
    "DocumentReference and QuestionnaireResponse"
)
_NEEDS = (
    "Best answered with prefetch. Otherwise needs fhirServer and a token that may read Coverage, Organization, "
    f"{{}}{_RECORD}."
)
_ABOUT = "coverage and prior authorization of HER2-targeted drugs against the payer's medical policy"


def _visit_service(hook: str, moment: str, orders: str) -> HookService:
    """Return the row of an encounter hook; the two differ in when they fire, and in how that is said."""
    return HookService(
        hook=hook,
        id=f"her2-{hook}",
        title=f"HER2-targeted drugs: coverage {moment}",
        description=(
            f"Says when the coverage is not in force, and how the policy reads for the HER2-targeted drugs {orders}. "
            "Issues no authorization and asks for no documents."
        ),
        usage_requirements=_NEEDS.format("Encounter, "),
        prefetch=hook_templates.ENCOUNTER,
        options=hook_options.VISITING,
        scope=Scope.ENCOUNTER,
        primary=False,
        needs_encounter=True,
    )


HOOKS = (
    HookService(
        hook="order-sign",
        id="her2-order-sign",
        title="HER2-targeted drugs: coverage at order signing",
        description=f"Decides {_ABOUT}, and says what is still needed.",
        usage_requirements=_NEEDS.format(""),
        prefetch=hook_templates.DRAFTS,
        options=hook_options.SIGNING,
    ),
    HookService(
        hook="order-select",
        id="her2-order-select",
        title="HER2-targeted drugs: coverage at order selection",
        description=f"Foresees {_ABOUT} for the selected orders. Issues no authorization and asks for no documents.",
        usage_requirements=_NEEDS.format(""),
        prefetch=hook_templates.DRAFTS,
        options=hook_options.SELECTING,
        scope=Scope.SELECTIONS,
        primary=False,
    ),
    HookService(
        hook="order-dispatch",
        id="her2-order-dispatch",
        title="HER2-targeted drugs: coverage when an order is sent to its performer",
        description=f"Decides {_ABOUT} for the dispatched orders. Answers the contexts of hook versions 1.0 and 1.1.",
        usage_requirements=_NEEDS.format("the dispatched orders, ")
        + " The orders are not in the context: without them in prefetch and without a FHIR server the answer is 412.",
        prefetch=hook_templates.DISPATCH,
        options=hook_options.CARRYING_OUT,
        scope=Scope.DISPATCHED,
        users=frozenset(),
    ),
    HookService(
        hook="appointment-book",
        id="her2-appointment-book",
        title="HER2-targeted drugs: coverage when an appointment is booked",
        description=f"Decides {_ABOUT} for the orders that appointments are based on.",
        usage_requirements=_NEEDS.format("the orders that appointments are based on, "),
        prefetch=hook_templates.APPOINTMENT,
        options=hook_options.CARRYING_OUT,
        scope=Scope.APPOINTMENTS,
        users=frozenset({"Practitioner", "PractitionerRole", "Patient", "RelatedPerson"}),
    ),
    _visit_service("encounter-start", "when an encounter starts", "on order"),
    _visit_service("encounter-discharge", "at discharge", "still on order"),
)


def offered_services(observation_codes: Iterable[tuple[str, str]]) -> Mapping[str, HookService]:
    """Return the services by id, their templates completed with the (system URL, code) pairs that are read.

    The pairs are sorted, so that discovery is the same text after every start.
    """
    codes = ",".join(f"{system}|{code}" for system, code in sorted(set(observation_codes)))
    rows = (replace(row, prefetch=hook_templates.with_codes(row.prefetch, codes)) for row in HOOKS)
    return MappingProxyType({row.id: row for row in rows})


def discovery(services: Mapping[str, HookService]) -> dict[str, Any]:
    """Return the discovery document."""
    return {"services": [service.to_json() for service in services.values()]}
