"""The answer to a hook call: cards by priority, and one system action per resource that has something new to carry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cards import naming, wording
from cards.annotation import annotate
from cards.card import Action, Card, Link
from cards.context import CardContext, DecidedOrder
from cards.coverage_information import emit
from cards.dialect import CoverageInformationForm
from cards.envelope import Topic, associated, fitting, name_uuid, order_line, source
from cards.findings import announced_outcome, deciding_criterion, is_primary, judged
from cards.instructions import documentation_card, safety_card
from cards.markdown import bold, escape, paragraphs, plain
from cards.outcome_cards import no_coverage_card, outcome_card
from cards.proposals import alternatives_card, reflex_test_card
from criteria.outcome import Outcome

_PROPOSING = {Outcome.DOCUMENTATION, Outcome.REVIEW, Outcome.NOT_MET}
"""Outcomes under which a preferred product is proposed instead."""
_PRIORITY = {topic.value: place for place, topic in enumerate(Topic)}


@dataclass(frozen=True, slots=True)
class Answer:
    """A CDS Hooks answer: its cards, each with the order it is about, and its system actions."""

    cards: tuple[tuple[Card, DecidedOrder], ...] = ()
    actions: tuple[Action, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the wire form; empty `systemActions` are left out, empty `cards` are not."""
        answer: dict[str, Any] = {"cards": [card.to_json() for card, _ in self.cards]}
        return {**answer, "systemActions": [each.to_json() for each in self.actions]} if self.actions else answer


def compose_answer(decided: Sequence[DecidedOrder], context: CardContext) -> Answer:
    """Return the CDS Hooks answer for all orders of a call.

    Cards come by priority, then in the order of the orders, so that a client who shows few shows the important
    ones. Orders without a Coverage get cards only, and so does a client without CRD; there are no actions when
    nothing is new. Raises ValueError for what the dialect cannot express.
    """
    cards = [(card, each) for each in decided for card in compose_cards(each, context)]
    cards.sort(key=lambda each: _PRIORITY[each[0].source.topic.code])
    return Answer(tuple(cards), tuple(_system_actions(decided, context)))


def compose_cards(decided: DecidedOrder, context: CardContext) -> list[Card]:
    """Return the cards of one decision, by priority.

    Where coverage information says the outcome, an order without criteria has none beyond safety notes.
    """
    decision = decided.decision
    found = _outcome_cards(decided, context)
    if decision.determination:
        found += _judged_cards(decided, context)
    if decision.policy and decision.safety_notes:
        found.append(safety_card(decided, context))
    if decision.determination:
        found.append(policy_card(decided, context))
    return found


def _outcome_cards(decided: DecidedOrder, context: CardContext) -> list[Card]:
    """Return the card that says the outcome where nothing else does."""
    if not context.dialect.carries_coverage_information:
        return [outcome_card(decided, context)]
    return [no_coverage_card(decided, context)] if _is_unsaid(decided) else []


def _is_unsaid(decided: DecidedOrder) -> bool:
    """Say whether nothing but a card can say the outcome: no Coverage to refer to, or nothing that is written to.

    What is not written to and carries an assertion of ours says an outcome already.
    """
    return decided.coverage_reference is None or not (decided.is_annotated or decided.ours)


def policy_card(decided: DecidedOrder, context: CardContext) -> Card:
    """Link to the policy page at the criterion that decides, with our paraphrase of it."""
    decision = decided.decision
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
            f"{naming.opening_name(decision)}, deciding criterion: {plain(title)}",
            f"Deciding criterion: {plain(title)}",
            "The policy criterion that decides this order",
        ),
        detail=paragraphs(f"{order_line(decision, opens=True)} under {escape(policy.title)}: {bold(title)}.", cited),
        indicator="info",
        source=source(decision, Topic.GUIDELINE, context),
        links=(Link(f"{plain(policy.title)}: {plain(title)}", context.links.criterion(policy.id, criterion)),),
        extension=associated(decided, context),
    )


def _judged_cards(decided: DecidedOrder, context: CardContext) -> list[Card]:
    """Return the cards about open criteria. Secondary hooks must not ask for documents (CRD hook-19)."""
    decision = decided.decision
    outcome = announced_outcome(decision)
    found = []
    if outcome is Outcome.DOCUMENTATION and is_primary(decision):
        found.append(documentation_card(decided, context))
    alternatives = decision.alternatives
    if alternatives and alternatives.offered and outcome in _PROPOSING:
        found.append(alternatives_card(decided, alternatives, context))
    test = reflex_test_card(decided, context)
    return [*found, test] if test else found


def _system_actions(decided: Sequence[DecidedOrder], context: CardContext) -> list[Action]:
    """Return the updates that write coverage information, one per resource that carries it and says something new."""
    form = context.dialect.coverage_information
    if form is None:
        return []
    shared: dict[str | int, list[DecidedOrder]] = {}
    for place, each in enumerate(decided):
        if each.coverage_reference is not None and each.is_annotated:
            shared.setdefault(place if each.target is None else each.reference, []).append(each)
    actions = (_system_action(group, context, form) for group in shared.values())
    return [action for action in actions if action is not None]


def _system_action(
    decided: Sequence[DecidedOrder], context: CardContext, form: CoverageInformationForm
) -> Action | None:
    """Return the update that writes what is said of these orders to the one resource that carries it."""
    carrier = decided[0].carrier
    if any(each.carrier != carrier for each in decided):
        raise ValueError("one resource that carries coverage information was given in two versions")
    extensions = [
        emit(
            each.decision,
            each.coverage_reference,
            context.links,
            context.product(each.decision),
            dialect=context.dialect,
        )
        for each in decided
        if each.coverage_reference is not None
    ]
    ours = frozenset().union(*(each.ours for each in decided))
    resource = annotate(carrier, extensions, ours, one_id_per_coverage=form.one_id_per_coverage)
    if resource is None:
        return None
    noun = naming.noun(carrier.get("resourceType", ""))
    names = " and ".join(filter(None, dict.fromkeys(naming.given_name(each.decision) for each in decided)))
    return Action("update", f"Add coverage information to the {noun}{names and f' for {names}'}", resource)
