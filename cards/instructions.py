"""Cards that tell the user to do something: what to send, what to check before the drug is given."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from cards import wording
from cards.card import Card
from cards.context import CardContext, DecidedOrder
from cards.envelope import Topic, associated, fitting, name_uuid, order_line, source
from cards.findings import has_needs_out_of_view, judged
from cards.markdown import bold, bullet, escape, link, paragraphs, plain
from cards.naming import opening_name
from cards.outline import Choice, Entry, Item, criteria_of, outline
from criteria.decision import Decision


def documentation_card(decided: DecidedOrder, context: CardContext) -> Card:
    """Say per criterion what to send, most decisive first. The outcome is `documentation`, the hook primary."""
    decision = decided.decision
    policy, _ = judged(decision)
    first = plain(next(criteria_of(outline(decision))).title)
    name = opening_name(decision)
    return Card(
        uuid=name_uuid(decision, "documentation"),
        summary=fitting(
            f"{name}: documentation needed, above all: {first}",
            f"{name}: documentation needed for prior authorization",
            "Documentation needed for prior authorization of this order",
        ),
        detail=paragraphs(
            f"To decide coverage of {order_line(decision)} under {escape(policy.title)}, send:",
            "\n".join(_list(outline(decision), said=set(), depth=0)),
            _other_uses(decision, context),
        ),
        indicator="warning",
        source=source(decision, Topic.APPROPRIATE_USE, context),
        extension=associated(decided, context),
    )


def safety_card(decided: DecidedOrder, context: CardContext) -> Card:
    """Point to facts in the record that the label's boxed warning is about. Never changes an outcome."""
    decision = decided.decision
    items = "\n".join(
        bullet(f"{escape(each.text)} (record: {escape(each.source.reference)}; label: {escape(each.label)})")
        for each in decision.safety_notes
    )
    return Card(
        uuid=name_uuid(decision, "safety"),
        summary=fitting(
            f"{opening_name(decision)}: the record holds a fact its boxed warning is about",
            "The record holds a fact the ordered drug's boxed warning is about",
        ),
        detail=paragraphs(
            f"Before giving {order_line(decision)}, check:", items, "This note does not change the coverage outcome."
        ),
        indicator="warning",
        source=source(decision, Topic.CONTRAINDICATION, context),
        extension=associated(decided, context),
    )


def _list(entries: Sequence[Entry], said: set[str], depth: int) -> Iterator[str]:
    """Yield the lines of the list; what was said once is not said again."""
    indent = "  " * depth
    for entry in entries:
        match entry:
            case Item():
                yield from (f"{indent}{line}" for line in _item(entry, said))
            case Choice(enough=enough, ways=ways):
                yield f"{indent}- {'One of these is' if enough == 1 else f'{enough} of these are'} enough:"
                for way in ways:
                    if len(way.entries) == 1:
                        yield from _list(way.entries, said, depth + 1)
                    else:
                        yield f"{indent}  - {bold(way.title)}, all of these:"
                        yield from _list(way.entries, said, depth + 2)
            case _:
                assert_never(entry)


def _item(item: Item, said: set[str]) -> Iterator[str]:
    """Yield what to send for a criterion; below it what the record lacks, unless that was said already."""
    if item.leaf.id in said:
        yield f"- {bold(item.leaf.title)}, as above"
        return
    said.add(item.leaf.id)
    texts = [wording.sentence(item.leaf.request), *(wording.sentence(each.text) for each in item.needs)]
    request, *below = (text for text in dict.fromkeys(texts) if text)
    yield f"- {bold(item.leaf.title)}: {escape(request)}"
    yield from (f"  - {escape(text)}" for text in below if text not in said)
    said.update(texts)


def _other_uses(decision: Decision, context: CardContext) -> str:
    if not has_needs_out_of_view(decision):
        return ""
    policy, _ = judged(decision)
    return f"Other uses the policy covers: {link(policy.title, context.links.policy(policy.id))}."
