"""The three verdicts and strong Kleene logic over them.

A verdict has no truth value: `if verdict:` would turn "we do not know" into a yes,
so Python refuses it at run time and mypy reports it as unreachable code.
"""

from collections.abc import Iterable
from enum import Enum
from typing import NoReturn


class Verdict(Enum):
    """What the record says about a criterion."""

    MET = "met"
    NOT_MET = "not-met"
    UNKNOWN = "unknown"

    def __bool__(self) -> NoReturn:
        """Raise: only comparison with a named verdict says what is meant."""
        message = f"{self} has no truth value: compare it with a named verdict"
        raise TypeError(message)


_NEGATED = {
    Verdict.MET: Verdict.NOT_MET,
    Verdict.NOT_MET: Verdict.MET,
    Verdict.UNKNOWN: Verdict.UNKNOWN,
}


def negate(verdict: Verdict) -> Verdict:
    """Swap met and not-met; unknown stays unknown."""
    return _NEGATED[verdict]


def at_least(threshold: int, verdicts: Iterable[Verdict]) -> Verdict:
    """Say whether `threshold` of the verdicts are met.

    Unknown exactly when the completions of the unknowns disagree: met when the met ones
    suffice, not-met when even all unknowns turning met would not.
    """
    found = list(verdicts)
    met = found.count(Verdict.MET)
    if met >= threshold:
        return Verdict.MET
    if met + found.count(Verdict.UNKNOWN) < threshold:
        return Verdict.NOT_MET
    return Verdict.UNKNOWN


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Conjunction: every verdict met."""
    found = list(verdicts)
    return at_least(len(found), found)


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Disjunction: one verdict met."""
    return at_least(1, verdicts)
