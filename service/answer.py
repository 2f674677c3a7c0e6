"""The use case: decide every order of a call in the light of the others, and compose the answer."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

from cards.compose import compose_answer
from cards.context import CardContext, DecidedOrder
from cards.links import Links
from cards.record import approval_record, decision_record
from criteria.alternatives import alternatives_of
from criteria.approval import approval_of, judge_dose
from criteria.decision import Decision
from criteria.evaluation import evaluate
from criteria.facts import Answer, Case, Order, Reading, Record, SearchState
from criteria.library import Library
from criteria.oncology.current import is_under_treatment
from criteria.outcome import Authority, Outcome, outcome_of
from criteria.policy import DrugUnclear, NoPolicy, Path, Policy, PolicyApplies, PreferredProduct
from criteria.present import known_by
from criteria.safety import safety_notes
from fhir_mappers.element import Issue
from fhir_mappers.order import DRUG_ORDERS, map_order
from fhir_mappers.record import MappedRecord, map_record
from service.assertions import assertion_id, assertion_ids, order_digest
from service.authorizations import Issued
from service.configuration import Configuration
from service.coverage_choice import Choice, Coverages
from service.draft_orders import DraftOrder, defective_elements
from service.exact_json import encode
from service.hook_request import HookRequest
from service.prefetch import Gathered
from service.services import Services

_PROBLEMS = {
    Outcome.NO_ACTIVE_COVERAGE: "The coverage is not in force on {on}.",
    Outcome.TECHNICAL: "The Coverage or its payer could not be read: the FHIR server did not give it.",
}
_DRUG_NOT_READ = "The ordered drug could not be read: the EHR's FHIR server did not give the medication."
_WITHDRAWN = frozenset({"cancelled", "completed", "entered-in-error", "revoked", "stopped"})
_PROPOSED_AFTER = frozenset({Outcome.DOCUMENTATION, Outcome.REVIEW, Outcome.NOT_MET})


def answer_hook(request: HookRequest, gathered: Gathered, services: Services) -> dict[str, Any]:
    """Return the CDS Hooks answer; every decision is kept for `GET /decisions/{id}`.

    Raises RequestProblem when no order can be attributed to a payer. Any other exception is a defect of ours and
    becomes an internal error: an order is never left out of the answer silently.
    """
    record = map_record(gathered.resources, request.patient_id, gathered.searches, services.vocabulary)
    call = _Call(request, gathered, record, services)
    decided = [each for mapped in call.drafts if (each := call.decide(mapped)) is not None]
    context = CardContext(services.links, services.library.drugs, user=request.user, defects=defective_elements)
    return configured_answer(compose_answer(decided, context), request.configuration)


def configured_answer(answer: dict[str, Any], configuration: Configuration) -> dict[str, Any]:
    """Leave out what the caller switched off, and the cards beyond its limit, least important last."""
    cards = [each for each in answer["cards"] if configuration.wants(each["source"]["topic"]["code"])]
    kept: dict[str, Any] = {"cards": cards[: configuration.max_cards]}
    if "systemActions" in answer and configuration.wants("coverage-info"):
        kept["systemActions"] = answer["systemActions"]
    return kept


@dataclass(frozen=True, slots=True)
class _Mapped:
    """A draft of the call with what it was read as."""

    draft: DraftOrder
    order: Order
    notes: tuple[str, ...]


class _Call:
    """One call: what all its orders share."""

    def __init__(self, request: HookRequest, gathered: Gathered, mapped: MappedRecord, services: Services) -> None:
        self.request, self.services = request, services
        self.library: Library = services.library
        self.called: date = services.clock.today()
        record, later = known_by(mapped.record, self.called)
        self.record: Record = record
        self.notes = (*request.notes, *gathered.notes, *mapped.notes, *later)
        self.drafts = [self._read(draft, mapped) for draft in request.orders]
        default = services.settings.default_payer
        self.coverages = Coverages.of(mapped.chart, self.library, default, gathered.searches)

    def _read(self, draft: DraftOrder, mapped: MappedRecord) -> _Mapped:
        issues: list[Issue] = []
        order = map_order(dict(draft.resource), mapped.chart.resolve, self.services.vocabulary, issues)
        return _Mapped(draft, order, (*draft.notes, *map(str, issues)))

    def decide(self, mapped: _Mapped) -> DecidedOrder | None:
        """Decide one order; None for one that was withdrawn, or orders not to do something."""
        draft = mapped.draft
        if not _is_meant(draft):
            return None
        choice = self.coverages.choose(mapped.order, draft.resource)
        decision = self._decision(mapped, choice)
        earlier = frozenset(each for each in assertion_ids(draft.resource) if self.services.store.get(each) is not None)
        return DecidedOrder(decision, draft.resource, choice.reference, earlier)

    def _decision(self, mapped: _Mapped, choice: Choice) -> Decision:
        on = decision_day(mapped.order, self.called)
        bare = Decision(
            id="",
            order=mapped.order,
            payer=choice.payer,
            outcome=Outcome.NO_POLICY,
            on=on,
            called=self.called,
            reason="",
            notes=(*mapped.notes, *choice.notes, *self.coverages.notes, *self.notes),
        )
        problem = choice.problem(on)
        if problem is not None:
            decision = replace(bare, outcome=problem, reason=_PROBLEMS[problem].format(on=on))
        else:
            decision = self._decision_by_policy(bare, mapped, choice)
        return self._named(decision, mapped, choice)

    def _decision_by_policy(self, bare: Decision, mapped: _Mapped, choice: Choice) -> Decision:
        resource_type = mapped.draft.resource["resourceType"]
        if resource_type not in DRUG_ORDERS:
            return replace(bare, reason=f"No {choice.payer.name} policy loaded here decides a {resource_type}.")
        selection = self.library.select(choice.payer, mapped.order.drug, bare.on)
        match selection:
            case PolicyApplies(policy):
                return self._judged(bare, mapped, choice, policy)
            case PreferredProduct(policy, _):
                return replace(bare, outcome=Outcome.PREFERRED, policy=policy)
            case NoPolicy() if self._drug_was_not_read(mapped):
                return replace(bare, outcome=Outcome.TECHNICAL, reason=_DRUG_NOT_READ)
            case NoPolicy(reason):
                return replace(bare, reason=reason)
            case DrugUnclear(reason, policy):
                return replace(bare, outcome=Outcome.DRUG_UNCLEAR, policy=policy, reason=reason)

    def _drug_was_not_read(self, mapped: _Mapped) -> bool:
        """Say whether the ordered drug stands in a resource that a system should have given and did not."""
        referred = "medicationReference" in mapped.draft.resource
        unread = mapped.order.drug.reading is Reading.UNRECOGNISED
        return referred and unread and self.record.search("Medication") is SearchState.FAILED

    def _judged(self, bare: Decision, mapped: _Mapped, choice: Choice, policy: Policy) -> Decision:
        on, order = bare.on, mapped.order
        case = Case(
            order=order,
            drafts=tuple(each.order for each in self.drafts if each is not mapped and _is_meant(each.draft)),
            record=self.record,
            plan=choice.plan(),
            answers=answers_that_count(self.record.answers, order, policy, self.services.links, self._answer_window()),
        )
        path = self._path(case, policy, on)
        determination = evaluate(path, case, on)
        drug = self.library.drugs[next(iter(order.drug.keys))]
        dose = judge_dose(case, on, policy.dose_limit, drug) if policy.dose_limit else None
        authority = self._authority(policy, choice)
        outcome = outcome_of(determination, dose, authority, not_met_is_review=policy.not_met_is_review)
        decision = replace(
            bare,
            outcome=outcome,
            policy=policy,
            determination=determination,
            case=case,
            dose=dose,
            authority=authority,
            safety_notes=safety_notes(case, on, drug),
            notes=(*bare.notes, *_reading_notes(order)),
        )
        if outcome in _PROPOSED_AFTER:
            return replace(decision, alternatives=alternatives_of(case, on, policy, self.library))
        if outcome is Outcome.AUTHORIZED:
            approval = approval_of(policy, determination, case, called=self.called, coverage_end=choice.last_day)
            return replace(decision, approval=approval)
        return decision

    def _path(self, case: Case, policy: Policy, on: date) -> Path:
        """Return the way through the policy: continuation when the drug is being given now (contract section 5.4)."""
        continuation = policy.paths.get("continuation")
        if continuation is not None and is_under_treatment(case, on, self.library.thresholds) is not None:
            return continuation
        return policy.paths["initial"]

    def _authority(self, policy: Policy, choice: Choice) -> Authority:
        return Authority(
            real_time=policy.real_time_authorization,
            unsolicited=self.request.configuration.unsolicited_determinations,
            primary_hook=self.request.service.primary,
            payer_known=not choice.payer_is_assumed,
        )

    def _answer_window(self) -> tuple[date, date]:
        return self.called - timedelta(days=self.library.answer_days), self.called

    def _named(self, decision: Decision, mapped: _Mapped, choice: Choice) -> Decision:
        """Give the decision its id, and an authorized one its number, and keep its record."""
        record = decision_record(decision)
        content = {
            "payer": choice.payer.id,
            "coverage": choice.reference,
            "coverage_end": None if choice.last_day is None else choice.last_day.isoformat(),
            "order": order_digest(mapped.draft.resource),
            "record": {key: value for key, value in record.items() if key not in {"approval", "notes"}},
            "authority": None if decision.authority is None else decision.authority.refusal,
            "reason": decision.reason,
        }
        named = replace(decision, id=assertion_id(content))
        if named.outcome is Outcome.AUTHORIZED:
            named = self._issued(named)
        self.services.store.put(named.id, encode({**record, "approval": approval_record(named)}))
        return named

    def _issued(self, decision: Decision) -> Decision:
        """Give an authorized order the number it was given before, or a new one.

        A number names one period, so it is made of the day that period begins.
        """
        if decision.approval is None:
            raise ValueError("an authorized order has an approval")
        start = max(decision.on, decision.called)
        number = uuid5(UUID(decision.id), f"authorization {start}").hex[:12].upper()
        new = Issued(f"{decision.payer.id.upper()}-{number}", decision.approval)
        issued = self.services.authorizations.issue(decision.id, new)
        return replace(decision, authorization=issued.number, approval=issued.approval)


def _is_meant(draft: DraftOrder) -> bool:
    """Say whether an order asks for something: not one withdrawn, written in error, or telling not to."""
    return draft.resource.get("doNotPerform") is not True and draft.resource.get("status") not in _WITHDRAWN


def decision_day(order: Order, called: date) -> date:
    """Return the day the policy is read on: authoredOn, else the day of the call.

    Of a partial authoredOn it is the day of the call if that lies inside, else its last day.
    """
    if order.authored is None:
        return called
    if order.authored.possibly_within(called, called):
        return called
    return order.authored.latest


def answers_that_count(
    answers: tuple[Answer, ...], order: Order, policy: Policy, links: Links, window: tuple[date, date]
) -> tuple[Answer, ...]:
    """Return the answers to this policy's questionnaires that name this order, or were authored in the window.

    Contract section 8. Completeness, authorship and status were checked where the response was read.
    """
    if not answers:
        return ()
    ours = {f"{links.questionnaire(path)}|{policy.version}" for path in policy.paths.values()}
    first, last = window
    return tuple(
        each
        for each in answers
        if each.questionnaire in ours
        and (
            order.source.reference in each.contexts
            or (each.authored is not None and each.authored.surely_within(first, last))
        )
    )


def _reading_notes(order: Order) -> tuple[str, ...]:
    notes = [f"{order.source.reference}: drug identified by {order.drug.basis}"] if order.drug.basis else []
    if order.drug.reading is not Reading.IDENTIFIED:
        notes.append(f"{order.source.reference}: drug {order.drug.reading.value}")
    notes += [f"{order.source.reference}: reason {each} could not be read" for each in order.unread_reasons]
    return tuple(notes)
