"""Entries that are a clinician's answers in the policy's own questionnaires."""

from typing import Any

from cards.questionnaire import options_system
from criteria.policy import Path, Question
from fhir_mappers.questionnaire_response import QR_CONTEXT
from tests import builders
from tests.builders import Json
from tests.policies.chart import ORDER_ID, BadEntryError, Chart, Place
from tests.policies.shapes import amount


def add_answer(value: Json, place: Place, chart: Chart) -> None:
    add_response({"answers": value}, place, chart)


def add_response(value: Json, place: Place, chart: Chart) -> None:
    """Add one QuestionnaireResponse per path whose questionnaire asks the answered questions."""
    remaining = dict(value["answers"])
    asking = [value["path"]] if "path" in value else list(place.policy.paths)
    for path in (place.policy.paths[name] for name in asking):
        questions = {each.link_id: each for each in _flat(path.questions)}
        answered = {link: remaining.pop(link) for link in list(remaining) if link in questions}
        if answered:
            items = [_item(questions[link], said, path, place) for link, said in answered.items()]
            chart.resources.append(_response(value, items, path, place))
    if remaining:
        raise BadEntryError(f"no questionnaire of {place.policy.id} asks {', '.join(sorted(remaining))}")


def _response(value: Json, items: list[Json], path: Path, place: Place) -> Json:
    names = value.get("names_order", True)
    order = builders.reference(f"MedicationRequest/{ORDER_ID}")
    version = value.get("version", place.policy.version)
    return builders.questionnaire_response(
        f"{place.identity}-{path.name}",
        items=items,
        questionnaire=f"{place.links.questionnaire(path)}|{version}",
        status=value.get("status", "completed"),
        authored=place.day(value.get("authored", "same day")),
        author=builders.reference(value.get("author", "Practitioner/dr")),
        extension=[{"url": QR_CONTEXT, "valueReference": order}] if names else None,
    )


def _flat(questions: tuple[Question, ...]) -> list[Question]:
    return [found for each in questions for found in (each, *_flat(each.items))]


def _item(question: Question, said: Any, path: Path, place: Place) -> Json:
    match question.type, said:
        case "boolean", bool():
            answer: Json = {"valueBoolean": said}
        case "integer", int() if not isinstance(said, bool):
            answer = {"valueInteger": said}
        case "decimal", str():
            answer = {"valueDecimal": amount(said, "1")["value"]}
        case "date", str():
            answer = {"valueDate": place.day(said)}
        case "choice", str() if said in {each.code for each in question.options}:
            system = options_system(place.links.questionnaire(path))
            answer = {"valueCoding": {"system": system, "code": said}}
        case (("text" | "string"), str()):
            answer = {"valueString": said}
        case _:
            raise BadEntryError(f"{said!r} does not answer {question.link_id}, a question of type {question.type}")
    return {"linkId": question.link_id, "answer": [answer]}
