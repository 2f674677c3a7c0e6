"""Tokens that were used, shared by all processes and machines of the service."""

from datetime import datetime, timedelta
from itertools import count
from math import ceil

from sqlalchemy import bindparam

from service.clock import Clock
from service.logs import log_event
from service.replays import ReplaysInMemory
from service.storage.database import Database, StorageDownError
from service.storage.rows import delete_some, insert
from service.storage.tables import USED_TOKENS

TIDY_EVERY = 64
_TIDIED_AT_ONCE = 256
_MARGIN = timedelta(minutes=10)
"""How much longer a token is kept than it is valid, because the clocks of several machines differ."""

_forget = delete_some(USED_TOKENS, USED_TOKENS.c.expires < bindparam("before"), _TIDIED_AT_ONCE)


class UsedTokens:
    """Remembers tokens in a database, and in this process in case the database is down.

    They are no records: a machine that loses its power may forget those of the last moment.

    Calls are answered without the database too. A token is good for one call of each process then, within the few
    minutes of its life: who may call is still proven by the signature.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        """Remember them there."""
        self._database, self._clock = database, clock
        self._own = ReplaysInMemory(clock)
        self._uses = count(1)
        self._is_shared = True
        row = insert(USED_TOKENS, database.dialect)
        # A row is returned when it was written: an id that is there already is written again only when it has expired.
        self._use = row.on_conflict_do_update(
            index_elements=[USED_TOKENS.c.issuer, USED_TOKENS.c.jti],
            set_={"expires": row.excluded.expires},
            where=USED_TOKENS.c.expires <= bindparam("now"),
        ).returning(USED_TOKENS.c.jti)

    def first_use(self, issuer: str, jti: str, expires: datetime) -> bool:
        """Say whether this is the first use of a token, and remember it; of several callers at once, one hears yes."""
        if not self._own.first_use(issuer, jti, expires):
            return False
        now = self._clock.now()
        token = {"issuer": issuer, "jti": jti, "expires": ceil(expires.timestamp()), "now": int(now.timestamp())}
        try:
            with self._database.write(durable=False) as connection:
                is_first = connection.execute(self._use, token).scalar() is not None
                if next(self._uses) % TIDY_EVERY == 0:
                    connection.execute(_forget, {"before": int((now - _MARGIN).timestamp())})
        except StorageDownError as down:
            self._note(is_shared=False, reason=down.reason)
            return True
        self._note(is_shared=True)
        return is_first

    def _note(self, *, is_shared: bool, reason: str = "") -> None:
        """Log when it begins and when it ends, not for every call."""
        if is_shared is self._is_shared:
            return
        self._is_shared = is_shared
        if is_shared:
            log_event("used-tokens-shared-again")
        else:
            log_event("used-tokens-not-shared", level="warning", reason=reason)
