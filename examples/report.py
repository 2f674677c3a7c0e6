"""What a person reads of a played chart: plain text, a dozen lines each, and a table at the end."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from examples.play import Played, PlayedOrder

WIDTH = 118
MOST_DECIDED = 8
MOST_OPEN = 3
_LABEL = 11
_KINDS: Mapping[str, frozenset[str]] = {
    "technical": frozenset({"source"}),
    "documentation": frozenset({"document", "test"}),
    "review": frozenset({"review"}),
}
"""The kinds of needs that an outcome rests on."""


def chart_text(played: Played) -> str:
    """Return the paragraph about a chart."""
    lines = [f"--- {played.chart.name} ".ljust(WIDTH, "-"), *textwrap.wrap(played.chart.sentence, WIDTH)]
    for order in played.orders:
        lines += _order_lines(order, played.chart.outcomes.get(order.reference))
    lines += [line for each in played.cards for line in _lines("card", f"{_topic(each)}: {each['summary']}")]
    lines += [line for each in played.differences for line in _lines("DIFFERENT", each)]
    return "\n".join(lines) + "\n"


def table_text(results: Sequence[Played]) -> str:
    """Return the table of all charts and orders, and the count."""
    rows = [("chart", "order", "promised", "got", "")]
    for played in results:
        got = {each.reference: each.outcome for each in played.orders}
        for reference, promised in played.chart.outcomes.items():
            name = reference.removeprefix("MedicationRequest/")
            outcome = got.get(reference, "no decision")
            rows.append((played.chart.name, name, promised, outcome, "ok" if outcome == promised else "DIFFERENT"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    wrong = [each for each in results if each.differences]
    count = f"{len(results)} charts, {len(results) - len(wrong)} as promised"
    return "\n".join(
        [*lines, "", count, *(f"{each.chart.name}: {words}" for each in wrong for words in each.differences)]
    )


def _order_lines(order: PlayedOrder, promised: str | None) -> Iterator[str]:
    decision, sent = order.decision, order.information
    shown = [str(sent[key]) for key in ("covered", "pa-needed", "doc-needed", "satisfied-pa-id") if key in sent]
    verdict = "as promised" if order.outcome == promised else f"promised {promised}"
    yield from _lines("order", f"{decision['order']['label']} ({order.reference})")
    yield from _lines("outcome", f"{order.outcome}, {verdict}; sent as {', '.join(shown)}")
    policy, tree = decision.get("policy"), decision.get("criteria")
    if policy is None or tree is None:
        yield from _lines("reason", str(sent.get("reason", {}).get("text", "")))
        return
    where = f"{policy['id']} version {policy['version']}, path {decision['path']}, on {decision['on']}"
    yield from _lines("policy", where)
    found = deciding(tree, order.outcome)
    most = MOST_OPEN if tree["verdict"] == "unknown" else MOST_DECIDED
    for node in found[:most]:
        yield from _criterion_lines(node, order.outcome)
    if len(found) > most:
        yield from _lines("", f"and {len(found) - most} more")


def deciding(tree: Mapping[str, Any], outcome: str) -> list[Mapping[str, Any]]:
    """Return the criteria that explain the root's verdict, each once.

    Of a root that is met or not, those on the branches with its verdict; of an open one those with an open need of
    the outcome's kind, the ones in view before the others and those with evidence before those without.
    """
    if tree["verdict"] != "unknown":
        return list({each["id"]: each for each in _leaves(tree, tree["verdict"])}.values())
    leaves = {each["id"]: each for each in _leaves(tree) if _open_needs(each, outcome)}.values()
    asked = [each for each in leaves if any(need["inView"] for need in _open_needs(each, outcome))]
    return sorted(asked or leaves, key=lambda each: not each["evidence"])


def _leaves(node: Mapping[str, Any], verdict: str | None = None) -> Iterator[Mapping[str, Any]]:
    """Yield the leaves, below nodes of this verdict only if one is given."""
    if not node["of"]:
        yield node
    for each in node["of"]:
        if verdict in {None, each["verdict"]}:
            yield from _leaves(each, verdict)


def _open_needs(node: Mapping[str, Any], outcome: str) -> list[Mapping[str, Any]]:
    kinds = _KINDS.get(outcome, frozenset())
    return [each for each in node["needs"] if each["open"] and each["kind"] in kinds]


def _criterion_lines(node: Mapping[str, Any], outcome: str) -> Iterator[str]:
    """Yield the verdict with the first evidence, and what is needed if the criterion is open."""
    evidence = node["evidence"]
    more = f" and {len(evidence) - 1} more" if len(evidence) > 1 else ""
    seen = f": {evidence[0]['reference']}, {evidence[0]['observed']}, {evidence[0]['role']}{more}" if evidence else ""
    yield from _lines(node["verdict"], f"{node['title']}{seen}")
    for each in _open_needs(node, outcome)[:1]:
        yield from _lines("", f"{each['kind']}: {each['text']}")


def _topic(card: Mapping[str, Any]) -> str:
    return str(card["source"]["topic"]["code"])


def _lines(label: str, words: str) -> Iterator[str]:
    """Yield one line, or two when the words need them; what does not fit into two is cut."""
    indent = f"  {label:<{_LABEL}}"
    yield from textwrap.wrap(
        words, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent), max_lines=2, placeholder=" ..."
    )
