"""What an observation code asks about: a tumour marker, a stage, a variant, a measurement.

Codes decide. Only an observation none of whose codes is known is read by its name, as laboratories with codes of
their own send it; and a known code whose name speaks of another test is a contradiction that is kept.
"""

from types import MappingProxyType
from typing import Literal, NamedTuple

from criteria.facts import MarkerMethod
from criteria.terms import CodeKey, MarkerTest
from criteria.vocabulary import Vocabulary
from fhir_mappers.element import Concept
from fhir_mappers.marker_words import (
    ER_NAME,
    HER2_NAME,
    MUTATION_NAME,
    PR_NAME,
    SERUM_NAME,
    joined,
    method_in,
    probe_in,
)
from fhir_mappers.short_cache import short_cache

Area = Literal["marker", "excluded", "stage", "status", "history", "measurement", "pregnancy", "variant"]

# SNOMED CT procedures that name a method; as a test of their own they only say that it was done.
_METHOD_OF: dict[CodeKey, MarkerMethod] = {
    ("snomed", "434363004"): MarkerMethod.ISH,
    ("snomed", "433114000"): MarkerMethod.IHC,
}
# Most specific first: of two codings of one test the first of these counts.
_ROLES = (
    "ish_ratio",
    "ish_her2_copy",
    "ish_cep17_copy",
    "ish_cells_counted",
    "ish",
    "ish_panel",
    "ihc_percent",
    "ihc",
    "overall",
    "tissue_immunoassay",
    "percent",
    "presence",
    "quantity",
    "intensity",
)
_NAMES = MappingProxyType({"her2": HER2_NAME, "er": ER_NAME, "pr": PR_NAME})
# Roles of variants.yaml that are observations of their own, not only components of one.
_VARIANT_TESTS = frozenset({"variant", "erbb2-mutation-text", "copy-number"})
_MEASUREMENTS = frozenset({"body-weight", "lvef"})


class Topic(NamedTuple):
    """What is asked: `role` as in the value sets; for markers also method and probe, as far as code and name say.

    `conflict` holds words about codes or names of one test that contradict each other.
    """

    area: Area
    role: str
    marker: str = ""
    method: MarkerMethod = MarkerMethod.UNSTATED
    probe: str | None = None
    conflict: str | None = None


@short_cache()
def topic_of(vocabulary: Vocabulary, code: Concept) -> Topic | None:
    """Return what a code asks about, None when it is nothing the criteria read."""
    keys = [vocabulary.key(coding.system, coding.code) for coding in code.codings if coding.code]
    tests = [vocabulary.markers.tests[key] for key in keys if key in vocabulary.markers.tests]
    names = [each.lower() for each in (code.text, *(coding.display for coding in code.codings)) if each]
    if tests:
        return _marker_topic(tests, keys, names)
    for key in keys:
        found = _coded_topic(vocabulary, key)
        if found is not None:
            return found
    return _named_topic(joined(names))


@short_cache()
def method_of(vocabulary: Vocabulary, method: Concept) -> MarkerMethod:
    """Return the laboratory method that Observation.method names."""
    for coding in method.codings:
        known = _METHOD_OF.get(vocabulary.key(coding.system, coding.code))
        if known is not None:
            return known
    return method_in(joined((method.text, *(coding.display for coding in method.codings))))


def _coded_topic(vocabulary: Vocabulary, key: CodeKey) -> Topic | None:
    staging = vocabulary.staging
    if key in staging.tests:
        return Topic("stage", staging.tests[key].role)
    if key in staging.status_codes:
        return Topic("status", "")
    if key in staging.history_of_metastatic:
        return Topic("history", "")
    role = vocabulary.observations.roles.get(key, "")
    if role in _MEASUREMENTS:
        return Topic("measurement", role)
    if role == "pregnancy-status":
        return Topic("pregnancy", role)
    role = vocabulary.variants.roles.get(key, "")
    return Topic("variant", role) if role in _VARIANT_TESTS else None


