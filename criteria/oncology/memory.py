"""Derive a reading of a case once, however many criteria ask for it."""

from collections.abc import Callable
from typing import TypeVar, cast

from criteria.facts import Case

T = TypeVar("T")


def once(case: Case, key: object, derive: Callable[[], T]) -> T:
    """Return the reading kept under `key` in the case's memo, deriving it the first time."""
    if key not in case.memo:
        case.memo[key] = derive()
    return cast("T", case.memo[key])
