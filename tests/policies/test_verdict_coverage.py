"""The cases are judged: every criterion is seen in every verdict that it can take."""

import pytest

from tests.policies.runner import shipped
from tests.policies.table import VERDICTS, lines, not_taken, print_table, seen

LEAVES = [(policy.id, leaf) for policy in shipped()[0].policies.values() for leaf in policy.leaves]


@pytest.mark.parametrize(("policy", "leaf"), LEAVES)
def test_a_case_shows_the_criterion_in_every_verdict_it_can_take(policy: str, leaf: str) -> None:
    reasons = not_taken().get(policy, {}).get(leaf, {})
    unseen = {verdict for verdict in VERDICTS if (policy, leaf, verdict) not in seen()}
    # A verdict that is said to be impossible and seen all the same is as wrong as one that is never seen.
    assert unseen == set(reasons)


def test_the_reasons_are_about_criteria_that_exist() -> None:
    assert {(policy, leaf) for policy, leaves in not_taken().items() for leaf in leaves} <= set(LEAVES)


def test_a_reason_says_something() -> None:
    given = [text for leaves in not_taken().values() for reasons in leaves.values() for text in reasons.values()]
    assert all(len(text.split()) > 4 for text in given)


def test_the_table_has_a_row_for_each_criterion(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([])
    printed = capsys.readouterr().out
    assert [name for _, name in LEAVES if f"| `{name}` |" not in printed] == []
    for policy in shipped()[0].policies.values():
        assert len(list(lines(policy))) == len(policy.leaves) + 2


def test_the_long_table_names_every_case(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["--all"])
    assert "more)" not in capsys.readouterr().out
