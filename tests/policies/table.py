"""Which case shows which criterion in which verdict: `python -m tests.policies.table` prints it as Markdown."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from criteria.data_files import read_yaml
from criteria.policy import Policy
from criteria.verdict import Verdict
from tests.policies.case_file import FOLDER, all_cases
from tests.policies.runner import shipped

NOT_TAKEN = FOLDER / "verdicts-not-taken.yaml"
VERDICTS = tuple(each.value for each in Verdict)


@cache
def not_taken() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Return the reason why a verdict cannot be, by policy, criterion and verdict."""
    found: dict[str, dict[str, dict[str, str]]] = read_yaml(NOT_TAKEN, NOT_TAKEN.name).content
    return found


@cache
def seen() -> Mapping[tuple[str, str, str], tuple[str, ...]]:
    """Return the sentences of the cases that expect a verdict, by policy, criterion and verdict."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for case in all_cases():
        for criterion, verdict in case.expect.get("verdicts", {}).items():
            found.setdefault((case.policy, criterion, verdict), []).append(case.sentence)
    return {key: tuple(sentences) for key, sentences in found.items()}


def lines(policy: Policy, shown: int | None = 1) -> Iterator[str]:
    """Yield the rows of one policy's table; `shown` cases per cell, None for all of them."""
    yield f"| {policy.id} | {' | '.join(VERDICTS)} |"
    yield f"|---|{'---|' * len(VERDICTS)}"
    for leaf in policy.leaves:
        yield f"| `{leaf}` | {' | '.join(_cell(policy.id, leaf, verdict, shown) for verdict in VERDICTS)} |"


def _cell(policy: str, leaf: str, verdict: str, shown: int | None) -> str:
    reason = not_taken().get(policy, {}).get(leaf, {}).get(verdict)
    if reason is not None:
        return f"*never*: {reason}" if "test_" not in reason else f"*elsewhere*: {reason}"
    found = seen().get((policy, leaf, verdict), ())
    kept = found if shown is None else found[:shown]
    more = len(found) - len(kept)
    return "; ".join(kept).replace("|", "/") + (f" (and {more} more)" if more else "")


def print_table(arguments: Sequence[str]) -> None:
    """Print the tables of all policies; with `--all` every case of a cell."""
    for policy in shipped()[0].policies.values():
        print(*lines(policy, None if "--all" in arguments else 1), "", sep="\n")  # noqa: T201 - what it is for


if __name__ == "__main__":
    print_table(sys.argv[1:])
