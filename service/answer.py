"""The use case: decide every order of a call in the light of the others, and compose the answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

from msgspec.structs import replace

from cards.checks import Violation
from cards.compose import Answer, compose_answer
from cards.context import CardContext, DecidedOrder
from cards.links import Links
from cards.record import approval_record, decision_record
from criteria.alternatives import alternatives_of
from criteria.approval import approval_of, judge_dose
from criteria.decision import Decision
from criteria.evaluation import evaluate
from criteria.facts import Answer as ClinicianAnswer
from criteria.facts import Case, Order, Reading, Record, SearchState
from criteria.library import Library
from criteria.oncology.current import is_under_treatment
from criteria.outcome import Authority, Outcome, outcome_of
from criteria.policy import DrugUnclear, NoPolicy, Path, Policy, PolicyApplies, PreferredProduct
from criteria.present import known_by
from criteria.safety import safety_notes
from fhir_mappers.element import Issue
from fhir_mappers.order import DRUG_ORDERS, map_order
from fhir_mappers.r4 import validate
from fhir_mappers.record import MappedRecord, map_record
from service.assertions import asserted, assertion_id, assertion_ids, order_digest
from service.authorizations import Issued
from service.configuration import Configuration
from service.coverage_choice import Choice, Coverages
from service.decision_store import KeptDecision
from service.draft_orders import DraftOrder, defective_elements
from service.exact_json import encode
from service.feedback import sent_cards
from service.hook_options import COVERAGE_INFORMATION
from service.hook_request import HookRequest
from service.logs import log_event
from service.prefetch import Gathered
from service.problems import ServiceError
from service.services import Services
from service.subjects import Kind, Subject, Subjects, subjects_of

_PROBLEMS = {
    Outcome.NO_ACTIVE_COVERAGE: "The coverage is not in force on {on}.",
    Outcome.TECHNICAL: "The Coverage or its payer could not be read: the FHIR server did not give it.",
}
CONFIGURATION_REMARKS = "her2-crd.configuration-remarks"
_ORDER_NOT_READ = "The order itself could not be read: it was not sent, and the EHR's FHIR server did not give it."
_DRUG_NOT_READ = "The ordered drug could not be read: the EHR's FHIR server did not give the medication."
_WITHDRAWN = frozenset({"cancelled", "completed", "entered-in-error", "fulfilled", "noshow", "revoked", "stopped"})
_PROPOSED_AFTER = frozenset({Outcome.DOCUMENTATION, Outcome.REVIEW, Outcome.NOT_MET})


def answer_hook(request: HookRequest, gathered: Gathered, services: Services) -> dict[str, Any]:
    """Return the CDS Hooks answer; every decision is kept for `GET /decisions/{id}`.

    Raises RequestProblem when no order can be attributed to a payer. Any other exception is a defect of ours and
    becomes an internal error: an order is never left out of the answer silently.
    """
    base = request.caller.fhir_base(request.fhir.server) if request.fhir else None
    subjects = subjects_of(request, gathered.resources, base, validate)
    record = map_record(gathered.resources, request.patient_id, gathered.searches, services.vocabulary)
    call = _Call(request, gathered, record, services, subjects)
    decided = [each for mapped in call.subjects if (each := call.decide(mapped)) is not None]
    context = CardContext(
        services.links,
        services.library.drugs,
        user=_clinician(request.context.user),
        dialect=request.dialect,
        defects=defective_elements,
    )
    chosen = configured_answer(compose_answer(decided, context), request.configuration)
    services.sent.keep(sent_cards(chosen.cards, request.service.id, request.caller.client))
    answer = chosen.to_json()
    if request.remarks:
        # dev-6: the client is to know that what it configured could not be used, and we are.
        log_event("configuration-defaulted", level="warning", service_id=request.service.id)
        answer["extension"] = {CONFIGURATION_REMARKS: list(request.remarks)}
    check_answer(answer, request, decided, services)
    return answer


def check_answer(
    answer: Mapping[str, Any], request: HookRequest, decided: Sequence[DecidedOrder], services: Services
) -> None:
    """Raise WrongAnswerError for an answer that breaks a rule of what may be sent: a defect of ours, a 500."""
    ours = {each.decision.id for each in decided}
    found = services.check.violations(answer, request.dialect, is_primary=request.service.primary, ours=ours)
    if found:
        log_event("answer-not-sent", level="error", service_id=request.service.id, rules=[str(each) for each in found])
        raise WrongAnswerError(found)


def _clinician(user: str | None) -> str | None:
    """Return the user who may be the requester of a draft; patients who book their appointments order nothing."""
    return user if user is not None and user.startswith("Practitioner") else None


def configured_answer(answer: Answer, configuration: Configuration) -> Answer:
    """Leave out what the caller switched off, and the cards beyond its limit, least important last."""
    cards = [each for each in answer.cards if configuration.wants(each[0].source.topic.code)]
    actions = answer.actions if configuration.wants(COVERAGE_INFORMATION) else ()
    return Answer(tuple(cards[: configuration.max_cards]), actions)


class WrongAnswerError(ServiceError):
    """An answer breaks rules of what may be sent; names places and rules, no value of the answer."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        """Keep what was violated."""
        super().__init__("; ".join(map(str, violations)))
        self.violations = violations


@dataclass(frozen=True, slots=True)
class _Mapped:
    """A subject of the call with what it was read as."""

    subject: Subject
    order: Order
    notes: tuple[str, ...]

    @property
    def draft(self) -> DraftOrder:
        """Return the resource that was read, with its place."""
        return self.subject.draft


class _Call:
    """One call: what all its subjects share."""

    def __init__(
        self,
        request: HookRequest,
        gathered: Gathered,
        mapped: MappedRecord,
        services: Services,
        subjects: Subjects,
    ) -> None:
        self.request, self.services = request, services
        self.library: Library = services.library
        self.called: date = services.clock.today()
        record, later = known_by(mapped.record, self.called)
        self.record: Record = record
        self.notes = (*request.notes, *gathered.notes, *mapped.notes, *subjects.notes, *later)
        self.subjects = [self._read(subject, mapped) for subject in subjects.decided]
        # Orders of other kinds stand beside nothing: a booking or a visit orders no drug.
        orders = [each for each in self.subjects if each.subject.kind is Kind.ORDER]
        beside = [self._read(Subject(Kind.ORDER, draft), mapped) for draft in subjects.beside]
        self.drafts = [*orders, *beside]
        default = request.caller.default_payer
        self.coverages = Coverages.of(mapped.chart, self.library, default, gathered.searches)

    def _read(self, subject: Subject, mapped: MappedRecord) -> _Mapped:
        issues: list[Issue] = []
        draft = subject.draft
        order = map_order(dict(draft.resource), mapped.chart.resolve, self.services.vocabulary, issues)
        return _Mapped(subject, order, (*draft.notes, *map(str, issues)))

    def decide(self, mapped: _Mapped) -> DecidedOrder | None:
        """Decide one subject; None where there is nothing to say about it.

        That is an order that was withdrawn or orders not to do something, an order on record that no policy
        decides, and a visit under a coverage in force.
        """
        subject = mapped.subject
        if not _is_meant(subject.draft):
            return None
        choice = self.coverages.choose(mapped.order, subject.draft.resource)
        problem = choice.problem(decision_day(mapped.order, self.called))
        if subject.kind is Kind.VISIT and problem is None:
            return None
        decision = self._decision(mapped, choice, problem)
        if subject.kind is Kind.ON_RECORD and decision.determination is None:
            return None
        carrier = subject.draft.resource if subject.target is None else subject.target
        kept = {each: self.services.store.get(each) for each in assertion_ids(carrier)}
        earlier = {each: found for each, found in kept.items() if found is not None}
        return DecidedOrder(
            self._named(decision, mapped, choice),
            subject.draft.resource,
            choice.reference,
            frozenset(earlier),
            target=subject.target,
            is_annotated=self._is_annotated(subject, earlier.values()),
        )

    def _is_annotated(self, subject: Subject, earlier: Iterable[KeptDecision]) -> bool:
        """Say whether the answer is written to the subject.

        What a primary hook asserted, a number perhaps, is not replaced by the foresight of a secondary one.
        """
        if not subject.is_held or subject.kind is Kind.ON_RECORD:
            return False
        return self.request.service.primary or not any(each.is_primary for each in earlier)

    def _decision(self, mapped: _Mapped, choice: Choice, problem: Outcome | None) -> Decision:
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
            return replace(bare, outcome=problem, reason=_PROBLEMS[problem].format(on=on))
        if mapped.subject.kind is Kind.UNREAD:
            return replace(bare, outcome=Outcome.TECHNICAL, reason=_ORDER_NOT_READ)
        return self._decision_by_policy(bare, mapped, choice)

    def _decision_by_policy(self, bare: Decision, mapped: _Mapped, choice: Choice) -> Decision:
        resource_type = mapped.draft.resource["resourceType"]
        if resource_type not in DRUG_ORDERS:
            return replace(bare, reason=f"No policy of {choice.payer.name} loaded here is about {resource_type}.")
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
            "record": asserted(record),
            "authority": None if decision.authority is None else decision.authority.refusal,
            "reason": decision.reason,
        }
        of_order = assertion_id(content)
        target = mapped.subject.target
        own = of_order if target is None else assertion_id({"order": of_order, "target": order_digest(target)})
        named = replace(decision, id=own)
        if named.outcome is Outcome.AUTHORIZED:
            named = self._issued(named, of_order)
        kept = KeptDecision(
            encode({**record, "approval": approval_record(named)}),
            client=self.request.caller.client,
            is_primary=self.request.service.primary,
        )
        self.services.store.put(named.id, kept)
        return named

    def _issued(self, decision: Decision, of_order: str) -> Decision:
        """Give an authorized order the number it was given before, or a new one.

        A number names one period, so it is made of the day that period begins. It belongs to the order, whichever
        resource carries the answer: `of_order` is the id of the assertion about the order itself.
        """
        if decision.approval is None:
            raise ValueError("an authorized order has an approval")
        start = max(decision.on, decision.called)
        number = uuid5(UUID(of_order), f"authorization {start}").hex[:12].upper()
        new = Issued(f"{decision.payer.id.upper()}-{number}", decision.approval)
        issued = self.services.authorizations.issue(of_order, new)
        return replace(decision, authorization=issued.number, approval=issued.approval)


def _is_meant(draft: DraftOrder) -> bool:
    """Say whether an order asks for something: not one withdrawn, written in error, or telling not to."""
    status = draft.resource.get("status")
    return draft.resource.get("doNotPerform") is not True and not (isinstance(status, str) and status in _WITHDRAWN)


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
    answers: tuple[ClinicianAnswer, ...], order: Order, policy: Policy, links: Links, window: tuple[date, date]
) -> tuple[ClinicianAnswer, ...]:
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
