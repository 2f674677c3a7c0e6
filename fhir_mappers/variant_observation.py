"""Observation of a genetic variant -> variant results (clinical readings section 2.6).

A copy number is amplification, not a mutation. Coordinates without a gene name no gene. An HGNC id that is not
ERBB2's beside the name ERBB2 is a contradiction, and the gene stays unknown.
"""

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import NamedTuple

from criteria.facts import VariantCall, VariantResult
from fhir_mappers.marker_words import joined, says_not_tested
from fhir_mappers.observation_focus import condition_of
from fhir_mappers.observation_topic import Topic
from fhir_mappers.observation_value import (
    COUNTS,
    Observed,
    Part,
    Statement,
    is_numeric,
    measured,
    notes,
    shown_amount,
    stated_value_of,
    value_key,
)

ERBB2 = "ERBB2"
_ABSENT = re.compile(
    r"\bno (?:(?:pathogenic|clinically significant|significant|erbb2|her-?2|gene|known|somatic) )*"
    r"(?:mutations?|variants?|alterations?)\b|\bnot (?:detected|identified|found|present)\b"
    r"|\bnegative\b|\bwild[- ]?type\b|\babsent\b|\bnone (?:detected|found|identified)\b|^\s*none\s*$"
)
_MUTATION = re.compile(r"\bmutations?\b|\bvariants?\b|\bmutated\b|\bwild[- ]?type\b")
_PRESENT = re.compile(r"\b(?:positive|detected|present|identified|found|mutated)\b")
# "likely pathogenic" before "pathogenic", and "non-pathogenic" is none.
_SIGNIFICANCE = (
    ("likely-pathogenic", re.compile(r"\b(?:likely|presumed|probably)[- ]pathogenic\b")),
    ("likely-benign", re.compile(r"\b(?:likely|presumed|probably)[- ]benign\b")),
    ("uncertain", re.compile(r"\b(?:uncertain|unknown)\b.{0,12}\bsignificance\b|\bvus\b|\bconflicting\b")),
    ("benign", re.compile(r"\bbenign\b|\bnon-?pathogenic\b|\bnot pathogenic\b")),
    ("pathogenic", re.compile(r"\bpathogenic\b")),
)
_CALLS = MappingProxyType({"present": VariantCall.PRESENT, "absent": VariantCall.ABSENT})
_NAMES_OF_VARIANTS = frozenset({"exon-20-insertion", "c-hgvs", "p-hgvs"})
_DESCRIBING = frozenset({"c-hgvs", "p-hgvs", "variation-code"})


class _Component(NamedTuple):
    role: str
    part: Part
    statement: Statement | None


def map_variant(observed: Observed, part: Part, topic: Topic) -> tuple[VariantResult, ...]:
    """Return the variant, if the Observation says anything about one."""
    statement = stated_value_of(observed, part)
    if topic.role == "erbb2-mutation-text":
        return _mutation_text(observed, part, statement)
    components = tuple(_components(observed))
    copies = next((each for each in components if each.role == "copy-number"), None)
    is_amplification = copies is not None or topic.role == "copy-number"
    described = [each.statement for each in components if each.role in _DESCRIBING and each.statement is not None]
    texts = [each.observed for each in described]
    if statement is not None and not texts:
        texts = [each for each in statement.words if _named(observed, each.lower()) & _NAMES_OF_VARIANTS]
    call = _presence(observed, statement)
    value_said = [] if statement is None else [statement.shown("unclear" if call is None else call.value)]
    value = value_key(part)
    if call is None and not texts and not is_amplification:
        if value is not None:
            observed.origin.note("value", "the variant result was not understood")
        return ()
    return (
        VariantResult(
            source=observed.origin.source("value" if value is not None else "component"),
            gene=_gene(observed, part, components),
            call=call or VariantCall.UNSTATED,
            observed=_shown(observed, part, [*value_said, *texts], copies),
            variant="; ".join(dict.fromkeys(texts)) or None,
            significance=_significance(observed, components),
            amplification=is_amplification,
            when=observed.when,
            counted=observed.counted,
            condition=condition_of(observed),
        ),
    )


