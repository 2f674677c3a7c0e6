"""What every card has: a stable identity, a payer's name and topic, the order it is about."""

from enum import Enum
from typing import Any, assert_never
from uuid import UUID, uuid5

from cards.card import SUMMARY_LIMIT, CardSource, Coding
from cards.context import CardContext, DecidedOrder
from cards.markdown import bold, escape, plain
from cards.naming import opening_name, order_name
from criteria.decision import Decision

_ASSOCIATED = "davinci-crd.associated-resource"
_NAMESPACE = UUID("6d0f0a3e-51b7-5d8e-9a53-3c1d6d3b8f10")
"""Any fixed UUID would do: it keeps our names apart from those of others."""


class Topic(Enum):
    """Topics of our cards, in the order of their priority: first the two that say the outcome."""

    COVERAGE_INFORMATION = "coverage-info"
    INSURANCE = "insurance"
    APPROPRIATE_USE = "appropriate-use"
    REQUIRED_ALTERNATIVES = "therapy-alternatives-req"
    CLINICAL_REMINDER = "clinical-reminder"
    CONTRAINDICATION = "contraindication"
    GUIDELINE = "guideline"


_DISPLAYS = {
    Topic.COVERAGE_INFORMATION: "Coverage Information",
    Topic.INSURANCE: "Insurance",
    Topic.APPROPRIATE_USE: "Appropriate Use",
    Topic.REQUIRED_ALTERNATIVES: "Required Therapy Alternatives",
    Topic.CLINICAL_REMINDER: "Clinical Reminder",
    Topic.CONTRAINDICATION: "Contraindication",
    Topic.GUIDELINE: "Guideline",
}


def name_uuid(decision: Decision, *parts: str) -> str:
    """Return the UUID of a part of this decision's answer: the same decision gives the same one."""
    return str(uuid5(_NAMESPACE, "\x1f".join([decision.id, *parts])))


def source(decision: Decision, topic: Topic, context: CardContext) -> CardSource:
    """Return payer and topic. The payer's name, not a benefit manager's (CRD resp-4)."""
    return CardSource(plain(decision.payer.name), Coding(context.dialect.topics, topic.value, _DISPLAYS[topic]))


def associated(decided: DecidedOrder, context: CardContext) -> dict[str, Any]:
    """Return the extension that names the resource of the call a card is about (CRD dev-25), empty without CRD."""
    match context.dialect.associated_resource:
        case "Reference":
            return {_ASSOCIATED: [{"reference": decided.reference}]}
        case "string":
            return {_ASSOCIATED: [decided.reference]}
        case None:
            return {}
        case other:
            assert_never(other)


def order_line(decision: Decision, *, opens: bool = False) -> str:
    """Return the order as a detail names it: what is ordered, and the reference; `opens` where a sentence begins."""
    name = opening_name(decision) if opens else order_name(decision)
    return f"{bold(name)} ({escape(decision.order.source.reference)})"


def fitting(*candidates: str) -> str:
    """Return the first summary that is short enough; raise ValueError when none is.

    The last candidate names nothing of the request, so its length does not depend on what was sent.
    """
    for candidate in candidates:
        if len(candidate) <= SUMMARY_LIMIT:
            return candidate
    raise ValueError(f"no summary is short enough: {candidates[-1]!r}")
