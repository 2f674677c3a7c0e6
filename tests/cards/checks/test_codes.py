"""Which codes each CRD version knows, written down once more from its value sets."""

import pytest

from tests.cards.checks.answers import CONDITIONAL, INFORMATION, OPEN, TEMPORARY, answer
from tests.cards.checks.cases import CRD, judge, rules
from tests.cards.checks.changes import changed, put

VALUE_SETS = {
    ("2.0", "covered"): "covered not-covered conditional",
    ("2.1", "covered"): "covered not-covered conditional",
    ("2.2", "covered"): "covered not-covered conditional indeterminate",
    ("2.0", "pa-needed"): "no-auth auth-needed satisfied performpa conditional",
    ("2.1", "pa-needed"): "no-auth auth-needed satisfied performpa conditional",
    ("2.2", "pa-needed"): "no-auth auth-needed satisfied performpa conditional indeterminate",
    ("2.0", "doc-needed"): "clinical admin both conditional",
    ("2.1", "doc-needed"): "clinical admin patient conditional",
    ("2.2", "doc-needed"): "clinical admin patient conditional indeterminate",
    ("2.0", "info-needed"): "performer location timeframe contract-window OTH",
    ("2.1", "info-needed"): "performer location timeframe contract-window OTH",
    ("2.2", "info-needed"): "performer location timeframe contract-window detail-code OTH",
}
PLACES = {"covered": OPEN, "pa-needed": OPEN, "doc-needed": OPEN, "info-needed": CONDITIONAL}
CODES = sorted({code for codes in VALUE_SETS.values() for code in codes.split()} | {"yes", "no-doc", "noauth"})

REASONS = {
    "2.0": "gold-card detail-code",
    "2.1": "gold-card detail-code",
    "2.2": "gold-card no-member-found no-active-coverage coverage-not-found auth-out-network technical",
}
DETAILS = {
    "2.0": "allowed-quantity allowed-period in-network-copay out-network-copay auth-out-network-only concurrent-review "
    "appropriate-use-needed",
    "2.1": "allowed-quantity allowed-period in-network-copay out-network-copay auth-out-network-only concurrent-review "
    "appropriate-use-needed policy-link instructions instructions-clinical instructions-admin",
    "2.2": "allowed-quantity allowed-period in-network-copay out-network-copay concurrent-review "
    "appropriate-use-needed policy-link instructions",
}
TOPICS = (
    "claim insurance limits network appropriate-use cost therapy-alternatives-opt therapy-alternatives-req "
    "clinical-reminder duplicate-therapy contraindication guideline off-guideline"
)


def every(sets: dict[str, str]) -> list[str]:
    return sorted({code for codes in sets.values() for code in codes.split()} | {"unknown-code"})


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(("name", "member"), list(VALUE_SETS))
def test_a_version_takes_the_codes_of_its_value_sets_only(name: str, member: str, code: str) -> None:
    json = changed(answer(name), put(f"{PLACES[member]}/@{member}/valueCode", code))
    assert (f"codes-{name}" in rules(judge(json, name))) == (code not in VALUE_SETS[name, member].split())


@pytest.mark.parametrize("code", every(REASONS))
@pytest.mark.parametrize("name", CRD)
def test_a_version_takes_its_own_reasons_only(name: str, code: str) -> None:
    coding = [{"system": TEMPORARY, "code": code}]
    json = changed(answer(name), put(f"{OPEN}/@reason/valueCodeableConcept/coding", coding))
    refused = {each for each in rules(judge(json, name)) if each.startswith("reason-code")}
    assert bool(refused) == (code not in REASONS[name].split())


@pytest.mark.parametrize("code", every(DETAILS))
@pytest.mark.parametrize("name", CRD)
def test_a_version_takes_its_own_detail_codes_only(name: str, code: str) -> None:
    coding = [{"system": TEMPORARY, "code": code}]
    json = changed(answer(name), put(f"{INFORMATION}/@detail/extension/@code/valueCodeableConcept/coding", coding))
    assert (f"detail-code-{name}" in rules(judge(json, name))) == (code not in DETAILS[name].split())


@pytest.mark.parametrize("code", [*TOPICS.split(), "coverage-info", "unsolicited-determ", "news"])
@pytest.mark.parametrize("name", CRD)
def test_a_card_has_a_topic_for_cards(name: str, code: str) -> None:
    json = changed(answer(name), put("cards/0/source/topic/code", code))
    assert ("resp-5" in rules(judge(json, name))) == (code not in TOPICS.split())
