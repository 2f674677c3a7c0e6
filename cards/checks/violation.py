"""Where an answer breaks which rule. Nothing of the answer itself is repeated: it holds patient data."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Violation:
    """`place` is a JSON path in the answer; `rule` is "id: text", both written by us."""

    place: str
    rule: str

    @classmethod
    def at(cls, steps: Iterable[str | int], rule: str) -> Self:
        """Return the violation of a rule at the place these steps lead to."""
        return cls("$" + "".join(map(_step, steps)), rule)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() else f"['{step}']"