def _mutation_text(observed: Observed, part: Part, statement: Statement | None) -> tuple[VariantResult, ...]:
    """Read an answer to "which ERBB2 mutations were found": the gene is in the question."""
    statement = statement or (next(notes(observed, part), None) if value_key(part) is None else None)
    if statement is None or "dataAbsentReason" in part.holder:
        return ()
    words = joined(statement.words)
    named = _named(observed, words)
    variant = statement.observed if named & _NAMES_OF_VARIANTS else None
    call = _presence(observed, statement)
    is_amplification = "amplification" in named and variant is None and _MUTATION.search(words) is None
    if (call is None and variant is None and not is_amplification) or (is_amplification and call is VariantCall.ABSENT):
        observed.origin.note(statement.path, "the mutation result was not understood")
        return ()
    if call is None:
        call = VariantCall.PRESENT
    source = observed.origin.source(statement.path)
    # "No pathogenic mutation" speaks of what was not found.
    significance = _significance_in(words) if call is VariantCall.PRESENT else None
    return (
        VariantResult(
            source,
            ERBB2,
            call,
            statement.shown(call.value),
            variant,
            significance,
            amplification=is_amplification,
            when=observed.when,
            counted=observed.counted,
            condition=condition_of(observed),
        ),
    )


def _components(observed: Observed) -> Iterator[_Component]:
    vocabulary = observed.chart.vocabulary
    for part in observed.components():
        keys = (vocabulary.key(coding.system, coding.code) for coding in part.code.codings)
        role = next((vocabulary.variants.roles[key] for key in keys if key in vocabulary.variants.roles), "")
        if role and "dataAbsentReason" not in part.holder:
            yield _Component(role, part, stated_value_of(observed, part))


def _presence(observed: Observed, statement: Statement | None) -> VariantCall | None:
    """Return whether a variant was found: by code, else by words, "not detected" before "detected"."""
    if statement is None:
        return None
    if statement.yes is not None:
        return VariantCall.PRESENT if statement.yes else VariantCall.ABSENT
    vocabulary = observed.chart.vocabulary
    keys = [vocabulary.key(coding.system, coding.code) for coding in statement.codings]
    meanings = {vocabulary.variants.presence.get(key) or vocabulary.markers.answers.get(key) for key in keys}
    found = {_CALLS.get({"positive": "present", "negative": "absent"}.get(each, each)) for each in meanings if each}
    calls = {each for each in found if each is not None}
    for words in () if calls else (each.lower() for each in statement.words):
        if _ABSENT.search(words):
            calls.add(VariantCall.ABSENT)
        elif _PRESENT.search(words) and not says_not_tested(words):
            calls.add(VariantCall.PRESENT)
    return calls.pop() if len(calls) == 1 else None


def _gene(observed: Observed, part: Part, components: tuple[_Component, ...]) -> str | None:
    """Return the gene: its component by code, then by name; else by an ERBB2 transcript or the test's own name."""
    vocabulary = observed.chart.vocabulary
    for each in components:
        if each.role != "gene" or each.statement is None:
            continue
        codings = each.statement.codings
        keys = [vocabulary.key(coding.system, coding.code) for coding in codings]
        symbols = {vocabulary.variants.genes[key] for key in keys if key in vocabulary.variants.genes}
        if symbols:
            return symbols.pop() if len(symbols) == 1 else None
        is_erbb2 = "gene-erbb2" in _named(observed, joined(each.statement.words))
        if is_erbb2:
            return None if any(key[0] == "hgnc" for key in keys) else ERBB2
        return each.statement.observed
    about = [part.code.text, *(coding.display for coding in part.code.codings)]
    about += [words for each in components if each.statement is not None for words in each.statement.words]
    about += [coding.code for each in components if each.statement is not None for coding in each.statement.codings]
    return ERBB2 if "gene-erbb2" in _named(observed, joined(about)) else None


def _named(observed: Observed, words: str) -> frozenset[str]:
    patterns = observed.chart.vocabulary.variants.text_patterns
    return frozenset(each.meaning for each in patterns if each.pattern.search(words))


def _significance(observed: Observed, components: tuple[_Component, ...]) -> str | None:
    vocabulary = observed.chart.vocabulary
    for each in components:
        if each.role != "clinical-significance" or each.statement is None:
            continue
        for coding in each.statement.codings:
            known = vocabulary.variants.significance.get(vocabulary.key(coding.system, coding.code))
            if known is not None:
                return known
        return _significance_in(joined(each.statement.words))
    return None


def _significance_in(words: str) -> str | None:
    return next((meaning for meaning, pattern in _SIGNIFICANCE if pattern.search(words)), None)


def _shown(observed: Observed, part: Part, said: list[str], copies: _Component | None) -> str:
    shown = list(said)
    counted = part if copies is None else copies.part
    key = value_key(counted)
    if key is not None and is_numeric(key):
        amount = measured(observed, counted, key, COUNTS)
        shown.append("copy number" if amount is None else f"copy number {shown_amount(counted, key, amount)}")
    return "; ".join(dict.fromkeys(shown)) or "variant"
