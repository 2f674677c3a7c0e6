"""Cards that propose orders: a preferred product instead, a missing test besides."""

from collections.abc import Mapping
from typing import Any

from cards import wording
from cards.card import Action, Card, Coding, Suggestion
from cards.context import CardContext, DecidedOrder
from cards.draft_order import dosage_text, draft_medication_request, draft_service_request
from cards.envelope import Topic, associated, fitting, name_uuid, order_line, source
from cards.findings import judged, orderable_tests
from cards.links import Links
from cards.markdown import bold, bullet, escape, paragraphs
from cards.naming import opening_name, order_name
from criteria.decision import Alternative, Alternatives, Decision
from criteria.policy import ReflexTest

_OVERRIDE_REASONS = {
    "prior-failure": "The preferred product was tried and failed",
    "prior-intolerance": "The preferred product was not tolerated",
    "contraindicated": "The preferred product is contraindicated",
    "ongoing-treatment": "The patient is already under treatment with the ordered product",
    "patient-choice": "The patient chose the ordered product",
    "other": "Other reason",
}


def alternatives_card(decided: DecidedOrder, alternatives: Alternatives, context: CardContext) -> Card:
    """Propose each preferred product that suits the patient, as far as known, instead of the ordered one."""
    decision = decided.decision
    names = [context.drugs[each.drug].brand or context.drugs[each.drug].name for each in alternatives.offered]
    offered = "\n".join(
        bullet(f"{bold(context.drugs[each.drug].title)}: {escape(wording.join(dosage_text(each), each.basis))}")
        for each in alternatives.offered
    )
    left_out = "\n".join(
        bullet(f"{bold(context.drugs[each.drug].title)}: {escape(wording.sentence(each.reason))}")
        for each in alternatives.left_out
    )
    return Card(
        uuid=name_uuid(decision, "alternatives"),
        summary=fitting(
            f"{opening_name(decision)}: preferred product to consider first: {' or '.join(names)}",
            f"Preferred product to consider first: {' or '.join(names)}",
            "The plan prefers other products to the ordered one",
        ),
        detail=paragraphs(
            f"{escape(decision.payer.name)} prefers other products to {order_line(decision)}. "
            "Each choice removes this order and drafts another for your review:",
            offered,
            "Not proposed:" if left_out else "",
            left_out,
        ),
        indicator="info",
        source=source(decision, Topic.REQUIRED_ALTERNATIVES, context),
        suggestions=tuple(_switch(decided, each, context) for each in alternatives.offered),
        selection_behavior="at-most-one",
        override_reasons=_override_reasons(context.links),
        extension=associated(decided, context),
    )


def reflex_test_card(decided: DecidedOrder, context: CardContext) -> Card | None:
    """Propose the tests that an order can close an open need with; None when there is none."""
    decision = decided.decision
    policy, _ = judged(decision)
    needs = {each.need.orderable: each for each in orderable_tests(decision)}
    tests = {name: test for name, test in policy.reflex_tests.items() if name in needs}
    drafts = {
        name: draft_service_request(decision, name, test, decided.resource, context) for name, test in tests.items()
    }
    # CRD's profile requires a requester; an order that names none, on a hook without a user, leaves nobody to be it.
    tests = {name: test for name, test in tests.items() if "requester" in drafts[name]}
    if not tests:
        return None
    items = "\n".join(
        bullet(
            f"{bold(test.display)} for {escape(needs[name].title)}: {escape(wording.sentence(needs[name].need.text))}"
        )
        for name, test in tests.items()
    )
    named = " and ".join(test.display for test in tests.values())
    return Card(
        uuid=name_uuid(decision, "reflex-test"),
        summary=fitting(
            f"{opening_name(decision)}: {named} would close an open criterion",
            f"Missing test would close an open criterion: {named}",
            "A missing test would close an open criterion of this order",
        ),
        detail=paragraphs(f"For {order_line(decision)}, an order can close what is open:", items),
        indicator="info",
        source=source(decision, Topic.CLINICAL_REMINDER, context),
        suggestions=tuple(_add_test(decision, name, test, drafts[name]) for name, test in tests.items()),
        selection_behavior=context.dialect.independent_choices,
        extension=associated(decided, context),
    )


def _switch(decided: DecidedOrder, alternative: Alternative, context: CardContext) -> Suggestion:
    """Delete the order and create the draft: the two actions CRD allows here (crd-respar-1)."""
    decision = decided.decision
    title = context.drugs[alternative.drug].title
    return Suggestion(
        label=f"Order {title} instead",
        uuid=name_uuid(decision, "alternatives", alternative.drug),
        actions=(
            Action(
                "delete",
                f"Remove the order for {order_name(decision)}",
                resource_id=decision.order.source.reference,
            ),
            Action(
                "create",
                f"Draft an order for {title}",
                draft_medication_request(decision, alternative, decided.resource, context),
            ),
        ),
    )


def _add_test(decision: Decision, name: str, test: ReflexTest, draft: Mapping[str, Any]) -> Suggestion:
    return Suggestion(
        label=f"Order {test.display}",
        uuid=name_uuid(decision, "reflex-test", name),
        actions=(Action("create", f"Draft an order for {test.display}", draft),),
    )


def _override_reasons(links: Links) -> tuple[Coding, ...]:
    return tuple(Coding(links.override_reasons, code, display) for code, display in _OVERRIDE_REASONS.items())
