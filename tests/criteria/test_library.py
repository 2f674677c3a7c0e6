"""Which policy decides an order: payer, product and day (contract section 4)."""

from datetime import date
from functools import cache

import pytest
from msgspec.structs import replace

from criteria.facts import DrugReading, Reading
from criteria.library import Library
from criteria.loading import load_library, shipped_data
from criteria.policy import DrugUnclear, NoPolicy, PayerIdentifier, PolicyApplies, PreferredProduct, Selection
from tests.criteria.data_folders import GOOD, load
from tests.criteria.facts_builders import ambiguous, drug, unrecognised
from tests.vocabulary import own_vocabulary

SYSTEM = "http://example.org/payer-identifiers"


@cache
def library() -> Library:
    return load_library([shipped_data()], own_vocabulary())


def conflicting(*keys: str) -> DrugReading:
    return replace(ambiguous(*keys), reading=Reading.CONFLICTING)


def select(payer: str, what: DrugReading | str, on: str = "2026-06-15") -> Selection:
    reading = drug(what) if isinstance(what, str) else what
    return library().select(library().payers[payer], reading, date.fromisoformat(on))


def shown(found: Selection) -> str:
    match found:
        case PolicyApplies(policy):
            return policy.id
        case PreferredProduct(policy, key):
            return f"{policy.id} prefers {key}"
        case DrugUnclear(_, policy):
            return f"{policy.id} unclear"
        case NoPolicy():
            return "no policy"


@pytest.mark.parametrize(
    ("payer", "key", "on", "expected"),
    [
        ("oscar", "margetuximab", "2025-12-31", "no policy"),
        ("oscar", "margetuximab", "2026-01-01", "oscar/cg101"),
        ("oscar", "margetuximab", "2026-01-02", "oscar/cg101"),
        ("mmm", "margetuximab", "2026-05-05", "no policy"),
        ("mmm", "margetuximab", "2026-05-06", "mmm/mp-rx-fp-56-23"),
        ("mmm", "margetuximab", "2026-05-07", "mmm/mp-rx-fp-56-23"),
        ("mmm", "trastuzumab_emtansine", "2025-10-16", "no policy"),
        ("mmm", "trastuzumab_emtansine", "2025-10-17", "mmm/mp-rx-fp-48-23"),
        ("mmm", "trastuzumab_emtansine", "2025-10-18", "mmm/mp-rx-fp-48-23"),
        ("oscar", "trastuzumab_deruxtecan", "2026-06-15", "oscar/cg101 prefers trastuzumab_deruxtecan"),
        ("oscar", "trastuzumab_emtansine", "2026-06-15", "oscar/cg101 prefers trastuzumab_emtansine"),
        ("oscar", "pertuzumab", "2026-06-15", "oscar/cg101 prefers pertuzumab"),
        ("oscar", "phesgo", "2026-06-15", "oscar/cg101 prefers phesgo"),
        ("oscar", "phesgo", "2025-12-31", "no policy"),
        ("oscar", "trastuzumab", "2026-06-15", "no policy"),
        ("oscar", "trastuzumab_hyaluronidase", "2026-06-15", "no policy"),
        ("oscar", "tucatinib", "2026-06-15", "no policy"),
        ("mmm", "trastuzumab_deruxtecan", "2026-06-15", "no policy"),
        ("mmm", "pertuzumab", "2026-06-15", "no policy"),
    ],
)
def test_payer_product_and_day_select_the_policy(payer: str, key: str, on: str, expected: str) -> None:
    assert shown(select(payer, key, on)) == expected


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2025-12-31", "no policy"),
        ("2026-01-01", "acme/checkpoint"),
        ("2026-12-31", "acme/checkpoint"),
        ("2027-01-01", "no policy"),
    ],
)
def test_a_policy_decides_from_its_first_to_its_last_day(on: str, expected: str) -> None:
    found = load(GOOD)
    assert shown(found.select(found.payers["acme"], drug("pembrolizumab"), date.fromisoformat(on))) == expected


def reason(found: Selection) -> str:
    assert isinstance(found, NoPolicy | DrugUnclear)
    return found.reason


def test_why_no_policy_decides_is_said() -> None:
    assert "CG082" in reason(select("oscar", "trastuzumab"))
    assert "in force on 2025-12-31" in reason(select("oscar", "margetuximab", "2025-12-31"))
    assert "2026-01-01" in reason(select("oscar", "margetuximab", "2025-12-31"))
    assert reason(select("mmm", "pertuzumab")) == "No MMM policy loaded here decides Perjeta (pertuzumab)."
    assert "was not recognized" in reason(select("mmm", unrecognised()))


@pytest.mark.parametrize(
    ("payer", "reading", "on", "expected"),
    [
        ("oscar", conflicting("margetuximab", "trastuzumab"), "2026-06-15", "oscar/cg101 unclear"),
        ("oscar", ambiguous("trastuzumab_deruxtecan", "trastuzumab"), "2026-06-15", "oscar/cg101 unclear"),
        ("oscar", conflicting("margetuximab", "trastuzumab"), "2025-12-31", "no policy"),
        ("oscar", conflicting("trastuzumab", "tucatinib"), "2026-06-15", "no policy"),
        ("mmm", conflicting("trastuzumab", "trastuzumab_emtansine"), "2026-06-15", "mmm/mp-rx-fp-48-23 unclear"),
        ("mmm", conflicting("trastuzumab", "pertuzumab"), "2026-06-15", "no policy"),
    ],
)
def test_an_unclear_drug_is_for_the_policy_that_one_of_its_readings_belongs_to(
    payer: str, reading: DrugReading, on: str, expected: str
) -> None:
    assert shown(select(payer, reading, on)) == expected


def test_an_unclear_drug_is_shown_with_every_reading() -> None:
    said = reason(select("oscar", conflicting("margetuximab", "trastuzumab")))
    assert "name different drugs: Herceptin (trastuzumab), Margenza (margetuximab-cmkb)." in said
    assert "fit several drugs" in reason(select("oscar", ambiguous("margetuximab", "trastuzumab")))
    assert "no Oscar policy decides any" in reason(select("oscar", ambiguous("tucatinib", "trastuzumab")))


@pytest.mark.parametrize(
    ("identifiers", "payer"),
    [
        ([PayerIdentifier(SYSTEM, "oscar")], "oscar"),
        ([PayerIdentifier("http://example.org/unknown", "1"), PayerIdentifier(SYSTEM, "mmm")], "mmm"),
        ([PayerIdentifier(SYSTEM, "Oscar")], None),
        ([PayerIdentifier("http://example.org/other", "oscar")], None),
        ([], None),
    ],
)
def test_a_payer_is_known_by_system_and_value_alone(identifiers: list[PayerIdentifier], payer: str | None) -> None:
    found = library().payer_of(identifiers)
    assert (None if found is None else found.id) == payer


@pytest.mark.parametrize(
    ("name", "policy", "path"),
    [
        ("oscar-cg101", "oscar/cg101", "initial"),
        ("mmm-mp-rx-fp-48-23-continuation", "mmm/mp-rx-fp-48-23", "continuation"),
    ],
)
def test_a_questionnaire_leads_back_to_its_policy_and_path(name: str, policy: str, path: str) -> None:
    found = library().questionnaire(name)
    assert found is not None
    assert (found[0].id, found[1]) == (policy, path)


def test_a_questionnaire_of_nobody_is_not_found() -> None:
    assert library().questionnaire("nobodys") is None
