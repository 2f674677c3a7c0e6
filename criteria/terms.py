"""What codes and texts other than drugs mean: one table type per value-set file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

CodeKey = tuple[str, str]
"""Short name of the code system, and the code."""

CATCH_ALL = "cancer-other"
"""The set of all malignant primaries; a set of a named site takes precedence over it."""

NAMED_SITES = "cancer-"
"""How the names of the sets of named sites begin."""


class TextPattern(NamedTuple):
    """A form of text and what it means; `pattern` is searched in lower-cased text. `scope` is empty or a test role."""

    meaning: str
    pattern: re.Pattern[str]
    scope: str


class MarkerTest(NamedTuple):
    """A tumour-marker test: marker "her2", role "ihc"; `because` says why an excluded one is."""

    marker: str
    role: str
    because: str | None


class StageTest(NamedTuple):
    """An observation code of staging: role "m-category", basis "clinical", "pathological" or None."""

    role: str
    basis: str | None


class Line(NamedTuple):
    """A coded line of therapy; `number` None for maintenance, `at_least` for "third or later"."""

    number: int | None
    at_least: bool


@dataclass(frozen=True, slots=True, eq=False)
class Markers:
    """tumour-markers.yaml: tests, their answers (both value sets and CAP eCC), text forms in order of precedence."""

    tests: Mapping[CodeKey, MarkerTest]
    answers: Mapping[CodeKey, str]
    text_patterns: tuple[TextPattern, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Staging:
    """staging.yaml: observation codes, value codes and text forms of stages; disease status."""

    tests: Mapping[CodeKey, StageTest]
    values: Mapping[CodeKey, str]
    text_values: tuple[TextPattern, ...]
    methods: frozenset[CodeKey]
    history_of_metastatic: frozenset[CodeKey]
    status_codes: frozenset[CodeKey]
    status_values: Mapping[CodeKey, str]


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """observations.yaml: roles of observation codes, answers about pregnancy, and per role unit -> factor."""

    roles: Mapping[CodeKey, str]
    pregnancy_answers: Mapping[CodeKey, str]
    units: Mapping[str, Mapping[str, Decimal]]


@dataclass(frozen=True, slots=True, eq=False)
class Variants:
    """variants.yaml: roles of component codes, gene symbols, significance, presence, text forms."""

    roles: Mapping[CodeKey, str]
    genes: Mapping[CodeKey, str]
    significance: Mapping[CodeKey, str]
    presence: Mapping[CodeKey, str]
    text_patterns: tuple[TextPattern, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Therapy:
    """therapy.yaml: why a therapy stopped, its intent, extension URLs by name, lines, sets of procedures."""

    status_reasons: Mapping[CodeKey, str]
    intents: Mapping[CodeKey, str]
    extensions: Mapping[str, str]
    lines: Mapping[CodeKey, Line]
    procedures: Mapping[CodeKey, frozenset[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Documents:
    """documents.yaml: kinds of a document type, kind of a report category, settings that make a note oncology's."""

    kinds: Mapping[CodeKey, frozenset[str]]
    categories: Mapping[CodeKey, str]
    oncology_settings: frozenset[CodeKey]


@dataclass(frozen=True, slots=True, eq=False)
class Concepts:
    """conditions.yaml: the sets each code is in, and for ICD-10-CM those of its three-character category."""

    of_code: Mapping[CodeKey, frozenset[str]]
    of_category: Mapping[str, frozenset[str]]
    titles: Mapping[str, str]


ICD = "icd-10-cm"
CATEGORY_LENGTH = 3


def icd_code(code: str) -> str:
    """Return an ICD-10-CM code in upper case with its point: "c50911" -> "C50.911"."""
    code = code.upper()
    return code if "." in code or len(code) <= CATEGORY_LENGTH else f"{code[:CATEGORY_LENGTH]}.{code[CATEGORY_LENGTH:]}"


def specific(sets: frozenset[str]) -> frozenset[str]:
    """Leave the set of all malignancies out when a set of a named site holds the code too."""
    if CATCH_ALL in sets and any(name.startswith(NAMED_SITES) and name != CATCH_ALL for name in sets):
        return sets - {CATCH_ALL}
    return sets
