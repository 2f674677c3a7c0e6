"""The use case: decide every order of a call in the light of the others, and compose the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from cards.checks import Violation
from cards.compose import Answer, compose_answer
from cards.context import CardContext, DecidedOrder
from fhir_mappers.r4 import validate
from fhir_mappers.record import map_record
from service.call_report import report_decisions
from service.configuration import Configuration
from service.deciding import Call
from service.draft_orders import defective_elements
from service.feedback import sent_cards
from service.hook_options import COVERAGE_INFORMATION
from service.hook_request import HookRequest
from service.logs import log_event
from service.prefetch import Gathered
from service.problems import ServiceError, request_problem
from service.services import Services
from service.subjects import Subjects, subjects_of

MOST_WORK = 150_000
"""Orders times resources of one call; one with twenty orders may have a record of 7,500 resources."""

CONFIGURATION_REMARKS = "her2-crd.configuration-remarks"


def answer_hook(request: HookRequest, gathered: Gathered, services: Services) -> dict[str, Any]:
    """Return the CDS Hooks answer; every decision is kept for `GET /decisions/{id}`.

    Raises RequestProblem when no order can be attributed to a payer. Any other exception is a defect of ours and
    becomes an internal error: an order is never left out of the answer silently.
    """
    base = request.caller.fhir_base(request.fhir.server) if request.fhir else None
    subjects = subjects_of(request, gathered.resources, base, validate, searches=gathered.searches)
    _refuse_too_costly(subjects, gathered)
    record = map_record(gathered.resources, request.patient_id, gathered.searches, services.vocabulary)
    call = Call(request, gathered, record, services, subjects)
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
    services.sent.keep(sent_cards(chosen.cards, request.service.id, request.caller.client))
    answer = chosen.to_json()
    if request.remarks:
        # dev-6: the client is to know that what it configured could not be used, and we are.
        log_event("configuration-defaulted", level="warning", service_id=request.service.id)
        answer["extension"] = {CONFIGURATION_REMARKS: list(request.remarks)}
    check_answer(answer, request, decided, services)
    return answer


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
