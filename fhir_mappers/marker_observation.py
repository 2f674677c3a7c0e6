"""Observation about HER2, ER or PR -> marker results.

Clinical readings sections 2.1 to 2.5, contract section 7. A panel or an Observation with components yields several
results that share a group key; an Observation or component yields one, or two when one text reports IHC and ISH.
"""

from collections.abc import Iterator
from itertools import chain

from criteria.facts import MarkerCall, MarkerMethod, MarkerResult
from fhir_mappers.chart import Chart
from fhir_mappers.element import NO_CONCEPT, Concept, below, concept, contained, identifier_token, mapping, reference
from fhir_mappers.marker_answer import MarkerAnswer, interpretation_call
from fhir_mappers.marker_numbers import NO_NUMBERS, NUMERIC_ROLES, MarkerNumbers, numbers_in
from fhir_mappers.marker_words import IHC_NAME, ISH_NAME, joined, method_in, probe_in
from fhir_mappers.observation_focus import condition_of
from fhir_mappers.observation_topic import Topic, method_of, role_with, topic_of
from fhir_mappers.observation_value import (
    COUNTS,
    Observed,
    Part,
    Statement,
    interpretations,
    measured,
    notes,
    shown_amount,
    stated_value,
    value_key,
)

# Roles that neither prove nor disprove anything under the policies: amounts and intensities of staining.
_UNUSED = frozenset({"quantity", "intensity"})
_METHODLESS = frozenset({"overall", "tissue_immunoassay"})

_MOST_SPECIMENS = 64
"""Specimens of all reports around one result: each result of a report of thousands would name them all."""


def map_marker(observed: Observed, part: Part, topic: Topic) -> tuple[MarkerResult, ...]:
    """Return the results of one marker Observation, its components included."""
    specimen, keys = _groups(observed)
    observed = Observed(observed.origin, observed.chart, observed.counted, observed.when, specimen, keys)
    found: list[MarkerResult] = []
    for component in observed.components():
        about = topic_of(observed.chart.vocabulary, component.code)
        if about is not None and about.area == "marker" and about.role not in _UNUSED:
            found += _results(observed, component, _with_probe_of(observed, about, topic))
    if topic.role not in _UNUSED and (topic.role != "ish_cells_counted" or _is_in_her2_panel(observed)):
        found += _results(observed, part, _with_method(observed, topic))
    return tuple(found)


def _with_probe_of(observed: Observed, about: Topic, panel: Topic) -> Topic:
    """Complete a component's probe from its panel's name or method, which speak for all parts of the test."""
    if about.probe is not None or about.method is not MarkerMethod.ISH:
        return about
    sent = concept(observed.origin, observed.origin.resource, "method")
    return about._replace(probe=panel.probe or probe_in(_words(sent)))


def _with_method(observed: Observed, topic: Topic) -> Topic:
    """Complete method and probe from Observation.method; a method other than the code's is a contradiction."""
    if "method" not in observed.origin.resource:
        return topic
    sent = concept(observed.origin, observed.origin.resource, "method")
    method = method_of(observed.chart.vocabulary, sent)
    topic = topic._replace(probe=topic.probe or probe_in(_words(sent)))
    if method is MarkerMethod.UNSTATED or method is topic.method:
        return topic
    if topic.method is MarkerMethod.UNSTATED:
        return topic._replace(method=method, role=role_with(topic.role, method))
    return topic._replace(conflict=topic.conflict or "the test's code and its method speak of different methods")


def _results(observed: Observed, part: Part, topic: Topic) -> Iterator[MarkerResult]:
    if "dataAbsentReason" in part.holder:
        return
    key = value_key(part)
    statement = None if key is None else stated_value(observed, part, key)
    if topic.role == "ish_cep17_copy":
        yield from _centromere(observed, part, topic, key)
        return
    if topic.role in _METHODLESS and statement is not None and topic.conflict is None:
        words = joined(statement.words)
        if IHC_NAME.search(words) and ISH_NAME.search(words):
            yield from _both_methods(observed, topic, statement)
            return
        method = method_in(words)
        topic = topic._replace(method=method, role=role_with(topic.role, method))
    result = _result(observed, part, topic, key, statement)
    if result is not None:
        yield result


def _centromere(observed: Observed, part: Part, topic: Topic, key: str | None) -> Iterator[MarkerResult]:
    """Read a count of chromosome 17: it is no HER2 count, but it shows that two probes were used."""
    amount = None if key is None else measured(observed, part, key, COUNTS)
    if amount is not None and key is not None:
        shown = f"chromosome 17: {shown_amount(part, key, amount)}"
        yield _of(observed, topic, below(part.path, "value"), shown, MarkerAnswer())


def _both_methods(observed: Observed, topic: Topic, statement: Statement) -> Iterator[MarkerResult]:
    """Read one text on IHC and ISH: the score is IHC's, the word "amplified" ISH's, "positive" could be either's."""
    vocabulary = observed.chart.vocabulary
    ihc, ish = MarkerAnswer(), MarkerAnswer()
    ihc.hear(vocabulary, statement, MarkerMethod.IHC, is_her2=True)
    ihc.calls.clear()
    ihc.is_low = False
    patterns = [each for each in vocabulary.markers.text_patterns if each.scope == "ish"]
    for words in (each.lower() for each in statement.words):
        for meaning, pattern, _ in patterns:
            if meaning in {"negative", "positive"} and pattern.search(words):
                ish.calls.add(MarkerCall(meaning))
                break  # "not amplified" stands before "amplified"
    for method, answer in ((MarkerMethod.IHC, ihc), (MarkerMethod.ISH, ish)):
        answer.conclude(method)
        if answer.says_something():
            yield _of(observed, topic._replace(method=method), statement.path, statement.observed, answer)


