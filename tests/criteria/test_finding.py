import pytest

from criteria.finding import Evidence, Judgement, Need, NeedKind, Role, document, met, not_met, review, unknown
from criteria.verdict import Verdict
from tests.criteria.facts_builders import evidence

SEEN = evidence()
NEED = document("Send the report.")


@pytest.mark.parametrize("verdict", [Verdict.MET, Verdict.NOT_MET])
def test_a_decided_judgement_without_evidence_cannot_be_built(verdict: Verdict) -> None:
    with pytest.raises(ValueError, match=f"{verdict.value} must name its evidence"):
        Judgement(verdict)


@pytest.mark.parametrize("verdict", [Verdict.MET, Verdict.NOT_MET])
def test_a_decided_judgement_with_an_open_need_cannot_be_built(verdict: Verdict) -> None:
    with pytest.raises(ValueError, match=f"{verdict.value} has no open need"):
        Judgement(verdict, (SEEN,), (NEED,))


@pytest.mark.parametrize("seen", [(), (SEEN,)])
def test_an_unknown_without_a_need_cannot_be_built(seen: tuple[Evidence, ...]) -> None:
    with pytest.raises(ValueError, match="an unknown must name its need"):
        Judgement(Verdict.UNKNOWN, seen)


def test_the_short_forms_build_judgements_of_their_name() -> None:
    assert met(SEEN) == Judgement(Verdict.MET, (SEEN,))
    assert not_met(SEEN) == Judgement(Verdict.NOT_MET, (SEEN,))
    assert unknown(NEED, evidence=(SEEN,)) == Judgement(Verdict.UNKNOWN, (SEEN,), (NEED,))


def test_an_unknown_may_wait_for_several_things() -> None:
    asked = unknown(NEED, review("Two readings.", "one", "other"))
    assert [each.kind for each in asked.needs] == [NeedKind.DOCUMENT, NeedKind.REVIEW]


def test_a_review_need_keeps_its_readings_and_rank() -> None:
    assert review("Which?", "this", "that") == Need(NeedKind.REVIEW, "Which?", ("this", "that"))
    assert review("Off label.", outranks_documentation=True).outranks_documentation


def test_evidence_supports_unless_it_says_otherwise_and_is_no_statement() -> None:
    assert SEEN.role is Role.SUPPORTS
    assert not SEEN.statement


def test_judgements_are_values_that_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        met(SEEN).verdict = Verdict.UNKNOWN  # type: ignore[misc]
