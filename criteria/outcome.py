"""From a determination to the one outcome of an order (decision contract, section 2)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import assert_never

from criteria.facts import Source
from criteria.finding import Determination, NeedKind
from criteria.verdict import Verdict


class Outcome(Enum):
    """What an order gets. Names are those of the contract."""

    NO_MEMBER_FOUND = "no-member-found"
    NO_ACTIVE_COVERAGE = "no-active-coverage"
    COVERAGE_NOT_FOUND = "coverage-not-found"
    NO_POLICY = "no-policy"
    DRUG_UNCLEAR = "review-drug"
    PREFERRED = "preferred"
    AUTHORIZED = "authorized"
    AUTHORIZABLE = "authorizable"
    NOT_MET = "not-met"
    TECHNICAL = "technical"
    DOCUMENTATION = "documentation"
    REVIEW = "review"

    @property
    def contract_name(self) -> str:
        """Return the name the decision record shows; an unidentified drug is a review."""
        return "review" if self is Outcome.DRUG_UNCLEAR else self.value


@dataclass(frozen=True, slots=True)
class DoseFinding:
    """What the ordered dose is against the label dose.

    `exceeds` lists, in words, each way the order is shown to exceed the limit; empty when it is not shown.
    Quantities are per administration; `None` when no usable weight or dose is on record.
    """

    label_dose_mg_per_kg: Decimal
    interval_days: int
    exceeds: tuple[str, ...]
    weight_kg: Decimal | None = None
    weight_source: Source | None = None
    weight_on: str | None = None
    ordered_mg: Decimal | None = None
    ordered_source: Source | None = None
    label_dose_mg: Decimal | None = None
    allowed_mg: Decimal | None = None
    label_units: int | None = None
    ordered_units: int | None = None
    billing_code: str | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    """Whether a number may be issued here: settings of the policy, wish of the caller, kind of hook.

    `payer_known` is False where a default payer stands in for one that the Coverage does not identify: its number
    would be written to another payer's Coverage. `recordable` is False while records cannot be kept: a number that
    nobody can look up later is none.
    """

    real_time: bool
    unsolicited: bool
    primary_hook: bool
    payer_known: bool = True
    recordable: bool = True

    @property
    def refusal(self) -> str | None:
        """Say why no number may be issued, or None when one may.

        A secondary hook offers no unsolicited determinations, so nobody asked for none: the hook is the reason.
        """
        if not self.primary_hook:
            return "an order gets its determination when it is signed"
        if not self.real_time:
            return "real-time authorization is switched off for this policy"
        if not self.unsolicited:
            return "the caller asked for no unsolicited determination"
        if not self.payer_known:
            return "the Coverage does not identify its payer"
        if not self.recordable:
            return "authorizations cannot be recorded at this moment; sign again later"
        return None


@dataclass(frozen=True, slots=True)
class Approval:
    """What is issued with an authorization: its months and last day."""

    months: int
    expires: date
    remark: str | None = None


def outcome_of(
    determination: Determination,
    dose: DoseFinding | None,
    authority: Authority,
    *,
    not_met_is_review: bool,
) -> Outcome:
    """Return the outcome of a judged order.

    Missing systems come before missing documents, documents and tests in view before review; a review need that
    no document can change (proven off-label use) comes before documents.
    """
    verdict = determination.root.verdict
    may_issue = authority.refusal is None and not (dose is not None and dose.exceeds)
    match verdict:
        case Verdict.MET:
            return Outcome.AUTHORIZED if may_issue else Outcome.AUTHORIZABLE
        case Verdict.NOT_MET:
            return Outcome.REVIEW if not_met_is_review else Outcome.NOT_MET
        case Verdict.UNKNOWN:
            return _outcome_of_unknown(determination)
        case _:
            assert_never(verdict)


def _outcome_of_unknown(determination: Determination) -> Outcome:
    needs = determination.open_needs
    if any(each.need.kind is NeedKind.SOURCE for each in needs):
        return Outcome.TECHNICAL
    if any(each.need.outranks_documentation for each in needs):
        return Outcome.REVIEW
    if any(each.in_view and each.need.kind in {NeedKind.DOCUMENT, NeedKind.TEST} for each in needs):
        return Outcome.DOCUMENTATION
    return Outcome.REVIEW
