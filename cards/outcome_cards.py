"""Cards that say the outcome itself, where no coverage information does: no CRD, no Coverage, nothing written."""

from collections.abc import Iterator
from typing import assert_never

from cards import naming, wording
from cards.card import Card
from cards.context import CardContext, DecidedOrder
from cards.coverage_information import billing_codes
from cards.envelope import Topic, associated, fitting, name_uuid, order_line, source
from cards.findings import announced_outcome, contact_of, is_primary
from cards.markdown import bold, escape, paragraphs, plain
from criteria.decision import Decision
from criteria.outcome import Outcome
from criteria.policy import Contact

_NOT_COVERED = {
    Outcome.NO_MEMBER_FOUND,
    Outcome.NO_ACTIVE_COVERAGE,
    Outcome.COVERAGE_NOT_FOUND,
    Outcome.NOT_MET,
}
_COVERED = {Outcome.AUTHORIZED, Outcome.AUTHORIZABLE, Outcome.DOCUMENTATION, Outcome.REVIEW}


def outcome_card(decided: DecidedOrder, context: CardContext) -> Card:
    """Say the outcome to a client without CRD: what is covered, why, whom to ask.

    It stands for the coverage information and for `no_coverage_card`. What to send has its own card, as with CRD, for
    a client may switch off one of the two.
    """
    decision, outcome = decided.decision, announced_outcome(decided.decision)
    name, standing = naming.opening_name(decision), _standing(decided, outcome)
    this = f"This {naming.order_noun(decision)}"
    short = _issued(decided, outcome) or standing
    if _is_without_coverage(decided):
        short = f"{standing}; no Coverage found"
    return Card(
        uuid=name_uuid(decision, "outcome"),
        summary=fitting(f"{name}: {short}", f"{this}: {short}", f"{this}: {standing}"),
        detail=paragraphs(
            f"{order_line(decision, opens=True)}: {bold(standing)}.",
            escape(_why(decided)),
            escape(wording.join(*_particulars(decided, outcome, context))),
            f"{_assumed(decision)}." if _is_without_coverage(decided) else "",
        ),
        indicator="warning" if outcome in _NOT_COVERED or _asks(decision, outcome) else "info",
        source=source(decision, Topic.COVERAGE_INFORMATION, context),
        extension=associated(decided, context),
    )


def no_coverage_card(decided: DecidedOrder, context: CardContext) -> Card:
    """Say the outcome to a CRD client where coverage information cannot.

    There is no Coverage to refer to (a default payer decided), or nothing is written: the order is only on record, or
    the resource is not at hand.
    """
    decision = decided.decision
    name, this = naming.opening_name(decision), naming.order_noun(decision)
    unwritten = f"nothing was written to the {naming.noun(decided.carrier.get('resourceType', ''))}."
    if _is_without_coverage(decided):
        short = f"{name}: no Coverage found; read against the policies of {plain(decision.payer.name)} only"
        shortest = f"No Coverage found for this {this}; read against the default payer's policies only"
        written = f"{_assumed(decision)} and {unwritten}"
    elif announced_outcome(decision) is not Outcome.TECHNICAL:
        short, shortest = f"{name}: {headline(decision)}", f"This {this}: {headline(decision)}"
        written = ""
    else:
        short = f"{name}: nothing was decided, a system did not answer"
        shortest = "Nothing was decided: a system did not answer"
        written = unwritten.capitalize()
    return Card(
        uuid=name_uuid(decision, "no-coverage"),
        summary=fitting(short, shortest),
        detail=paragraphs(
            f"{order_line(decision, opens=True)}: {bold(headline(decision))}.",
            escape(_why(decided)),
            written,
        ),
        indicator="info",
        source=source(decision, Topic.INSURANCE, context),
        extension=associated(decided, context),
    )


def headline(decision: Decision) -> str:
    """Return the announced outcome in a few words."""
    outcome = announced_outcome(decision)
    match outcome:
        case Outcome.NO_MEMBER_FOUND | Outcome.NO_ACTIVE_COVERAGE | Outcome.COVERAGE_NOT_FOUND:
            return "no coverage in force"
        case Outcome.NO_POLICY:
            return f"no policy loaded for this {_kind(decision)}"
        case Outcome.DRUG_UNCLEAR:
            return "the ordered drug is not clear"
        case Outcome.PREFERRED:
            return "preferred product, no exception needed"
        case Outcome.AUTHORIZED | Outcome.AUTHORIZABLE:
            return "the record meets the policy"
        case Outcome.NOT_MET:
            return "the record does not meet the policy"
        case Outcome.TECHNICAL:
            return "could not be determined"
        case Outcome.DOCUMENTATION:
            needed = "prior authorization needed"
            return f"{needed}, documentation missing" if is_primary(decision) else needed
        case Outcome.REVIEW:
            return "prior authorization needed, clinical review by the plan"
        case _:
            assert_never(outcome)


def _kind(decision: Decision) -> str:
    return "drug" if naming.is_drug_order(decision) else naming.order_noun(decision)


def _standing(decided: DecidedOrder, outcome: Outcome) -> str:
    """Return the outcome in a few words, and, when the Coverage is known, whether it covers the order."""
    if outcome is Outcome.TECHNICAL:
        return "coverage could not be determined"
    short = headline(decided.decision)
    if decided.coverage_reference is None:
        return short
    if outcome is Outcome.AUTHORIZED:
        return "covered, prior authorization issued"
    if outcome is Outcome.AUTHORIZABLE:
        return "covered, prior authorization needed"
    covered = (
        "not covered" if outcome in _NOT_COVERED else "covered" if outcome in _COVERED else "coverage not confirmed"
    )
    return f"{covered}, {short}"


def _issued(decided: DecidedOrder, outcome: Outcome) -> str:
    approval = decided.decision.approval
    if outcome is not Outcome.AUTHORIZED or approval is None or decided.coverage_reference is None:
        return ""
    return f"covered, prior authorization {decided.decision.authorization} valid through {approval.expires}"


def _particulars(decided: DecidedOrder, outcome: Outcome, context: CardContext) -> Iterator[str]:
    """Yield what the outcome holds for, and whom to ask."""
    decision = decided.decision
    if _issued(decided, outcome) and decision.dose is not None:
        yield f"Limit: {wording.label_dose(decision.dose)}"
    codes = billing_codes(decision, context.product(decision)) if outcome in _COVERED else {}
    if codes:
        yield f"To be billed as {' or '.join(codes)}"
    contact = contact_of(decision)
    if contact is not None:
        yield f"Contact: {_address(contact)}"


def _address(contact: Contact) -> str:
    phone = f"phone {contact.phone}" if contact.phone else ""
    fax = f"fax {contact.fax}" if contact.fax else ""
    return ", ".join(filter(None, [contact.name, phone, fax, contact.url]))


def _why(decided: DecidedOrder) -> str:
    decision = decided.decision
    if announced_outcome(decision) is Outcome.AUTHORIZED and decided.coverage_reference is None:
        return wording.without_number(decision, "No authorization number is given without a Coverage")
    return wording.reason(decision)


def _asks(decision: Decision, outcome: Outcome) -> bool:
    return outcome is Outcome.DOCUMENTATION and is_primary(decision)


def _assumed(decision: Decision) -> str:
    return f"No Coverage was found, so {escape(decision.payer.name)} was assumed"


def _is_without_coverage(decided: DecidedOrder) -> bool:
    """Say whether no Coverage was found; where nothing at all could be read, that is not known."""
    decision = decided.decision
    is_unread = announced_outcome(decision) is Outcome.TECHNICAL and decision.determination is None
    return decided.coverage_reference is None and not is_unread
