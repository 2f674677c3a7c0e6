import pytest

from criteria.drugs import DrugTable
from tests.criteria.facts_builders import DRUGS


def test_a_drug_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="drug capecitabine stands twice"):
        DrugTable.of([DRUGS["capecitabine"], DRUGS["capecitabine"]])


def test_a_drug_is_found_by_its_key_alone() -> None:
    assert "capecitabine" in DRUGS
    assert "Xeloda" not in DRUGS
    with pytest.raises(KeyError):
        DRUGS["xeloda"]


def test_a_title_is_brand_and_generic_name_or_the_generic_name_alone() -> None:
    assert DRUGS["margetuximab"].title == "Margenza (margetuximab)"
    assert DRUGS["capecitabine"].title == "capecitabine"


@pytest.mark.parametrize(("key", "anticancer"), [("capecitabine", True), ("tamoxifen", True), ("ondansetron", False)])
def test_supportive_drugs_do_not_treat_cancer(key: str, anticancer: bool) -> None:
    assert DRUGS[key].is_anticancer is anticancer


def test_the_drugs_of_a_class_are_found() -> None:
    assert DRUGS.of_class("taxane") == {"docetaxel", "paclitaxel"}
    assert DRUGS.of_class("nothing") == frozenset()


def test_a_class_no_drug_has_is_refused_because_nothing_would_ever_match_it() -> None:
    assert DRUGS.classes(["taxane", "chemotherapy"]) == {"taxane", "chemotherapy"}
    with pytest.raises(ValueError, match="no drug has class chemo, txane"):
        DRUGS.classes(["txane", "chemotherapy", "chemo"])
