"""DocumentReference and DiagnosticReport -> documents on the record; their text is not read.

Contract section 5.4: an oncology note within 90 days and an imaging report within 183 days are what continuation asks.
"""

import re
from collections.abc import Iterator

from criteria.dates import DateRange
from criteria.facts import Document
from criteria.vocabulary import Vocabulary
from fhir_mappers.dates import date_range, period, point, span
from fhir_mappers.element import Concept, Origin, concept, concepts, mapping, mappings, text

FINAL_REPORTS = frozenset({"final", "amended", "corrected", "appended"})
UNFINISHED = frozenset({"preliminary", "entered-in-error"})
CLINICAL_NOTE = "clinical-note"
ONCOLOGY_NOTE = "oncology-note"
_ONCOLOGY = re.compile(r"oncolog", re.IGNORECASE)
# What a document with a code of the sender's own must be called to be a note at all (no consent form, no invoice).
_NOTE = re.compile(
    r"\b(?:notes?|consult\w*|visit|progress|history (?:and|&) physical|h&p|summary|letter|evaluation|assessment)\b",
    re.IGNORECASE,
)


def map_document_reference(origin: Origin, vocabulary: Vocabulary) -> tuple[Document, ...]:
    """Return the document if it is current and finished; its kinds come from its type, setting and author."""
    resource = origin.resource
    if text(origin, resource, "status") != "current":
        origin.note("status", "not current: the document does not count")
        return ()
    if text(origin, resource, "docStatus") in UNFINISHED:
        origin.note("docStatus", "not final: the document does not count")
        return ()
    kind = concept(origin, resource, "type")
    categories = concepts(origin, resource, "category")
    return _document(origin, vocabulary, kind, categories, _document_date(origin))


def map_diagnostic_report(origin: Origin, vocabulary: Vocabulary) -> tuple[Document, ...]:
    """Return the report as a document if it is final; its results are Observations of their own."""
    resource = origin.resource
    if text(origin, resource, "status") not in FINAL_REPORTS:
        origin.note("status", "not final: the report does not count")
        return ()
    when = point(span(origin, resource, "effective"))
    if when is None:
        when = date_range(origin, resource, "issued")
    return _document(
        origin, vocabulary, concept(origin, resource, "code"), concepts(origin, resource, "category"), when
    )


def _document(
    origin: Origin, vocabulary: Vocabulary, kind: Concept, categories: tuple[Concept, ...], when: DateRange | None
) -> tuple[Document, ...]:
    kinds = _coded_kinds(vocabulary, kind, categories)
    if (
        ONCOLOGY_NOTE not in kinds
        and _is_note(origin, kind, kinds)
        and _is_oncology(origin, vocabulary, kind, categories)
    ):
        kinds = kinds | {ONCOLOGY_NOTE}
    if not kinds:
        return ()
    element = "code" if origin.type == "DiagnosticReport" else "type"
    return (Document(origin.source(element), kinds, kind.label or origin.type, when),)


def _coded_kinds(vocabulary: Vocabulary, kind: Concept, categories: tuple[Concept, ...]) -> frozenset[str]:
    documents = vocabulary.documents
    found: set[str] = set()
    for coding in kind.codings:
        found |= documents.kinds.get(vocabulary.key(coding.system, coding.code), frozenset())
    for category in categories:
        for coding in category.codings:
            category_kind = documents.categories.get(vocabulary.key(coding.system, coding.code))
            if category_kind is not None:
                found.add(category_kind)
    return frozenset(found)


def _is_note(origin: Origin, kind: Concept, kinds: frozenset[str]) -> bool:
    """Say whether a document is a clinical note: by its code, without a known code by what it is called."""
    if kinds or origin.type != "DocumentReference":
        return CLINICAL_NOTE in kinds
    described = text(origin, origin.resource, "description") or ""
    return any(_NOTE.search(words) for words in (*_words(kind), described))


def _is_oncology(origin: Origin, vocabulary: Vocabulary, kind: Concept, categories: tuple[Concept, ...]) -> bool:
    """Say whether setting, category, type, description or author of a note say that an oncology service wrote it."""
    resource = origin.resource
    context = mapping(origin, resource, "context") or {}
    setting = concept(origin, context, "practiceSetting", "context")
    keys = {vocabulary.key(coding.system, coding.code) for coding in setting.codings}
    if keys & vocabulary.documents.oncology_settings:
        return True
    words = [each for value in (setting, kind, *categories) for each in _words(value)]
    words.append(text(origin, resource, "description") or "")
    words += _author_names(origin)
    return any(_ONCOLOGY.search(each) for each in words)


def _author_names(origin: Origin) -> Iterator[str]:
    key = "author" if origin.type == "DocumentReference" else "performer"
    for index, author in enumerate(mappings(origin, origin.resource, key)):
        yield text(origin, author, "display", f"{key}[{index}]") or ""


def _words(value: Concept) -> tuple[str, ...]:
    return (value.text, *(coding.display for coding in value.codings))


def _document_date(origin: Origin) -> DateRange | None:
    """Return when the service was given, else when the document was made."""
    context = mapping(origin, origin.resource, "context") or {}
    when = point(period(origin, context, "period", "context"))
    return when if when is not None else date_range(origin, origin.resource, "date")
