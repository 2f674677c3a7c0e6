"""What must hold of every chart, however odd: no crash, and a decision that depends on the record alone.

Each property follows from a sentence of the decision contract, which its docstring gives.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import builders
from tests.builders import ICD10, LOINC, concept, quantity
from tests.hooks.clients import Api, Json, api, nodes, templates
from tests.hooks.generated import charts, drafts
from tests.hooks.paths import present

# Derandomized, so that a run of the tests says the same twice; the numbers keep the file under half a minute.
bounded = settings(
    max_examples=80, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
PAYERS = st.sampled_from(["mmm", "mmm", "oscar"])
KEY_OF = {template.partition("?")[0]: key for key, template in templates().items() if "?" in template}


@cache
def service() -> Api:
    return api()


def call(orders: list[Json], record: list[Json], payer: str, unanswered: frozenset[str] = frozenset()) -> Json:
    """Return a request whose searches are all answered but the `unanswered`, whose resources are there all the same."""
    prefetch: Json = {"patient": builders.patient()}
    own = [*record, builders.coverage(period=None), builders.organization(payer=payer)]
    for kind, key in KEY_OF.items():
        found = [{"resource": each} for each in own if each["resourceType"] == kind]
        prefetch[f"extra-{key}" if kind in unanswered else key] = {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": found,
        }
    context = {
        "userId": "Practitioner/dr",
        "patientId": "p1",
        "draftOrders": {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": each} for each in orders],
        },
    }
    instance = "3f2c6f3a-4b86-4a58-9d0e-0b2f3f9e6a11"
    return {"hook": "order-sign", "hookInstance": instance, "context": context, "prefetch": prefetch}


def decide(body: Json) -> dict[str, Json]:
    """Return the record of each order's decision."""
    called = service().sign(body)
    assert called.status == 200, called.text
    orders = [each["resource"]["id"] for each in called.actions]
    assert orders == [each["resource"]["id"] for each in body["context"]["draftOrders"]["entry"]]
    return {each: service().decision(called, f"MedicationRequest/{each}") for each in orders}


def verdicts(decisions: Mapping[str, Json]) -> dict[str, Any]:
    """Return outcome and path of each order, and the verdict of each criterion."""
    return {
        order: (
            decision["outcome"],
            decision["path"],
            {node["id"]: node["verdict"] for node in nodes(decision["criteria"])} if decision["criteria"] else {},
        )
        for order, decision in decisions.items()
    }


def leaf_verdicts(decision: Json) -> dict[str, str]:
    tree = decision["criteria"]
    return {} if tree is None else {node["id"]: node["verdict"] for node in nodes(tree) if not node["of"]}


# ------------------------------------------------------------------ whole calls

NEVER = {
    "guideline-preference": {"met", "not-met"},
    "poor-response-risk-or-not-a-candidate": {"met", "not-met"},
    "labelled-indication": {"not-met"},
    "oncology-note": {"not-met"},
    "current-imaging": {"not-met"},
}


@bounded
@given(drafts(), charts(), PAYERS)
def test_every_chart_gets_a_decision_that_keeps_the_contract(
    orders: list[Json], record: list[Json], payer: str
) -> None:
    """Section 1: an unknown leaf has a need, any other has evidence that is there; section 5: what a leaf may say."""
    sent = {f"{each['resourceType']}/{each['id']}": each for each in [*orders, *record, builders.patient()]}
    for decision in decide(call(orders, record, payer)).values():
        found = list(nodes(decision["criteria"])) if decision["criteria"] else []
        for node in found:
            if node["of"]:
                continue
            assert node["needs"] if node["verdict"] == "unknown" else node["evidence"], node["id"]
            assert node["verdict"] not in NEVER.get(node["id"], set()), node["id"]
            for each in node["evidence"]:
                if not each["reference"].startswith("Searched("):
                    assert present(sent[each["reference"]], each["path"]), each
        if found and found[0]["verdict"] == "unknown":
            assert any(need["open"] for node in found for need in node["needs"])
        if decision["policy"] and decision["policy"]["id"] == "oscar/cg101":
            assert decision["outcome"] != "not-met"


@bounded
@given(drafts(), charts(), PAYERS, st.randoms(use_true_random=False))
def test_the_order_of_resources_decides_nothing(
    orders: list[Json], record: list[Json], payer: str, random: Any
) -> None:
    """Section 1 judges evidence, and a searchset has no order; nor does it matter that something is sent twice."""
    before = verdicts(decide(call(orders, record, payer)))
    shuffled = random.sample(record, len(record))
    body = call(orders, shuffled, payer)
    body["prefetch"] = dict(random.sample(list(body["prefetch"].items()), len(body["prefetch"])))
    body["prefetch"]["copies"] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": each} for each in record],
    }
    assert verdicts(decide(body)) == before


