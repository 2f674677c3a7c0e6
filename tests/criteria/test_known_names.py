"""Names are known because the value sets teach them, not because a list repeats them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from criteria.known_names import known_names
from criteria.loading import shipped_data
from criteria.names import Named
from criteria.predicates import PREDICATES
from criteria.vocabulary import load_vocabulary
from tests.vocabulary import own_vocabulary

ADDED = """\
sets:
  cancer-cornea:
    title: A set of conditions
    codes: []
"""


def formats(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if "format" in schema:
            yield schema["format"]
        for each in schema.values():
            yield from formats(each)


def test_every_kind_of_name_a_predicate_asks_for_is_known() -> None:
    asked = {each for predicate in PREDICATES.values() for each in formats(predicate.SCHEMA)}
    names = known_names(own_vocabulary())
    assert asked == set(names) == set(Named)
    assert [what for what, known in names.items() if not known] == []


@pytest.mark.parametrize(
    ("what", "name"),
    [
        (Named.CONDITIONS, "metastasis-brain"),
        (Named.SITE, "salivary"),
        (Named.DOCUMENT, "clinical-note"),
        (Named.MEASUREMENT, "body-weight"),
        (Named.GENE, "ERBB2"),
        (Named.DRUG, "phesgo"),
    ],
)
def test_what_the_value_sets_teach_is_known(what: Named, name: str) -> None:
    assert name in known_names(own_vocabulary())[what]


def test_a_set_of_conditions_added_in_another_folder_is_known_with_its_site(tmp_path: Path) -> None:
    (tmp_path / "conditions.yaml").write_text(ADDED, encoding="utf-8")
    names = known_names(load_vocabulary([shipped_data() / "value_sets", tmp_path]))
    assert "cancer-cornea" in names[Named.CONDITIONS]
    assert "cornea" in names[Named.SITE]
