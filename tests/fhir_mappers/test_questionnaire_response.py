from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.builders import coding, questionnaire_response, reference
from tests.fhir_mappers.charts import mapped, record

DTR = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition"


def item(link_id: str | None = "q", *answers: Any, **more: Any) -> dict[str, Any]:
    found = {"linkId": link_id, "answer": list(answers)} | more
    return {key: value for key, value in found.items() if value not in (None, [])}


def filled_by(source: str | None, author: dict[str, Any] | None = None) -> dict[str, Any]:
    """The DTR extension that says where an answer came from."""
    parts: list[dict[str, Any]] = [] if source is None else [{"url": "source", "valueCode": source}]
    if author is not None:
        parts.append({"url": "author", "extension": [{"url": "practitioner", "valueReference": author}]})
    return {"extension": [{"url": f"{DTR}/information-origin", "extension": parts}]}


def values(*items: dict[str, Any], **more: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for each in record(questionnaire_response(items=list(items), **more)).answers:
        found.setdefault(each.link_id, []).append(each.value)
    return found


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ({"valueCoding": coding("http://x", "ihc-3")}, "ihc-3"),
        ({"valueCoding": {"display": "Three plus"}}, "Three plus"),
        ({"valueBoolean": False}, False),
        ({"valueInteger": 4}, Decimal(4)),
        ({"valueDecimal": Decimal("2.40")}, Decimal("2.40")),
        ({"valueDate": "2026-05-01"}, date(2026, 5, 1)),
        ({"valueDateTime": "2026-05-01T23:00:00-05:00"}, date(2026, 5, 1)),
        ({"valueDate": "2026-05"}, "2026-05"),
        ({"valueString": " line four "}, "line four"),
        ({"valueQuantity": {"value": 6}}, Decimal(6)),
    ],
)
def test_an_answer_keeps_the_type_of_its_value(answer: dict[str, Any], value: Any) -> None:
    assert values(item("q", answer)) == {"q": [value]}


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ({"valueDate": "May"}, "item[0].answer[0].valueDate: not a valid date"),
        ({"valueBoolean": "true"}, "item[0].answer[0].valueBoolean: not a boolean"),
        (
            {"valueQuantity": {"value": 6, "comparator": ">"}},
            "item[0].answer[0].valueQuantity: an amount with a comparator is not one value",
        ),
        ({"valueReference": {"reference": "Observation/1"}}, "item[0].answer[0]: an answer of a type that is not read"),
        ({"valueCoding": "ihc-3"}, "item[0].answer[0].valueCoding: not an object"),
    ],
)
def test_an_answer_that_cannot_be_read_is_named_without_its_value(answer: dict[str, Any], note: str) -> None:
    chart = mapped(questionnaire_response(items=[item("q", answer)]))
    assert (chart.record.answers, chart.notes) == ((), (f"QuestionnaireResponse/qr1: QuestionnaireResponse.{note}",))


def test_an_answer_without_a_value_says_nothing() -> None:
    assert values(item("q", {}), item("r", {"id": "a1"})) == {}
    assert values(item("q", {"valueDate": " "}), item("r", {"valueCoding": {}})) == {}


def test_items_are_read_at_any_depth_below_items_and_answers() -> None:
    inner = item("inner", {"valueString": "a"})
    below_answer = item("outer", {"valueBoolean": True, "item": [inner]})
    group = item("group", item=[item("deep", item=[below_answer])])
    assert values(group, item(None, {"valueString": "nameless"})) == {"outer": [True], "inner": ["a"]}


def test_of_several_answers_to_one_question_none_is_picked() -> None:
    sent = questionnaire_response(items=[item("q", {"valueInteger": 4}, {"valueInteger": 3})])
    read = mapped(sent)
    assert read.record.answers == ()
    assert any("several answers where one is asked for" in note for note in read.notes)


