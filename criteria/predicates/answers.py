"""A clinician's answers and the searches behind an absence.

An answer outranks derivation and is cited as the evidence; against the coded record it makes a conflict for review
(contract section 8).
"""

from collections.abc import Iterable
from decimal import Decimal

from criteria.facts import Answer, Case, SearchState, Source
from criteria.finding import Evidence, Judgement, Need, NeedKind, document, met, not_met, review, unknown
from criteria.verdict import Verdict


def newest(case: Case, link_id: str) -> Answer | None:
    """Return the newest answer to a question; None without one, and when the newest contradict each other."""
    last = _newest(case, link_id)
    return last[0] if last and len({each.value for each in last}) == 1 else None


def _newest(case: Case, link_id: str) -> list[Answer]:
    """Return the answers to a question of the newest moment, by reference."""
    found = [each for each in case.answers if each.link_id == link_id]
    if not found:
        return []
    moments = [(str(each.authored or ""), each.moment) for each in found]
    newest_moment = max(moments)
    last = [each for each, moment in zip(found, moments, strict=True) if moment == newest_moment]
    return sorted(last, key=lambda each: each.source.reference)


def answer_evidence(answer: Answer) -> Evidence:
    """Return an answer as evidence."""
    value = answer.value
    shown = ("yes" if value else "no") if isinstance(value, bool) else str(value)
    return Evidence(
        answer.source, f"clinician's answer to {answer.link_id}: {shown}", on=answer.authored, statement=True
    )


def stated(case: Case, link_id: str) -> bool | None:
    """Return a yes/no answer, None when there is none."""
    answer = newest(case, link_id)
    if answer is None or not isinstance(answer.value, bool):
        return None
    return answer.value


def number(case: Case, link_id: str) -> Decimal | None:
    """Return a numeric answer, None when there is none."""
    answer = newest(case, link_id)
    if answer is None or isinstance(answer.value, bool) or not isinstance(answer.value, Decimal):
        return None
    return answer.value


def choice(case: Case, link_id: str) -> str | None:
    """Return the code of a chosen option, None when there is none."""
    answer = newest(case, link_id)
    return answer.value if answer is not None and isinstance(answer.value, str) else None


def completeness(case: Case) -> Answer | None:
    """Return the clinician's statement that the therapy history on record is complete."""
    links = {each.link_id for each in case.answers if each.link_id.endswith(".history-complete")}
    found = [answer for link in sorted(links) if (answer := newest(case, link)) is not None]
    last = max(found, key=lambda each: (str(each.authored or ""), each.value is False), default=None)
    return last if last is not None and last.value is True else None


def weigh(derived: Judgement, case: Case, link_id: str) -> Judgement:
    """Return the derived judgement under a yes/no answer to `link_id`, if there is one."""
    value = stated(case, link_id)
    answer = newest(case, link_id)
    if value is None or answer is None:
        disputed = _newest(case, link_id)
        if disputed and answer is None:
            need = review("Two answers of the same moment contradict each other.")
            return unknown(need, evidence=(*map(answer_evidence, disputed), *derived.evidence))
        return derived
    return decide(derived, answer, Verdict.MET if value else Verdict.NOT_MET)


def decide(derived: Judgement, answer: Answer, said: Verdict) -> Judgement:
    """Put a clinician's statement above a derivation; a contradiction with the record is for review."""
    evidence = (answer_evidence(answer), *derived.evidence)
    if derived.verdict is said:
        return Judgement(said, evidence)
    if derived.verdict is not Verdict.UNKNOWN:
        need = review(
            "The clinician's answer contradicts the coded record.",
            f"the answer: {said.value}",
            f"the record: {derived.verdict.value}",
        )
        return unknown(need, evidence=evidence)
    if all(need.kind is NeedKind.REVIEW for need in derived.needs):
        return unknown(*derived.needs, evidence=evidence)
    return met(*evidence) if said is Verdict.MET else not_met(*evidence)


def ask(case: Case, types: Iterable[str], need: Need) -> Need:
    """Return the need for something not found: the system that did not answer, else what to send."""
    failed = [each for each in types if case.record.search(each) is SearchState.FAILED]
    if failed:
        listed = ", ".join(failed)
        return Need(NeedKind.SOURCE, f"The EHR's FHIR server did not give {listed}.")
    return need


def request(case: Case, *types: str) -> Need:
    """Return the leaf's own request as a document need, or the system that did not answer."""
    return ask(case, types, document(""))


def closed(case: Case, types: Iterable[str]) -> bool:
    """Say whether every one of these searches was answered, so that what is not there is not on record."""
    return all(case.record.search(each) is SearchState.ANSWERED for each in types)


def searched(types: Iterable[str], observed: str) -> Evidence:
    """Return answered searches that found nothing as evidence."""
    return Evidence(Source(f"Searched({', '.join(types)})", ""), observed)
