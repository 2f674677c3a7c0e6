"""Cards that only say something: what to send, what the label warns of, that no Coverage was found."""

from itertools import groupby

from cards import wording
from cards.card import Card
from cards.context import CardContext
from cards.envelope import Topic, associated, fitting, name_uuid, order_line, source
from cards.findings import announced_outcome, asked_needs, has_needs_out_of_view, judged
from cards.markdown import bold, bullet, escape, link, paragraphs, plain
from criteria.decision import Decision
from criteria.finding import OpenNeed
from criteria.outcome import Outcome
from criteria.policy import Policy


def documentation_card(decision: Decision, context: CardContext) -> Card:
    """Say per criterion what to send, most decisive first. The outcome is `documentation`."""
    policy, _ = judged(decision)
    asked = asked_needs(decision)
    criteria = [list(group) for _, group in groupby(asked, key=lambda each: each.criterion)]
    items = "\n".join(_what_to_send(policy, group) for group in criteria)
    count = f"{len(criteria)} {'criterion' if len(criteria) == 1 else 'criteria'}"
    return Card(
        uuid=name_uuid(decision, "documentation"),
        summary=fitting(
            f"{wording.drug_name(decision)}: send documentation for {count}",
            f"Send documentation for {count} to decide this order",
        ),
        detail=paragraphs(
            f"To decide coverage of {order_line(decision)} under {escape(policy.title)}, send:",
            items,
            _other_uses(decision, context),
        ),
        indicator="warning",
        source=source(decision, Topic.APPROPRIATE_USE),
        extension=associated(decision),
    )


def safety_card(decision: Decision) -> Card:
    """Point to facts in the record that the label's boxed warning is about. Never changes an outcome."""
    notes = decision.safety_notes
    items = "\n".join(
        bullet(f"{escape(each.text)} (record: {escape(each.source.reference)}; label: {escape(each.label)})")
        for each in notes
    )
    return Card(
        uuid=name_uuid(decision, "safety"),
        summary=fitting(
            f"{wording.drug_name(decision)}: the record holds a fact its boxed warning is about",
            "The record holds a fact the ordered drug's boxed warning is about",
        ),
        detail=paragraphs(
            f"Before giving {order_line(decision)}, check:", items, "This note does not change the coverage outcome."
        ),
        indicator="warning",
        source=source(decision, Topic.CONTRAINDICATION),
        extension=associated(decision),
    )


def no_coverage_card(decision: Decision) -> Card:
    """Say the outcome where there is no Coverage to write it to (a default payer decided)."""
    name = plain(decision.payer.name)
    outcome = announced_outcome(decision)
    text = wording.reason(decision)
    if outcome is Outcome.AUTHORIZED:
        text = wording.without_number(decision, "No authorization number is given without a Coverage")
    return Card(
        uuid=name_uuid(decision, "no-coverage"),
        summary=fitting(
            f"{wording.drug_name(decision)}: no Coverage found; read against the policies of {name} only",
            "No Coverage found for this order; read against the default payer's policies only",
        ),
        detail=paragraphs(
            f"{order_line(decision)}: {bold(wording.headline(outcome))}.",
            escape(text),
            f"No Coverage was found, so {escape(name)} was assumed and nothing was written to the order.",
        ),
        indicator="info",
        source=source(decision, Topic.INSURANCE),
        extension=associated(decision),
    )


def _what_to_send(policy: Policy, needs: list[OpenNeed]) -> str:
    """Return the request of a criterion; what the record lacks stands below it unless it says the same."""
    leaf = policy.leaves.get(needs[0].criterion)
    texts = list(dict.fromkeys(wording.sentence(each.need.text) for each in needs))
    request = wording.sentence(leaf.request) if leaf and leaf.request else texts.pop(0)
    return bullet(f"{bold(needs[0].title)}: {escape(request)}", [escape(each) for each in texts if each != request])


def _other_uses(decision: Decision, context: CardContext) -> str:
    if not has_needs_out_of_view(decision):
        return ""
    policy, _ = judged(decision)
    return f"Other uses the policy covers: {link(policy.title, context.links.policy(policy.id))}."
