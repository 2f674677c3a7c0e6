"""The kinds of entries of a chart, one row each: the shape an author may write, and the FHIR resources it stands for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from cards.links import Links
from cards.questionnaire import options_system
from criteria.facts import SearchState
from criteria.policy import Path, Policy, Question
from fhir_mappers.questionnaire_response import QR_CONTEXT
from tests import builders
from tests.builders import Json
from tests.policies.shapes import (
    CONCEPT,
    COUNT,
    DAY,
    DAYS,
    DECIMAL,
    FLAG,
    SYSTEMS,
    TEXT,
    TEXTS,
    amount,
    concept,
    day,
    one_of,
    shape,
)

ORDER_ID = "order"
INTENT = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-procedure-intent"
RELATED = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-condition"
INTENTS = MappingProxyType(
    {"neoadjuvant": "373847000", "adjuvant": "373846009", "curative": "373808002", "palliative": "363676003"}
)
STOPS = MappingProxyType(
    {
        "no-response": "266721009",
        "not-tolerated": "407563006",
        "cost": "160932005",
        "refusal": "105480006",
        "unavailable": "309846006",
        "trial-end": "443729008",
    }
)
STATUSES = MappingProxyType(
    {
        "improved": "268910001",
        "stable": "359746009",
        "worsened": "271299001",
        "undetermined": "709137006",
        "remission": "550991000124107",
        "partial_remission": "551001000124108",
    }
)
CALLS = MappingProxyType(
    {
        "positive": "LA6576-8",
        "negative": "LA6577-6",
        "equivocal": "LA11885-3",
        "indeterminate": "LA11884-6",
        "not-tested": "LA13538-6",
    }
)
SCORES = MappingProxyType({"0": "LA6111-4", "1+": "LA11841-6", "2+": "LA11842-4", "3+": "LA11843-2"})
SIGNIFICANCES = MappingProxyType(
    {
        "pathogenic": "LA6668-3",
        "likely-pathogenic": "LA26332-9",
        "uncertain": "LA26333-7",
        "likely-benign": "LA26334-5",
        "benign": "LA6675-8",
    }
)


class BadEntryError(Exception):
    """An entry says what its shape allows and still makes no sense; the text says what."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands: the id of its resource, the order's day, the policy and the addresses of the service."""

    identity: str
    on: date
    policy: Policy
    links: Links

    def day(self, words: str | None) -> str | None:
        return None if words is None else day(words, self.on)


@dataclass(slots=True)
class Chart:
    """What the entries of a case stand for."""

    resources: list[Json] = field(default_factory=list)
    drafts: list[Json] = field(default_factory=list)
    searches: dict[str, SearchState] = field(default_factory=dict)

    def has(self, kind: str) -> bool:
        return any(each["resourceType"] == kind for each in self.resources)


