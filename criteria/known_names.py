"""The names that exist: taken from the vocabulary the mappers read with, so that a name is added in one place."""

from criteria.names import Named, Names
from criteria.oncology.primary import sites_named
from criteria.vocabulary import Vocabulary


def known_names(vocabulary: Vocabulary) -> Names:
    """Return every name that a fact can bear."""
    conditions = frozenset(vocabulary.concepts.titles)
    documents = vocabulary.documents
    return {
        Named.CONDITIONS: conditions,
        Named.SITE: sites_named(conditions),
        Named.DOCUMENT: frozenset(documents.categories.values()).union(*documents.kinds.values()),
        Named.MEASUREMENT: frozenset(vocabulary.observations.units),
        Named.GENE: frozenset(vocabulary.variants.genes.values()),
        Named.DRUG: frozenset(vocabulary.drugs.by_key),
    }
