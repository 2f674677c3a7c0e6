import dataclasses
import json
from pathlib import Path

import pytest

from criteria.facts import SearchState
from criteria.outcome import Outcome
from examples.chart import FOLDER, Chart, load_chart, load_charts
from examples.ehr import PAGE_SIZE, TOKEN, Record, UnsupportedSearchError, prefetch, respond
from examples.play import ON_THE_WIRE, Played, play
from examples.report import chart_text, deciding, table_text
from tests.hooks.clients import FHIR, Api, api
from tests.vocabulary import own_vocabulary

CHARTS = load_charts()
# No system of this version knows a payer's members, so nothing can say that one is not found.
UNREACHABLE = {Outcome.NO_MEMBER_FOUND, Outcome.COVERAGE_NOT_FOUND}
DRUG_SYSTEMS = {
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://hl7.org/fhir/sid/ndc",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
}


def play_here(chart: Chart, service: Api | None = None) -> Played:
    service = service or api()
    service.server.record = chart.record
    service.server.state = SearchState.FAILED if chart.fhir_server == "fails" else SearchState.ANSWERED
    return play(chart, service, None if chart.fhir_server == "absent" else FHIR)


def chart_named(end: str) -> Chart:
    return next(each for each in CHARTS if each.name.endswith(end))


@pytest.mark.parametrize("chart", CHARTS, ids=[each.name for each in CHARTS])
def test_every_order_gets_the_outcome_its_chart_promises(chart: Chart) -> None:
    played = play_here(chart)
    assert played.differences == ()
    assert {each.reference: each.outcome for each in played.orders} == dict(chart.outcomes)


@pytest.mark.parametrize("chart", CHARTS, ids=[each.name for each in CHARTS])
def test_a_chart_reads_well(chart: Chart) -> None:
    played = play_here(chart)
    lines = chart_text(played).splitlines()
    assert all(len(line) <= 118 for line in lines)
    assert len(lines) <= 30
    for order in played.orders:
        tree = order.decision["criteria"]
        assert tree is None or deciding(tree, order.outcome)


def test_there_are_enough_charts_for_a_demonstration() -> None:
    assert len(CHARTS) >= 12


def test_every_outcome_that_can_be_reached_is_promised_by_some_chart() -> None:
    promised = {outcome for chart in CHARTS for outcome in chart.outcomes.values()}
    assert promised == {each.contract_name for each in Outcome if each not in UNREACHABLE}
    assert set(ON_THE_WIRE) == promised


# "review" is two rows of the contract's table: the drug is not identified, or the criteria need a person.
def test_both_kinds_of_review_are_shown() -> None:
    reviewed = [chart for chart in CHARTS if "review" in chart.outcomes.values()]
    sent = {play_here(chart).orders[0].information["pa-needed"] for chart in reviewed}
    assert sent == {"conditional", "auth-needed"}


def test_all_five_cards_are_shown() -> None:
    topics = {card["source"]["topic"]["code"] for chart in CHARTS for card in play_here(chart).cards}
    assert topics == {
        "therapy-alternatives-req",
        "appropriate-use",
        "clinical-reminder",
        "guideline",
        "contraindication",
    }


def test_every_drug_code_of_a_chart_is_one_of_ours() -> None:
    vocabulary = own_vocabulary()
    codes = {
        (coding["system"], coding["code"])
        for file in FOLDER.rglob("*.json")
        for coding in codings(json.loads(file.read_text(encoding="utf-8")))
        if coding.get("system") in DRUG_SYSTEMS
    }
    assert len(codes) > 20
    unknown = {(url, code) for url, code in codes if vocabulary.drug_index.known(vocabulary.system(url), code) is None}
    assert unknown == set()


def codings(value: object) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    if isinstance(value, dict):
        if "code" in value and "system" in value:
            found.append(value)
        for each in value.values():
            found += codings(each)
    elif isinstance(value, list):
        for each in value:
            found += codings(each)
    return found


def test_no_chart_names_a_person() -> None:
    for chart in CHARTS:
        for each in chart.record.resources:
            for name in each.get("name", ()) if each["resourceType"] in {"Patient", "Practitioner"} else ():
                assert name["text"].startswith("Example ")


# ------------------------------------------------------------------ the comparison itself


def test_a_wrong_promise_is_a_difference() -> None:
    chart = dataclasses.replace(chart_named("oscar-enhertu"), outcomes={"MedicationRequest/order-01": "authorized"})
    played = play_here(chart)
    assert played.differences == ("MedicationRequest/order-01: promised authorized, but the outcome is preferred",)
    assert "DIFFERENT" in chart_text(played)
    assert table_text([played]).endswith(f"{chart.name}: {played.differences[0]}")


def test_an_order_without_a_decision_is_a_difference() -> None:
    chart = chart_named("oscar-enhertu")
    promised = {**chart.outcomes, "MedicationRequest/never-sent": "authorized"}
    played = play_here(dataclasses.replace(chart, outcomes=promised))
    assert played.differences == ("MedicationRequest/never-sent: promised authorized, but there is no decision",)


