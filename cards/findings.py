"""What answers and cards read off a decision: the announced outcome, the decisive criteria, what is asked."""

from collections.abc import Iterator
from typing import assert_never

from criteria.decision import Decision
from criteria.finding import Determination, Finding, NeedKind, OpenNeed
from criteria.outcome import Outcome
from criteria.policy import Contact, Policy
from criteria.verdict import Verdict


def is_primary(decision: Decision) -> bool:
    """Say whether the hook issues determinations; without an authority it is taken to."""
    return decision.authority is None or decision.authority.primary_hook


def announced_outcome(decision: Decision) -> Outcome:
    """Return the outcome as this hook may say it: secondary hooks give no number and word not-met as review."""
    if is_primary(decision):
        return decision.outcome
    match decision.outcome:
        case Outcome.AUTHORIZED:
            return Outcome.AUTHORIZABLE
        case Outcome.NOT_MET:
            return Outcome.REVIEW
        case other:
            return other


def judged(decision: Decision) -> tuple[Policy, Determination]:
    """Return policy and determination of a judged order; raise ValueError when there is none, which is a bug."""
    if decision.policy is None or decision.determination is None:
        raise ValueError(f"{decision.outcome.value} needs a policy and a determination")
    return decision.policy, decision.determination


def contact_of(decision: Decision) -> Contact | None:
    """Return whom to ask: the policy's contact, else the payer's."""
    return (decision.policy.contact if decision.policy else None) or decision.payer.contact


def decisive(root: Finding) -> tuple[Finding, ...]:
    """Return the criteria that make a met or not-met node what it is, each once.

    A negation has no branch of its own verdict: it is named itself.
    """
    found: dict[str, Finding] = {}
    for finding in _decisive(root):
        found.setdefault(finding.id, finding)
    return tuple(found.values())


def _decisive(node: Finding) -> Iterator[Finding]:
    same = [branch for branch in node.of if branch.verdict is node.verdict]
    if not same:
        yield node
    for branch in same:
        yield from _decisive(branch)


def finding_of(root: Finding, criterion: str) -> Finding | None:
    """Return the finding of a criterion, None when the tree does not hold it."""
    if root.id == criterion:
        return root
    return next((found for branch in root.of if (found := finding_of(branch, criterion))), None)


def asked_needs(decision: Decision) -> tuple[OpenNeed, ...]:
    """Return the open needs the announced outcome rests on, most decisive first.

    A missing system and a review that outranks documents count wherever they stand, as in `outcome_of`; all else
    only in view.
    """
    outcome = announced_outcome(decision)
    match outcome:
        case Outcome.TECHNICAL:
            return _open(decision, {NeedKind.SOURCE}, everywhere=True)
        case Outcome.DOCUMENTATION:
            return _open(decision, {NeedKind.DOCUMENT, NeedKind.TEST})
        case Outcome.REVIEW:
            first = tuple(each for each in _open(decision, {NeedKind.REVIEW}, everywhere=True) if _outranks(each))
            return first + tuple(each for each in _open(decision, {NeedKind.REVIEW}) if not _outranks(each))
        case (
            Outcome.NO_MEMBER_FOUND
            | Outcome.NO_ACTIVE_COVERAGE
            | Outcome.COVERAGE_NOT_FOUND
            | Outcome.NO_POLICY
            | Outcome.DRUG_UNCLEAR
            | Outcome.PREFERRED
            | Outcome.AUTHORIZED
            | Outcome.AUTHORIZABLE
            | Outcome.NOT_MET
        ):
            return ()
        case _:
            assert_never(outcome)


def review_needs_in_view(decision: Decision) -> tuple[OpenNeed, ...]:
    """Return the open needs in view that are the plan's to close."""
    return _open(decision, {NeedKind.REVIEW})


def orderable_tests(decision: Decision) -> tuple[OpenNeed, ...]:
    """Return the open test needs in view that an order can close, one per test."""
    if announced_outcome(decision) not in {Outcome.DOCUMENTATION, Outcome.REVIEW, Outcome.TECHNICAL}:
        return ()
    tests = {each.need.orderable: each for each in reversed(_open(decision, {NeedKind.TEST})) if each.need.orderable}
    return tuple(reversed(tests.values()))


def has_needs_out_of_view(decision: Decision) -> bool:
    """Say whether the policy covers other uses that nothing in the record points to."""
    return decision.determination is not None and not all(each.in_view for each in decision.determination.open_needs)


def deciding_criterion(decision: Decision) -> tuple[str, str]:
    """Return id and title of the criterion to read first: the first failed, else the first asked, else the root."""
    _, determination = judged(decision)
    root = determination.root
    if root.verdict is Verdict.NOT_MET:
        return (first := decisive(root)[0]).id, first.title
    for need in asked_needs(decision):
        return need.criterion, need.title
    return root.id, root.title


def _outranks(open_need: OpenNeed) -> bool:
    return open_need.need.outranks_documentation


def _open(decision: Decision, kinds: set[NeedKind], *, everywhere: bool = False) -> tuple[OpenNeed, ...]:
    policy, determination = judged(decision)
    found = [each for each in determination.open_needs if each.need.kind in kinds and (everywhere or each.in_view)]
    return tuple(sorted(found, key=lambda each: _rank(policy, each)))


def _rank(policy: Policy, open_need: OpenNeed) -> int:
    leaf = policy.leaves.get(open_need.criterion)
    return leaf.rank if leaf else 0
