from decimal import Decimal

import pytest

from criteria.finding import Determination, Finding, Need, NeedKind, OpenNeed, document, review
from criteria.outcome import Authority, DoseFinding, Outcome, outcome_of
from criteria.verdict import Verdict
from tests.criteria.facts_builders import ON, finding

MAY = Authority(real_time=True, unsolicited=True, primary_hook=True)
WITHIN = DoseFinding(Decimal(15), 21, ())
EXCEEDED = DoseFinding(Decimal(15), 21, ("ordered 20 mg/kg, label 15 mg/kg plus 10 %",))

DOCUMENT, TEST = document("send"), Need(NeedKind.TEST, "test")
REVIEW, SOURCE = review("which?"), Need(NeedKind.SOURCE, "system down")
OFF_LABEL = review("off label", outranks_documentation=True)


def determined(verdict: Verdict, *needs: tuple[Need, bool]) -> Determination:
    root: Finding = finding("root", verdict)
    return Determination("initial", ON, root, tuple(OpenNeed("leaf", "Leaf", need, seen) for need, seen in needs))


def outcome(
    found: Determination, dose: DoseFinding | None = None, authority: Authority = MAY, *, to_review: bool = False
) -> Outcome:
    return outcome_of(found, dose, authority, not_met_is_review=to_review)


@pytest.mark.parametrize(
    ("dose", "authority", "expected"),
    [
        (None, MAY, Outcome.AUTHORIZED),
        (WITHIN, MAY, Outcome.AUTHORIZED),
        (EXCEEDED, MAY, Outcome.AUTHORIZABLE),
        (WITHIN, Authority(real_time=False, unsolicited=True, primary_hook=True), Outcome.AUTHORIZABLE),
        (WITHIN, Authority(real_time=True, unsolicited=False, primary_hook=True), Outcome.AUTHORIZABLE),
        (WITHIN, Authority(real_time=True, unsolicited=True, primary_hook=False), Outcome.AUTHORIZABLE),
        (EXCEEDED, Authority(real_time=False, unsolicited=False, primary_hook=False), Outcome.AUTHORIZABLE),
    ],
)
def test_a_met_root_is_authorized_where_a_number_may_be_issued_and_the_dose_is_not_exceeded(
    dose: DoseFinding | None, authority: Authority, expected: Outcome
) -> None:
    assert outcome(determined(Verdict.MET), dose, authority) is expected


@pytest.mark.parametrize(("to_review", "expected"), [(False, Outcome.NOT_MET), (True, Outcome.REVIEW)])
def test_a_not_met_root_is_not_met_unless_the_operator_sends_it_to_review(to_review: bool, expected: Outcome) -> None:
    for dose in (None, WITHIN, EXCEEDED):
        assert outcome(determined(Verdict.NOT_MET), dose, to_review=to_review) is expected


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ([(SOURCE, True)], Outcome.TECHNICAL),
        ([(SOURCE, False)], Outcome.TECHNICAL),
        ([(DOCUMENT, True), (SOURCE, True)], Outcome.TECHNICAL),
        ([(OFF_LABEL, True), (SOURCE, True)], Outcome.TECHNICAL),
        ([(DOCUMENT, True)], Outcome.DOCUMENTATION),
        ([(TEST, True)], Outcome.DOCUMENTATION),
        ([(REVIEW, True), (DOCUMENT, True)], Outcome.DOCUMENTATION),
        ([(REVIEW, True), (TEST, True)], Outcome.DOCUMENTATION),
        ([(DOCUMENT, False)], Outcome.REVIEW),
        ([(REVIEW, True), (DOCUMENT, False), (TEST, False)], Outcome.REVIEW),
        ([(REVIEW, True)], Outcome.REVIEW),
        ([(OFF_LABEL, True)], Outcome.REVIEW),
        ([(OFF_LABEL, True), (DOCUMENT, True), (TEST, True)], Outcome.REVIEW),
    ],
)
def test_an_unknown_root_waits_for_a_system_then_for_paper_then_for_a_person(
    needs: list[tuple[Need, bool]], expected: Outcome
) -> None:
    assert outcome(determined(Verdict.UNKNOWN, *needs)) is expected
    assert outcome(determined(Verdict.UNKNOWN, *reversed(needs))) is expected


@pytest.mark.parametrize(
    ("authority", "words"),
    [
        (MAY, None),
        (Authority(real_time=False, unsolicited=False, primary_hook=False), "when it is signed"),
        (Authority(real_time=True, unsolicited=False, primary_hook=False), "when it is signed"),
        (Authority(real_time=True, unsolicited=True, primary_hook=False), "when it is signed"),
        (Authority(real_time=False, unsolicited=False, primary_hook=True), "switched off for this policy"),
        (Authority(real_time=True, unsolicited=False, primary_hook=True), "no unsolicited determination"),
        (
            Authority(real_time=True, unsolicited=True, primary_hook=True, payer_known=False),
            "does not identify its payer",
        ),
    ],
)
def test_why_no_number_is_issued_is_said_in_words(authority: Authority, words: str | None) -> None:
    refusal = authority.refusal
    assert refusal is None if words is None else refusal is not None and words in refusal


@pytest.mark.parametrize("each", list(Outcome))
def test_the_record_shows_the_names_of_the_contract(each: Outcome) -> None:
    assert each.contract_name == ("review" if each is Outcome.DRUG_UNCLEAR else each.value)
