"""The answer to a hook call: cards by priority, and one system action per order that has a Coverage."""

from collections.abc import Mapping, Sequence
from typing import Any

from cards import wording
from cards.card import Action, Card, Link
from cards.context import CardContext, DecidedOrder
from cards.coverage_information import annotate, emit
from cards.envelope import Topic, associated, fitting, name_uuid, order_line, source
from cards.findings import announced_outcome, deciding_criterion, is_primary, judged
from cards.instructions import documentation_card, no_coverage_card, safety_card
from cards.markdown import bold, escape, paragraphs, plain
from cards.proposals import alternatives_card, reflex_test_card
from criteria.decision import Decision
from criteria.outcome import Outcome

_PROPOSING = {Outcome.DOCUMENTATION, Outcome.REVIEW, Outcome.NOT_MET}
"""Outcomes under which a preferred product is proposed instead."""
_PRIORITY = {topic.value: place for place, topic in enumerate(Topic)}


def compose_answer(decided: Sequence[DecidedOrder], context: CardContext) -> dict[str, Any]:
    """Return the CDS Hooks answer for all orders of a call.

    Cards come by priority, then in the order of the orders, so that a client who shows few shows the important
    ones. Orders without a Coverage get cards only; `systemActions` is absent when nothing is new.
    """
    cards = [
        card
        for each in decided
        for card in compose_cards(
            each.decision, each.resource, context, has_coverage=each.coverage_reference is not None
        )
    ]
    cards.sort(key=lambda card: _PRIORITY[card.source.topic.code])
    actions = [action for each in decided if (action := _system_action(each, context))]
    answer: dict[str, Any] = {"cards": [card.to_json() for card in cards]}
    return {**answer, "systemActions": [action.to_json() for action in actions]} if actions else answer


def compose_cards(
    decision: Decision, order_resource: Mapping[str, Any], context: CardContext, *, has_coverage: bool = True
) -> list[Card]:
    """Return the cards of one decision, by priority; without criteria there are none beyond safety notes."""
    found = _judged_cards(decision, order_resource, context) if decision.determination else []
    if decision.policy and decision.safety_notes:
        found.append(safety_card(decision))
    if decision.determination:
        found.append(policy_card(decision, context))
    if not has_coverage:
        found.append(no_coverage_card(decision))
    return found


def policy_card(decision: Decision, context: CardContext) -> Card:
    """Link to the policy page at the criterion that decides, with our paraphrase of it."""
    policy, _ = judged(decision)
    criterion, title = deciding_criterion(decision)
    leaf = policy.leaves.get(criterion)
    cited = ""
    if leaf:
        document = policy.documents.get(leaf.citation.document)
        name = document.title if document else leaf.citation.document
        cited = (
            f"{escape(wording.sentence(leaf.citation.paraphrase))} ({escape(name)}, {escape(leaf.citation.section)})"
        )
    return Card(
        uuid=name_uuid(decision, "policy"),
        summary=fitting(
            f"{wording.drug_name(decision)}, deciding criterion: {plain(title)}",
            f"Deciding criterion: {plain(title)}",
            "The policy criterion that decides this order",
        ),
        detail=paragraphs(f"{order_line(decision)} under {escape(policy.title)}: {bold(title)}.", cited),
        indicator="info",
        source=source(decision, Topic.GUIDELINE),
        links=(Link(f"{plain(policy.title)}: {plain(title)}", context.links.criterion(policy.id, criterion)),),
        extension=associated(decision),
    )


def _judged_cards(decision: Decision, order_resource: Mapping[str, Any], context: CardContext) -> list[Card]:
    """Return the cards about open criteria. Secondary hooks must not ask for documents (CRD hook-19)."""
    outcome = announced_outcome(decision)
    found = []
    if outcome is Outcome.DOCUMENTATION and is_primary(decision):
        found.append(documentation_card(decision, context))
    alternatives = decision.alternatives
    if alternatives and alternatives.offered and outcome in _PROPOSING:
        found.append(alternatives_card(decision, alternatives, order_resource, context))
    test = reflex_test_card(decision, order_resource, context)
    return [*found, test] if test else found


def _system_action(decided: DecidedOrder, context: CardContext) -> Action | None:
    """Return the update that writes coverage information to the order; None when it would say nothing new."""
    if decided.coverage_reference is None:
        return None
    decision = decided.decision
    extension = emit(decision, decided.coverage_reference, context.links, context.product(decision))
    target = decided.resource if decided.target is None else decided.target
    resource = annotate(target, extension, decided.ours)
    if resource is None:
        return None
    return Action("update", f"Add coverage information to the order for {wording.drug_name(decision)}", resource)