def _marker_topic(tests: list[MarkerTest], keys: list[CodeKey], names: list[str]) -> Topic:
    name = joined(names)
    usable = [test for test in tests if test.because is None]
    if not usable or any(test.because not in {None, "procedure"} for test in tests):
        return Topic("excluded", next(test.because or "" for test in tests if test.because), tests[0].marker)
    markers = {test.marker for test in usable}
    role = min((test.role for test in usable), key=_ROLES.index)
    marker = "her2" if "her2" in markers else min(markers)
    hinted = {_METHOD_OF[key] for key in keys if key in _METHOD_OF}
    methods = ({_method_of_role(test.role) for test in usable} | hinted) - {MarkerMethod.UNSTATED}
    named = method_in(name)
    if not methods and named is not MarkerMethod.UNSTATED:
        methods = {named}
    conflict = None
    if len(markers) > 1 or any(_is_of_another(marker, each) for each in names):
        conflict = "the test's codes and name speak of different markers"
    elif len(methods) > 1 or (named is not MarkerMethod.UNSTATED and methods and named not in methods):
        conflict = "the test's codes and name speak of different methods"
    method = next(iter(methods)) if len(methods) == 1 and conflict is None else MarkerMethod.UNSTATED
    role = role_with(role, method)
    if role == "ish":
        role = _ish_role(name) or role
    return Topic("marker", role, marker, method, probe_in(name), conflict)


def role_with(role: str, method: MarkerMethod) -> str:
    """Return the role of a HER2 test whose method is known from elsewhere; only an overall status changes its role."""
    if role not in {"overall", "tissue_immunoassay"} or method is MarkerMethod.UNSTATED:
        return role
    return "ihc" if method is MarkerMethod.IHC else "ish"


def _method_of_role(role: str) -> MarkerMethod:
    if role.startswith("ish"):
        return MarkerMethod.ISH
    return MarkerMethod.IHC if role.startswith("ihc") else MarkerMethod.UNSTATED


def _is_of_another(marker: str, name: str) -> bool:
    """Say whether a name speaks of other markers only (an oestrogen receptor code is seen on HER2 results)."""
    named = {each for each, pattern in _NAMES.items() if pattern.search(name) is not None}
    return bool(named) and not named & ({"er", "pr"} if marker == "er-pr" else {marker})


def _named_topic(name: str) -> Topic | None:
    if HER2_NAME.search(name) is not None:
        return _named_her2(name)
    if MUTATION_NAME.search(name) is not None or SERUM_NAME.search(name) is not None:
        return None
    for marker in ("er", "pr"):
        if _NAMES[marker].search(name) is not None:
            return Topic("marker", "percent" if "%" in name or "percent" in name else "presence", marker)
    return None


def _named_her2(name: str) -> Topic:
    if MUTATION_NAME.search(name) is not None:
        return Topic("variant", "erbb2-mutation-text")
    if SERUM_NAME.search(name) is not None:
        return Topic("excluded", "serum", "her2")
    probe = probe_in(name)
    method = method_in(name)
    numeric = _ish_role(name) if method is not MarkerMethod.IHC else None
    if numeric is not None and (method is MarkerMethod.ISH or numeric == "ish_ratio"):
        return Topic("marker", numeric, "her2", MarkerMethod.ISH, probe)
    match method:
        case MarkerMethod.IHC:
            role = "ihc_percent" if "%" in name or "percent" in name else "ihc"
        case MarkerMethod.ISH:
            role = "ish"
        case _:
            role = "overall"
    return Topic("marker", role, "her2", method, probe)


def _ish_role(name: str) -> str | None:
    """Return which number of an ISH result a name asks for, None when it asks for the result as such."""
    about_centromere = "cep17" in name or "cep 17" in name or "chromosome 17" in name or "cep-17" in name
    if "ratio" in name:
        return "ish_ratio"
    if "cells counted" in name or "nuclei counted" in name:
        return "ish_cells_counted"
    if "copy" in name or "copies" in name or "signal" in name:
        return "ish_cep17_copy" if about_centromere else "ish_her2_copy"
    return None
