"""The vocabulary of the service's own value sets, loaded once for all tests."""

from functools import cache
from importlib.resources import files

from criteria.vocabulary import Vocabulary, load_vocabulary


@cache
def own_vocabulary() -> Vocabulary:
    return load_vocabulary([files("criteria") / "value_sets"])