def test_an_error_of_the_service_is_a_difference() -> None:
    chart = chart_named("oscar-enhertu")
    nobody = Record([each for each in chart.record.resources if each["resourceType"] != "Organization"])
    played = play_here(dataclasses.replace(chart, record=nobody), api(default_payer=None))
    assert played.differences == ("her2-order-sign answered 400",)


class Tampering:
    """The service with one thing of its answers changed."""

    def __init__(self, change: str) -> None:
        self.api, self.change = api(), change

    def get(self, path: str) -> tuple[int, object]:
        status, body = self.api.get(path)
        if self.change == "no discovery" and path == "/cds-services":
            return 503, None
        if self.change == "no record" and path.startswith("/decisions/"):
            return 404, None
        if self.change == "other order" and path.startswith("/decisions/"):
            body["order"]["reference"] = "MedicationRequest/other"
        return status, body

    def post(self, path: str, body: object) -> tuple[int, object]:
        assert isinstance(body, dict)
        status, answer = self.api.post(path, body)
        match self.change:
            case "no action":
                answer["systemActions"] = []
            case "card without order":
                answer["cards"][0]["extension"]["davinci-crd.associated-resource"] = []
            case "card of another order":
                answer["cards"][0]["extension"]["davinci-crd.associated-resource"] = [{"reference": "Device/1"}]
            case "wrong wire":
                for part in answer["systemActions"][0]["resource"]["extension"][0]["extension"]:
                    if part["url"] == "pa-needed":
                        part["valueCode"] = "no-auth"
            case "no number":
                parts = answer["systemActions"][0]["resource"]["extension"][0]["extension"]
                parts[:] = [part for part in parts if part["url"] != "satisfied-pa-id"]
            case _:
                pass
        return status, answer


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("no discovery", "discovery answered 503"),
        ("no record", "record answered 404"),
        ("other order", "its decision is about MedicationRequest/other"),
        ("no action", "no coverage information"),
        ("card without order", "does not name its order"),
        ("card of another order", "does not name its order"),
        ("wrong wire", "authorized was sent as covered, no-auth, None"),
        ("no number", "an authorization number is there or missing"),
    ],
)
def test_what_is_missing_or_wrong_in_an_answer_is_a_difference(change: str, words: str) -> None:
    chart = chart_named("kadcyla-early")
    service = Tampering(change)
    service.api.server.record = chart.record
    played = play(chart, service, FHIR)
    assert any(words in each for each in played.differences), played.differences


def test_a_folder_whose_promises_are_for_other_orders_is_refused(tmp_path: Path) -> None:
    source = FOLDER / "01-oscar-enhertu"
    for file in ("orders.json", "chart.json"):
        (tmp_path / file).write_text((source / file).read_text(encoding="utf-8"), encoding="utf-8")
    about = (source / "about.yaml").read_text(encoding="utf-8")
    (tmp_path / "about.yaml").write_text(about.replace("order-01", "order-77"), encoding="utf-8")
    with pytest.raises(ValueError, match="promises outcomes for other orders"):
        load_chart(tmp_path)
    (tmp_path / "about.yaml").write_text(about.replace("answers", "sleeps"), encoding="utf-8")
    with pytest.raises(ValueError, match="fhir_server"):
        load_chart(tmp_path)


# ------------------------------------------------------------------ the small FHIR server

PATIENT = {"resourceType": "Patient", "id": "p1"}
MANY = [
    {"resourceType": "Condition", "id": f"c{number}", "subject": {"reference": "Patient/p1"}}
    for number in range(PAGE_SIZE + 1)
]
RECORD = Record([PATIENT, *MANY])


def test_the_server_reads_and_pages() -> None:
    assert respond(RECORD, "/fhir/Patient/p1", "http://x/fhir") == (200, PATIENT)
    assert respond(RECORD, "/fhir/Patient/p2", "http://x/fhir")[0] == 404
    status, first = respond(RECORD, "/fhir/Condition?patient=p1", "http://x/fhir")
    assert (status, first["total"], len(first["entry"])) == (200, PAGE_SIZE + 1, PAGE_SIZE)
    following = first["link"][0]["url"]
    assert following == "http://x/fhir/Condition?patient=p1&_page=2"
    _, second = respond(RECORD, following.removeprefix("http://x"), "http://x/fhir")
    assert [each["resource"]["id"] for each in second["entry"]] == [f"c{PAGE_SIZE}"]
    assert "link" not in second


def test_the_server_says_what_it_cannot_search() -> None:
    assert respond(RECORD, "/fhir/Condition?colour=red", "http://x/fhir")[0] == 400
    with pytest.raises(UnsupportedSearchError):
        RECORD.search("Condition", [("colour", "red")])


def test_prefetch_that_stands_for_nothing_is_null() -> None:
    templates = {"patient": "Patient/{{context.patientId}}", "encounter": "Encounter/{{context.encounterId}}"}
    given = prefetch(templates, ("patient", "encounter"), {"patientId": "p1"}, RECORD)
    assert given == {"patient": PATIENT, "encounter": None}


def test_the_token_of_the_call_is_made_up() -> None:
    assert TOKEN.startswith("example-")
