"""What is beside the order with a status or a missing day that leaves open whether it is given."""

import pytest

from criteria.facts import Exposure, ExposureKind, Order
from criteria.finding import NeedKind
from criteria.verdict import Verdict
from tests.criteria.facts_builders import ANSWERED, case, exposure, order
from tests.criteria.predicates.building import judged

DOSE = "MedicationAdministration"
DOUBTFUL = (
    exposure("paclitaxel", "2026-06-05", kind=ExposureKind.ORDERED, resource=DOSE),
    exposure("paclitaxel", None, kind=ExposureKind.DISPENSED),
    exposure("paclitaxel", "2026-01-05", unclosed=True),
    order("paclitaxel", ref="other", status="unknown", authored="2026-06-05"),
)


@pytest.mark.parametrize("drug", DOUBTFUL)
def test_a_doubtful_drug_neither_proves_an_excluded_combination_nor_its_absence(drug: Exposure | Order) -> None:
    is_order = isinstance(drug, Order)
    subject = case(exposures=() if is_order else [drug], orders=[drug] if is_order else (), searches=ANSWERED)
    found = judged("not-combined-with", {"excluded": ["chemotherapy"]}, subject)
    assert (found.verdict, [each.kind for each in found.needs]) == (Verdict.UNKNOWN, [NeedKind.DOCUMENT])
    assert [each.source.reference for each in found.evidence] == [drug.source.reference]
    params = {"listed": ["paclitaxel"], "instead": "chemotherapy"}
    assert judged("combined-with", params, subject).verdict is Verdict.UNKNOWN
    params = {"listed": ["docetaxel"], "instead": "chemotherapy"}
    assert judged("combined-with", params, subject).verdict is Verdict.UNKNOWN
