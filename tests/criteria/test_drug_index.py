import pytest

from criteria.drug_index import Named, ndc_product
from tests.vocabulary import own_vocabulary


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("50242-0088-01", "502420088"),
        ("50242-088-01", "502420088"),
        ("0242-0088-01", "002420088"),
        ("50242-0088-1", "502420088"),
        ("50242008801", "502420088"),
        ("50242-088", "502420088"),
        ("50242-0088", "502420088"),
        ("0242-0088", "002420088"),
        ("5024208801", None),
        ("502420088", None),
        ("50242-88-01", None),
        ("50242-088-01-1", None),
        ("50242-O88-01", None),
        ("", None),
    ],
)
def test_a_national_drug_code_is_its_labeler_and_product(code: str, expected: str | None) -> None:
    assert ndc_product(code) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("paclitaxel", [("paclitaxel", True)]),
        ("Taxol", [("paclitaxel", False)]),
        ("paclitaxel (Taxol)", [("paclitaxel", False)]),
        ("pertuzumab + trastuzumab", [("phesgo", False)]),
        ("pertuzumab/trastuzumab/hyaluronidase-zzxf + docetaxel", [("docetaxel", True), ("phesgo", False)]),
        ("ribociclib and letrozole", [("kisqali_femara_pack", False)]),
        ("Kisqali and Femara", [("kisqali_femara_pack", False)]),
        ("docetaxel and carboplatin", [("docetaxel", True), ("carboplatin", True)]),
        ("trastuzumab in sodium chloride", [("trastuzumab", True)]),
        ("sodium chloride with trastuzumab", [("sodium_chloride", True), ("trastuzumab", True)]),
        ("dexamethasone in sodium chloride", [("dexamethasone", True)]),
        ("water", []),
    ],
)
def test_a_text_names_substances_products_and_mixtures(words: str, expected: list[tuple[str, bool]]) -> None:
    assert own_vocabulary().drug_index.named(words) == tuple(Named(*each) for each in expected)


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        ("rxnorm", "1371046", {"trastuzumab_emtansine"}),
        ("rxnorm", "0", None),
        ("ndc", "50242-0088-01", {"trastuzumab_emtansine"}),
        ("ndc", "x", None),
        ("hcpcs", "J9354-JZ", {"trastuzumab_emtansine"}),
        ("hcpcs", "J9354JZ", None),
        ("hcpcs", "chemotherapy", None),
        ("local", "1371046", None),
    ],
)
def test_a_code_is_known_in_its_own_system(system: str, code: str, expected: set[str] | None) -> None:
    found = own_vocabulary().drug_index.known(system, code)
    assert (None if found is None else set(found.candidates)) == expected
