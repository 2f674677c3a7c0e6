"""The check of tokens with a registry, keys, a memory and a clock of its own; nothing here opens a socket."""

from collections.abc import Mapping
from typing import Any

import pytest

from service.clients import Client, Clients
from service.deadline import Deadline
from service.jwks import KeySource
from service.replays import ReplaysInMemory
from service.tokens import Reason, Unauthenticated, verify
from tests.service.signing import (
    ENDPOINT,
    FakeFetch,
    MovingClock,
    client,
    ec_key,
    header,
    jwk,
    jwks,
    rsa_key,
)

AUDIENCES = frozenset({ENDPOINT})
KEYS = jwks(jwk(ec_key(), "k1"), jwk(rsa_key(), "r1"))


class Door:
    """Everything a token is checked with; `enter` is what a caller sees."""

    def __init__(self, *clients: Client, documents: Mapping[str, Any] | None = None) -> None:
        registered = clients or (client(),)
        self.clock = MovingClock()
        self.fetch = FakeFetch(dict(documents) if documents is not None else {each.id: KEYS for each in registered})
        self.clients = Clients.of(registered)
        self.keys = KeySource(self.fetch, self.clock)
        self.replays = ReplaysInMemory(self.clock)

    def enter(self, authorization: str | None, audiences: frozenset[str] = AUDIENCES, **options: Any) -> Client:
        return verify(
            authorization,
            audiences,
            clients=self.clients,
            keys=self.keys,
            replays=self.replays,
            clock=self.clock,
            deadline=Deadline.after(60),
            **options,
        )

    def reason(self, authorization: str | None, **options: Any) -> Reason:
        """Return why a call is refused; fail when it is not."""
        with pytest.raises(Unauthenticated) as caught:
            self.enter(authorization, **options)
        return caught.value.reason


def rs384(**changes: Any) -> dict[str, Any]:
    return header(alg="RS384", kid="r1", **changes)


def outcome(door: Door, token: str) -> Reason | None:
    """Return why a call is refused, None when it passes."""
    try:
        door.enter(token)
    except Unauthenticated as refused:
        return refused.reason
    return None
