"""One rule, an answer that keeps it and one that breaks it and nothing else."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from cards.checks import AnswerCheck, Violation
from cards.dialect import DIALECTS
from tests.cards.checks.answers import OURS, Json, answer
from tests.cards.checks.changes import Change, both, changed

CRD = ("2.0", "2.1", "2.2")
ALL = (*CRD, "cds-hooks")
AS_IT_IS = both()


@dataclass(frozen=True)
class Case:
    """`good` and `bad` change the valid answer of every dialect named."""

    rule: str
    bad: Change
    good: Change = AS_IT_IS
    dialects: tuple[str, ...] = ("2.2",)
    primary: bool = True

    def hold(self) -> None:
        """Raise AssertionError unless `good` is accepted and `bad` is refused by this rule alone."""
        for name in self.dialects:
            valid = answer(name, primary=self.primary)
            kept = judge(changed(valid, self.good), name, primary=self.primary)
            assert kept == (), f"{name}: the good answer is refused: {kept}"
            mutant = changed(valid, self.bad)
            assert mutant != valid, f"{name}: the bad answer is the good one"
            broken = rules(judge(mutant, name, primary=self.primary))
            assert broken == {self.rule}, f"{name}: expected {self.rule}, found {sorted(broken) or 'nothing'}"


@cache
def check() -> AnswerCheck:
    return AnswerCheck.load()


def judge(
    json: Json, name: str = "2.2", *, primary: bool = True, ours: Collection[str] = OURS
) -> tuple[Violation, ...]:
    return check().violations(json, DIALECTS[name], is_primary=primary, ours=ours)


def rules(found: Collection[Violation]) -> set[str]:
    """Return the ids of the rules that were broken."""
    return {each.rule.partition(":")[0] for each in found}
