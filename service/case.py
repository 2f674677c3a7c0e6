"""What an order is judged with: the day, the record beside the order itself, and the answers that count."""

from datetime import date

from msgspec.structs import replace

from cards.links import Links
from criteria.facts import Answer, Order, Reading, Record
from criteria.policy import Policy


def decision_day(order: Order, called: date) -> date:
    """Return the day the policy is read on: authoredOn, else the day of the call.

    Of a partial authoredOn it is the day of the call if that lies inside, else its last day.
    """
    if order.authored is None:
        return called
    if order.authored.possibly_within(called, called):
        return called
    return order.authored.latest


def record_beside(order: Order, record: Record) -> Record:
    """Return the record without the order itself: one that is active already is no evidence for itself."""
    name = order.source.reference
    if all(each.source.reference != name for each in record.orders):
        return record
    return replace(
        record,
        orders=tuple(each for each in record.orders if each.source.reference != name),
        exposures=tuple(each for each in record.exposures if each.source.reference != name),
    )


def answers_that_count(
    answers: tuple[Answer, ...], order: Order, policy: Policy, links: Links, window: tuple[date, date]
) -> tuple[Answer, ...]:
    """Return the answers to this policy's questionnaires that name this order, or were authored in the window.

    Contract section 8. Completeness, authorship and status were checked where the response was read.
    """
    if not answers:
        return ()
    ours = {f"{links.questionnaire(path)}|{policy.version}" for path in policy.paths.values()}
    first, last = window
    return tuple(
        each
        for each in answers
        if each.questionnaire in ours
        and (
            order.source.reference in each.contexts
            or (each.authored is not None and each.authored.surely_within(first, last))
        )
    )


def reading_notes(order: Order) -> tuple[str, ...]:
    """Return notes on what was read of an order with doubt, and by what its drug was identified."""
    notes = [f"{order.source.reference}: drug identified by {order.drug.basis}"] if order.drug.basis else []
    if order.drug.reading is not Reading.IDENTIFIED:
        notes.append(f"{order.source.reference}: drug {order.drug.reading.value}")
    notes += [f"{order.source.reference}: reason {each} could not be read" for each in order.unread_reasons]
    return tuple(notes)
