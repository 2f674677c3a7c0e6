"""Sentences of coverage information: the reason of each outcome and the dose arithmetic.

Written for an oncologist in a hurry and a payer's pharmacist. Criteria are named by their titles; no sentence names
the patient. The sentences that frame a card stand with that card.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import assert_never

from cards.findings import (
    announced_outcome,
    asked_needs,
    decisive,
    finding_of,
    is_primary,
    judged,
    review_needs_in_view,
)
from cards.markdown import plain
from cards.naming import opening_name, order_name
from cards.outline import Choice, Entry, Item, Way, criteria_of, outline
from criteria.decision import Decision
from criteria.finding import Evidence, Finding, OpenNeed, Role
from criteria.outcome import DoseFinding, Outcome
from criteria.verdict import Verdict

NOT_A_DENIAL = (
    "This is the policy read against the record, not a denial: a prior authorization request gets clinical review."
)
_SHOWN_EVIDENCE = 4
"""Most observations shown per criterion; the decision record has them all."""


def reason(decision: Decision) -> str:
    """Return why the order got its outcome, in plain text."""
    outcome = announced_outcome(decision)
    match outcome:
        case Outcome.NO_MEMBER_FOUND | Outcome.NO_ACTIVE_COVERAGE | Outcome.COVERAGE_NOT_FOUND:
            return _given(decision)
        case Outcome.NO_POLICY | Outcome.DRUG_UNCLEAR:
            return _given(decision)
        case Outcome.PREFERRED:
            return _preferred(decision)
        case Outcome.AUTHORIZED:
            return _authorized(decision)
        case Outcome.AUTHORIZABLE:
            return _authorizable(decision)
        case Outcome.NOT_MET:
            return join(_not_met(decision), NOT_A_DENIAL)
        case Outcome.TECHNICAL:
            return _technical(decision) if decision.determination else _given(decision)
        case Outcome.DOCUMENTATION:
            return _documentation(decision)
        case Outcome.REVIEW:
            return _review(decision)
        case _:
            assert_never(outcome)


def sentence(text: str) -> str:
    """Return the text as one sentence: on one line, with an end."""
    line = plain(text)
    return line if not line or line[-1] in ".?!" else f"{line}."


def join(*sentences: str) -> str:
    """Join sentences; empty ones are left out."""
    return " ".join(filter(None, map(sentence, sentences)))


def titles(found: Iterable[Finding | OpenNeed]) -> str:
    """Return the titles, each once, in order."""
    return "; ".join(dict.fromkeys(plain(each.title) for each in found))


def observation(evidence: Evidence) -> str:
    """Return what was observed, with its place and day."""
    place = ", ".join(filter(None, [evidence.source.reference, str(evidence.on) if evidence.on else ""]))
    return f"{plain(evidence.observed)} ({place})"


def refusal(decision: Decision) -> str:
    """Return why no number is issued although the criteria are met."""
    given = decision.authority.refusal if decision.authority else None
    if decision.dose is None or not decision.dose.exceeds:
        return f"No authorization number is issued here: {given or 'the plan issues it on request'}"
    return join(
        "No authorization number is issued for the ordered dose",
        exceeded_dose(decision.dose),
        f"Also: {given}" if given else "",
    )


# ------------------------------------------------------------------------------------------------- dose arithmetic


def number(value: Decimal) -> str:
    """Return the number with thousands separators and without trailing zeros."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def interval(days: int) -> str:
    """Return the interval between doses in words."""
    if days % 7:
        return f"every {days} days"
    return "every week" if days == 7 else f"every {days // 7} weeks"  # noqa: PLR2004 - days of a week


def label_dose(dose: DoseFinding) -> str:
    """Return the label dose, computed for the patient's weight when one is usable."""
    rate = f"Label dose {number(dose.label_dose_mg_per_kg)} mg/kg {interval(dose.interval_days)}"
    if dose.label_dose_mg is None or dose.weight_kg is None:
        return f"{rate}; no usable body weight on record, so no quantity is stated"
    weighed = f" ({dose.weight_on})" if dose.weight_on else ""
    computed = f"{rate}; {number(dose.label_dose_mg)} mg at {number(dose.weight_kg)} kg{weighed}"
    return f"{computed} = {units(dose.label_units, dose.billing_code)}" if dose.label_units else computed


def exceeded_dose(dose: DoseFinding) -> str:
    """Return in which way the order exceeds the limit, with the whole arithmetic."""
    ordered = ""
    if dose.ordered_mg is not None:
        place = f" ({dose.ordered_source.reference})" if dose.ordered_source else ""
        count = f" = {units(dose.ordered_units, dose.billing_code)}" if dose.ordered_units else ""
        ordered = f"Ordered {number(dose.ordered_mg)} mg{count}{place}"
    allowed = label_dose(dose)
    if dose.weight_source:
        allowed += f"; weight from {dose.weight_source.reference}"
    if dose.allowed_mg is not None:
        allowed += f"; up to {number(dose.allowed_mg)} mg is accepted for vial rounding"
    return join(*dose.exceeds, ordered, allowed)


def units(count: int | None, code: str | None) -> str:
    """Return billing units with their code."""
    noun = "unit" if count == 1 else "units"
    return f"{count:,} {noun} of {code}" if code else f"{count:,} billing {noun}"


# --------------------------------------------------------------------------------------------- one per outcome


def _given(decision: Decision) -> str:
    if not decision.reason.strip():
        raise ValueError(f"{decision.outcome.value} needs a reason")
    return sentence(decision.reason)


