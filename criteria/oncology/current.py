"""What is being given now: recent doses, active orders and drafts beside the order (contract section 5.4)."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, timedelta
from enum import Enum
from operator import itemgetter

from msgspec import Struct

from criteria.dates import DateRange
from criteria.drugs import DrugTable
from criteria.facts import Case, DrugReading, Exposure, ExposureKind, Reading, Source
from criteria.finding import Evidence
from criteria.oncology.memory import once
from criteria.oncology.primary import is_for_another
from criteria.oncology.therapy import progressions
from criteria.thresholds import Thresholds

# FHIR: "unknown" is a status the sender does not know; none at all says no more.
_UNCLEAR = frozenset({"unknown", ""})
SEARCHES = ("MedicationRequest", "MedicationAdministration", "MedicationStatement", "MedicationDispense")


class Origin(Enum):
    """How a drug beside the order was found, most certain first."""

    DRAFT = "draft of this call"
    GROUP = "same order group"
    ACTIVE_ORDER = "active order"
    RECENT_DOSE = "recent dose"
    DOUBTFUL = "perhaps given now"
    """Its status or its missing day leaves open whether it is given: it proves nothing, and no absence either."""

    @property
    def is_part_of_this_order(self) -> bool:
        """Say whether the drug is surely meant to be given with the ordered one."""
        return self in {Origin.DRAFT, Origin.GROUP}


class Partner(Struct, frozen=True):
    """A drug found beside the order."""

    drug: DrugReading
    origin: Origin
    source: Source
    when: DateRange | None

    @property
    def evidence(self) -> Evidence:
        """Return the partner as evidence."""
        return Evidence(self.source, f"{self.drug.label} ({self.origin.value})", on=self.when)


def partners(case: Case, on: date, drugs: DrugTable, thresholds: Thresholds) -> tuple[Partner, ...]:
    """Return every drug beside the order, the ordered drug itself not among them."""
    own = case.order.drug.keys
    found: dict[tuple[str, str], Partner] = {}
    for partner in (*_from_orders(case, on, thresholds), *_from_doses(case, on, drugs, thresholds)):
        if partner.drug.reading is Reading.IDENTIFIED and partner.drug.keys <= own:
            continue
        found.setdefault((partner.source.reference, partner.drug.label), partner)
    return tuple(sorted(found.values(), key=lambda each: (list(Origin).index(each.origin), each.source.reference)))


def _from_orders(case: Case, on: date, thresholds: Thresholds) -> Iterator[Partner]:
    drafts = {each.source.reference for each in case.drafts}
    for order in case.drafts:
        if order.source.reference.startswith("MedicationRequest/"):
            yield Partner(order.drug, Origin.DRAFT, order.source, order.authored)
    first = on - timedelta(days=thresholds.active_order_days)
    for order in case.record.orders:
        if order.source.reference in drafts or order.source.reference == case.order.source.reference:
            continue
        if order.status in {"active", "draft"} and order.group & case.order.group:
            yield Partner(order.drug, Origin.GROUP, order.source, order.authored)
        elif order.status == "active" and (order.authored is None or order.authored.latest >= first):
            yield Partner(order.drug, Origin.ACTIVE_ORDER, order.source, order.authored)
        elif order.status in _UNCLEAR and (order.authored is None or order.authored.latest >= first):
            yield Partner(order.drug, Origin.DOUBTFUL, order.source, order.authored)


def _from_doses(case: Case, on: date, drugs: DrugTable, thresholds: Thresholds) -> Iterator[Partner]:
    first = on - timedelta(days=thresholds.recent_dose_days)
    for exposure in case.record.exposures:
        if exposure.is_plan or _is_supportive(exposure, drugs):
            continue
        doubtful = exposure.kind is ExposureKind.ORDERED
        if exposure.start is None:
            # Without a date it may be now: a statement that goes on, or a dose somebody recorded as given.
            if doubtful or exposure.kind is ExposureKind.DISPENSED:
                yield Partner(exposure.drug, Origin.DOUBTFUL, exposure.source, None)
            elif exposure.ongoing or exposure.kind is ExposureKind.ADMINISTERED:
                yield Partner(exposure.drug, Origin.RECENT_DOSE, exposure.source, None)
            continue
        last = last_dose(exposure, on)
        if last.latest >= first and not ended_after(case, exposure, last):
            yield Partner(exposure.drug, Origin.DOUBTFUL if doubtful else Origin.RECENT_DOSE, exposure.source, last)
        elif exposure.unclosed and stop_after(case, exposure.drug, last) is None:
            # What may be going on has not ended by the progression of meanwhile, only by a stop.
            yield Partner(exposure.drug, Origin.DOUBTFUL, exposure.source, last)


def _is_supportive(exposure: Exposure, drugs: DrugTable) -> bool:
    key = exposure.drug.key
    return key is not None and key in drugs and not drugs[key].is_anticancer


def last_dose(exposure: Exposure, on: date) -> DateRange:
    """Return the latest day an exposure covers: an open statement reaches to the day before `on`."""
    start = exposure.start or DateRange.on(on)
    if exposure.ongoing:
        return DateRange.on(max(start.latest, on - timedelta(days=1)))
    return exposure.end or start


def ended_after(case: Case, exposure: Exposure, last: DateRange) -> bool:
    """Say whether the drug was stopped, or the disease progressed, on or after this dose."""
    if stop_after(case, exposure.drug, last) is not None:
        return True
    progressed = once(case, "last progression", lambda: _last_progression(case))
    return progressed is not None and progressed > last.latest


def _last_progression(case: Case) -> date | None:
    return max((each.on.earliest for each in progressions(case) if each.on is not None), default=None)


def stop_after(case: Case, drug: DrugReading, last: DateRange) -> Exposure | None:
    """Return the exposure that shows the drug stopped on or after a day; of several the first of the record.

    It is asked for every dose, so it must not go through all doses each time.
    """
    if drug.key is None:
        return None
    stops = once(case, "stops", lambda: _stops(case)).get(drug.key, [])
    index = bisect_left(stops, last.latest, key=itemgetter(0))
    return stops[index][1] if index < len(stops) else None


def _stops(case: Case) -> dict[str, list[tuple[date, Exposure]]]:
    """Return what shows each drug stopped and when, in the record's order, each later than those before it.

    One that is not later is never the first of the record on or after any day.
    """
    stops: dict[str, list[tuple[date, Exposure]]] = {}
    for exposure in case.record.exposures:
        key, when = exposure.drug.key, exposure.end or exposure.start
        if key is None or when is None or exposure.kind is ExposureKind.ORDERED:
            continue
        if exposure.stopped or exposure.stop_reasons:
            found = stops.setdefault(key, [])
            if not found or found[-1][0] < when.latest:
                found.append((when.latest, exposure))
    return stops


def doses_of_ordered_drug(case: Case) -> tuple[Exposure, ...]:
    """Return the received exposures of the ordered drug, earliest first, undated last."""
    key = case.order.drug.key
    found = [
        each
        for each in case.record.exposures
        if key is not None
        and each.drug.key == key
        and each.kind is not ExposureKind.ORDERED
        and not is_for_another(case, each)
    ]
    return tuple(sorted(found, key=lambda each: (each.start is None, str(each.start), each.source.reference)))


def is_under_treatment(case: Case, on: date, thresholds: Thresholds) -> Exposure | None:
    """Return the newest dose of the ordered drug 1 to 42 days before `on`, unless a stop follows.

    Doses on the order day or later are this order's own. A date that may lie outside the window does not count: the
    path of a policy is settled before evaluation and must not rest on a guess.
    """
    first, day_before = on - timedelta(days=thresholds.recent_dose_days), on - timedelta(days=1)
    for exposure in reversed(doses_of_ordered_drug(case)):
        if exposure.start is None:
            continue
        last = last_dose(exposure, on)
        if last.surely_within(first, day_before) and stop_after(case, exposure.drug, last) is None:
            return exposure
    return None
