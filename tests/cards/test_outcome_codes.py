"""The codes of each outcome in each version."""

import pytest

from cards.dialect import CRD_VERSIONS, DIALECTS
from cards.outcome_codes import outcome_codes
from criteria.outcome import Outcome
from tests.cards.outcome_table import ROWS, Row, name_of


def test_the_table_has_every_outcome_in_every_version_once() -> None:
    assert [(row.outcome, row.dialect) for row in ROWS] == [
        (outcome, version) for outcome in Outcome for version in CRD_VERSIONS
    ]


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_an_outcome_has_the_codes_of_the_version(row: Row) -> None:
    form = DIALECTS[row.dialect].coverage_information
    assert form is not None
    codes = outcome_codes(row.outcome, form)
    assert (codes.covered, codes.pa_needed, codes.doc_needed, codes.doc_purpose, codes.info_needed, codes.reason) == (
        row.covered,
        row.pa_needed,
        row.doc_needed,
        row.doc_purpose,
        row.info_needed,
        row.reason,
    )


@pytest.mark.parametrize("version", CRD_VERSIONS)
def test_where_no_documents_may_be_asked_for_none_are_named(version: str) -> None:
    form = DIALECTS[version].coverage_information
    assert form is not None
    codes = outcome_codes(Outcome.DOCUMENTATION, form, documents=False)
    assert (codes.covered, codes.pa_needed) == ("covered", "auth-needed")
    assert (codes.doc_needed, codes.doc_purpose) == (None, None)
