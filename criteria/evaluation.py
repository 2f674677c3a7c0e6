"""Evaluate a criteria tree: the whole tree, each criterion once, then what is still worth asking."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import assert_never

from msgspec.structs import replace

from criteria.errors import UndecidedError
from criteria.facts import Case
from criteria.finding import Determination, Finding, Judgement, OpenNeed
from criteria.policy import Path
from criteria.tree import AllOf, AnyOf, AtLeast, Criterion, Leaf, Not
from criteria.verdict import Verdict, all_of, any_of, at_least, negate


def evaluate(path: Path, case: Case, on: date) -> Determination:
    """Judge every criterion of the path and combine them.

    No branch is skipped: an explanation that stops early hides its reasons. Raises UndecidedError when an
    unknown root has no open need, which would be an answer nobody can act on.
    """
    findings: dict[str, Finding] = {}
    root = _judge(path.root, case, on, findings)
    open_needs = tuple(_open_needs(path.root, findings))
    if root.verdict is Verdict.UNKNOWN and not open_needs:
        message = f"unknown root {root.id!r} without an open need"
        raise UndecidedError(message)
    return Determination(path.name, on, root, open_needs)


def _judge(criterion: Criterion, case: Case, on: date, findings: dict[str, Finding]) -> Finding:
    """Judge a node, its branches first; a criterion that stands in several places is judged once."""
    if criterion.id in findings:
        return findings[criterion.id]
    match criterion:
        case Leaf():
            found = _judge_leaf(criterion, case, on, findings)
        case AllOf(id=node, title=title, of=branches):
            below = tuple(_judge(branch, case, on, findings) for branch in branches)
            found = Finding(node, title, all_of(each.verdict for each in below), of=below)
        case AnyOf(id=node, title=title, of=branches):
            below = tuple(_judge(branch, case, on, findings) for branch in branches)
            found = Finding(node, title, any_of(each.verdict for each in below), of=below)
        case AtLeast(id=node, title=title, threshold=threshold, of=branches):
            below = tuple(_judge(branch, case, on, findings) for branch in branches)
            found = Finding(node, title, at_least(threshold, (each.verdict for each in below)), of=below)
        case Not(id=node, title=title, of=branch):
            inner = _judge(branch, case, on, findings)
            found = Finding(node, title, negate(inner.verdict), of=(inner,))
        case _:
            assert_never(criterion)
    findings[criterion.id] = found
    return found


def _judge_leaf(leaf: Leaf, case: Case, on: date, findings: Mapping[str, Finding]) -> Finding:
    judgement: Judgement = leaf.predicate.judge(case, on, {name: findings[name] for name in leaf.relies_on})
    needs = tuple(need if need.text else replace(need, text=leaf.request) for need in judgement.needs)
    return Finding(leaf.id, leaf.title, judgement.verdict, leaf.citation, judgement.evidence, needs)


def _open_needs(root: Criterion, findings: Mapping[str, Finding]) -> Iterator[OpenNeed]:
    """Yield each open need once; in view as soon as one way to it is in view."""
    seen: dict[tuple[str, str, str], OpenNeed] = {}
    for leaf, in_view in _open_leaves(root, findings, in_view=True):
        finding = findings[leaf.id]
        for need in finding.needs:
            key = (leaf.id, need.kind.value, need.text)
            if key not in seen or (in_view and not seen[key].in_view):
                seen[key] = OpenNeed(leaf.id, leaf.title, need, in_view)
    yield from seen.values()


def _open_leaves(
    criterion: Criterion, findings: Mapping[str, Finding], *, in_view: bool
) -> Iterator[tuple[Leaf, bool]]:
    """Walk the nodes that can still change the root's verdict: only unknown ones can."""
    if findings[criterion.id].verdict is not Verdict.UNKNOWN:
        return
    match criterion:
        case Leaf():
            yield criterion, in_view
        case Not(of=branch):
            yield from _open_leaves(branch, findings, in_view=in_view)
        case AllOf(of=branches) | AtLeast(of=branches):
            for branch in branches:
                yield from _open_leaves(branch, findings, in_view=in_view)
        case AnyOf(of=branches):
            unknown = [branch for branch in branches if findings[branch.id].verdict is Verdict.UNKNOWN]
            gated = [branch for branch in unknown if _gate_is_met(branch, findings)]
            for branch in unknown:
                visible = in_view and (not gated or branch in gated)
                yield from _open_leaves(branch, findings, in_view=visible)
        case _:
            assert_never(criterion)


def _gate_is_met(branch: Criterion, findings: Mapping[str, Finding]) -> bool:
    """Say whether the leaf that gates this branch is met: the branch itself, or a direct part of its all-of."""
    match branch:
        case Leaf():
            gates = [branch] if branch.gate else []
        case AllOf(of=parts):
            gates = [part for part in parts if isinstance(part, Leaf) and part.gate]
        case AnyOf() | AtLeast() | Not():
            gates = []
        case _:
            assert_never(branch)
    return any(findings[gate.id].verdict is Verdict.MET for gate in gates)
