"""The kinds of entries of a chart, one row each: the shape an author may write and what adds it to the chart."""

from collections.abc import Mapping
from types import MappingProxyType

from criteria.facts import SearchState
from tests.builders import Json
from tests.policies.answer_entries import add_answer, add_response
from tests.policies.chart import Chart, Kind, Place
from tests.policies.observation_entries import (
    CALLS,
    SCORES,
    SIGNIFICANCES,
    STATUSES,
    add_her2_ihc,
    add_her2_ish,
    add_her2_overall,
    add_history_of_metastasis,
    add_lvef,
    add_measured,
    add_pregnancy,
    add_receptor,
    add_stage,
    add_status,
    add_variant,
)
from tests.policies.record_entries import add_condition, add_coverage, add_imaging, add_note, add_patient
from tests.policies.shapes import CONCEPT, COUNT, DAY, DAYS, DECIMAL, FLAG, SYSTEMS, TEXT, TEXTS, one_of, shape
from tests.policies.therapy_entries import (
    INTENTS,
    STOPS,
    add_adverse_event,
    add_allergy,
    add_dispensed,
    add_draft,
    add_given,
    add_ordered,
    add_procedure,
    add_statement,
    add_surgery,
)


def add_raw(value: Json, _place: Place, chart: Chart) -> None:
    chart.resources.append(dict(value))


def add_search(value: Json, _place: Place, chart: Chart) -> None:
    for kind, state in value.items():
        chart.searches[kind] = SearchState(state)


_EXPOSURE = {"drug": CONCEPT, "intent": one_of(*INTENTS), "stop": one_of(*STOPS), "status": TEXT}
_RESULT = {"on": DAY, "status": TEXT, "specimen": TEXT, "of": TEXT}
_ANSWERS: Json = {"type": "object", "minProperties": 1}

ENTRIES: Mapping[str, Kind] = MappingProxyType(
    {
        "patient": Kind(shape(birth=DAY), add_patient),
        "coverage": Kind(
            shape(id=TEXT, payer=TEXT, plan=TEXT, start=DAY, end=DAY, status=TEXT),
            add_coverage,
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
            add_condition,
        ),
        "stage": Kind(shape("value", value=TEXT, **_RESULT), add_stage),
        "history_of_metastasis": Kind(shape("present", present=FLAG, **_RESULT), add_history_of_metastasis),
        "her2_ihc": Kind(
            shape(score=one_of(*SCORES), call=one_of(*CALLS), text=TEXT, **_RESULT) | {"minProperties": 1}, add_her2_ihc
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
            add_her2_ish,
        ),
        "her2_overall": Kind(shape("call", call=one_of(*CALLS), **_RESULT), add_her2_overall),
        "receptor": Kind(shape(er=TEXT, pr=TEXT, **_RESULT), add_receptor),
        "variant": Kind(
            shape(
                gene=TEXT,
                call=one_of("present", "absent"),
                name=TEXT,
                significance=one_of(*SIGNIFICANCES),
                copies=DECIMAL,
                **_RESULT,
            ),
            add_variant,
        ),
        **{name: Kind(shape("on", **_RESULT), add_status(name)) for name in STATUSES},
        "weight": Kind(shape("kg", kg=DECIMAL, unit=TEXT, **_RESULT), add_measured("29463-7", "kg")),
        "lvef": Kind(shape("percent", percent=DECIMAL, **_RESULT), add_lvef),
        "pregnancy": Kind(shape(**_RESULT), add_pregnancy),
        "given": Kind(shape("drug", on=DAYS, **_EXPOSURE), add_given),
        "dispensed": Kind(shape("drug", "on", drug=CONCEPT, on=DAYS), add_dispensed),
        "statement": Kind(shape("drug", **{"from": DAY, "to": DAY}, **_EXPOSURE), add_statement),
        "ordered": Kind(shape("drug", drug=CONCEPT, on=DAY, status=TEXT, group=TEXT), add_ordered),
        "draft": Kind(shape("drug", drug=CONCEPT, on=DAY, status=TEXT, group=TEXT), add_draft),
        "surgery": Kind(shape(on=DAY), add_surgery),
        "procedure": Kind(shape("code", code=CONCEPT, on=DAY), add_procedure),
        "note": Kind(shape(on=DAY, type=CONCEPT), add_note),
        "imaging": Kind(shape(on=DAY, code=CONCEPT, status=TEXT), add_imaging),
        "allergy": Kind(
            shape("drug", drug=CONCEPT, effects=TEXTS, criticality=TEXT, verification=TEXT, on=DAY), add_allergy
        ),
        "adverse_event": Kind(shape("drug", "on", drug=CONCEPT, on=DAY, event=TEXT, severity=TEXT), add_adverse_event),
        "answer": Kind(_ANSWERS, add_answer),
        "response": Kind(
            shape(
                "answers",
                answers=_ANSWERS,
                path=TEXT,
                authored=DAY,
                status=TEXT,
                author=TEXT,
                version=TEXT,
                names_order=FLAG,
            ),
            add_response,
        ),
        "raw": Kind({"type": "object", "required": ["resourceType", "id"]}, add_raw),
        "search": Kind(
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": one_of(*(each.value for each in SearchState)),
            },
            add_search,
        ),
    }
)
