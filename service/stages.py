"""The stages of a call that a trace shows apart."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from enum import Enum


class Stage(Enum):
    """A part of answering a call; the name of its span."""

    GATHER = "gather"
    """Reading prefetch and asking the FHIR server."""
    DECIDE = "decide"
    RECORD = "record"
    """Writing to the database; inside of deciding."""


ShowStage = Callable[[Stage], AbstractContextManager[object]]
"""Makes a block a stage of the present call's trace."""

_NOTHING = nullcontext()


def no_stage(_stage: Stage) -> AbstractContextManager[object]:
    """Show nothing: there is no trace."""
    return _NOTHING
