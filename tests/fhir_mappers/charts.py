"""A chart from resources, read with the project's own vocabulary."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from criteria.facts import MarkerResult, Record
from criteria.vocabulary import load_vocabulary
from fhir_mappers.chart import GivenResource
from fhir_mappers.record import MappedRecord, map_record

VOCABULARY = load_vocabulary([files("criteria") / "value_sets"])


def mapped(*resources: Mapping[str, Any]) -> MappedRecord:
    """Read resources about Patient/p1."""
    given = [GivenResource(each, f"prefetch.all.entry[{index}]") for index, each in enumerate(resources)]
    return map_record(given, "p1", {}, VOCABULARY)


def record(*resources: Mapping[str, Any]) -> Record:
    return mapped(*resources).record


def said(result: MarkerResult) -> str:
    """One line of what a marker result says, to compare in tables."""
    parts = [result.marker, result.method.value]
    parts += [] if result.score is None else [f"score {result.score}"]
    parts += [] if result.call is None else [result.call.value]
    numbers = {"ratio": result.ratio, "copies": result.copies, "cells": result.cells, "percent": result.percent}
    parts += [f"{name} {number}" for name, number in numbers.items() if number is not None]
    parts += [] if result.probe is None else [f"{result.probe} probe"]
    parts += [] if result.conflict is None else ["conflict"]
    parts += [] if result.counted else ["uncounted"]
    return " ".join(parts)


def said_by(*resources: Mapping[str, Any]) -> list[str]:
    """What the markers of a chart say."""
    return [said(each) for each in record(*resources).markers]