Build = Callable[[Any, Place, Chart], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entry."""

    shape: Json
    build: Build


def _patient(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(builders.patient(birthDate=place.day(value.get("birth"))))


def _coverage(value: Json, place: Place, chart: Chart) -> None:
    payer = value.get("payer", place.policy.payer)
    plan = value.get("plan")
    chart.resources.append(
        builders.coverage(
            value.get("id", "c1"),
            status=value.get("status", "active"),
            period=builders.period(place.day(value.get("start")), place.day(value.get("end"))) or None,
            **({"class": [{"type": builders.concept(text="plan"), "value": plan}]} if plan else {}),
        )
        | {"payor": [{"identifier": {"system": builders.PAYERS, "value": payer}}]}
    )


def _condition(value: Json, place: Place, chart: Chart) -> None:
    codes = {"icd10" if key == "code" else key: value[key] for key in ("code", "text", *SYSTEMS) if key in value}
    stage = value.get("stage")
    linked = (
        [{"url": RELATED, "valueReference": builders.reference(f"Condition/{value['of']}")}] if "of" in value else None
    )
    chart.resources.append(
        builders.condition(
            place.identity,
            code=concept(codes),
            onset=place.day(value.get("onset")),
            recordedDate=place.day(value.get("recorded")),
            clinicalStatus=builders.concept(
                (f"{builders.TERMINOLOGY}/condition-clinical", value.get("clinical", "active"))
            ),
            verificationStatus=builders.concept(
                (f"{builders.TERMINOLOGY}/condition-ver-status", value.get("verification", "confirmed"))
            ),
            stage=[{"summary": builders.concept(text=stage)}] if stage else None,
            extension=linked,
        )
    )


def _observation(
    value: Json, place: Place, chart: Chart, code: Json, result: Any, suffix: str = "", **more: Any
) -> None:
    """Add an Observation; every kind of observation may say when, in which status and about which specimen."""
    specimen = value.get("specimen")
    focus = value.get("of")
    chart.resources.append(
        builders.observation(
            f"{place.identity}{suffix}",
            code=code,
            value=result,
            on=place.day(value.get("on")),
            status=value.get("status", "final"),
            specimen=builders.reference(f"Specimen/{specimen}") if specimen else None,
            focus=[builders.reference(f"Condition/{focus}")] if focus else None,
            **more,
        )
    )


def _loinc(code: str, text: str | None = None) -> Json:
    return builders.concept((builders.LOINC, code), text=text)


def _her2_ihc(value: Json, place: Place, chart: Chart) -> None:
    answer = SCORES[value["score"]] if "score" in value else CALLS[value["call"]] if "call" in value else None
    result = value["text"] if answer is None else _loinc(answer)
    _observation(value, place, chart, _loinc("85319-2"), result)


def _her2_ish(value: Json, place: Place, chart: Chart) -> None:
    probe = f"HER2 ISH, {value['probe']} probe" if "probe" in value else None
    if "call" in value:
        _observation(value, place, chart, _loinc("85318-4", probe), _loinc(CALLS[value["call"]]))
        return
    if "text" in value:
        _observation(value, place, chart, _loinc("85318-4", probe), value["text"])
        return
    codes = {"ratio": "49683-6", "copies": "74860-8", "cells": "62361-1"}
    parts = [(_loinc(code), amount(str(value[key]), "1")) for key, code in codes.items() if key in value]
    if not parts:
        raise BadEntryError("her2_ish needs a ratio, copies, a call or a text")
    _observation(value, place, chart, _loinc("74885-5", probe), None, component=builders.components(*parts))


def _her2_overall(value: Json, place: Place, chart: Chart) -> None:
    _observation(value, place, chart, _loinc("48676-1"), _loinc(CALLS[value["call"]]))


def _receptor(value: Json, place: Place, chart: Chart) -> None:
    codes = {"er": ("85337-4", "85329-1"), "pr": ("85339-0", "85325-9")}
    for marker, (presence, percent) in codes.items():
        if marker in value:
            said = value[marker]
            result = _loinc(CALLS[said]) if said in CALLS else amount(said, "%")
            _observation(value, place, chart, _loinc(presence if said in CALLS else percent), result, f"-{marker}")


def _variant(value: Json, place: Place, chart: Chart) -> None:
    parts: list[tuple[Json, Json | str | int | bool]] = []
    if "gene" in value:
        parts.append((_loinc("48018-6"), builders.concept(text=value["gene"])))
    if "name" in value:
        parts.append((_loinc("48005-3"), builders.concept(text=value["name"])))
    if "significance" in value:
        parts.append((_loinc("53037-8"), _loinc(SIGNIFICANCES[value["significance"]])))
    if "copies" in value:
        parts.append((_loinc("82155-3"), amount(value["copies"], "1")))
    answers = {"present": "LA9633-4", "absent": "LA9634-2"}
    result = _loinc(answers[value["call"]]) if "call" in value else None
    _observation(value, place, chart, _loinc("69548-6"), result, component=builders.components(*parts) or None)


def _stage(value: Json, place: Place, chart: Chart) -> None:
    means = value["value"]
    codes = {"M": "21907-1", "ypN": "21900-6", "ypT": "21899-0"}
    code = next((code for start, code in codes.items() if means.startswith(start)), "21908-9")
    _observation(value, place, chart, _loinc(code), means)


def _status(name: str) -> Build:
    def build(value: Json, place: Place, chart: Chart) -> None:
        result = builders.concept((builders.SNOMED, STATUSES[name]))
        _observation(value, place, chart, _loinc("97509-4"), result)

    return build


def _measured(code: str, key: str) -> Build:
    def build(value: Json, place: Place, chart: Chart) -> None:
        unit = value.get("unit", key)
        _observation(value, place, chart, _loinc(code), amount(value[key], unit))

    return build


def _percent(value: Json, place: Place, chart: Chart) -> None:
    _observation(value, place, chart, _loinc("10230-1"), amount(value["percent"], "%"))


def _pregnancy(value: Json, place: Place, chart: Chart) -> None:
    _observation(value, place, chart, _loinc("82810-3"), builders.concept((builders.SNOMED, "77386006")))


def _history_of_metastasis(value: Json, place: Place, chart: Chart) -> None:
    _observation(value, place, chart, builders.concept((builders.SNOMED, "1287652008")), value["present"])


def _therapy_details(value: Json) -> Json:
    """Return what any exposure may say besides drug and dates: intent, and why it stopped."""
    intent, stop = value.get("intent"), value.get("stop")
    code = builders.concept((builders.SNOMED, INTENTS[intent])) if intent else None
    return {
        "extension": [{"url": INTENT, "valueCodeableConcept": code}] if code else None,
        "statusReason": [builders.concept((builders.SNOMED, STOPS[stop]))] if stop else None,
    }


def _days(value: Json, place: Place) -> list[str | None]:
    given = value.get("on")
    if given is None:
        return [None]
    return [place.day(each) for each in ([given] if isinstance(given, str) else given)]


def _given(value: Json, place: Place, chart: Chart) -> None:
    details = _therapy_details(value)
    for index, when in enumerate(_days(value, place), start=1):
        # A stop belongs to the last dose.
        last = index == len(_days(value, place))
        each = details if last else details | {"statusReason": None}
        status = value.get("status", "completed") if last else "completed"
        drug = concept(value["drug"])
        chart.resources.append(
            builders.administration(f"{place.identity}-{index}", drug=drug, on=when, status=status, **each)
        )


def _dispensed(value: Json, place: Place, chart: Chart) -> None:
    for index, when in enumerate(_days(value, place), start=1):
        drug = concept(value["drug"])
        chart.resources.append(builders.dispense(f"{place.identity}-{index}", drug=drug, on=when))


def _statement(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(
        builders.statement(
            place.identity,
            drug=concept(value["drug"]),
            start=place.day(value.get("from")),
            end=place.day(value.get("to")),
            status=value.get("status", "completed" if "to" in value else "active"),
            **_therapy_details(value),
        )
    )


def _request(value: Json, place: Place, status: str) -> Json:
    return builders.medication_request(
        place.identity,
        drug=concept(value["drug"]),
        on=place.day(value.get("on", "same day")) or "",
        status=value.get("status", status),
        groupIdentifier={"value": value["group"]} if "group" in value else None,
    )


def _ordered(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(_request(value, place, "active"))


def _draft(value: Json, place: Place, chart: Chart) -> None:
    chart.drafts.append(_request(value, place, "draft"))


def _surgery(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(builders.procedure(place.identity, on=place.day(value.get("on"))))


def _procedure(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(
        builders.procedure(place.identity, code=concept(value["code"]), on=place.day(value.get("on")))
    )


def _note(value: Json, place: Place, chart: Chart) -> None:
    kind = concept(value["type"]) if "type" in value else None
    when = place.day(value.get("on"))
    stamp = f"{when}T09:30:00Z" if when else None
    chart.resources.append(builders.document_reference(place.identity, kind=kind, date=stamp))


def _imaging(value: Json, place: Place, chart: Chart) -> None:
    code = concept(value["code"]) if "code" in value else None
    chart.resources.append(
        builders.diagnostic_report(
            place.identity, code=code, effectiveDateTime=place.day(value.get("on")), status=value.get("status", "final")
        )
    )


def _allergy(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(
        builders.allergy(
            place.identity,
            drug=concept(value["drug"]),
            effects=tuple(value.get("effects", ("Rash",))),
            criticality=value.get("criticality"),
            recordedDate=place.day(value.get("on")),
            verificationStatus=builders.concept(
                (f"{builders.TERMINOLOGY}/allergyintolerance-verification", value.get("verification", "confirmed"))
            ),
        )
    )


def _adverse_event(value: Json, place: Place, chart: Chart) -> None:
    """Add the event and the administration it is suspected to come from."""
    dose = f"{place.identity}-dose"
    when = place.day(value["on"])
    chart.resources.append(builders.administration(dose, drug=concept(value["drug"]), on=when))
    severity = (
        builders.concept((f"{builders.TERMINOLOGY}/adverse-event-severity", value["severity"]))
        if "severity" in value
        else None
    )
    chart.resources.append(
        builders.adverse_event(
            place.identity,
            suspect=f"MedicationAdministration/{dose}",
            event=builders.concept(text=value.get("event", "Infusion related reaction")),
            date=when,
            severity=severity,
        )
    )


def _answer(value: Json, place: Place, chart: Chart) -> None:
    _add_response({"answers": value}, place, chart)


def _add_response(value: Json, place: Place, chart: Chart) -> None:
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


def _raw(value: Json, _place: Place, chart: Chart) -> None:
    chart.resources.append(dict(value))


def _search(value: Json, _place: Place, chart: Chart) -> None:
    for kind, state in value.items():
        chart.searches[kind] = SearchState(state)


_EXPOSURE = {"drug": CONCEPT, "intent": one_of(*INTENTS), "stop": one_of(*STOPS), "status": TEXT}
_RESULT = {"on": DAY, "status": TEXT, "specimen": TEXT, "of": TEXT}
_ANSWERS: Json = {"type": "object", "minProperties": 1}

ENTRIES: Mapping[str, Kind] = MappingProxyType(
    {
        "patient": Kind(shape(birth=DAY), _patient),
        "coverage": Kind(
            shape(id=TEXT, payer=TEXT, plan=TEXT, start=DAY, end=DAY, status=TEXT),
            _coverage,
        ),
        "condition": Kind(
            shape(
                code=TEXT,
                text=TEXT,
                onset=DAY,
                recorded=DAY,
                clinical=TEXT,
                verification=TEXT,
                stage=TEXT,
                of=TEXT,
                **dict.fromkeys(SYSTEMS, TEXT),
            ),
            _condition,
        ),
        "stage": Kind(shape("value", value=TEXT, **_RESULT), _stage),
        "history_of_metastasis": Kind(shape("present", present=FLAG, **_RESULT), _history_of_metastasis),
        "her2_ihc": Kind(
            shape(score=one_of(*SCORES), call=one_of(*CALLS), text=TEXT, **_RESULT) | {"minProperties": 1}, _her2_ihc
        ),
        "her2_ish": Kind(
            shape(
                ratio=DECIMAL,
                copies=DECIMAL,
                cells=COUNT,
                probe=one_of("single", "dual"),
                call=one_of(*CALLS),
                text=TEXT,
                **_RESULT,
            ),
            _her2_ish,
        ),
        "her2_overall": Kind(shape("call", call=one_of(*CALLS), **_RESULT), _her2_overall),
        "receptor": Kind(shape(er=TEXT, pr=TEXT, **_RESULT), _receptor),
        "variant": Kind(
            shape(
                gene=TEXT,
                call=one_of("present", "absent"),
                name=TEXT,
                significance=one_of(*SIGNIFICANCES),
                copies=DECIMAL,
                **_RESULT,
            ),
            _variant,
        ),
        **{name: Kind(shape("on", **_RESULT), _status(name)) for name in STATUSES},
        "weight": Kind(shape("kg", kg=DECIMAL, unit=TEXT, **_RESULT), _measured("29463-7", "kg")),
        "lvef": Kind(shape("percent", percent=DECIMAL, **_RESULT), _percent),
        "pregnancy": Kind(shape(**_RESULT), _pregnancy),
        "given": Kind(shape("drug", on=DAYS, **_EXPOSURE), _given),
        "dispensed": Kind(shape("drug", "on", drug=CONCEPT, on=DAYS), _dispensed),
        "statement": Kind(shape("drug", **{"from": DAY, "to": DAY}, **_EXPOSURE), _statement),
        "ordered": Kind(shape("drug", drug=CONCEPT, on=DAY, status=TEXT, group=TEXT), _ordered),
        "draft": Kind(shape("drug", drug=CONCEPT, on=DAY, status=TEXT, group=TEXT), _draft),
        "surgery": Kind(shape(on=DAY), _surgery),
        "procedure": Kind(shape("code", code=CONCEPT, on=DAY), _procedure),
        "note": Kind(shape(on=DAY, type=CONCEPT), _note),
        "imaging": Kind(shape(on=DAY, code=CONCEPT, status=TEXT), _imaging),
        "allergy": Kind(
            shape("drug", drug=CONCEPT, effects=TEXTS, criticality=TEXT, verification=TEXT, on=DAY), _allergy
        ),
        "adverse_event": Kind(shape("drug", "on", drug=CONCEPT, on=DAY, event=TEXT, severity=TEXT), _adverse_event),
        "answer": Kind(_ANSWERS, _answer),
        "response": Kind(
            shape("answers",
                answers=_ANSWERS,
                path=TEXT,
                authored=DAY,
                status=TEXT,
                author=TEXT,
                version=TEXT,
                names_order=FLAG,
            ),
            _add_response,
        ),
        "raw": Kind({"type": "object", "required": ["resourceType", "id"]}, _raw),
        "search": Kind(
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": one_of(*(each.value for each in SearchState)),
            },
            _search,
        ),
    }
)
