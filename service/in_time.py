"""Waiting no longer than some seconds for a call that cannot be told to hurry."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def within(
    seconds: float,
    call: Callable[[], Result],
    late: Callable[[Result], object] | None = None,
    *,
    name: str = "within",
) -> Result:
    """Return what a call returns, or raise what it raises; raise TimeoutError when that takes longer.

    The call runs on in a thread of its own then, for which the end of the process does not wait, and `late` is given
    what it returns in the end. Looking up a host's name and opening a connection have no limit of their own that is
    short enough.
    """
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        # Whatever it is belongs to whoever waits.
        except BaseException as error:  # noqa: BLE001
            outcome.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    try:
        return outcome.result(timeout=seconds)
    except TimeoutError:
        if late is not None:
            outcome.add_done_callback(lambda ended: None if ended.exception() else late(ended.result()))
        raise
