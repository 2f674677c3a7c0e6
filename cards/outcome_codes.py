"""The coded members of coverage information: the outcome table of the decision contract, in each version's codes."""

from dataclasses import dataclass, replace
from typing import assert_never

from cards.dialect import CoverageInformationForm
from criteria.outcome import Outcome


@dataclass(frozen=True, slots=True)
class OutcomeCodes:
    """The coded members of one outcome; None means that the member must be absent."""

    covered: str
    pa_needed: str | None
    doc_needed: str | None = None
    doc_purpose: str | None = None
    info_needed: str | None = None
    reason: str | None = None


def outcome_codes(outcome: Outcome, form: CoverageInformationForm, *, documents: bool = True) -> OutcomeCodes:
    """Return the codes a version has for an outcome; without `documents` nothing is asked for."""
    codes = _newest(outcome)
    if codes.covered == "indeterminate" and not form.indeterminate:
        codes = replace(codes, covered="conditional", pa_needed="conditional", info_needed="OTH")
    asked = codes.doc_needed if documents else None
    return replace(
        codes,
        pa_needed=form.pa_of_not_covered if codes.covered == "not-covered" else codes.pa_needed,
        doc_needed=asked,
        doc_purpose=form.doc_purpose if asked else None,
        info_needed=codes.info_needed if codes.info_needed in {None, *form.info_needed} else "OTH",
        reason=codes.reason if codes.reason in form.reasons else None,
    )


def _newest(outcome: Outcome) -> OutcomeCodes:
    """Return the codes of CRD 2.2, which has the most."""
    match outcome:
        case Outcome.NO_MEMBER_FOUND | Outcome.NO_ACTIVE_COVERAGE | Outcome.COVERAGE_NOT_FOUND:
            return OutcomeCodes("not-covered", None, reason=outcome.value)
        case Outcome.NO_POLICY | Outcome.PREFERRED:
            return OutcomeCodes("conditional", "conditional", info_needed="OTH")
        case Outcome.DRUG_UNCLEAR:
            return OutcomeCodes("conditional", "conditional", info_needed="detail-code")
        case Outcome.AUTHORIZED:
            return OutcomeCodes("covered", "satisfied")
        case Outcome.AUTHORIZABLE | Outcome.REVIEW:
            return OutcomeCodes("covered", "auth-needed")
        case Outcome.DOCUMENTATION:
            return OutcomeCodes("covered", "auth-needed", doc_needed="clinical")
        case Outcome.NOT_MET:
            return OutcomeCodes("not-covered", None)
        case Outcome.TECHNICAL:
            return OutcomeCodes("indeterminate", "indeterminate", reason="technical")
        case _:
            assert_never(outcome)
