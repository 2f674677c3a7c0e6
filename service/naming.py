"""What a decision is called: its assertion id, and an authorized one's number.

The same order on the same evidence, policy and configuration keeps its id, from signing to the visit (decision
contract, section 2). What was asserted before is read off the order itself, where clients keep it (CRD resp-46), and
an authorization of the same treatment is found by what it is for.
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
from criteria.decision import Earlier as EarlierDecision
from criteria.oncology.primary import OTHER_SITE, treated_cancer
from criteria.outcome import Outcome
from service.assertions import asserted, assertion_id, assertion_ids, order_digest
from service.coverage_choice import Choice
from service.digests import digest
from service.hook_request import HookRequest
from service.past import Asserted, Authorization, Past, Treatment, member_digest
from service.storage.rows import client_key
from service.subjects import Subject


@dataclass(frozen=True, slots=True)
class Earlier:
    """What this service asserted to this client on a resource, by assertion id."""

    kept: Mapping[str, Asserted]
    past: Past
    patient: str

    @classmethod
    def on(cls, carrier: Mapping[str, Any], past: Past, patient: str) -> "Earlier":
        """Read the coverage information of a resource."""
        found = {each: past.asserted[each] for each in assertion_ids(carrier) if each in past.asserted}
        return cls(MappingProxyType(found), past, patient)

    @property
    def has_primary(self) -> bool:
        """Say whether a primary hook asserted any of it."""
        return any(each.is_primary for each in self.kept.values())

    def names(self, *, primary_only: bool = False) -> frozenset[str]:
        """Return the ids of the assertions; only those of primary hooks, when foresight is not to count."""
        return frozenset(name for name, each in self.kept.items() if each.is_primary or not primary_only)

    def in_force(self, day: date, choice: Choice) -> Authorization | None:
        """Return the authorization that the resource carries, when it holds on a day for this coverage.

        And for this patient: an extension may have been copied from another one's order.
        """
        for each in self.kept.values():
            issued = self.past.numbered(each.authorization)
            same = (each.patient, each.payer, each.coverage) == (self.patient, choice.payer.id, choice.reference)
            if issued is not None and same and issued.holds(day):
                return issued
        return None

    def granted(self, day: date, treatment: Treatment, order: Mapping[str, Any]) -> Authorization | None:
        """Return the authorization that the resource carries, when it holds on a day for this treatment.

        Which cancer an order treats may not be known while a system is down. An order that was not changed since treats
        what it treated.
        """
        for each in self.kept.values():
            issued = self.past.numbered(each.authorization)
            if issued is None or not issued.holds(day):
                continue
            cancer = treatment.cancer
            if not cancer and each.order_digest == order_digest(order):
                cancer = issued.treatment.cancer
            if issued.treatment == replace(treatment, cancer=cancer):
                return issued
        return None


@dataclass(frozen=True, slots=True)
class NamedDecision:
    """A decision with its name, its record, and what has to be kept of it.

    `issued` is the authorization it would be the first to have; nothing is issued before that is recorded.
    """

    decision: Decision
    record: Mapping[str, Any]
    asserted: Asserted
    issued: Authorization | None = None


def treatment_of(decision: Decision, choice: Choice, request: HookRequest) -> Treatment | None:
    """Return what an authorization of this order would be for; None where nothing can be authorized.

    Under a payer that is only assumed nothing can.
    """
    drug = decision.order.drug.key
    if decision.case is None or drug is None or choice.payer_is_assumed:
        return None
    return Treatment(
        client=client_key(request.caller.client),
        patient=request.patient_id,
        member=member_of(choice, request),
        payer=choice.payer.id,
        drug=drug,
        cancer=_cancer(decision),
    )


def member_of(choice: Choice, request: HookRequest) -> str:
    """Return a digest of whose coverage it is; one reference may come to lead to another member's."""
    return member_digest(request.patient_id, choice.coverage.member_number if choice.coverage else None)


def _cancer(decision: Decision) -> str:
    """Return the site of the treated cancer; cancers elsewhere are told apart by what the sender calls them."""
    found = treated_cancer(decision.case) if decision.case else None
    if found is None or found.site is None:
        return ""
    if found.site != OTHER_SITE:
        return found.site
    labels = "\n".join(sorted({each.label for each in found.diagnoses}))
    return f"{OTHER_SITE}-{digest(labels.encode())[:32]}"


def name_decision(
    decision: Decision, subject: Subject, choice: Choice, request: HookRequest, held: Authorization | None
) -> NamedDecision:
    """Return the decision with its id, an authorized one with its number.

    `held` is the authorization in force that it rests on; without one an authorized order gets a new number.
    """
    record = decision_record(decision)
    drafted = order_digest(subject.draft.resource)
    of_order = assertion_id(_content(decision, record, drafted, choice, request))
    target = subject.target
    own = of_order if target is None else assertion_id({"order": of_order, "target": order_digest(target)})
    named = replace(decision, id=own)
    issued = None
    if decision.outcome is Outcome.AUTHORIZED and held is None:
        issued = _issued(decision, of_order, treatment_of(decision, choice, request))
        named = replace(named, authorization=issued.number)
    elif held is not None and decision.outcome is Outcome.AUTHORIZED and held.assertion != of_order:
        named = replace(named, earlier=EarlierDecision(held.assertion, held.issued))
    return NamedDecision(
        decision=named,
        record={**record, "approval": approval_record(named)},
        asserted=Asserted(
            assertion=own,
            order_digest=drafted,
            is_primary=request.service.primary,
            patient=request.patient_id,
            payer=choice.payer.id,
            coverage=choice.reference,
            drug=decision.order.drug.key,
            authorization=named.authorization,
        ),
        issued=issued,
    )


def _content(
    decision: Decision, record: Mapping[str, Any], drafted: str, choice: Choice, request: HookRequest
) -> dict[str, Any]:
    """Return what an assertion about an order is made of; `drafted` is the order's digest."""
    refusal = decision.authority.refusal if decision.authority else None
    return {
        "payer": choice.payer.id,
        "coverage": choice.reference,
        "member": member_of(choice, request),
        "coverage_end": None if choice.last_day is None else choice.last_day.isoformat(),
        "order": drafted,
        "record": asserted(record, is_dated=decision.order.authored is not None),
        # Why no number may be issued matters only where one could be.
        "authority": refusal if decision.outcome is Outcome.AUTHORIZABLE else None,
        "reason": decision.reason,
        **({} if request.service.primary else {"secondary": True}),
        # Two clients that send the same have each a decision, a number and cards of their own.
        **({} if request.caller.client is None else {"client": request.caller.client}),
    }


def _issued(decision: Decision, of_order: str, treatment: Treatment | None) -> Authorization:
    """Return the authorization an order would get.

    A number names one period, so it is made of the day that period begins. It belongs to the order, whichever
    resource carries the answer: `of_order` is the id of the assertion about the order itself.
    """
    if decision.approval is None or treatment is None:
        raise ValueError("an authorized order has an approval, and something it is for")
    start = max(decision.on, decision.called)
    number = uuid5(UUID(of_order), f"authorization {start}").hex[:12].upper()
    return Authorization(f"{decision.payer.id.upper()}-{number}", treatment, of_order, start, decision.approval)