def _preferred(decision: Decision) -> str:
    policy = f" under {decision.policy.title}" if decision.policy else ""
    return join(
        f"{opening_name(decision)} is a preferred product{policy}: no exception request is needed",
        "Clinical review may still apply",
        decision.reason,
    )


def _authorized(decision: Decision) -> str:
    _, determination = judged(decision)
    if decision.authorization is None or decision.approval is None:
        raise ValueError("an authorized order has a number and an approval")
    expires = decision.approval.expires.isoformat()
    if determination.root.verdict is not Verdict.MET:
        return join(
            f"Prior authorization {decision.authorization}, issued earlier for this treatment, is valid to {expires}",
            decision.reason,
        )
    given = f"of {decision.earlier.issued.isoformat()} is in force" if decision.earlier else "is issued"
    return join(
        f"Prior authorization {decision.authorization} {given} for {order_name(decision)}, valid through {expires}",
        f"Found met: {titles(decisive(determination.root))}",
        decision.approval.remark or "",
    )


def without_number(decision: Decision, why: str) -> str:
    """Return the reason of an approval whose number cannot be given here."""
    _, determination = judged(decision)
    if determination.root.verdict is not Verdict.MET:
        return join("An earlier prior authorization covers this treatment", why)
    return join(f"Found met: {titles(decisive(determination.root))}", why)


def _authorizable(decision: Decision) -> str:
    """Say what to do now: on a secondary hook nothing, the order is decided when it is signed."""
    request = "Request prior authorization from the plan" if is_primary(decision) else ""
    return join(without_number(decision, refusal(decision)), request)


def _not_met(decision: Decision) -> str:
    policy, determination = judged(decision)
    failed = "; ".join(_with_observations(each) for each in decisive(determination.root))
    return f"For {order_name(decision)}, the record does not meet these criteria of {policy.title}: {failed}"


def _technical(decision: Decision) -> str:
    texts = dict.fromkeys(each.need.text for each in asked_needs(decision))
    return join(
        f"Coverage of {order_name(decision)} could not be determined",
        *texts,
        "This is a technical problem, not a decision about coverage; try again when the system responds",
    )


def _authorization_needed(decision: Decision) -> str:
    """Return that the order needs prior authorization, and under what."""
    policy, _ = judged(decision)
    return f"{opening_name(decision)} needs prior authorization under {policy.title}"


def _for_the_plan(decision: Decision, asked: Sequence[Entry]) -> str:
    """Return what the plan reviews besides what is asked, empty when there is nothing."""
    named = {leaf.id for leaf in criteria_of(asked)}
    reviewed = [each for each in review_needs_in_view(decision) if each.criterion not in named]
    return f"For the plan to review, nothing to send: {titles(reviewed)}" if reviewed else ""


def _documentation(decision: Decision) -> str:
    """Name what is missing; secondary hooks must ask for no documents (CRD hook-19, and the same in 2.0 and 2.1)."""
    needed = _authorization_needed(decision)
    if not is_primary(decision):
        said = "was said when the order was" if decision.order.status == "active" else "is said when the order is"
        return join(needed, f"What the authorization takes {said} signed")
    asked = outline(decision)
    return join(needed, f"Not yet documented: {_listed(asked)}", _for_the_plan(decision, asked))


def _listed(entries: Sequence[Entry]) -> str:
    return "; ".join(dict.fromkeys(map(_entry, entries)))


def _entry(entry: Entry) -> str:
    """Return a criterion's title, or a choice as "one of [first way; second way]"."""
    match entry:
        case Item(leaf=leaf):
            return plain(leaf.title)
        case Choice(enough=enough, ways=ways):
            return f"{'one' if enough == 1 else enough} of [{'; '.join(map(_way, ways))}]"
        case _:
            assert_never(entry)


def _way(way: Way) -> str:
    return _listed(way.entries) if len(way.entries) == 1 else f"{plain(way.title)} ({_listed(way.entries)})"


def _review(decision: Decision) -> str:
    policy, determination = judged(decision)
    asked = asked_needs(decision)
    opening = f"{opening_name(decision)} under {policy.title} needs clinical review by the plan"
    if not asked:
        return join(opening, _not_met(decision), NOT_A_DENIAL)
    return join(opening, *(_conflict(each, finding_of(determination.root, each.criterion)) for each in asked))


def _conflict(open_need: OpenNeed, finding: Finding | None) -> str:
    """Return one review need with its readings and what the record shows."""
    readings = "; ".join(f"({place}) {plain(each)}" for place, each in enumerate(open_need.need.readings, start=1))
    seen = _observations(finding.evidence) if finding else ""
    return join(
        f"{plain(open_need.title)}: {open_need.need.text}",
        f"It can be read in these ways: {readings}" if readings else "",
        f"On record: {seen}" if seen else "",
    )


def _with_observations(finding: Finding) -> str:
    against = [each for each in finding.evidence if each.role is Role.CONTRADICTS] or finding.evidence
    seen = _observations(against)
    return f"{plain(finding.title)} [{seen}]" if seen else plain(finding.title)


def _observations(evidence: Sequence[Evidence]) -> str:
    shown = list(dict.fromkeys(map(observation, evidence)))
    more = f"; {len(shown) - _SHOWN_EVIDENCE} more in the decision record" if len(shown) > _SHOWN_EVIDENCE else ""
    return "; ".join(shown[:_SHOWN_EVIDENCE]) + more
