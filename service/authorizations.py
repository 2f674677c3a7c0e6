"""Authorizations this service issued, by the assertion they belong to, in memory (decision contract, section 2).

The same order on the same evidence keeps its number and its last day: looking at an authorization never renews it.
"""

from service.decision_store import NEWEST, DecisionStore, Issued


class Authorizations:
    """Keeps the newest authorizations; safe to use from several threads."""

    def __init__(self, newest: int = NEWEST) -> None:
        """Keep at most `newest` of them; raise ValueError when that is none."""
        if newest < 1:
            raise ValueError("a store of no authorizations issues each of them twice")
        self._issued = DecisionStore[Issued](newest)

    def issue(self, assertion: str, issued: Issued) -> Issued:
        """Return what was issued for an assertion before; when nothing was, keep and return the given one."""
        return self._issued.keep(assertion, issued)
