"""Which cancer is treated: the order's reason if it states one, else the single active primary on record.

Contract section 5.4, "Diagnosis leaves". Secondary, history, in-situ and encounter codes state no cancer.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from criteria.facts import Case, ConditionState, Diagnosis, Exposure
from criteria.oncology.memory import once

# Sets of value_sets/conditions.yaml are named "cancer-SITE" or "cancer-SITE-QUALIFIER", and metastases that name their
# origin "metastasis-from-SITE": a new site is a new set, no code.
_PRIMARY = re.compile(r"(?:cancer|metastasis-from)-([a-z0-9]+)")
OTHER_SITE = "other"


class Doubt(Enum):
    """Why no treated cancer can be named."""

    NONE_STATED = "none-stated"
    SEVERAL = "several"
    CONFLICTING = "conflicting"
    """Codings of one diagnosis name cancers of different organs."""
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class TreatedCancer:
    """The treated cancer: its site, the concepts of all its conditions, and those conditions.

    `doubt` is set, and `site` None, when the record does not name exactly one.
    """

    site: str | None
    concepts: frozenset[str]
    diagnoses: tuple[Diagnosis, ...]
    doubt: Doubt | None = None
    only_primary: bool = True
    """No other primary site is on the record, so an unlinked metastasis can only be this cancer's."""


def sites_named(concepts: Iterable[str]) -> frozenset[str]:
    """Return the primary sites that sets of conditions are named after."""
    return frozenset(found[1] for each in concepts if (found := _PRIMARY.match(each)))


def sites_of(diagnosis: Diagnosis) -> frozenset[str]:
    """Return the primary sites a diagnosis states; empty for secondary and other codes."""
    return _sites_in(diagnosis.concepts)


@lru_cache(maxsize=1024)  # of names of our code sets; asked for every diagnosis and reason, by several criteria
def _sites_in(concepts: frozenset[str]) -> frozenset[str]:
    sites = sites_named(concepts)
    if len(sites) > 1 and "cancer-other" not in concepts:
        # A tumour "of salivary gland type" lies in another organ; the organ's own set names it.
        return sites - {OTHER_SITE}
    return sites


def concerns_treated(case: Case, reference: str | None) -> bool:
    """Say whether a finding linked to a condition is not about another primary; unlinked ones are this one's.

    A metastasis is its primary's if it is linked to one.
    """
    if reference is None:
        return True
    known = once(case, "diagnoses-by-reference", lambda: _by_reference(case))
    site = treated_cancer(case).site
    linked = known.get(reference, ())
    primaries = [each for one in linked if not sites_of(one) for name in one.related for each in known.get(name, ())]
    return all(not sites_of(each) or site in sites_of(each) for each in (*linked, *primaries))


def is_for_another(case: Case, exposure: Exposure) -> bool:
    """Say whether a drug was given for another primary, or its metastasis, and not for the treated one as well."""
    site = treated_cancer(case).site
    if site is None:
        return False
    own = {
        site in sites_of(each)
        for each in exposure.reasons
        if sites_of(each) or not concerns_treated(case, each.source.reference)
    }
    return own == {False}


def _by_reference(case: Case) -> Mapping[str, list[Diagnosis]]:
    found: dict[str, list[Diagnosis]] = {}
    for each in case.record.diagnoses:
        found.setdefault(each.source.reference, []).append(each)
    return found


def treated_cancer(case: Case) -> TreatedCancer:
    """Return the cancer this order treats."""
    return once(case, "treated-cancer", lambda: _treated_cancer(case))


def _treated_cancer(case: Case) -> TreatedCancer:
    on_record = [each for each in case.record.diagnoses if sites_of(each)]
    current = [each for each in on_record if each.state is not ConditionState.INACTIVE]
    confirmed = [each for each in current if each.confirmed is not False]
    reasons = [each for each in case.order.reasons if sites_of(each)]
    stated = [each for each in reasons if each.confirmed is not False]
    if reasons and not stated:
        return TreatedCancer(None, frozenset(), tuple(reasons), Doubt.UNCONFIRMED)
    if stated:
        return _one_of(stated, confirmed)
    if confirmed:
        return _one_of(confirmed, confirmed)
    if current:
        return TreatedCancer(None, frozenset(), tuple(current), Doubt.UNCONFIRMED)
    return TreatedCancer(None, frozenset(), (), Doubt.NONE_STATED)


def _one_of(named: list[Diagnosis], confirmed: list[Diagnosis]) -> TreatedCancer:
    """Return the one site that is named; conditions of one site are one primary, laterality included."""
    sites = _distinct_sites(named)
    if any(len(sites_of(each)) > 1 for each in named):
        return TreatedCancer(None, frozenset(), tuple(named), Doubt.CONFLICTING, only_primary=False)
    if len(sites) > 1:
        return TreatedCancer(None, frozenset(), tuple(named), Doubt.SEVERAL, only_primary=False)
    site = next(iter(sites))[0]
    same = tuple(named) + tuple(each for each in confirmed if site in sites_of(each) and each not in named)
    if site == OTHER_SITE:
        same = tuple(named)
    concepts = frozenset().union(*(each.concepts for each in same))
    others = _distinct_sites(confirmed) - sites
    return TreatedCancer(site, concepts, same, only_primary=not others)


def _distinct_sites(diagnoses: list[Diagnosis]) -> set[tuple[str, str]]:
    """Return the sites named; cancers elsewhere are told apart by what the sender calls them."""
    found: set[tuple[str, str]] = set()
    for each in diagnoses:
        for site in sites_of(each):
            found.add((site, each.label if site == OTHER_SITE else ""))
    return found
