"""QuestionnaireResponse -> a clinician's answers (Da Vinci DTR 2.0.1 to 2.2, SDC).

An answer is a clinician's statement only if the form is finished and a practitioner stands behind it. What software
filled in is record data that came by another road: it is not counted here.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

from criteria.dates import DateRange
from criteria.facts import Answer, AnswerValue
from fhir_mappers.dates import date_range, parse_date
from fhir_mappers.element import (
    Json,
    Origin,
    Resolve,
    extension,
    flag,
    mapping,
    mappings,
    number,
    reference,
    resolved,
    text,
)

DTR = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition"
QR_CONTEXT = f"{DTR}/qr-context"
INFORMATION_ORIGIN = f"{DTR}/information-origin"
FINISHED = frozenset({"completed", "amended"})
# DTR 2.2 tells filling by the client from filling by the payer; 2.0.1 has one code for both.
AUTOMATIC = frozenset({"auto", "auto-client", "auto-server"})
CLINICIANS = frozenset({"Practitioner", "PractitionerRole"})


def map_questionnaire_response(origin: Origin, resolve: Resolve) -> tuple[Answer, ...]:
    """Return one answer per answered value, none when the response is unfinished or names no questionnaire."""
    resource = origin.resource
    if text(origin, resource, "status") not in FINISHED:
        origin.note("status", "not completed or amended: its answers are not counted")
        return ()
    questionnaire = text(origin, resource, "questionnaire")
    if questionnaire is None:
        origin.note("questionnaire", "not stated: the answers are not counted")
        return ()
    by_clinician = any(_is_clinician(origin, resource, key, resolve) for key in ("author", "source"))
    authored, contexts = date_range(origin, resource, "authored"), _contexts(origin)
    moment = _moment(origin)
    answers = []
    unsigned = False
    for path, link_id, answer in _answers(origin, resource, ""):
        source, signed = _origin_of(origin, answer, path, resolve)
        if source in AUTOMATIC:
            continue
        if not (by_clinician or signed):
            unsigned = True
            continue
        value = _value(origin, answer, path)
        if value is not None:
            answers.append(_answer(origin, path, link_id, value, authored, questionnaire, contexts, moment))
    if unsigned:
        origin.note("author", "not a practitioner: not counted as a clinician's statement")
    return tuple(_only_ones(origin, answers))


def _only_ones(origin: Origin, answers: list[Answer]) -> Iterator[Answer]:
    """Yield the answers that are alone at their item: our questions take one, and of several none can be picked."""
    items = [answer.source.path.rpartition(".answer[")[0] for answer in answers]
    given = Counter(items)
    for item in (each for each, times in given.items() if times > 1):
        origin.note(item.removeprefix("QuestionnaireResponse."), "several answers where one is asked for: not used")
    yield from (answer for answer, item in zip(answers, items, strict=True) if given[item] == 1)


def _answer(  # noqa: PLR0917 - one argument per part of the fact
    origin: Origin,
    path: str,
    link_id: str,
    value: AnswerValue,
    authored: DateRange | None,
    questionnaire: str,
    contexts: frozenset[str],
    moment: str,
) -> Answer:
    return Answer(origin.source(f"{path}.value"), link_id, value, authored, questionnaire, contexts, moment)


def _moment(origin: Origin) -> str:
    """Return the instant of `authored` in UTC, so that two responses of a day stand in order; empty for a mere day."""
    stated = text(origin, origin.resource, "authored")
    try:
        instant = datetime.fromisoformat(stated or "")
    except ValueError:
        return ""
    return instant.astimezone(UTC).isoformat() if instant.tzinfo is not None else ""


def _answers(origin: Origin, holder: Json, path: str) -> Iterator[tuple[str, str, Json]]:
    """Walk items below items and items below answers; yield path, linkId and answer."""
    stack = [(holder, path)]
    while stack:
        parent, at = stack.pop()
        prefix = f"{at}." if at else ""
        for index, item in enumerate(mappings(origin, parent, "item", at)):
            here = f"{prefix}item[{index}]"
            link_id = text(origin, item, "linkId", here)
            for position, answer in enumerate(mappings(origin, item, "answer", here)):
                there = f"{here}.answer[{position}]"
                if link_id is not None:
                    yield there, link_id, answer
                stack.append((answer, there))
            stack.append((item, here))


def _is_clinician(origin: Origin, holder: Json, key: str, resolve: Resolve, path: str = "") -> bool:
    name = reference(origin, holder, key, path)
    if name is None:
        return False
    if name.partition("/")[0].partition("?")[0] in CLINICIANS:
        return True
    target = resolved(origin, name, resolve) if name.startswith(("#", "urn:")) else None
    return target is not None and target.get("resourceType") in CLINICIANS


def _origin_of(origin: Origin, answer: Json, path: str, resolve: Resolve) -> tuple[str | None, bool]:
    """Return who filled the answer in (DTR information-origin), and whether it names a practitioner as author."""
    information = extension(origin, answer, INFORMATION_ORIGIN, path)
    if information is None:
        return None, False
    at = f"{path}.extension"
    source = extension(origin, information, "source", at)
    author = extension(origin, information, "author", at)
    practitioner = None if author is None else extension(origin, author, "practitioner", at)
    code = None if source is None else text(origin, source, "valueCode", at)
    return code, practitioner is not None and _is_clinician(origin, practitioner, "valueReference", resolve, at)


def _contexts(origin: Origin) -> frozenset[str]:
    """Return the orders (and in DTR 2.0.1 the coverage) the response says it is about."""
    found = []
    for index, entry in enumerate(mappings(origin, origin.resource, "extension")):
        if entry.get("url") == QR_CONTEXT:
            found.append(reference(origin, entry, "valueReference", f"extension[{index}]"))
    return frozenset(each for each in found if each is not None)


def _value(origin: Origin, answer: Json, path: str) -> AnswerValue | None:
    for key in answer:
        match key:
            case "valueBoolean":
                return flag(origin, answer, key, path)
            case "valueDecimal" | "valueInteger":
                return number(origin, answer, key, path)
            case "valueDate" | "valueDateTime":
                return _day(origin, answer, key, path)
            case "valueString":
                return text(origin, answer, key, path)
            case "valueCoding":
                coding = mapping(origin, answer, key, path) or {}
                return text(origin, coding, "code", path) or text(origin, coding, "display", path)
            case "valueQuantity":
                return _plain_amount(origin, mapping(origin, answer, key, path) or {}, f"{path}.{key}")
            case _ if key.startswith("value"):
                origin.note(path, "an answer of a type that is not read")
                return None
            case _:
                continue
    return None


def _day(origin: Origin, answer: Json, key: str, path: str) -> date | str | None:
    """Return the day; a partial date stays the text it is, for no single day was said."""
    words = text(origin, answer, key, path)
    days = None if words is None else parse_date(words)
    if words is not None and days is None:
        origin.note(f"{path}.{key}", "not a valid date")
        return None
    return days.earliest if days is not None and days.earliest == days.latest else words


def _plain_amount(origin: Origin, quantity: Json, path: str) -> Decimal | None:
    if "comparator" in quantity:
        origin.note(path, "an amount with a comparator is not one value")
        return None
    return number(origin, quantity, "value", path)
