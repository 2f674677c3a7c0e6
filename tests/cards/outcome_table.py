"""The outcome table of the decision contract, as each CRD version has to write it: expectations, as data.

What is not named must be absent. Codes: value sets of CRD 2.0.1, 2.1.0 and 2.2.1. Counts belong to the policy of
`builders`: two details of a dose (limit and quantity), a contact with telephone and fax.
"""

from dataclasses import dataclass

from criteria.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Row:
    """One outcome in one version; `details`, `contacts` and so on count members."""

    outcome: Outcome
    dialect: str
    covered: str
    pa_needed: str | None = None
    doc_needed: str | None = None
    doc_purpose: str | None = None
    info_needed: str | None = None
    reason: str | None = None
    details: int = 0
    questionnaires: int = 0
    numbers: int = 0
    contacts: int = 0
    expiry_dates: int = 0

    @property
    def codes(self) -> dict[str, str]:
        """Return the coded members by name."""
        found = {
            "covered": self.covered,
            "pa-needed": self.pa_needed,
            "doc-needed": self.doc_needed,
            "doc-purpose": self.doc_purpose,
            "info-needed": self.info_needed,
        }
        return {name: code for name, code in found.items() if code is not None}

    @property
    def members(self) -> list[str]:
        """Return the names of all members, in the order of the specification."""
        return [
            "coverage",
            *self.codes,
            "billingCode",
            "reason",
            *["detail"] * self.details,
            *["questionnaire"] * self.questionnaires,
            "date",
            "coverage-assertion-id",
            *["satisfied-pa-id"] * self.numbers,
            *["contact"] * self.contacts,
            *["expiry-date"] * self.expiry_dates,
        ]


ROWS = [
    Row(Outcome.NO_MEMBER_FOUND, "2.0", "not-covered", "no-auth"),
    Row(Outcome.NO_MEMBER_FOUND, "2.1", "not-covered"),
    Row(Outcome.NO_MEMBER_FOUND, "2.2", "not-covered", reason="no-member-found"),
    Row(Outcome.NO_ACTIVE_COVERAGE, "2.0", "not-covered", "no-auth"),
    Row(Outcome.NO_ACTIVE_COVERAGE, "2.1", "not-covered"),
    Row(Outcome.NO_ACTIVE_COVERAGE, "2.2", "not-covered", reason="no-active-coverage"),
    Row(Outcome.COVERAGE_NOT_FOUND, "2.0", "not-covered", "no-auth"),
    Row(Outcome.COVERAGE_NOT_FOUND, "2.1", "not-covered"),
    Row(Outcome.COVERAGE_NOT_FOUND, "2.2", "not-covered", reason="coverage-not-found"),
    Row(Outcome.NO_POLICY, "2.0", "conditional", "conditional", info_needed="OTH"),
    Row(Outcome.NO_POLICY, "2.1", "conditional", "conditional", info_needed="OTH"),
    Row(Outcome.NO_POLICY, "2.2", "conditional", "conditional", info_needed="OTH"),
    Row(Outcome.DRUG_UNCLEAR, "2.0", "conditional", "conditional", info_needed="OTH"),
    Row(Outcome.DRUG_UNCLEAR, "2.1", "conditional", "conditional", info_needed="OTH"),
    Row(Outcome.DRUG_UNCLEAR, "2.2", "conditional", "conditional", info_needed="detail-code"),
    Row(Outcome.PREFERRED, "2.0", "conditional", "conditional", info_needed="OTH", contacts=2),
    Row(Outcome.PREFERRED, "2.1", "conditional", "conditional", info_needed="OTH", contacts=2),
    Row(Outcome.PREFERRED, "2.2", "conditional", "conditional", info_needed="OTH", contacts=1),
    Row(Outcome.AUTHORIZED, "2.0", "covered", "satisfied", details=3, numbers=1, contacts=2),
    Row(Outcome.AUTHORIZED, "2.1", "covered", "satisfied", details=2, numbers=1, contacts=2, expiry_dates=1),
    Row(Outcome.AUTHORIZED, "2.2", "covered", "satisfied", details=2, numbers=1, contacts=1, expiry_dates=1),
    Row(Outcome.AUTHORIZABLE, "2.0", "covered", "auth-needed", contacts=2),
    Row(Outcome.AUTHORIZABLE, "2.1", "covered", "auth-needed", contacts=2),
    Row(Outcome.AUTHORIZABLE, "2.2", "covered", "auth-needed", contacts=1),
    Row(Outcome.NOT_MET, "2.0", "not-covered", "no-auth", contacts=2),
    Row(Outcome.NOT_MET, "2.1", "not-covered", contacts=2),
    Row(Outcome.NOT_MET, "2.2", "not-covered", contacts=1),
    Row(Outcome.TECHNICAL, "2.0", "conditional", "conditional", info_needed="OTH", contacts=2),
    Row(Outcome.TECHNICAL, "2.1", "conditional", "conditional", info_needed="OTH", contacts=2),
    Row(Outcome.TECHNICAL, "2.2", "indeterminate", "indeterminate", reason="technical", contacts=1),
    Row(Outcome.DOCUMENTATION, "2.0", "covered", "auth-needed", "clinical", "withpa", questionnaires=1, contacts=2),
    Row(Outcome.DOCUMENTATION, "2.1", "covered", "auth-needed", "clinical", questionnaires=1, contacts=2),
    Row(Outcome.DOCUMENTATION, "2.2", "covered", "auth-needed", "clinical", questionnaires=1, contacts=1),
    Row(Outcome.REVIEW, "2.0", "covered", "auth-needed", contacts=2),
    Row(Outcome.REVIEW, "2.1", "covered", "auth-needed", contacts=2),
    Row(Outcome.REVIEW, "2.2", "covered", "auth-needed", contacts=1),
]

ON_SECONDARY_HOOKS = [
    Row(Outcome.AUTHORIZED, "2.0", "covered", "auth-needed", contacts=2),
    Row(Outcome.AUTHORIZED, "2.1", "covered", "auth-needed", contacts=2),
    Row(Outcome.AUTHORIZED, "2.2", "covered", "auth-needed", contacts=1),
    Row(Outcome.NOT_MET, "2.0", "covered", "auth-needed", contacts=2),
    Row(Outcome.NOT_MET, "2.1", "covered", "auth-needed", contacts=2),
    Row(Outcome.NOT_MET, "2.2", "covered", "auth-needed", contacts=1),
    Row(Outcome.DOCUMENTATION, "2.0", "covered", "auth-needed", contacts=2),
    Row(Outcome.DOCUMENTATION, "2.1", "covered", "auth-needed", contacts=2),
    Row(Outcome.DOCUMENTATION, "2.2", "covered", "auth-needed", contacts=1),
]
"""The outcomes that order-select and the encounter hooks say otherwise: no number, no documents, no refusal."""


def name_of(row: Row) -> str:
    return f"{row.dialect} {row.outcome.value}"
