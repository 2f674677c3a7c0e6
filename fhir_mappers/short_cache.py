"""Remembering what codes and short names mean, but nothing that could be a patient's story.

The same few codes and names come with every request. Long texts are written about one patient: kept beyond the call
they would be health data held for nothing, and a bound on the number of entries would be none on the memory.
"""

from collections.abc import Callable, Hashable
from functools import wraps
from typing import ParamSpec, TypeVar

from msgspec import Struct
from msgspec.structs import astuple

LONGEST = 320
"""Characters of all texts of a call together.

A concept with two codings and a text, each of them the official name of a receptor test (LOINC 85339-0), has 301.
"""

MOST = 2048
"""Entries of one cache: with `LONGEST`, a few megabytes at the worst."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


def short_cache(longest: int = LONGEST, most: int = MOST) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Cache a function of hashable arguments, for calls whose texts have at most `longest` characters together.

    What is not text (a vocabulary, a method) is not measured. Calls with keywords are not cached.
    """

    def remembering(function: Callable[_P, _T]) -> Callable[_P, _T]:
        held: dict[Hashable, _T] = {}

        @wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            if kwargs:
                return function(*args, **kwargs)
            try:
                return held[args]
            except KeyError:
                value = function(*args, **kwargs)
            if _length(args) <= longest:
                if len(held) >= most:
                    held.clear()  # unlike dropping the oldest it is one step, which no other thread can interrupt
                held[args] = value
            return value

        call.held = held  # type: ignore[attr-defined]  # for tests
        return call

    return remembering


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Struct):
        value = astuple(value)
    return sum(map(_length, value)) if isinstance(value, tuple) else 0
