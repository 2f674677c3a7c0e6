"""The use case: decide every order of a call in the light of the others, and compose the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Any
from uuid import uuid4

from cards.checks import Violation
from cards.compose import Answer, compose_answer
from cards.context import CardContext, DecidedOrder
from fhir_mappers.r4 import validate
from fhir_mappers.record import MappedRecord, map_record
from service.assertions import assertion_ids
from service.call_report import report_decisions
from service.configuration import Configuration
from service.deciding import Call
from service.digests import digest
from service.draft_orders import defective_elements
from service.exact_json import encode
from service.feedback import sent_cards
from service.hook_options import COVERAGE_INFORMATION
from service.hook_request import HookRequest
from service.logs import log_event
from service.naming import NamedDecision
from service.past import UNKNOWN, Authorization, Past
from service.prefetch import Gathered
from service.problems import ServiceError, request_problem
from service.records import decision_content
from service.retention import packed, retained_call
from service.services import Services
from service.stages import Stage
from service.storage.database import StorageDownError
from service.storage.ledger import Entry, IssuedMeanwhileError
from service.storage.rows import client_key
from service.subjects import Subjects, subjects_of

MOST_WORK = 150_000
"""Orders times resources of one call; one with twenty orders may have a record of 7,500 resources."""

MOST_ASSERTIONS = 1_000
"""Ids that are looked up for a call of at most fifty orders. Databases take some ten thousand in one statement."""

_ATTEMPTS = 8
"""As many calls of one client are worked on at once, so at most that many can come before each other."""

CONFIGURATION_REMARKS = "her2-crd.configuration-remarks"


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a call as JSON, and whether its decisions are recorded for good."""

    body: bytes
    is_recorded: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a call is to be answered, before it is recorded; nothing else than the arguments of `judge` decides it."""

    chosen: Answer
    body: bytes
    decisions: tuple[NamedDecision, ...]

    @property
    def issued(self) -> tuple[Authorization, ...]:
        """Return the authorizations that are new."""
        return tuple(each.issued for each in self.decisions if each.issued is not None)


@dataclass(frozen=True, slots=True)
class Read:
    """A call as it was read: what it is about, and the record of the patient."""

    request: HookRequest
    gathered: Gathered
    subjects: Subjects
    mapped: MappedRecord

    @property
    def assertions(self) -> tuple[str, ...]:
        """Return the assertion ids that can be ours on everything the call is about, or the first of very many."""
        carriers = [each.draft.resource if each.target is None else each.target for each in self.subjects.decided]
        found = dict.fromkeys(name for each in carriers for name in assertion_ids(each))
        return tuple(islice(found, MOST_ASSERTIONS))


def answer_hook(request: HookRequest, gathered: Gathered, services: Services) -> Answered:
    """Return the CDS Hooks answer; every decision is recorded before it is given.

    While nothing can be recorded, no authorization is issued: what would be one is answered without a number, and all
    else as ever. Raises RequestProblem when no order can be attributed to a payer. Any other exception is a defect of
    ours and becomes an internal error: an order is never left out of the answer silently.
    """
    read = read_call(request, gathered, services)
    called = services.clock.today()
    for _ in range(_ATTEMPTS):
        past = _past(read, services)
        judgement = judge(read, past, called, services)
        try:
            with services.stage(Stage.RECORD):
                _record(judgement, read, past, called, services)
        except StorageDownError:
            log_event("not-recorded", level="error", service_id=request.service.id)
            if judgement.issued:
                judgement = judge(read, replace(past, may_issue=False), called, services)
            return Answered(judgement.body, is_recorded=False)
        except IssuedMeanwhileError:
            continue
        return Answered(judgement.body, is_recorded=True)
    raise ServiceError("each time an authorization was to be issued, another call had issued one")


def read_call(request: HookRequest, gathered: Gathered, services: Services) -> Read:
    """Return a call as it is read; raise RequestProblem for orders that cannot be."""
    base = request.caller.fhir_base(request.fhir.server) if request.fhir else None
    subjects = subjects_of(request, gathered.resources, base, validate, searches=gathered.searches)
    _refuse_too_costly(subjects, gathered)
    mapped = map_record(gathered.resources, request.patient_id, gathered.searches, services.vocabulary)
    return Read(request, gathered, subjects, mapped)


def judge(read: Read, past: Past, called: date, services: Services) -> Judgement:
    """Decide every order of a call and compose the answer. Raises RequestProblem, and WrongAnswerError for a defect."""
    request = read.request
    call = Call(request, read.gathered, read.mapped, services, read.subjects, past=past, called=called)
    decided = [each for mapped in call.subjects if (each := call.decide(mapped)) is not None]
    report_decisions(each.decision for each in decided)
    context = CardContext(
        services.links,
        services.library.drugs,
        user=_clinician(request.context.user),
        dialect=request.dialect,
        defects=defective_elements,
    )
    chosen = configured_answer(compose_answer(decided, context), request.configuration)
    answer = chosen.to_json()
    if request.remarks:
        # dev-6: the client is to know that what it configured could not be used, and we are.
        log_event("configuration-defaulted", level="warning", service_id=request.service.id)
        answer["extension"] = {CONFIGURATION_REMARKS: list(request.remarks)}
    check_answer(answer, request, decided, services)
    return Judgement(chosen, encode(answer), tuple(call.named))


def _past(read: Read, services: Services) -> Past:
    """Return what was said before, UNKNOWN while the database does not answer."""
    client = client_key(read.request.caller.client)
    try:
        return services.ledger.past(client, read.request.patient_id, read.assertions)
    except StorageDownError:
        log_event("past-unknown", level="error", service_id=read.request.service.id)
        return UNKNOWN


def _record(judgement: Judgement, read: Read, past: Past, called: date, services: Services) -> None:
    """Record the decisions of a call, with what they issue and the cards that feedback may come on."""
    if not judgement.decisions:
        return
    request = read.request
    sealed = None
    if services.seal is not None:
        call = retained_call(request, read.gathered, past, called, settings=services.settings, digests=services.digests)
        sealed = services.seal.close(packed(call, judgement.body, judgement.decisions))
    answer_digest = digest(judgement.body)
    services.ledger.record(
        Entry(
            client=client_key(request.caller.client),
            call=str(uuid4()),
            moment=services.clock.now(),
            contents=[decision_content(each, request, judgement.chosen, answer_digest) for each in judgement.decisions],
            asserted=[each.asserted for each in judgement.decisions],
            issued=judgement.issued,
            cards=sent_cards(judgement.chosen.cards, request.service.id, request.caller.client),
            sealed=sealed,
        )
    )


def _refuse_too_costly(subjects: Subjects, gathered: Gathered) -> None:
    """Each order is decided against the whole record, which takes about 7 us for each resource."""
    if len(subjects.decided) * len(gathered.resources) > MOST_WORK:
        text = f"orders times resources are more than {MOST_WORK}; send the orders in several calls"
        raise request_problem("$.context", "too-costly", text)


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
