"""The keys of each client, fetched from its registered address and kept for a while.

A client changes its keys without telling us: a token that names an unknown key is what says so. Forgers can send such
tokens too, so how often an address is asked depends on the clock and never on how many calls come.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock
from typing import Any, Protocol

from service.call_report import Waiting, waiting
from service.clients import Client
from service.deadline import Deadline, Monotonic
from service.key_set import KeySet, KeySetError, read_key_set

FRESH_SECONDS = 600.0
"""So long keys are used without asking again, and so long a key that the client withdrew still passes."""

STALE_SECONDS = 3600.0
"""So long keys are used while they cannot be had anew, counted from when they were fetched."""

BETWEEN_FETCHES_SECONDS = 30.0
"""Between one fetch and the next of the same client, whatever came of the first."""

WAIT_SECONDS = 2.0
"""So long a call waits for keys that another call is fetching, out of its own time."""

MOST_WAITING = 8
"""So many calls wait for one client's keys: whoever claims to be it, an address that hangs never takes all threads."""

FetchKeys = Callable[[Client, Deadline], Mapping[str, Any] | None]
"""Fetches the parsed document at `client.jku`, and nothing else, within the deadline and LARGEST_KEY_SET bytes.

None when it could not be had; it raises nothing for what a server does.
"""


class OnFetch(Protocol):
    """Is told of every fetch."""

    def __call__(self, client: str, *, is_had: bool) -> None:
        """Take note whose keys were fetched, by the client's id, and whether a key set came of it."""
        ...


def _to_nobody(client: str, *, is_had: bool) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: KeySet
    at: float


@dataclass(slots=True)
class _Kept:
    """What is known of one client's keys; only who holds `fetching` writes."""

    fetched: _Fetched | None = None
    tried_at: float | None = None
    fetching: Lock = field(default_factory=Lock)
    places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_WAITING))


class KeySource:
    """Gives the keys of clients; safe to use from several threads."""

    def __init__(
        self,
        fetch: FetchKeys,
        monotonic: Monotonic = time.monotonic,
        wait_seconds: float = WAIT_SECONDS,
        on_fetch: OnFetch = _to_nobody,
    ) -> None:
        """Begin with no keys; they are fetched when the first token needs them."""
        self._fetch = fetch
        self._on_fetch = on_fetch
        self._monotonic = monotonic
        self._wait_seconds = wait_seconds
        self._kept: dict[str, _Kept] = {}

    def keys_for(self, client: Client, kid: str, deadline: Deadline) -> KeySet | None:
        """Return the client's keys, looked up anew if they are old or lack this id; None when there are none to use.

        One call fetches at a time, within its deadline. The others wait for it within theirs, unless the keys at hand
        have what they look for.
        """
        if client.keys is not None:
            return client.keys
        kept = self._kept.setdefault(client.id, _Kept())
        if self._is_due(kept, kid) and not deadline.passed and kept.places.acquire(blocking=False):
            try:
                with waiting(Waiting.FHIR):
                    self._look_up(client, kid, kept, deadline)
            finally:
                kept.places.release()
        return self._usable(kept)

    def _look_up(self, client: Client, kid: str, kept: _Kept, deadline: Deadline) -> None:
        """Fetch the keys, or wait until another call has."""
        usable = self._usable(kept)
        patience = 0.0 if usable is not None and kid in usable else min(self._wait_seconds, deadline.remaining())
        if kept.fetching.acquire(timeout=patience):
            try:
                if self._is_due(kept, kid):  # another call may just have done it
                    self._refresh(client, kept, deadline)
            finally:
                kept.fetching.release()

    def _is_due(self, kept: _Kept, kid: str) -> bool:
        now, fetched = self._monotonic(), kept.fetched
        if kept.tried_at is not None and now - kept.tried_at < BETWEEN_FETCHES_SECONDS:
            return False
        return fetched is None or now - fetched.at >= FRESH_SECONDS or kid not in fetched.keys

    def _refresh(self, client: Client, kept: _Kept, deadline: Deadline) -> None:
        """Replace the keys if that is possible; a document that is no key set is like none."""
        is_had = False
        try:
            document = self._fetch(client, deadline)
            if document is not None:
                kept.fetched = _Fetched(read_key_set(document), self._monotonic())
                is_had = True
        except KeySetError:
            pass
        finally:
            # Last, because from now on no call waits: it takes what there is.
            kept.tried_at = self._monotonic()
            self._on_fetch(client.id, is_had=is_had)

    def _usable(self, kept: _Kept) -> KeySet | None:
        fetched = kept.fetched
        return fetched.keys if fetched is not None and self._monotonic() - fetched.at <= STALE_SECONDS else None