def test_an_answer_names_its_element_questionnaire_orders_and_day() -> None:
    contexts = [
        {"url": f"{DTR}/qr-context", "valueReference": reference("MedicationRequest/mr1")},
        {"url": f"{DTR}/qr-context", "valueReference": reference("https://ehr.example/fhir/Encounter/e1/_history/2")},
        {"url": f"{DTR}/qr-context", "valueReference": {}},
        {"url": f"{DTR}/qr-coverage", "valueReference": reference("Coverage/c1")},
    ]
    sent = questionnaire_response(items=[item("g", item=[item("q", {"valueBoolean": True})])], extension=contexts)
    (found,) = record(sent).answers
    assert found.source.path == "QuestionnaireResponse.item[0].item[0].answer[0].value"
    assert found.questionnaire == "http://example.org/Questionnaire/her2|1.0.0"
    assert found.contexts == {"MedicationRequest/mr1", "Encounter/e1"}
    assert str(found.authored) == "2026-06-01"


@pytest.mark.parametrize(
    ("elements", "note"),
    [
        ({"status": "in-progress"}, "status: not completed or amended: its answers are not counted"),
        ({"status": "entered-in-error"}, "status: not completed or amended: its answers are not counted"),
        ({"status": None}, "status: not completed or amended: its answers are not counted"),
        ({"questionnaire": None}, "questionnaire: not stated: the answers are not counted"),
        ({"author": None}, "author: not a practitioner: not counted as a clinician's statement"),
        ({"author": reference("Patient/p1")}, "author: not a practitioner: not counted as a clinician's statement"),
        ({"author": reference("Device/app")}, "author: not a practitioner: not counted as a clinician's statement"),
        ({"author": reference("#gone")}, "author: not a practitioner: not counted as a clinician's statement"),
    ],
)
def test_what_no_clinician_finished_is_named_and_not_counted(elements: Any, note: str) -> None:
    chart = mapped(questionnaire_response(items=[item("q", {"valueBoolean": True})], **elements))
    words = f"QuestionnaireResponse/qr1: QuestionnaireResponse.{note}"
    assert (chart.record.answers, chart.notes) == ((), (words,))


def test_an_amended_response_counts() -> None:
    assert values(item("q", {"valueBoolean": True}), status="amended") == {"q": [True]}


@pytest.mark.parametrize(
    "elements",
    [
        {"author": reference("Practitioner/dr")},
        {"author": reference("https://ehr.example/fhir/PractitionerRole/7")},
        {"author": reference("Device/app"), "source": reference("PractitionerRole/7")},
        {"author": {"type": "Practitioner", "identifier": {"system": "npi", "value": "1"}}},
        {"author": reference("#dr"), "contained": [{"resourceType": "Practitioner", "id": "dr"}]},
    ],
)
def test_a_practitioner_may_be_named_in_every_way(elements: Any) -> None:
    assert values(item("q", {"valueBoolean": True}), **elements) == {"q": [True]}


@pytest.mark.parametrize("source", ["auto", "auto-client", "auto-server"])
def test_what_software_filled_in_is_no_statement(source: str) -> None:
    answers = ({"valueBoolean": True} | filled_by(source), {"valueBoolean": False} | filled_by("override"))
    assert values(item("q", *answers)) == {"q": [False]}


def test_an_answer_may_name_its_own_practitioner() -> None:
    signed = {"valueBoolean": True} | filled_by("manual", reference("Practitioner/dr"))
    by_patient = {"valueBoolean": True} | filled_by("manual", reference("Patient/p1"))
    unsigned = {"valueBoolean": True} | filled_by(None)
    assert values(item("a", signed), item("b", by_patient), item("c", unsigned), author=None) == {"a": [True]}


def test_a_practitioner_may_be_named_by_the_url_of_a_bundle_entry() -> None:
    sent = questionnaire_response(items=[item("q", {"valueBoolean": True})], author=reference("urn:uuid:1"))
    assert record(sent).answers == ()


@pytest.mark.parametrize(
    ("authored", "moment"),
    [
        ("2026-06-10T08:00:00Z", "2026-06-10T08:00:00+00:00"),
        ("2026-06-10T10:00:00.5+02:00", "2026-06-10T08:00:00.500000+00:00"),
        ("2026-06-10T08:00:00", ""),
        ("2026-06-10", ""),
        ("soon", ""),
        (None, ""),
    ],
)
def test_answers_of_one_day_stand_in_order_of_their_moment(authored: str | None, moment: str) -> None:
    response = questionnaire_response(items=[item("q", {"valueBoolean": True})])
    response["authored"] = authored
    sent = {key: value for key, value in response.items() if value is not None}
    assert [each.moment for each in record(sent).answers] == [moment]
