"""What statements about a tumour marker mean together: one score, one call, numbers, or a contradiction.

A code means nothing without the test it answers, so the meanings are read with the test's method. A coded answer and
a text that disagree, or a text that says two things, is kept as a conflict: nobody picks one silently.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from criteria.bounds import Bounds
from criteria.facts import MarkerCall, MarkerMethod
from criteria.vocabulary import Vocabulary
from fhir_mappers.marker_words import calls_in, says_not_tested
from fhir_mappers.observation_value import Statement
from fhir_mappers.quantities import parse_amount
from fhir_mappers.short_cache import short_cache

NOT_TESTED = "not-tested"
HER2_LOW = "her2-low"
_SCORE = "ihc-"
_CALLS = MappingProxyType(
    {
        "positive": MarkerCall.POSITIVE,
        "present": MarkerCall.POSITIVE,
        "detected": MarkerCall.POSITIVE,
        "negative": MarkerCall.NEGATIVE,
        "absent": MarkerCall.NEGATIVE,
        "equivocal": MarkerCall.EQUIVOCAL,
        "indeterminate": MarkerCall.INDETERMINATE,
    }
)
# Thresholds of the 2007 guideline that old reports give instead of the ratio (value set text_patterns).
_RATIOS = MappingProxyType(
    {
        "ratio-below-1.8": Bounds(None, Decimal("1.8"), high_open=True),
        "ratio-above-2.2": Bounds(Decimal("2.2"), None, low_open=True),
    }
)
# What a laboratory calls each score.
_CALLS_OF_SCORE = MappingProxyType(
    {
        "3+": frozenset({MarkerCall.POSITIVE}),
        "2+": frozenset({MarkerCall.EQUIVOCAL, MarkerCall.INDETERMINATE}),
        "1+": frozenset({MarkerCall.NEGATIVE}),
        "0": frozenset({MarkerCall.NEGATIVE}),
    }
)
_PERCENT = re.compile(r"(?:[<>≥≤]=?\s*)?\d+(?:\.\d+)?(?:\s*(?:-|\u2013|to)\s*\d+(?:\.\d+)?)?\s*%")


@dataclass(slots=True)
class MarkerAnswer:
    """The answer of one test, filled statement by statement; `settled` says whether anything was said."""

    score: str | None = None
    call: MarkerCall | None = None
    ratio: Bounds | None = None
    percent: Bounds | None = None
    conflict: str | None = None
    not_tested: bool = False
    scores: set[str] = field(default_factory=set)
    calls: set[MarkerCall] = field(default_factory=set)
    is_low: bool = False

    def says_something(self) -> bool:
        """Say whether any meaning was found."""
        return bool(self.scores or self.calls or self.is_low or self.ratio or self.percent)

    @property
    def words(self) -> str:
        """Return what the answer says in words, for a reader who was sent codes."""
        said = [f"IHC {self.score}"] if self.score is not None else []
        return ", ".join([*said, *([self.call.value] if self.call is not None else [])]) or "contradictory"

    def hear(self, vocabulary: Vocabulary, statement: Statement, method: MarkerMethod, *, is_her2: bool) -> None:
        """Add what a statement means for a test of this method."""
        meanings = set(_coded(vocabulary, statement))
        for words in statement.words:
            meanings |= _worded(vocabulary, words.lower(), method, is_her2)
            if not is_her2 and self.percent is None:
                self.percent = percent_in(words)
        for meaning in meanings:
            if meaning.startswith(_SCORE):
                self.scores.add(meaning.removeprefix(_SCORE))
            elif meaning in _CALLS:
                self.calls.add(_CALLS[meaning])
            elif meaning in _RATIOS:
                self.ratio = self.ratio or _RATIOS[meaning]
            else:
                self.is_low = self.is_low or meaning == HER2_LOW
                self.not_tested = self.not_tested or meaning == NOT_TESTED

    def conclude(self, method: MarkerMethod) -> None:
        """Settle score and call, or say what contradicts. Without a method a score is only what it calls the result."""
        calls = self.calls
        if calls == {MarkerCall.EQUIVOCAL, MarkerCall.INDETERMINATE}:
            calls = {MarkerCall.EQUIVOCAL}
        if self.is_low and not self.scores and not calls:
            calls = {MarkerCall.NEGATIVE}
        said = [f"IHC {score}" for score in sorted(self.scores)] + sorted(call.value for call in calls)
        if len(self.scores) > 1 or len(calls) > 1 or (self.is_low and self._denies_low(calls)):
            self.conflict = _contradiction([*said, *([HER2_LOW] if self.is_low else [])])
            return
        score = next(iter(self.scores), None)
        call = next(iter(calls), None)
        if score is not None and call is not None and call not in _CALLS_OF_SCORE[score]:
            self.conflict = _contradiction(said)
        elif method is MarkerMethod.UNSTATED and score is not None:
            # An IHC score needs IHC: without the method it is no more than the word it stands for.
            self.call = call or min(_CALLS_OF_SCORE[score], key=lambda each: each.value)
        else:
            self.score, self.call = score, call

    def _denies_low(self, calls: set[MarkerCall]) -> bool:
        return "3+" in self.scores or MarkerCall.POSITIVE in calls


def interpretation_call(vocabulary: Vocabulary, statement: Statement) -> MarkerCall | None:
    """Return the call of one interpretation, None when it says another thing ("abnormal") or contradicts itself."""
    found = {_CALLS[meaning] for meaning in _coded(vocabulary, statement) if meaning in _CALLS}
    for words in () if found else statement.words:
        found |= calls_in(words.lower())
    return next(iter(found)) if len(found) == 1 else None


def percent_in(words: str) -> Bounds | None:
    """Return the one percentage a text holds ("Positive (95 %)"); two of them say nothing certain."""
    found = _PERCENT.findall(words)
    amount = parse_amount(found[0]) if len(found) == 1 else None
    return None if amount is None else amount.bounds


def _coded(vocabulary: Vocabulary, statement: Statement) -> Iterable[str]:
    if statement.yes is not None:
        yield "positive" if statement.yes else "negative"
    answers = vocabulary.markers.answers
    for coding in statement.codings:
        meaning = answers.get(vocabulary.key(coding.system, coding.code))
        if meaning is not None:
            yield meaning


@short_cache(longest=64)
def _worded(vocabulary: Vocabulary, words: str, method: MarkerMethod, is_her2: bool) -> frozenset[str]:  # noqa: FBT001 - part of the cache key
    """Return the meanings of a lower-cased text under the patterns of the method's scope."""
    found: set[str] = set()
    negative = positive = None
    if is_her2:
        scope = "ish" if method is MarkerMethod.ISH else "ihc"
        for meaning, pattern, where in vocabulary.markers.text_patterns:
            if where not in {scope, "any"}:
                continue
            if meaning == "negative":
                negative = pattern
            elif meaning == "positive":
                positive = pattern
            elif pattern.search(words) is not None:
                found.add(meaning)
    found |= {call.value for call in calls_in(words, negative, positive)}
    if not found and says_not_tested(words):
        found.add(NOT_TESTED)
    return frozenset(found)


def _contradiction(said: Iterable[str]) -> str:
    return f"one result says {' and '.join(said)}"
