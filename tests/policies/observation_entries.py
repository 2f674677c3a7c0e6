"""Entries that are observations: tumor markers, variants, stage, disease status, measurements."""

from types import MappingProxyType
from typing import Any

from tests import builders
from tests.builders import Json
from tests.policies.chart import BadEntryError, Build, Chart, Place
from tests.policies.shapes import amount

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


def _observation(  # noqa: PLR0917 - an entry, where it stands, and what it says
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


def add_her2_ihc(value: Json, place: Place, chart: Chart) -> None:
    answer = SCORES[value["score"]] if "score" in value else CALLS[value["call"]] if "call" in value else None
    result = value["text"] if answer is None else _loinc(answer)
    _observation(value, place, chart, _loinc("85319-2"), result)


def add_her2_ish(value: Json, place: Place, chart: Chart) -> None:
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


def add_her2_overall(value: Json, place: Place, chart: Chart) -> None:
    _observation(value, place, chart, _loinc("48676-1"), _loinc(CALLS[value["call"]]))


def add_receptor(value: Json, place: Place, chart: Chart) -> None:
    codes = {"er": ("85337-4", "85329-1"), "pr": ("85339-0", "85325-9")}
    for marker, (presence, percent) in codes.items():
        if marker in value:
            said = value[marker]
            result = _loinc(CALLS[said]) if said in CALLS else amount(said, "%")
            _observation(value, place, chart, _loinc(presence if said in CALLS else percent), result, f"-{marker}")


def add_variant(value: Json, place: Place, chart: Chart) -> None:
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


def add_stage(value: Json, place: Place, chart: Chart) -> None:
    means = value["value"]
    codes = {"M": "21907-1", "ypN": "21900-6", "ypT": "21899-0"}
    code = next((code for start, code in codes.items() if means.startswith(start)), "21908-9")
    _observation(value, place, chart, _loinc(code), means)


def add_status(name: str) -> Build:
    def build(value: Json, place: Place, chart: Chart) -> None:
        result = builders.concept((builders.SNOMED, STATUSES[name]))
        _observation(value, place, chart, _loinc("97509-4"), result)

    return build


def add_measured(code: str, key: str) -> Build:
    def build(value: Json, place: Place, chart: Chart) -> None:
        unit = value.get("unit", key)
        _observation(value, place, chart, _loinc(code), amount(value[key], unit))

    return build


def add_lvef(value: Json, place: Place, chart: Chart) -> None:
    _observation(value, place, chart, _loinc("10230-1"), amount(value["percent"], "%"))


def add_pregnancy(value: Json, place: Place, chart: Chart) -> None:
    _observation(value, place, chart, _loinc("82810-3"), builders.concept((builders.SNOMED, "77386006")))


def add_history_of_metastasis(value: Json, place: Place, chart: Chart) -> None:
    _observation(value, place, chart, builders.concept((builders.SNOMED, "1287652008")), value["present"])
