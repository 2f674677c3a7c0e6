"""HER2 status from test results: the policies' own table (2013 wording), per group, then combined.

Rows are those of the clinical readings section 7; contract section 7 fixes the rest. Where the 2018/2023 guideline
differs the policy's table is followed and the difference is said. Bounds decide only when the whole interval falls
into one row; ratio 2.0 and copy numbers 4.0 and 6.0 belong to the upper row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from criteria.dates import DateRange
from criteria.facts import MarkerResult
from criteria.oncology.her2_table import Call, Status, classify
from criteria.oncology.ties import Ties


@dataclass(frozen=True, slots=True)
class Group:
    """Results of one specimen, report or panel, or of about the same day, with what they say together."""

    results: tuple[MarkerResult, ...]
    call: Call
    when: DateRange | None


@dataclass(frozen=True, slots=True)
class Her2Reading:
    """The patient's HER2 status, the groups it was combined from and results that were seen and not used."""

    call: Call
    groups: tuple[Group, ...]
    uncounted: tuple[MarkerResult, ...]


def read_her2(results: Iterable[MarkerResult], group_days: int) -> Her2Reading:
    """Classify HER2 results; `group_days` joins results of unknown specimen that are that close in time."""
    found = sorted(results, key=lambda each: (each.source.reference, each.source.path))
    counted = [each for each in found if each.counted]
    uncounted = tuple(each for each in found if not each.counted)
    groups = tuple(_group(members) for members in _grouped(counted, group_days))
    return Her2Reading(combine(groups), groups, uncounted)


def _grouped(results: Sequence[MarkerResult], group_days: int) -> list[list[MarkerResult]]:
    """Join results that share a specimen, report or panel, or, without specimen on one of them, a month."""
    ties = Ties(len(results))
    first_of: dict[str, int] = {}
    for place, result in enumerate(results):
        for key in result.group_keys:
            ties.tie(place, first_of.setdefault(key, place))
    _tie_by_time(results, group_days, ties)
    groups: dict[int, list[MarkerResult]] = {}
    for place in reversed(range(len(results))):
        groups.setdefault(ties.root(place), []).append(results[place])
    return [*reversed(groups.values())]


class _Days(NamedTuple):
    """The days a result may be of, as numbers, because many are compared."""

    first: int
    last: int


class _Dated(NamedTuple):
    """The places of the results of the same days."""

    nameless: list[int]
    of_specimens: list[int]


def _tie_by_time(results: Sequence[MarkerResult], group_days: int, ties: Ties) -> None:
    """Tie what is close in time. Only neighbours in the calendar are compared, and results of the same days once."""
    dated: dict[_Days, _Dated] = {}
    for place, result in enumerate(results):
        if result.when is not None and not result.assertion:
            days = _Days(result.when.earliest.toordinal(), result.when.latest.toordinal())
            here = dated.setdefault(days, _Dated([], []))
            (here.of_specimens if result.specimen else here.nameless).append(place)
    ordered = sorted(dated)
    for index, one in enumerate(ordered):
        for following in range(index, len(ordered)):
            other = ordered[following]
            if other.first - one.first > group_days:
                break  # ranges that are close begin on days that are close
            if _are_close(one, other, group_days):
                _tie_dated(dated[one], dated[other], ties)


def _are_close(one: _Days, other: _Days, group_days: int) -> bool:
    """Say whether all days that one may mean are that close to all days of the other."""
    return abs(one.last - other.first) <= group_days and abs(other.last - one.first) <= group_days


def _tie_dated(one: _Dated, other: _Dated, ties: Ties) -> None:
    """Tie results of close days, but two that name their specimens only through one that names none."""
    found = [one.nameless, other.nameless]
    found += [other.of_specimens] if one.nameless else []
    found += [one.of_specimens] if other.nameless else []
    found = [places for places in found if places]
    for places in found:
        ties.tie(found[0][0], *places)
        del places[1:]  # tied from now on, so that the first stands for all


def _group(results: list[MarkerResult]) -> Group:
    dates = [each.when for each in results if each.when]
    when = max(dates, key=lambda day: (day.latest, day.earliest)) if dates else None
    ordered = tuple(sorted(results, key=lambda each: (each.source.reference, each.source.path)))
    return Group(ordered, classify(ordered), when)


# ------------------------------------------------------------------ groups together


def combine(groups: Sequence[Group]) -> Call:
    """Combine the groups of a patient (row 25 and contract section 7)."""
    spoken = [each for each in groups if each.call.status is not Status.ABSENT]
    if not spoken:
        return Call(Status.ABSENT, "none", "no HER2 result on record")
    discordant = [each for each in spoken if each.call.status is Status.DISCORDANT]
    if discordant:
        return discordant[0].call
    positive = _newest([each for each in spoken if each.call.status is Status.POSITIVE])
    negative = _newest([each for each in spoken if each.call.status is Status.NEGATIVE])
    if positive and negative:
        return Call(
            Status.DISCORDANT,
            "25",
            f"one result is positive ({positive.call.remark}, {_day(positive)}), "
            f"another negative ({negative.call.remark}, {_day(negative)})",
        )
    decided = positive or negative
    if decided is None:
        return _undecided(spoken)
    return _after_decided(decided, spoken)


def _after_decided(decided: Group, spoken: Sequence[Group]) -> Call:
    """Let a newer open result reopen the question, and a claim of positive contradict a negative test."""
    others = [each for each in spoken if each.call.status is not decided.call.status]
    claims = [each for each in others if each.call.claims_positive]
    if decided.call.status is Status.NEGATIVE and claims:
        return Call(Status.DISCORDANT, "22/25", f"{decided.call.remark}, but elsewhere {claims[0].call.remark}")
    open_again = [each for each in others if _is_test(each) and _is_newer(each, decided)]
    newest = _newest(open_again)
    return decided.call if newest is None else newest.call


def _is_test(group: Group) -> bool:
    """Say whether a group is a result of a test, not a status stated without one."""
    return not group.call.claims_positive and not all(each.assertion for each in group.results)


def _is_newer(group: Group, decided: Group) -> bool:
    return group.when is not None and decided.when is not None and decided.when.surely_before(group.when)


def _undecided(spoken: Sequence[Group]) -> Call:
    """Ask for the test before the paper when both are open: the newest equivocal result names it."""
    equivocal = _newest([each for each in spoken if each.call.status is Status.EQUIVOCAL])
    return equivocal.call if equivocal else spoken[0].call


def _newest(groups: Sequence[Group]) -> Group | None:
    if not groups:
        return None
    return max(groups, key=lambda each: (_sort_day(each), each.call.status is Status.EQUIVOCAL, each.call.row))


def _sort_day(group: Group) -> date:
    return group.when.latest if group.when else date.min


def _day(group: Group) -> str:
    return str(group.when) if group.when else "undated"
