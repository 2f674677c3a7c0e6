"""Which observations are worth asking for: those whose code a reader understands, taken from the vocabulary."""

from collections.abc import Iterator

from criteria.terms import CodeKey
from criteria.vocabulary import Vocabulary
from fhir_mappers.element import Coding, Concept
from fhir_mappers.observation_topic import topic_of


def observation_codes(vocabulary: Vocabulary) -> tuple[tuple[str, str], ...]:
    """Return (system URL, code) of every code of an Observation that is read, sorted.

    The URL is the first one the vocabulary lists for the system, which is the standard one.
    """
    urls: dict[str, str] = {}
    for url, name in vocabulary.systems.items():
        if "://" in url:
            urls.setdefault(name, url)
    return tuple(sorted({(urls[name], code) for name, code in _codes(vocabulary) if _is_read(vocabulary, name, code)}))


def _codes(vocabulary: Vocabulary) -> Iterator[CodeKey]:
    yield from vocabulary.markers.tests
    yield from vocabulary.staging.tests
    yield from vocabulary.staging.status_codes
    yield from vocabulary.staging.history_of_metastatic
    yield from vocabulary.observations.roles
    yield from vocabulary.variants.roles


def _is_read(vocabulary: Vocabulary, system: str, code: str) -> bool:
    topic = topic_of(vocabulary, Concept((Coding(system, code, ""),), ""))
    return topic is not None and topic.area != "excluded"
