"""How each CRD version, and CDS Hooks without CRD, writes the same decision: one row per dialect.

Sources: extension, value sets and code systems of CRD 2.0.1, 2.1.0 and 2.2.1; selectionBehavior of CDS Hooks 1.0 and
2.0. What no row says is the same in every dialect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

PLAIN = "cds-hooks"
"""The dialect of clients that know CDS Hooks and not CRD: cards that speak for themselves, no system actions."""

CRD_TEMPORARY = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
_CARD_TYPES = "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"
_DETAILS = "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"


@dataclass(frozen=True, slots=True)
class CoverageInformationForm:
    """What a version's coverage-information extension can hold, where versions differ."""

    indeterminate: bool
    """`covered` and `pa-needed` may be `indeterminate`; else what could not be determined is `conditional`."""
    pa_of_not_covered: str | None
    """`pa-needed` beside `not-covered`: 2.0.1 has crd-ci-q2 upside down, later versions forbid the member."""
    doc_purpose: str | None
    """Said with `doc-needed`. From 2.1 on validators read crd-ci-q4 so that it rejects `withpa` just there."""
    info_needed: frozenset[str]
    reasons: frozenset[str]
    """Codes of a reason; it always has text."""
    detail_category: bool
    detail_codes: frozenset[str]
    """Codes of a detail that we use; a detail without a code is named by text (the binding is extensible)."""
    detail_systems: tuple[str, ...]
    """Code systems of a detail's code, each sent."""
    expiry_date: bool
    """The last day has a member of its own; else it is a detail `allowed-period`."""
    contact: Literal["ContactPoint", "ContactDetail"]
    one_id_per_coverage: bool
    """All that a service says of one Coverage on one resource SHALL share one assertion id and one number."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to write an answer. `name` is the CRD version, major and minor number, or PLAIN."""

    name: str
    topics: str
    """Code system of a card's topic."""
    associated_resource: Literal["string", "Reference"] | None
    """How a card names the resource it is about, beyond its words (`davinci-crd.associated-resource`)."""
    independent_choices: Literal["any", "at-most-one"]
    """selectionBehavior of suggestions that do not exclude each other: a CDS Hooks 1.0 client takes a card with a
    value it does not know for an error, and knows `at-most-one` only."""
    coverage_information: CoverageInformationForm | None
    annotates_appointments: bool
    """Coverage information stands on the appointment itself, not on the order it is based on (CRD 2.0.1)."""

    @property
    def carries_coverage_information(self) -> bool:
        """Say whether the outcome is written to the order; else cards alone say it."""
        return self.coverage_information is not None


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        each.name: each
        for each in (
            Dialect(
                "2.0",
                topics=CRD_TEMPORARY,
                associated_resource="string",
                independent_choices="any",
                annotates_appointments=True,
                coverage_information=CoverageInformationForm(
                    indeterminate=False,
                    pa_of_not_covered="no-auth",
                    doc_purpose="withpa",
                    info_needed=frozenset({"OTH"}),
                    reasons=frozenset(),
                    detail_category=False,
                    detail_codes=frozenset({"allowed-quantity", "allowed-period"}),
                    detail_systems=(CRD_TEMPORARY,),
                    expiry_date=False,
                    contact="ContactPoint",
                    one_id_per_coverage=True,
                ),
            ),
            Dialect(
                "2.1",
                topics=CRD_TEMPORARY,
                associated_resource="Reference",
                independent_choices="any",
                annotates_appointments=False,
                coverage_information=CoverageInformationForm(
                    indeterminate=False,
                    pa_of_not_covered=None,
                    doc_purpose=None,
                    info_needed=frozenset({"OTH"}),
                    reasons=frozenset(),
                    detail_category=False,
                    detail_codes=frozenset({"allowed-quantity", "allowed-period", "instructions"}),
                    detail_systems=(CRD_TEMPORARY,),
                    expiry_date=True,
                    contact="ContactPoint",
                    one_id_per_coverage=True,
                ),
            ),
            Dialect(
                "2.2",
                topics=_CARD_TYPES,
                associated_resource="Reference",
                independent_choices="any",
                annotates_appointments=False,
                coverage_information=CoverageInformationForm(
                    indeterminate=True,
                    pa_of_not_covered=None,
                    doc_purpose=None,
                    info_needed=frozenset({"OTH", "detail-code"}),
                    reasons=frozenset({"no-member-found", "no-active-coverage", "coverage-not-found", "technical"}),
                    detail_category=True,
                    detail_codes=frozenset({"allowed-quantity", "allowed-period", "instructions"}),
                    detail_systems=(_DETAILS, CRD_TEMPORARY),
                    expiry_date=True,
                    contact="ContactDetail",
                    one_id_per_coverage=False,
                ),
            ),
            Dialect(
                PLAIN,
                topics=_CARD_TYPES,
                associated_resource=None,
                independent_choices="at-most-one",
                annotates_appointments=False,
                coverage_information=None,
            ),
        )
    }
)

CRD_VERSIONS = tuple(name for name in DIALECTS if name != PLAIN)
"""CRD versions answered, oldest first."""

NEWEST = DIALECTS[CRD_VERSIONS[-1]]
