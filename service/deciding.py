"""Deciding: each subject of a call in the light of the others, the record and the coverage."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, assert_never

from msgspec.structs import replace

from cards.context import DecidedOrder
from criteria.alternatives import alternatives_of
from criteria.approval import approval_of, judge_dose
from criteria.decision import Decision
from criteria.evaluation import evaluate
from criteria.facts import Case, Order, Reading, Record, SearchState
from criteria.finding import Determination
from criteria.library import Library
from criteria.oncology.current import is_under_treatment
from criteria.outcome import Authority, DoseFinding, Outcome, outcome_of
from criteria.policy import DrugUnclear, NoPolicy, Path, Policy, PolicyApplies, PreferredProduct, Selection
from criteria.present import known_by
from criteria.safety import safety_notes
from criteria.verdict import Verdict
from fhir_mappers.element import Issue
from fhir_mappers.order import DRUG_ORDERS, map_order
from fhir_mappers.record import MappedRecord
from service.assertions import assertion_ids
from service.case import answers_that_count, decision_day, reading_notes, record_beside
from service.coverage_choice import Choice, Coverages
from service.draft_orders import DraftOrder
from service.hook_request import HookRequest
from service.naming import Earlier, NamedDecision, name_decision, treatment_of
from service.past import Authorization, Past
from service.prefetch import Gathered
from service.services import Services
from service.subjects import Kind, Subject, Subjects

MOST_NOTES = 100
_UNREAD_COVERAGE = "The Coverage or its payer could not be read: the FHIR server did not give it."
_IN_FORCE = "The coverage is in force. Coverage of HER2-targeted drugs is decided for each order."
_ORDER_NOT_READ = "The order itself could not be read: it was not sent, and the EHR's FHIR server did not give it."
_DRUG_NOT_READ = "The ordered drug could not be read: the EHR's FHIR server did not give the medication."
_WITHDRAWN = frozenset({"cancelled", "completed", "entered-in-error", "revoked", "stopped"})
_PROPOSED_AFTER = frozenset({Outcome.DOCUMENTATION, Outcome.REVIEW, Outcome.NOT_MET})


@dataclass(frozen=True, slots=True)
class Mapped:
    """A subject of the call with what it was read as."""

    subject: Subject
    order: Order
    notes: tuple[str, ...]

    @property
    def draft(self) -> DraftOrder:
        """Return the resource that was read, with its place."""
        return self.subject.draft


class Call:
    """One call: what all its subjects share. `decide` is asked for each of them."""

    def __init__(
        self,
        request: HookRequest,
        gathered: Gathered,
        mapped: MappedRecord,
        services: Services,
        subjects: Subjects,
        *,
        past: Past,
        called: date,
    ) -> None:
        self.request, self.services, self.past, self.called = request, services, past, called
        self.library: Library = services.library
        self.named: list[NamedDecision] = []
        record, later = known_by(mapped.record, self.called)
        self.record: Record = record
        self.notes = bounded((*request.notes, *gathered.notes, *mapped.notes, *subjects.notes, *later))
        self.subjects = [self._read(subject, mapped) for subject in subjects.decided]
        # Orders of other kinds stand beside nothing: a booking or a visit orders no drug.
        orders = [each for each in self.subjects if each.subject.kind is Kind.ORDER]
        beside = [self._read(Subject(Kind.ORDER, draft), mapped) for draft in subjects.beside]
        self.drafts = [*orders, *beside]
        default = request.caller.default_payer
        self.coverages = Coverages.of(mapped.chart, self.library, default, gathered.searches)

    def _read(self, subject: Subject, mapped: MappedRecord) -> Mapped:
        issues: list[Issue] = []
        draft = subject.draft
        order = map_order(dict(draft.resource), mapped.chart.resolve, self.services.vocabulary, issues)
        return Mapped(subject, order, (*draft.notes, *map(str, issues)))

    def decide(self, mapped: Mapped) -> DecidedOrder | None:
        """Decide one subject; None where there is nothing to say about it.

        That is an order that was withdrawn or orders not to do something, an order on record that no policy
        decides, and a visit under a coverage in force of which nothing else was said before.
        """
        subject = mapped.subject
        if not _is_meant(subject.draft):
            return None
        choice = self.coverages.choose(mapped.order, subject.draft.resource)
        carrier = subject.draft.resource if subject.target is None else subject.target
        earlier = Earlier.on(carrier, self.past, self.request.patient_id)
        # The care lies ahead: the coverage must be in force when it can begin, not when the order was written.
        day = max(decision_day(mapped.order, self.called), self.called)
        problem = choice.problem(day)
        if subject.kind is Kind.VISIT and problem is None and not earlier.kept:
            return None
        decision = self._decision(mapped, choice, problem)
        if subject.kind is Kind.ON_RECORD and decision.determination is None:
            return None
        held = self._held(decision, subject, choice, earlier, day)
        if held is not None:
            decision = _resting_on(held, decision, choice)
        named = name_decision(decision, subject, choice, self.request, held)
        self.named.append(named)
        return DecidedOrder(
            named.decision,
            subject.draft.resource,
            choice.reference,
            earlier.names(primary_only=subject.kind is Kind.ON_RECORD),
            target=subject.target,
            is_annotated=self._is_annotated(subject, carrier, decision, earlier, choice),
        )

    def _held(
        self, decision: Decision, subject: Subject, choice: Choice, earlier: Earlier, day: date
    ) -> Authorization | None:
        """Return the authorization in force that this order keeps (decision contract, section 2).

        It is one that the order carries, or one of the same treatment, which an order of this call may have got just
        now. It ends where the root is not met or the dose exceeds the limit.
        """
        if decision.determination is None or not _still_covers(decision.determination, decision.dose):
            return None
        treatment = treatment_of(decision, choice, self.request)
        if treatment is None:
            return None
        known = [*self.past.authorizations, *(each.issued for each in self.named if each.issued is not None)]
        same = [each for each in known if each.treatment == treatment and each.holds(day)]
        return earlier.granted(day, treatment, subject.draft.resource) or (same[0] if same else None)

    def _is_annotated(
        self, subject: Subject, carrier: Mapping[str, Any], decision: Decision, earlier: Earlier, choice: Choice
    ) -> bool:
        """Say whether the answer is written to the subject.

        What a primary hook asserted, a number perhaps, is not replaced by the foresight of a secondary one, and a
        number in force not by the news that a system is down. While it is not known what was asserted before, nothing
        is written beside an assertion that may be ours.
        """
        if not subject.is_held or subject.kind is Kind.ON_RECORD:
            return False
        if not self.past.is_known and assertion_ids(carrier):
            return False
        day = max(decision.on, self.called)
        if decision.outcome is Outcome.TECHNICAL and earlier.in_force(day, choice) is not None:
            return False
        return self.request.service.primary or not earlier.has_primary

    def _decision(self, mapped: Mapped, choice: Choice, problem: Outcome | None) -> Decision:
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
        if problem is not None:
            return replace(bare, outcome=problem, reason=_UNREAD_COVERAGE if choice.is_unread else choice.trouble)
        match mapped.subject.kind:
            case Kind.UNREAD:
                return replace(bare, outcome=Outcome.TECHNICAL, reason=mapped.subject.reason or _ORDER_NOT_READ)
            case Kind.VISIT:
                return replace(bare, reason=_IN_FORCE)
            case Kind.ORDER | Kind.ON_RECORD:
                return self._decision_by_policy(bare, mapped, choice)
            case _:
                assert_never(mapped.subject.kind)

    def _decision_by_policy(self, bare: Decision, mapped: Mapped, choice: Choice) -> Decision:
        selection = self.library.select(choice.payer, mapped.order.drug, bare.on)
        if mapped.draft.resource["resourceType"] not in DRUG_ORDERS:
            return self._other_order(bare, mapped, choice, selection)
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

    def _other_order(self, bare: Decision, mapped: Mapped, choice: Choice, selection: Selection) -> Decision:
        """Answer an order of another type: no policy is read on it, even if it names a drug that one is about."""
        match selection:
            case NoPolicy():
                return replace(bare, reason=f"No policy of {choice.payer.name} loaded here decides this order.")
            case PolicyApplies(policy) | PreferredProduct(policy, _) | DrugUnclear(_, policy):
                reason = f"It names {mapped.order.drug.label}. {policy.title} is read on the medication order."
                return replace(bare, outcome=Outcome.DRUG_UNCLEAR, policy=policy, reason=reason)
            case _:
                assert_never(selection)

    def _drug_was_not_read(self, mapped: Mapped) -> bool:
        """Say whether the ordered drug stands in a resource that a system should have given and did not."""
        referred = "medicationReference" in mapped.draft.resource
        unread = mapped.order.drug.reading is Reading.UNRECOGNISED
        return referred and unread and self.record.search("Medication") is SearchState.FAILED

    def _judged(self, bare: Decision, mapped: Mapped, choice: Choice, policy: Policy) -> Decision:
        on, order = bare.on, mapped.order
        case = Case(
            order=order,
            drafts=tuple(each.order for each in self.drafts if each is not mapped and _is_meant(each.draft)),
            record=record_beside(order, self.record),
            plan=choice.plan(),
            answers=answers_that_count(self.record.answers, order, policy, self.services.links, self._answer_window()),
        )
        path = self._path(case, policy, on)
        determination = evaluate(path, case, on)
        drug = self.library.drugs[next(iter(order.drug.keys))]
        dose = judge_dose(case, on, policy.dose_limit, drug) if policy.dose_limit else None
        authority = self._authority(policy, choice)
        outcome = outcome_of(determination, dose, authority, not_met_is_review=policy.not_met_is_review)
        if outcome is Outcome.AUTHORIZED and not self.past.may_issue:
            authority, outcome = dataclasses.replace(authority, recordable=False), Outcome.AUTHORIZABLE
        decision = replace(
            bare,
            outcome=outcome,
            policy=policy,
            determination=determination,
            case=case,
            dose=dose,
            authority=authority,
            safety_notes=safety_notes(case, on, drug),
            notes=(*bare.notes, *reading_notes(order)),
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


def bounded(notes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first notes and how many more there are: each order's record repeats them."""
    return notes if len(notes) <= MOST_NOTES else (*notes[:MOST_NOTES], f"and {len(notes) - MOST_NOTES} more notes")


def _is_meant(draft: DraftOrder) -> bool:
    """Say whether an order asks for something: not one withdrawn, written in error, or telling not to."""
    status = draft.resource.get("status")
    return draft.resource.get("doNotPerform") is not True and not (isinstance(status, str) and status in _WITHDRAWN)


def _resting_on(held: Authorization, decision: Decision, choice: Choice) -> Decision:
    """Return the decision with the authorization in force: its number and its last day, never past the coverage's."""
    ends = [held.approval.expires, *([choice.last_day] if choice.last_day else [])]
    approval = dataclasses.replace(held.approval, expires=min(ends))
    return replace(
        decision, outcome=Outcome.AUTHORIZED, authorization=held.number, approval=approval, alternatives=None
    )


def _still_covers(determination: Determination, dose: DoseFinding | None) -> bool:
    return determination.root.verdict is not Verdict.NOT_MET and not (dose and dose.exceeds)
