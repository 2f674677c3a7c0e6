"""Policy cases: YAML data in tests/policies/<payer>/<policy>.yaml, beside which the policy file has the same name.

A file:

    policy: mmm/mp-rx-fp-48-23
    order: {drug: Kadcyla, on: "2026-10-01"}          # what a case does not override
    charts:                                           # charts that cases extend
      metastatic:
        base: another-chart                           # optional
        without: [label, …]                           # optional: entries of the base to leave out
        entries:
          - her2_ihc: {score: "3+", on: "2022-01-05"}
          - given: {drug: trastuzumab, on: ["2023-02-01", "2023-02-22"]}
            label: trastuzumab                        # optional; else it answers to "given" and "given trastuzumab"
            id: ma-7                                  # optional id of the resource, so that others can refer to it
    cases:
      - case: A sentence that says what is special about this patient.
        base: metastatic
        without: [trastuzumab]
        order: {on: "2026-11-01"}
        chart:
          - worsened: {on: "42 days before"}
        expect:
          outcome: authorized                         # the only required key
          path: initial
          verdicts: {adult: met, her2-positive: met}  # leaves and nodes
          needs: {her2-positive: [test]}              # the kinds of all needs of the leaf, open or not
          in_view: [her2-positive]                    # these criteria are asked (others may be, too)
          asked: [her2-positive]                      # exactly these criteria are asked
          not_asked: [erbb2-mutation]
          evidence: {her2-positive: [Observation/her2-ihc-1, row 1]}   # texts in the leaf's evidence
          readings: {her2-positive: [one positive test]}               # texts in the leaf's needs
          reason: [texts of the coverage information's reason]
          notes: [texts of the record's notes]
          cards: [therapy-alternatives-req]           # topics of all cards; no_cards: topics that must not be there
          suggested: [Enhertu]                        # drugs of the alternatives proposed, in order
          approval: {months: 6, expires: "2027-03-31", remark: part of the remark}
          dose_exceeds: true

Days are FHIR dates ("2024", "2024-03", "2024-03-01") or told from the order's day: "42 days before", "6 months after",
"same day". Numbers that may have a comparator are text: ratio: "<2.0". Drugs and codes are a text, or
{rxnorm: …, ndc: …, hcpcs: …, text: …}. The kinds of entries are the rows of chart_entries.ENTRIES; entry-kinds.yaml
shows each once. What is not said is plain: an adult woman, an open coverage of the policy's payer, every search
answered, the call on the day of the order. `search: {Observation: failed}` changes the state of a search.
`call:` changes the call: {today: "1 day after", unsolicited: false, real_time: false, not_met_is_review: true}.

Nothing is skipped and nothing guessed: an unknown key, an unknown criterion, a label that nothing has, a day that is
none, two cases with one sentence are errors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import cache
from types import MappingProxyType
from typing import Any

import msgspec

from cards.links import Links
from criteria.facts import SearchState
from criteria.library import Library
from criteria.policy import Policy
from criteria.vocabulary import Vocabulary
from fhir_mappers.chart import GivenResource
from service.answer import judge, read_call
from service.base_url import BaseUrl
from service.callers import Anyone, Caller, anybody
from service.fhir_client import Fetch
from service.hook_request import HookRequest, read_request
from service.hooks import HOOKS
from service.past import Past
from service.prefetch import Gathered
from service.services import Services, configured, load_data
from service.settings import Profile, Settings
from service.storage.database import Database
from service.storage.feedbacks import Feedbacks
from service.storage.ledger import Ledger
from service.storage.sent_cards import SentCards
from tests import builders
from tests.builders import Json
from tests.policies.case_file import BadCaseError, PolicyCase
from tests.policies.chart import ORDER_ID, BadEntryError, Chart, Place
from tests.policies.chart_entries import ENTRIES
from tests.policies.shapes import concept, day
from tests.service.builders import memory

SEARCHED = (
    "AdverseEvent",
    "AllergyIntolerance",
    "Condition",
    "Coverage",
    "DiagnosticReport",
    "DocumentReference",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Patient",
    "Procedure",
    "QuestionnaireResponse",
)
SETTINGS = Settings(profile=Profile.DEVELOPMENT, database="sqlite://", default_payer="oscar")
LINKS = Links(SETTINGS.public_url)


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands still on one day."""

    day: date

    def now(self) -> datetime:
        return datetime.combine(self.day, time(12), UTC)

    def today(self) -> date:
        return self.day