@bounded
@given(drafts(), charts(), PAYERS, st.randoms(use_true_random=False))
def test_the_ids_of_resources_decide_nothing(orders: list[Json], record: list[Json], payer: str, random: Any) -> None:
    """An id is a name: section 1 has it cited, and no sentence reads it."""
    before = verdicts(decide(call(orders, record, payer)))
    names = [f"{letter}{number}" for number in range(len(record)) for letter in "xb"]
    fresh = dict(zip((each["id"] for each in record), random.sample(names, len(record)), strict=True))
    text = json.dumps(call(orders, record, payer), default=float)
    body = json.loads(re.sub(r'"(?:\w+/)?(g\d+)"', lambda match: match[0].replace(match[1], fresh[match[1]]), text))
    assert verdicts(decide(body)) == before


THEIRS = {"subject": {"reference": "Patient/somebody-else"}}
IRRELEVANT = [
    builders.observation("i1", code=concept((LOINC, "718-7")), value=quantity("12.5", "g/dL"), on="2026-09-01"),
    builders.condition("i2", code=concept((ICD10, "I10")), onset="2020"),
    builders.procedure("i3", code=concept(text="Flu vaccination"), on="2026-09-02"),
    builders.observation("i4", value=concept((LOINC, "LA6111-4")), on="2026-09-02", **THEIRS),
    builders.condition("i5", code=concept((ICD10, "C34.11")), onset="2026-09-02", **THEIRS),
    builders.administration("i6", on="2026-09-02", **THEIRS),
    builders.medication("i7", code=concept(text="Kadcyla")),
    builders.organization("i8", payer="somebody-else"),
    builders.patient("somebody-else", birth="2020-01-01"),
    builders.questionnaire_response("i9", items=[{"linkId": "her2-positive", "answer": [{"valueBoolean": False}]}]),
]


@bounded
@given(drafts(), charts(), PAYERS, st.lists(st.sampled_from(IRRELEVANT), unique_by=id, min_size=1))
def test_what_is_irrelevant_or_another_patients_decides_nothing(
    orders: list[Json], record: list[Json], payer: str, more: list[Json]
) -> None:
    """Section 1: another patient's resource does not exist; no leaf reads a code that is in none of its sets."""
    before = verdicts(decide(call(orders, record, payer)))
    body = call(orders, [*more, *record], payer)
    people = [each for each in more if each["resourceType"] == "Patient"]
    body["prefetch"]["more"] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": each} for each in people],
    }
    assert verdicts(decide(body)) == before


SEARCHED = sorted(set(KEY_OF) - {"Coverage", "Organization", "Medication"})


@bounded
@given(drafts(), charts(), PAYERS, st.sets(st.sampled_from(SEARCHED), min_size=1))
def test_a_search_that_was_not_answered_only_takes_knowledge_away(
    orders: list[Json], record: list[Json], payer: str, unanswered: set[str]
) -> None:
    """Section 1: absent is unknown, and only an answered search closes a world.

    With the same resources at hand, a leaf that loses a closed world keeps its verdict or becomes unknown; strong
    Kleene logic then lets the root do no other.
    """
    before = decide(call(orders, record, payer))
    after = decide(call(orders, record, payer, frozenset(unanswered)))
    for order, decision in before.items():
        assert after[order]["path"] == decision["path"]
        kept = leaf_verdicts(decision)
        for leaf, verdict in leaf_verdicts(after[order]).items():
            assert verdict in {kept[leaf], "unknown"}, leaf
        if decision["criteria"]:
            assert after[order]["criteria"]["verdict"] in {decision["criteria"]["verdict"], "unknown"}


@bounded
@given(drafts(), charts(), PAYERS)
def test_one_more_note_answers_only_what_asks_for_notes(orders: list[Json], record: list[Json], payer: str) -> None:
    """Section 5: a current note makes `oncology-note` met and may support an exception; no other leaf reads notes."""
    before = decide(call(orders, record, payer))
    note = builders.document_reference("note", date="2026-09-10T09:00:00Z")
    after = decide(call(orders, [*record, note], payer))
    for order, decision in before.items():
        kept = leaf_verdicts(decision)
        for leaf, verdict in leaf_verdicts(after[order]).items():
            if leaf == "oncology-note":
                assert verdict == "met"
            elif leaf == "supporting-documentation":
                assert verdict in {kept[leaf], "met"}
            else:
                assert verdict == kept[leaf], leaf
