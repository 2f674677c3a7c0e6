"""Which cards an answer has, what they say, and that they obey CRD's shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cards.card import SUMMARY_LIMIT, Card
from cards.compose import compose_answer, compose_cards
from cards.context import CardContext, DecidedOrder
from cards.dialect import DIALECTS, NEWEST, Dialect
from cards.envelope import fitting
from cards.markdown import plain
from cards.outcome_cards import headline
from criteria.decision import Alternatives, Decision
from criteria.finding import document, review, unknown
from criteria.outcome import Outcome
from tests.cards.builders import (
    ASK_HER2,
    ORDER_ISH,
    WITHOUT_CRITERIA,
    alternatives,
    context,
    decided_order,
    decision,
    judged,
    no,
    order,
    order_resource,
    ordered,
    safety_note,
    secondary,
)

CARD_TYPES = "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"
PLAIN = DIALECTS["cds-hooks"]
every_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
EVERYTHING = {
    "her2": unknown(ORDER_ISH, ASK_HER2),
    "metastatic": unknown(document("Extent")),
    "shortage": unknown(review("Is there a shortage?")),
}


def composed(decided: Sequence[DecidedOrder], context: CardContext) -> dict[str, Any]:
    """The answer as it is sent."""
    return compose_answer(decided, context).to_json()


def full(**changes: Any) -> Decision:
    """A decision that has every card."""
    members: dict[str, Any] = {
        "judgements": EVERYTHING,
        "alternatives": alternatives(),
        "safety_notes": (safety_note(),),
    }
    return decision(Outcome.DOCUMENTATION, **(members | changes))


def cards(found: Decision, *, has_coverage: bool = True, dialect: Dialect = NEWEST) -> list[Card]:
    return compose_cards(decided_order(found, has_coverage=has_coverage), context(dialect=dialect))


def topics(found: list[Card]) -> list[str]:
    return [each.source.topic.code for each in found]


def card(found: Decision, topic: str, *, has_coverage: bool = True) -> dict[str, Any]:
    (only,) = [each for each in cards(found, has_coverage=has_coverage) if each.source.topic.code == topic]
    return only.to_json()


# ----------------------------------------------------------------------------------------------- which cards there are


def test_cards_come_by_priority() -> None:
    assert topics(cards(full(), has_coverage=False)) == [
        "insurance",
        "appropriate-use",
        "therapy-alternatives-req",
        "clinical-reminder",
        "contraindication",
        "guideline",
    ]


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
def test_every_crd_version_has_the_same_cards(version: str) -> None:
    made = [each.to_json() for each in cards(full(), dialect=DIALECTS[version])]
    newest = [each.to_json() for each in cards(full())]
    for each in [*made, *newest]:
        del each["source"]["topic"]["system"], each["extension"]
    assert made == newest


@pytest.mark.parametrize("has_coverage", [True, False])
def test_without_crd_one_card_says_the_outcome_instead(has_coverage: bool) -> None:
    assert topics(cards(full(), has_coverage=has_coverage, dialect=PLAIN)) == [
        "coverage-info",
        "appropriate-use",
        "therapy-alternatives-req",
        "clinical-reminder",
        "contraindication",
        "guideline",
    ]


def test_without_crd_what_to_send_is_said_on_one_card_only_so_that_it_can_be_switched_off() -> None:
    saying = [each.source.topic.code for each in cards(full(), dialect=PLAIN) if "Report that shows" in str(each)]
    assert saying == ["appropriate-use"]
    newest = [each.detail for each in cards(full()) if each.source.topic.code == "appropriate-use"]
    assert [each.detail for each in cards(full(), dialect=PLAIN) if "Report that shows" in str(each)] == newest


@pytest.mark.parametrize("outcome", WITHOUT_CRITERIA)
def test_without_crd_an_outcome_without_criteria_has_its_card(outcome: Outcome) -> None:
    assert topics(cards(decision(outcome), dialect=PLAIN)) == ["coverage-info"]


@pytest.mark.parametrize("outcome", WITHOUT_CRITERIA)
def test_outcomes_without_criteria_have_no_cards(outcome: Outcome) -> None:
    assert cards(decision(outcome)) == []


@pytest.mark.parametrize("outcome", list(Outcome))
def test_without_a_coverage_a_card_says_the_outcome(outcome: Outcome) -> None:
    """It comes first: a client that shows one card shows what was decided, and that a payer was assumed."""
    assert topics(cards(decision(outcome), has_coverage=False))[0] == "insurance"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_of_what_is_not_written_to_a_card_says_the_outcome(outcome: Outcome) -> None:
    decided = decided_order(secondary(decision(outcome)), is_annotated=False)
    first, *others = compose_cards(decided, context())
    shown = first.to_json()
    assert shown["source"]["topic"]["code"] == "insurance"
    assert "insurance" not in topics(others)
    assert f"**{headline(decided.decision)}**" in shown["detail"]
    assert "No Coverage" not in str(shown)
    assert "PA-0042" not in str(shown)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_where_an_assertion_of_ours_stands_no_card_repeats_the_outcome(outcome: Outcome) -> None:
    decided = decided_order(secondary(decision(outcome)), is_annotated=False, ours=frozenset({"earlier"}))
    assert "insurance" not in topics(compose_cards(decided, context()))


def test_an_assertion_of_ours_does_not_say_that_a_payer_is_assumed_now() -> None:
    decided = decided_order(decision(Outcome.REVIEW), has_coverage=False, ours=frozenset({"earlier"}))
    assert "insurance" in topics(compose_cards(decided, context()))


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
def test_a_visit_says_of_a_met_order_on_record_that_it_is_met(version: str) -> None:
    found = secondary(decision(Outcome.AUTHORIZED, order=structs.replace(order(), status="active")))
    here = context(dialect=DIALECTS[version])
    answer = composed([decided_order(found, is_annotated=False)], here)
    assert "systemActions" not in answer
    assert answer["cards"][0]["summary"] == "Margenza 250 mg/10 mL: the record meets the policy"
    assert "Found met: Adult; HER2-positive" in answer["cards"][0]["detail"]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.AUTHORIZED, ["guideline"]),
        (Outcome.AUTHORIZABLE, ["guideline"]),
        (Outcome.NOT_MET, ["therapy-alternatives-req", "guideline"]),
        (Outcome.TECHNICAL, ["guideline"]),
        (Outcome.DOCUMENTATION, ["appropriate-use", "therapy-alternatives-req", "guideline"]),
        (Outcome.REVIEW, ["therapy-alternatives-req", "guideline"]),
    ],
)
def test_alternatives_are_proposed_only_while_the_order_is_open(outcome: Outcome, expected: list[str]) -> None:
    assert topics(cards(decision(outcome, alternatives=alternatives()))) == expected


def test_no_alternative_left_is_no_card() -> None:
    none_left = Alternatives((), alternatives().left_out)
    assert topics(cards(decision(Outcome.REVIEW, alternatives=none_left))) == ["guideline"]


def test_a_safety_note_stands_beside_any_policy() -> None:
    assert topics(cards(decision(Outcome.PREFERRED, safety_notes=(safety_note(),)))) == ["contraindication"]
    assert cards(decision(Outcome.NO_POLICY, safety_notes=(safety_note(),))) == []


def test_a_test_the_policy_cannot_name_is_no_card() -> None:
    found = full()
    assert found.policy is not None
    nameless = structs.replace(found, policy=replace(found.policy, reflex_tests={}))
    assert "clinical-reminder" not in topics(cards(nameless))


# ----------------------------------------------------------------------------------------------------- every card


EVERY_CARD = [
    each
    for found in [
        full(),
        *[decision(outcome, alternatives=alternatives()) for outcome in Outcome],
        *[secondary(decision(outcome)) for outcome in Outcome],
    ]
    for each in cards(found, has_coverage=False)
]


@pytest.mark.parametrize("made", EVERY_CARD, ids=lambda made: made.source.topic.code)
def test_every_card_names_its_order_and_its_payer(made: Card) -> None:
    shown = made.to_json()
    assert shown["extension"] == {"davinci-crd.associated-resource": [{"reference": "MedicationRequest/rx1"}]}
    assert shown["source"]["label"] == "Example Health Plan"
    assert shown["source"]["topic"]["system"] == CARD_TYPES
    assert shown["source"]["topic"]["display"]
    assert "url" not in shown["source"]
    assert "Margenza 250 mg/10 mL" in shown["detail"]
    assert "MedicationRequest/rx1" in shown["detail"]
    assert len(shown["summary"]) <= SUMMARY_LIMIT
    assert "<" not in shown["detail"].replace("\\<", "")


@every_dialect
@pytest.mark.parametrize("has_coverage", [True, False])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_nothing_of_crd_reaches_a_client_without_it(outcome: Outcome, has_coverage: bool, dialect: Dialect) -> None:
    found = decision(outcome, alternatives=alternatives())
    answer = composed([decided_order(found, has_coverage=has_coverage)], context(dialect=dialect))
    assert ("davinci-crd" in str(answer["cards"])) == (dialect is not PLAIN and bool(answer["cards"]))
    assert ("systemActions" in answer) == (dialect is not PLAIN and has_coverage)


def uuids(shown: Mapping[str, Any]) -> list[str]:
    return [shown["uuid"], *(each["uuid"] for each in shown.get("suggestions", []))]


@every_dialect
def test_uuids_are_stable_and_unique(dialect: Dialect) -> None:
    made = [each.to_json() for each in cards(full(), has_coverage=False, dialect=dialect)]
    again = [each.to_json() for each in cards(full(), has_coverage=False, dialect=dialect)]
    named = [uuid for shown in made for uuid in uuids(shown)]
    assert made == again
    assert len(set(named)) == len(named)
    others = cards(full(id="another"), has_coverage=False, dialect=dialect)
    other = [uuid for each in others for uuid in uuids(each.to_json())]
    assert set(other).isdisjoint(named)


LABELS = st.text(max_size=400)


@given(label=LABELS, title=LABELS, payer=st.text(min_size=1, max_size=200).filter(plain))
def test_summaries_are_short_whatever_was_sent(label: str, title: str, payer: str) -> None:
    found = full(order=order(label=label))
    assert found.policy is not None
    assert found.determination is not None
    root = structs.replace(found.determination.root, title=title)
    open_needs = tuple(structs.replace(each, title=title) for each in found.determination.open_needs)
    changed = structs.replace(
        found,
        payer=replace(found.payer, name=payer),
        determination=structs.replace(found.determination, root=root, open_needs=open_needs),
    )
    made = cards(changed, has_coverage=False)
    plain_made = cards(changed, has_coverage=False, dialect=PLAIN)
    assert (len(made), len(plain_made)) == (6, 6)
    assert all(0 < len(each.summary) <= SUMMARY_LIMIT for each in [*made, *plain_made])


@given(label=st.text(alphabet="abc -", min_size=1, max_size=200).filter(str.strip))
def test_a_label_is_whole_in_a_summary_or_not_there(label: str) -> None:
    summary = card(full(order=order(label=label)), "appropriate-use")["summary"]
    name = " ".join(label.split())
    assert summary in {
        f"{name}: documentation needed, above all: HER2-positive",
        f"{name}: documentation needed for prior authorization",
        "Documentation needed for prior authorization of this order",
    }


def test_a_summary_that_cannot_be_short_is_a_bug() -> None:
    with pytest.raises(ValueError, match="no summary is short enough"):
        fitting("x" * 140, "y" * 140)


# ------------------------------------------------------------------------------------------------- each kind of card


def test_the_documentation_card_says_what_to_send() -> None:
    shown = card(full(), "appropriate-use")
    assert shown["indicator"] == "warning"
    assert "suggestions" not in shown
    assert "links" not in shown
    assert shown["detail"] == (
        "To decide coverage of **Margenza 250 mg/10 mL** (MedicationRequest/rx1) "
        r"under Margenza policy \<A \& B\>, send:"
        "\n\n"
        "- **HER2-positive**: Report that shows: HER2-positive.\n"
        "  - IHC 2+ on 2026-03-02 without an ISH result.\n"
        "  - No HER2 test result with a method was found.\n\n"
        r"Other uses the policy covers: [Margenza policy \<A \& B\>](https://plan.example/crd/policies/plan/margenza)."
    )


@every_dialect
def test_the_documentation_card_shows_which_ways_are_enough(dialect: Dialect) -> None:
    found = decision(
        Outcome.DOCUMENTATION,
        judgements={
            "her2": unknown(ORDER_ISH, ASK_HER2),
            "metastatic": unknown(document("Extent")),
            "shortage": unknown(review("Is there a shortage?")),
            "recurrent": unknown(document("Extent")),
        },
    )
    (made,) = [each for each in cards(found, dialect=dialect) if each.source.topic.code == "appropriate-use"]
    assert made.to_json()["detail"].endswith(
        ", send:\n\n"
        "- One of these is enough:\n"
        "  - **Recurrence**, all of these:\n"
        "    - **Recurrent**: Report that shows: Recurrent.\n"
        "      - Extent.\n"
        "    - **HER2-positive**: Report that shows: HER2-positive.\n"
        "      - IHC 2+ on 2026-03-02 without an ISH result.\n"
        "      - No HER2 test result with a method was found.\n"
        "  - **Metastatic**: Report that shows: Metastatic.\n"
        "- **HER2-positive**, as above"
    )


def test_the_documentation_card_orders_criteria_and_keeps_to_what_is_in_view() -> None:
    found = decision(
        Outcome.DOCUMENTATION,
        judgements={"adult": unknown(document("Report that shows: Adult")), "her2": unknown(ASK_HER2)},
    )
    shown = card(found, "appropriate-use")
    assert shown["summary"] == "Margenza 250 mg/10 mL: documentation needed, above all: HER2-positive"
    assert shown["detail"].index("HER2-positive") < shown["detail"].index("Adult")
    assert shown["detail"].count("Report that shows: Adult") == 1
    assert "Other uses" not in shown["detail"]


def test_a_criterion_without_a_request_says_what_is_missing() -> None:
    found = decision(
        Outcome.DOCUMENTATION,
        judgements={"recurrent": no(), "metastatic": no(), "shortage": unknown(document("The notice of shortage"))},
    )
    assert "- **Shortage**: The notice of shortage." in card(found, "appropriate-use")["detail"]
    assert found.policy is not None
    unlisted = structs.replace(found, policy=replace(found.policy, leaves={}))
    assert "- **Shortage**: The notice of shortage." in card(unlisted, "appropriate-use")["detail"]


def test_alternatives_are_delete_and_create() -> None:
    shown = card(full(), "therapy-alternatives-req")
    assert shown["indicator"] == "info"
    assert "links" not in shown
    assert shown["selectionBehavior"] == "at-most-one"
    assert [each["code"] for each in shown["overrideReasons"]] == [
        "prior-failure",
        "prior-intolerance",
        "contraindicated",
        "ongoing-treatment",
        "patient-choice",
        "other",
    ]
    assert [each["label"] for each in shown["suggestions"]] == [
        "Order Enhertu (fam-trastuzumab deruxtecan-nxki) instead",
        "Order Phesgo (pertuzumab, trastuzumab, and hyaluronidase-zzxf) instead",
    ]
    for suggestion in shown["suggestions"]:
        delete, create = suggestion["actions"]
        assert delete["type"] == "delete"
        assert delete["resourceId"] == "MedicationRequest/rx1"
        assert "resource" not in delete
        assert create["type"] == "create"
        assert "resourceId" not in create
        assert create["resource"]["resourceType"] == "MedicationRequest"
    assert shown["summary"] == "Margenza 250 mg/10 mL: preferred product to consider first: Enhertu or Phesgo"
    assert shown["detail"].endswith(
        "- **Enhertu (fam-trastuzumab deruxtecan-nxki)**: 378 mg, intravenous, every 3 weeks. 5.4 mg/kg x 70 kg.\n"
        "- **Phesgo (pertuzumab, trastuzumab, and hyaluronidase-zzxf)**: "
        "Dose to be entered, subcutaneous, every 3 weeks. Loading dose depends on the last dose.\n\n"
        "Not proposed:\n\n"
        "- **trastuzumab**: belongs to another policy."
    )


def test_without_products_left_out_nothing_is_said_of_them() -> None:
    offered = Alternatives(alternatives().offered[:1], ())
    detail = card(decision(Outcome.REVIEW, alternatives=offered), "therapy-alternatives-req")["detail"]
    assert "Not proposed" not in detail


def test_the_reflex_test_is_only_created() -> None:
    shown = card(full(), "clinical-reminder")
    assert shown["summary"] == "Margenza 250 mg/10 mL: HER2 gene amplification by FISH would close an open criterion"
    assert shown["selectionBehavior"] == "any"
    (suggestion,) = shown["suggestions"]
    (action,) = suggestion["actions"]
    assert action["type"] == "create"
    assert action["resource"]["resourceType"] == "ServiceRequest"
    assert "IHC 2+ on 2026-03-02 without an ISH result" in shown["detail"]


@pytest.mark.parametrize(("name", "behavior"), [("2.0", "any"), ("2.1", "any"), ("cds-hooks", "at-most-one")])
def test_a_client_of_cds_hooks_1_0_is_sent_no_behavior_that_it_takes_for_an_error(name: str, behavior: str) -> None:
    made = cards(full(), dialect=DIALECTS[name])
    found = {each.source.topic.code: each.selection_behavior for each in made}
    assert found["clinical-reminder"] == behavior
    assert found["therapy-alternatives-req"] == "at-most-one"


def test_the_safety_note_shows_fact_place_and_label() -> None:
    shown = card(full(), "contraindication")
    assert shown["indicator"] == "warning"
    assert "- LVEF 40 % on 2026-04-01 (record: Observation/lvef; label: Margenza label)" in shown["detail"]
    assert "does not change the coverage outcome" in shown["detail"]


def test_the_policy_card_links_to_the_deciding_criterion() -> None:
    shown = card(decision(Outcome.NOT_MET, judgements={"her2": no()}), "guideline")
    assert shown["links"] == [
        {
            "label": "Margenza policy <A & B>: HER2-positive",
            "url": "https://plan.example/crd/policies/plan/margenza#her2-positive",
            "type": "absolute",
        }
    ]
    assert "suggestions" not in shown
    assert shown["detail"].endswith("The policy asks for HER2-positive. (Medical bulletin, Section B.i)")


def test_the_policy_card_of_a_root_cites_nothing() -> None:
    shown = card(decision(Outcome.AUTHORIZED), "guideline")
    assert shown["links"][0]["url"].endswith("#initial")
    assert shown["detail"].endswith("**Initial authorization**.")


def test_a_citation_of_an_unlisted_document_shows_its_key() -> None:
    found = decision(Outcome.NOT_MET)
    assert found.policy is not None
    unlisted = structs.replace(found, policy=replace(found.policy, documents={}))
    assert "(bulletin, Section B.i)" in card(unlisted, "guideline")["detail"]


def test_without_a_coverage_no_number_is_shown() -> None:
    shown = card(decision(Outcome.AUTHORIZED), "insurance", has_coverage=False)
    assert "PA-0042" not in str(shown)
    assert "Found met: Adult; HER2-positive" in shown["detail"]
    assert shown["detail"].endswith(
        "No Coverage was found, so Example Health Plan was assumed and nothing was written to the order."
    )


def test_text_of_the_record_is_escaped() -> None:
    label = "Margenza [x](http://t.example) <b>"
    shown = card(full(order=order(label=label)), "appropriate-use")
    assert r"**Margenza \[x\](http\://t.example) \<b\>**" in shown["detail"]


# ---------------------------------------------------------------------------------------------------- whole answers


def second_order() -> DecidedOrder:
    later = structs.replace(order(), source=structs.replace(order().source, reference="MedicationRequest/rx2"))
    found = decision(Outcome.AUTHORIZED, id="5b7d5a0e-31a8-4f0c-a2f5-3df4b8a1c002", order=later)
    return DecidedOrder(found, order_resource(id="rx2"), "Coverage/cov1")


def test_an_answer_has_one_action_per_order_and_cards_by_priority() -> None:
    first = DecidedOrder(full(), order_resource(), "Coverage/cov1")
    answer = composed([second_order(), first], context())
    assert [action["resource"]["id"] for action in answer["systemActions"]] == ["rx2", "rx1"]
    assert all(action["type"] == "update" and action["description"] for action in answer["systemActions"])
    assert all("resourceId" not in action for action in answer["systemActions"])
    assert [each["source"]["topic"]["code"] for each in answer["cards"]] == [
        "appropriate-use",
        "therapy-alternatives-req",
        "clinical-reminder",
        "contraindication",
        "guideline",
        "guideline",
    ]
    assert answer["cards"][-2]["extension"]["davinci-crd.associated-resource"] == [
        {"reference": "MedicationRequest/rx2"}
    ]


def test_the_extension_carries_the_products_billing_code() -> None:
    found = decision(Outcome.NO_POLICY)
    answer = composed([DecidedOrder(found, order_resource(), "Coverage/cov1")], context())
    assert answer["cards"] == []
    assert "J9353" in str(answer["systemActions"])
    unread = decision(Outcome.NO_POLICY, order=order(key=None))
    answer = composed([DecidedOrder(unread, order_resource(), "Coverage/cov1")], context())
    assert "billingCode" not in str(answer)
    unheard = decision(Outcome.NO_POLICY, order=order(key="unheard-of"))
    answer = composed([DecidedOrder(unheard, order_resource(), "Coverage/cov1")], context())
    assert "billingCode" not in str(answer)


def test_without_a_coverage_nothing_is_written() -> None:
    answer = composed([DecidedOrder(full(), order_resource(), None)], context())
    assert "systemActions" not in answer
    assert answer["cards"][0]["source"]["topic"]["code"] == "insurance"


def test_nothing_new_is_no_action() -> None:
    first = composed([DecidedOrder(full(), order_resource(), "Coverage/cov1")], context())
    annotated = first["systemActions"][0]["resource"]
    tomorrow = full(called=date(2026, 5, 6))
    again = composed([DecidedOrder(tomorrow, annotated, "Coverage/cov1")], context())
    assert "systemActions" not in again
    assert [each["uuid"] for each in again["cards"]] == [each["uuid"] for each in first["cards"]]


def test_an_earlier_assertion_of_ours_is_replaced() -> None:
    first = composed([DecidedOrder(full(), order_resource(), "Coverage/cov1")], context())
    annotated = first["systemActions"][0]["resource"]
    policy, determination = judged()
    changed = full(id="5b7d5a0e-31a8-4f0c-a2f5-3df4b8a1c009", policy=policy, determination=determination)
    changed = structs.replace(changed, outcome=Outcome.REVIEW)
    decided = DecidedOrder(changed, annotated, "Coverage/cov1", frozenset({full().id}))
    again = composed([decided], context())
    assert len(again["systemActions"][0]["resource"]["extension"]) == 1


@every_dialect
def test_no_orders_are_an_empty_answer(dialect: Dialect) -> None:
    assert composed([], context(dialect=dialect)) == {"cards": []}


# -------------------------------------------------------------------------------------------------- secondary hooks


@every_dialect
@pytest.mark.parametrize("has_coverage", [True, False])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_secondary_hook_asks_for_no_document(outcome: Outcome, has_coverage: bool, dialect: Dialect) -> None:
    found = secondary(decision(outcome, alternatives=alternatives(), safety_notes=(safety_note(),)))
    answer = composed([decided_order(found, has_coverage=has_coverage)], context(dialect=dialect))
    said = str(answer)
    asking = ("doc-needed", "doc-purpose", "questionnaire", "send:", "Not yet documented", "documentation missing")
    assert [each for each in asking if each in said] == []
    assert "Report that shows" not in said
    assert "appropriate-use" not in said
    assert "PA-0042" not in said


@every_dialect
def test_the_same_on_a_primary_hook_asks(dialect: Dialect) -> None:
    answer = composed([decided_order(decision(Outcome.DOCUMENTATION))], context(dialect=dialect))
    assert "Report that shows: HER2-positive" in str(answer["cards"])


@every_dialect
def test_a_secondary_hook_keeps_test_alternatives_policy_and_safety(dialect: Dialect) -> None:
    kept = ["therapy-alternatives-req", "clinical-reminder", "contraindication", "guideline"]
    first = ["coverage-info"] if dialect is PLAIN else []
    assert topics(cards(secondary(full()), dialect=dialect)) == [*first, *kept]


# ------------------------------------------------------------------------- a resource that carries it for the orders

APPOINTMENT = {"resourceType": "Appointment", "id": "a1", "status": "proposed"}
ENCOUNTER = {"resourceType": "Encounter", "id": "e1", "status": "in-progress"}


def second_drug(coverage: str = "Coverage/cov1", **changes: Any) -> DecidedOrder:
    other = structs.replace(
        order("Kadcyla 160 mg"), source=structs.replace(order().source, reference="MedicationRequest/rx2")
    )
    found = decision(Outcome.REVIEW, id="5b7d5a0e-31a8-4f0c-a2f5-3df4b8a1c002", order=other)
    return DecidedOrder(found, order_resource(id="rx2"), coverage, **changes)


def asserted(resource: Mapping[str, Any]) -> list[str]:
    """Return the assertion ids on a resource."""
    return [
        member["valueString"]
        for each in resource["extension"]
        for member in each["extension"]
        if member["url"] == "coverage-assertion-id"
    ]


@pytest.mark.parametrize(("target", "noun"), [(None, "order"), (APPOINTMENT, "appointment"), (ENCOUNTER, "encounter")])
@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
def test_an_action_says_what_it_updates(target: dict[str, Any] | None, noun: str, version: str) -> None:
    here = decided_order(full(), target=target)
    answer = composed([here], context(dialect=DIALECTS[version]))
    (action,) = answer["systemActions"]
    assert action["description"] == f"Add coverage information to the {noun} for Margenza 250 mg/10 mL"
    assert action["resource"]["id"] == (target or order_resource())["id"]
    assert asserted(action["resource"]) == [full().id]


@pytest.mark.parametrize(
    ("resource", "noun"), [(APPOINTMENT, "appointment"), (ENCOUNTER, "encounter"), ({"id": "o"}, "order")]
)
def test_an_action_names_no_order_that_has_no_name(resource: dict[str, Any], noun: str) -> None:
    kind = resource.get("resourceType", "ServiceRequest")
    found = decision(Outcome.NO_POLICY, order=ordered(kind, kind))
    (action,) = composed([decided_order(found, resource=resource)], context())["systemActions"]
    assert action["description"] == f"Add coverage information to the {noun}"


def test_alternatives_replace_the_order_and_not_the_appointment() -> None:
    (made,) = [
        each
        for each in compose_cards(decided_order(full(), target=APPOINTMENT), context())
        if each.source.topic.code == "therapy-alternatives-req"
    ]
    shown = made.to_json()
    assert shown["extension"] == {"davinci-crd.associated-resource": [{"reference": "Appointment/a1"}]}
    delete, create = shown["suggestions"][0]["actions"]
    assert delete["resourceId"] == "MedicationRequest/rx1"
    assert create["resource"]["subject"] == {"reference": "Patient/p1"}


def test_orders_that_share_an_appointment_are_one_update() -> None:
    both = [decided_order(full(), target=APPOINTMENT), second_drug(target=APPOINTMENT)]
    alone = second_order()
    first, second = composed([both[0], alone, both[1]], context())["systemActions"]
    assert first["description"] == (
        "Add coverage information to the appointment for Margenza 250 mg/10 mL and Kadcyla 160 mg"
    )
    assert first["resource"]["id"] == "a1"
    assert asserted(first["resource"]) == [each.decision.id for each in both]
    assert second["resource"]["id"] == "rx2"
    told = [replace(each, target=first["resource"]) for each in both]
    assert "systemActions" not in composed(told, context())


def test_when_one_of_two_decisions_changed_the_appointment_keeps_the_other() -> None:
    both = [decided_order(full(), target=APPOINTMENT), second_drug(target=APPOINTMENT)]
    carrier = composed(both, context())["systemActions"][0]["resource"]
    ids = frozenset(each.decision.id for each in both)
    changed = structs.replace(both[0].decision, id="5b7d5a0e-31a8-4f0c-a2f5-3df4b8a1c009")
    again = [replace(both[0], decision=changed, target=carrier, ours=ids), replace(both[1], target=carrier, ours=ids)]
    (action,) = composed(again, context())["systemActions"]
    assert asserted(action["resource"]) == [changed.id, both[1].decision.id]


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_before_2_2_two_orders_of_one_coverage_cannot_share_an_appointment(version: str) -> None:
    here = context(dialect=DIALECTS[version])
    with pytest.raises(ValueError, match="several assertions about one Coverage"):
        composed([decided_order(full(), target=APPOINTMENT), second_drug(target=APPOINTMENT)], here)
    apart = [decided_order(full(), target=APPOINTMENT), second_drug("Coverage/other", target=APPOINTMENT)]
    (action,) = composed(apart, here)["systemActions"]
    assert asserted(action["resource"]) == [each.decision.id for each in apart]


def test_an_order_without_a_coverage_adds_nothing_to_what_it_shares() -> None:
    both = [decided_order(full(), target=APPOINTMENT), second_drug(target=APPOINTMENT)]
    (action,) = composed([both[0], replace(both[1], coverage_reference=None)], context())["systemActions"]
    assert asserted(action["resource"]) == [full().id]


def test_two_versions_of_one_appointment_are_a_bug() -> None:
    moved = {**APPOINTMENT, "status": "booked"}
    with pytest.raises(ValueError, match="in two versions"):
        composed([decided_order(full(), target=APPOINTMENT), second_drug(target=moved)], context())


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
def test_what_was_written_in_a_version_is_nothing_new_in_it(version: str) -> None:
    here = context(dialect=DIALECTS[version])
    for outcome in Outcome:
        found = decision(outcome)
        carrier = composed([decided_order(found)], here)["systemActions"][0]["resource"]
        tomorrow = structs.replace(found, called=date(2026, 5, 6))
        assert "systemActions" not in composed([decided_order(tomorrow, resource=carrier)], here)
