"""Whether the treated disease is one that HER2-targeted drugs for breast cancer are for."""

from collections.abc import Iterator

from criteria.facts import Case
from criteria.oncology.her2 import read_her2
from criteria.oncology.her2_table import Status
from criteria.oncology.primary import concerns_treated, treated_cancer


def wrong_disease(case: Case, marker_group_days: int) -> Iterator[str]:
    """Yield why the treated disease is none that the preferred products are for."""
    cancer = treated_cancer(case)
    if cancer.site is not None and cancer.site != "breast":
        yield "the treated cancer is not breast cancer"
    her2 = [each for each in case.record.markers if each.marker == "her2" and concerns_treated(case, each.condition)]
    if read_her2(her2, marker_group_days).call.status is Status.NEGATIVE:
        yield "HER2-negative"
