"""Cards that only say something: what to send, what the label warns of, that no Coverage was found."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from cards import wording
from cards.card import Card
from cards.context import CardContext
from cards.envelope import Topic, associated, fitting, name_uuid, order_line, source
from cards.findings import announced_outcome, has_needs_out_of_view, judged
from cards.markdown import bold, bullet, escape, link, paragraphs, plain
from cards.outline import Choice, Entry, Item, criteria_of, outline
from criteria.decision import Decision
from criteria.outcome import Outcome


def documentation_card(decision: Decision, context: CardContext) -> Card:
    """Say per criterion what to send, most decisive first. The outcome is `documentation`."""
    policy, _ = judged(decision)
    entries = outline(decision)
    first = plain(next(criteria_of(entries)).title)
    name = wording.drug_name(decision)
    return Card(
        uuid=name_uuid(decision, "documentation"),
        summary=fitting(
            f"{name}: documentation needed, above all: {first}",
            f"{name}: documentation needed for prior authorization",
            "Documentation needed for prior authorization of this order",
        ),
        detail=paragraphs(
            f"To decide coverage of {order_line(decision)} under {escape(policy.title)}, send:",
            "\n".join(_requests(entries)),
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
    is_unread = outcome is Outcome.TECHNICAL and decision.determination is None
    drug = wording.drug_name(decision)
    summaries = (
        (f"{drug}: nothing was decided, a system did not answer", "Nothing was decided: a system did not answer")
        if is_unread
        else (
            f"{drug}: no Coverage found; read against the policies of {name} only",
            "No Coverage found for this order; read against the default payer's policies only",
        )
    )
    without = f"No Coverage was found, so {escape(name)} was assumed and nothing was written to the order."
    return Card(
        uuid=name_uuid(decision, "no-coverage"),
        summary=fitting(*summaries),
        detail=paragraphs(
            f"{order_line(decision)}: {bold(wording.headline(decision))}.",
            escape(text),
            "Nothing was written to the order." if is_unread else without,
        ),
        indicator="info",
        source=source(decision, Topic.INSURANCE),
        extension=associated(decision),
    )


def _requests(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the lines of the list; what was said once is not said again."""
    yield from _list(entries, said=set(), depth=0)


def _list(entries: Sequence[Entry], said: set[str], depth: int) -> Iterator[str]:
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