@dataclass(frozen=True, slots=True)
class Prepared:
    """A case as the service gets it: a request, what was gathered for it, and the day of the call."""

    request: HookRequest
    gathered: Gathered
    today: date


@dataclass(frozen=True, slots=True)
class Answered:
    """What the service said about the order of a case: the record, the coverage information and the cards."""

    record: Mapping[str, Any]
    wire: Mapping[str, Any]
    cards: tuple[Mapping[str, Any], ...]

    @property
    def criteria(self) -> Mapping[str, Mapping[str, Any]]:
        """Return every criterion of the tree by its id."""
        root = self.record["criteria"]
        return {} if root is None else dict(_nodes(root))

    @property
    def asked(self) -> set[str]:
        return {name for name, node in self.criteria.items() if any(each["inView"] for each in node["needs"])}


def _nodes(node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield node["id"], node
    for each in node["of"]:
        yield from _nodes(each)


@cache
def shipped() -> tuple[Library, Vocabulary]:
    """Return the library and vocabulary as the service loads them."""
    return load_data(SETTINGS)


def policy_of(case: PolicyCase, library: Library) -> Policy:
    if case.policy not in library.policies:
        raise BadCaseError(f"{case.file}: no policy is called {case.policy!r}")
    return library.policies[case.policy]


def prepare(case: PolicyCase) -> Prepared:
    """Return the request and the chart a case describes; raise BadCaseError when an entry makes no sense."""
    on = date.fromisoformat(case.order["on"]) if _is_day(case.order["on"]) else None
    if on is None:
        raise BadCaseError(f"{case.name}: the order's day is a calendar day, not {case.order['on']!r}")
    chart = _chart(case, on)
    today = date.fromisoformat(day(case.call.get("today", "same day"), on))
    searches = dict.fromkeys(SEARCHED, SearchState.ANSWERED) | chart.searches
    resources = tuple(
        GivenResource(each, f"prefetch.{each['resourceType']}[{index}]") for index, each in enumerate(chart.resources)
    )
    body = _body(case, chart)
    return Prepared(
        read_request(body, HOOKS[0], anybody(SETTINGS)), Gathered(resources, MappingProxyType(searches), ()), today
    )


def _is_day(words: str) -> bool:
    return len(words) == len("2026-10-01")


def _chart(case: PolicyCase, on: date) -> Chart:
    chart = Chart()
    policy = policy_of(case, shipped()[0])
    count: dict[str, int] = {}
    for entry in case.entries:
        count[entry.kind] = count.get(entry.kind, 0) + 1
        identity = entry.identity or f"{entry.kind.replace('_', '-')}-{count[entry.kind]}"
        try:
            ENTRIES[entry.kind].build(entry.value, Place(identity, on, policy, LINKS), chart)
        except BadEntryError as error:
            raise BadCaseError(f"{case.name}: {error}") from error
    defaults = Place("", on, policy, LINKS)
    if not chart.has("Patient"):
        ENTRIES["patient"].build({"birth": "1970-05-04"}, defaults, chart)
    if not chart.has("Coverage"):
        ENTRIES["coverage"].build({"start": "2020-01-01"}, defaults, chart)
    _check_ids(case, chart)
    return chart


def _check_ids(case: PolicyCase, chart: Chart) -> None:
    """Refuse two resources of one id: the mappers would take them for one."""
    seen: set[str] = set()
    for each in (*chart.resources, *chart.drafts):
        name = f"{each['resourceType']}/{each['id']}"
        if name in seen or name == f"MedicationRequest/{ORDER_ID}":
            raise BadCaseError(f"{case.name}: two resources are called {name}")
        seen.add(name)


def _body(case: PolicyCase, chart: Chart) -> Json:
    order = case.order
    reasons = [order["reason"]] if isinstance(order.get("reason"), str) else order.get("reason", [])
    dose = order.get("dose")
    more: Json = {
        "reasonCode": [builders.concept((builders.ICD10, each)) for each in reasons] or None,
        "groupIdentifier": {"value": order["group"]} if "group" in order else None,
        "dosageInstruction": [_dosage(dose)] if dose else None,
        "insurance": [builders.reference(f"Coverage/{order.get('insurance', 'c1')}")],
        **order.get("raw", {}),
    }
    resource = builders.medication_request(ORDER_ID, drug=concept(order["drug"]), on=order["on"], **more)
    entries = [{"resource": each} for each in (resource, *chart.drafts)]
    body: Json = {
        "hook": HOOKS[0].hook,
        "hookInstance": "3f2c6f3a-4b86-4a58-9d0e-0b2f3f9e6a11",
        "context": {
            "userId": "Practitioner/dr",
            "patientId": "p1",
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": entries},
        },
    }
    if case.call.get("unsolicited") is False:
        body["extension"] = {"davinci-crd.configuration": {"unsolicited-determ": False}}
    return body


def _dosage(dose: Mapping[str, Any]) -> Json:
    return builders.dosage(dose["value"], dose["unit"], every=dose.get("every"), period_unit=dose.get("per", "wk"))


def answer(case: PolicyCase, library: Library | None = None, prepared: Prepared | None = None) -> Answered:
    """Run a case through the whole use case and return what was said about its order.

    `library` stands in for the shipped one; `prepared` spares building the chart again.
    """
    loaded, vocabulary = shipped()
    ready = prepared or prepare(case)
    settings = replace(
        SETTINGS,
        real_time_authorization=case.call.get("real_time", True),
        not_met_is_review=frozenset({case.policy} if case.call.get("not_met_is_review") else ()),
    )
    services = Services(
        settings=settings,
        library=configured(library or loaded, settings),
        vocabulary=vocabulary,
        clock=FixedClock(ready.today),
        ledger=Ledger(_database()),
        links=LINKS,
        database=_database(),
        sent=SentCards(_database()),
        feedbacks=Feedbacks(_database()),
        callers=Anyone(anybody(settings)),
        fetch_for=_no_fetch,
    )
    # Nothing is recorded: a case is the first call there ever was.
    read = read_call(ready.request, ready.gathered, services)
    judgement = judge(read, Past(), ready.today, services)
    said = msgspec.json.decode(judgement.body)
    information = _coverage_information(said)
    records = {each.decision.id: each.record for each in judgement.decisions}
    record = msgspec.json.decode(msgspec.json.encode(records[information["coverage-assertion-id"]]))
    cards = tuple(each for each in said["cards"] if _is_about_the_order(each))
    return Answered(record, information, cards)


@cache
def _database() -> Database:
    """Return one for all cases: what they send does not touch each other."""
    return memory()


def _no_fetch(_caller: Caller, _base: BaseUrl) -> Fetch:
    raise AssertionError("a case is gathered already")


def _coverage_information(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of the order's coverage information by name, repeated ones as lists under `reason`."""
    for action in said["systemActions"]:
        if action["resource"]["id"] == ORDER_ID:
            extension = next(each for each in action["resource"]["extension"] if "coverage-information" in each["url"])
            found: dict[str, Any] = {"reason": []}
            for part in extension["extension"]:
                value = next((each for key, each in part.items() if key.startswith("value")), part.get("extension"))
                if part["url"] == "reason":
                    found["reason"].append(value["text"])
                else:
                    found[part["url"]] = value
            return found
    raise BadCaseError("the answer has no coverage information for the order")


def _is_about_the_order(card: Mapping[str, Any]) -> bool:
    """Say whether a card names the order of the case, or no order at all."""
    text = msgspec.json.encode(card).decode()
    return f"MedicationRequest/{ORDER_ID}" in text or "MedicationRequest/" not in text