def _result(
    observed: Observed, part: Part, topic: Topic, key: str | None, statement: Statement | None
) -> MarkerResult | None:
    """Return the result of one part; None when it says nothing, or says that nothing was tested."""
    answer = MarkerAnswer()
    numbers = NO_NUMBERS if key is None else numbers_in(observed, part, topic.role, key)
    amount = numbers.only
    path, shown = below(part.path, "value"), ""
    if statement is not None and (amount is None or topic.role not in NUMERIC_ROLES):
        _hear(observed, topic, statement, answer)
        shown = statement.observed
    elif amount is not None and key is not None:
        shown = shown_amount(part, key, amount)
    for each in interpretations(observed, part):
        call = interpretation_call(observed.chart.vocabulary, each)
        if call is not None:
            answer.calls.add(call)
            path, shown = (path, f"{shown} ({each.observed})") if shown else (each.path, each.observed)
    if key is None and not answer.says_something():
        for each in notes(observed, part):
            _hear(observed, topic, each, answer)
            if answer.says_something():
                path, shown = each.path, each.observed
                break
    if amount is None and not answer.says_something():
        return _unread(observed, part, topic, answer, key)
    answer.conclude(topic.method)
    if statement is not None and not statement.words:
        shown = f"{answer.words} ({shown})"
    return _of(observed, topic, path, shown, answer, numbers=numbers)


def _hear(observed: Observed, topic: Topic, statement: Statement, answer: MarkerAnswer) -> None:
    answer.hear(observed.chart.vocabulary, statement, topic.method, is_her2=topic.marker == "her2")


def _unread(observed: Observed, part: Part, topic: Topic, answer: MarkerAnswer, key: str | None) -> MarkerResult | None:
    """Return a result that was reported and not understood, so that it is seen; None when there is no result."""
    path = below(part.path, "value")
    if answer.not_tested:
        observed.origin.note(path, "says that the test was not done: no result")
        return None
    if key is None:
        return None
    observed.origin.note(path, "the result was not understood")
    statement = stated_value(observed, part, key)
    shown = statement.observed if statement is not None else "a value that was not understood"
    return _of(observed, topic, path, shown, MarkerAnswer())


def _of(
    observed: Observed,
    topic: Topic,
    path: str,
    shown: str,
    answer: MarkerAnswer,
    *,
    numbers: MarkerNumbers = NO_NUMBERS,
) -> MarkerResult:
    return MarkerResult(
        source=observed.origin.source(path),
        marker=topic.marker,
        method=topic.method,
        observed=shown,
        when=observed.when,
        call=answer.call,
        score=answer.score,
        ratio=numbers.ratio or (answer.ratio if topic.method is MarkerMethod.ISH else None),
        copies=numbers.copies,
        # A ratio and a count of the centromere need two probes.
        probe="dual" if topic.role in {"ish_ratio", "ish_cep17_copy"} else topic.probe,
        cells=numbers.cells,
        percent=numbers.percent or answer.percent,
        specimen=observed.specimen,
        group_keys=observed.group_keys,
        counted=observed.counted,
        conflict=topic.conflict or answer.conflict,
        condition=condition_of(observed),
    )


def _groups(observed: Observed) -> tuple[str | None, frozenset[str]]:
    """Return the specimen, and the keys the result shares with others: specimen, panels, reports, the Observation."""
    origin, chart = observed.origin, observed.chart
    holders = chart.groups.get(origin.reference, frozenset())
    keys = {origin.reference, *holders}
    specimen = reference(origin, origin.resource, "specimen") if "specimen" in origin.resource else None
    if specimen is not None:
        specimen = _contained_specimen(observed, specimen) if specimen.startswith("#") else chart.name_of(specimen)
    else:
        reported = _reported_specimens(chart, holders)
        keys |= reported
        specimen = next(iter(reported)) if len(reported) == 1 else None
    return specimen, frozenset(keys if specimen is None else {*keys, specimen})


def _reported_specimens(chart: Chart, holders: frozenset[str]) -> set[str]:
    """Return the specimens of reports; sorted, so that it is not chance which of too many are left out."""
    found: set[str] = set()
    for each in chain.from_iterable(chart.specimens.get(holder, ()) for holder in sorted(holders)):
        if len(found) == _MOST_SPECIMENS:
            break
        found.add(each)
    return found


def _contained_specimen(observed: Observed, name: str) -> str:
    """Return a key for a contained specimen: its accession number, which other results may share, else its own id."""
    origin = observed.origin
    holder = contained(origin, name) or {}
    accession = mapping(origin, holder, "accessionIdentifier", "contained")
    token = None if accession is None else identifier_token(origin, accession, "contained.accessionIdentifier")
    return f"{origin.reference}{name}" if token is None else f"Specimen?identifier={token}"


def _is_in_her2_panel(observed: Observed) -> bool:
    """Say whether a count of cells belongs to a HER2 test: the code alone is used with every kind of ISH."""
    chart = observed.chart
    for holder in chart.groups.get(observed.origin.reference, ()):
        panel = chart.by_reference.get(holder)
        if panel is None or panel.get("resourceType") != "Observation":
            continue
        code = concept(observed.origin, panel, "code") if "code" in panel else NO_CONCEPT
        topic = topic_of(chart.vocabulary, code)
        if topic is not None and topic.marker == "her2":
            return True
    return False


def _words(value: Concept) -> str:
    return joined((value.text, *(coding.display for coding in value.codings)))
