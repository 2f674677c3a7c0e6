"""What a decision is called: its assertion id, an authorized one its number; and keeping its record.

The same order on the same evidence, policy and configuration keeps its id, from signing to the visit (decision
contract, section 2). What was asserted before is read off the order itself: clients keep it there (CRD resp-46).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid5

from msgspec.structs import replace

from cards.record import approval_record, decision_record
from criteria.decision import Decision
from criteria.outcome import Outcome
from service.assertions import asserted, assertion_id, assertion_ids, order_digest
from service.coverage_choice import Choice
from service.decision_store import Issued, KeptDecision
from service.exact_json import encode
from service.hook_request import HookRequest
from service.services import Services
from service.subjects import Subject


@dataclass(frozen=True, slots=True)
class Earlier:
    """What this service asserted to this client on a resource, by assertion id, as far as it is kept."""

    kept: Mapping[str, KeptDecision]
    patient: str

    @classmethod
    def on(cls, carrier: Mapping[str, Any], request: HookRequest, services: Services) -> "Earlier":
        """Read the coverage information of a resource; what another client was told is not ours to go by."""
        found = {each: services.store.get(each) for each in assertion_ids(carrier)}
        client = request.caller.client
        mine = {name: each for name, each in found.items() if each is not None and each.client == client}
        return cls(MappingProxyType(mine), request.patient_id)

    @property
    def has_primary(self) -> bool:
        """Say whether a primary hook asserted any of it."""
        return any(each.is_primary for each in self.kept.values())

    def names(self, *, primary_only: bool = False) -> frozenset[str]:
        """Return the ids of the assertions; only those of primary hooks, when foresight is not to count."""
        return frozenset(name for name, each in self.kept.items() if each.is_primary or not primary_only)

    def in_force(self, day: date, choice: Choice, drug: str | None = None) -> Issued | None:
        """Return the authorization that the resource carries, when it holds on a day for this coverage and drug.

        And for this patient: an extension may have been copied from another one's order.
        """
        for each in self.kept.values():
            issued = each.authorization
            same = (each.patient, each.payer, each.coverage) == (self.patient, choice.payer.id, choice.reference)
            if issued is None or not same:
                continue
            if day <= issued.approval.expires and drug in (None, each.drug):
                return issued
        return None


def name_decision(
    decision: Decision, subject: Subject, choice: Choice, request: HookRequest, services: Services
) -> Decision:
    """Return the decision with its id, an authorized one with its number, and keep its record."""
    record = decision_record(decision)
    is_authorized = decision.outcome is Outcome.AUTHORIZED
    content = {
        "payer": choice.payer.id,
        "coverage": choice.reference,
        "coverage_end": None if choice.last_day is None else choice.last_day.isoformat(),
        "order": order_digest(subject.draft.resource),
        "record": asserted(record, is_dated=decision.order.authored is not None),
        # Why no number may be issued matters only where one could be.
        "authority": None if decision.authority is None or is_authorized else decision.authority.refusal,
        "reason": decision.reason,
        **({} if request.service.primary else {"secondary": True}),
        # Two clients that send the same have each a decision, a number and cards of their own.
        **({} if request.caller.client is None else {"client": request.caller.client}),
    }
    of_order = assertion_id(content)
    target = subject.target
    own = of_order if target is None else assertion_id({"order": of_order, "target": order_digest(target)})
    named = replace(decision, id=own)
    if is_authorized and named.authorization is None:
        named = _issued(named, of_order, services)
    issued = None
    if named.authorization is not None and named.approval is not None:
        issued = Issued(named.authorization, named.approval)
    kept = KeptDecision(
        encode({**record, "approval": approval_record(named)}),
        client=request.caller.client,
        is_primary=request.service.primary,
        patient=request.patient_id,
        payer=choice.payer.id,
        coverage=choice.reference,
        drug=decision.order.drug.key,
        authorization=issued,
    )
    services.store.put(named.id, kept)
    return named


def _issued(decision: Decision, of_order: str, services: Services) -> Decision:
    """Give an authorized order the number it was given before, or a new one.

    A number names one period, so it is made of the day that period begins. It belongs to the order, whichever
    resource carries the answer: `of_order` is the id of the assertion about the order itself.
    """
    if decision.approval is None:
        raise ValueError("an authorized order has an approval")
    start = max(decision.on, decision.called)
    number = uuid5(UUID(of_order), f"authorization {start}").hex[:12].upper()
    new = Issued(f"{decision.payer.id.upper()}-{number}", decision.approval)
    issued = services.authorizations.issue(of_order, new)
    return replace(decision, authorization=issued.number, approval=issued.approval)
