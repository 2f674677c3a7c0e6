"""What a policy file becomes; what is refused stands in test_loading."""

from datetime import date
from decimal import Decimal

import pytest

from criteria.policy import Contact, DoseLimit, Policy, Question, QuestionOption, ReflexTest
from criteria.tree import AllOf, AnyOf, AtLeast, Not
from tests.criteria.data_folders import GOOD, load


@pytest.fixture(name="policy", scope="module")
def policy_() -> Policy:
    return load(GOOD).policies["acme/checkpoint"]


def test_the_heading_is_read(policy: Policy) -> None:
    assert (policy.id, policy.version, policy.title, policy.payer) == (
        "acme/checkpoint",
        "1.0.0",
        "Acme policy AC-1",
        "acme",
    )
    assert (policy.effective.start, policy.effective.to) == (date(2026, 1, 1), date(2026, 12, 31))
    assert policy.decides == ("pembrolizumab",)
    assert policy.real_time_authorization
    assert not policy.not_met_is_review
    assert policy.alternatives_gap_days is None
    assert policy.contact == Contact("Acme review", phone="555-0100")
    assert len(policy.source_attributes) == 13
    assert policy.documents["policy"].effective == date(2026, 1, 1)


def test_the_dose_limit_takes_its_tolerances_from_the_thresholds(policy: Policy) -> None:
    assert policy.dose_limit == DoseLimit(Decimal(2), 21, Decimal("0.1"), 19, 30)


def test_reflex_tests_are_known_by_name(policy: Policy) -> None:
    test = ReflexTest("a-test", "http://loinc.org", "85319-2", "A test", "It decides.")
    assert policy.reflex_tests == {"a-test": test}


def test_the_tree_is_built_as_it_is_written(policy: Policy) -> None:
    root = policy.paths["initial"].root
    assert isinstance(root, AllOf)
    kinds = {each.id: type(each) for each in root.of}
    assert kinds["reason"] is AnyOf
    assert kinds["two-of-three"] is AtLeast
    assert kinds["not-reviewed"] is Not
    assert [each.id for each in root.of] == ["adult", "reason", "two-of-three", "not-reviewed", "supported"]
    counted = next(each for each in root.of if isinstance(each, AtLeast))
    assert counted.threshold == 2


def test_one_leaf_in_two_places_is_one_object(policy: Policy) -> None:
    root = policy.paths["initial"].root
    assert isinstance(root, AllOf)
    counted = next(each for each in root.of if isinstance(each, AtLeast))
    assert counted.of[0] is root.of[0] is policy.leaves["adult"]


def test_a_leaf_carries_citation_request_rank_gate_and_side(policy: Policy) -> None:
    reason = policy.leaves["stated-reason"]
    assert (reason.citation.document, reason.citation.section, reason.citation.reading) == ("policy", "B", "R1")
    assert (reason.request, reason.rank, reason.gate, reason.plan_side) == ("The reason.", 7, True, False)
    assert policy.leaves["shortage"].plan_side
    assert policy.leaves["adult"].rank == 50
    assert policy.leaves["supported"].relies_on == ("reason",)


def test_questions_begin_with_the_id_of_their_leaf_and_wait_for_options(policy: Policy) -> None:
    adult, stated, kind, detail = policy.paths["initial"].questions
    assert adult == Question("adult", "The patient is 18 years or older", "boolean")
    assert (stated.link_id, kind.link_id, detail.link_id) == (
        "stated-reason",
        "stated-reason.kind",
        "stated-reason.detail",
    )
    assert kind.options == (QuestionOption("usual", "The usual one"), QuestionOption("other", "Another one"))
    assert detail.enable_when == (("stated-reason.kind", "other"),)


def test_the_authorization_is_read(policy: Policy) -> None:
    found = policy.paths["initial"].authorization
    assert (found.months, dict(found.shorter), found.cycle_limit) == (6, {"shortage": 3}, ("adult", 8, 21))
    assert dict(found.remarks) == {"shortage": "For three months because of the shortage."}
