"""The rows of the HER2 table: what IHC and ISH of one specimen say, alone and together (readings section 7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from criteria.bounds import Bounds
from criteria.facts import MarkerCall, MarkerMethod, MarkerResult

RATIO = Decimal("2.0")
COPIES_EQUIVOCAL = Decimal("4.0")
COPIES_POSITIVE = Decimal("6.0")
CELLS = Decimal(20)

REFLEX_ISH = "her2-ish"
REFLEX_IHC = "her2-ihc"


class Status(Enum):
    """What a group of results, or all of them, say under the policies' table."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    EQUIVOCAL = "equivocal"
    """A test is needed: reflex or repeat."""
    UNDOCUMENTED = "undocumented"
    """A result exists whose method, score or count is not documented."""
    DISCORDANT = "discordant"
    """Results contradict each other: a person at the payer decides."""
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Call:
    """A status with the row it rests on and words for the record; `reflex` names the test that would resolve it."""

    status: Status
    row: str
    remark: str = ""
    reflex: str | None = None
    claims_positive: bool = False
    """For undocumented results: the sender says positive."""


def classify(results: Sequence[MarkerResult]) -> Call:
    """Say what the results of one group mean together (rows 1 to 24)."""
    conflict = next((each.conflict for each in results if each.conflict), None)
    if conflict:
        return Call(Status.DISCORDANT, "conflict", conflict)
    ihc = _read_ihc([each for each in results if each.method is MarkerMethod.IHC])
    ish = _read_ish([each for each in results if each.method is MarkerMethod.ISH])
    overall = _read_overall([each for each in results if each.method is MarkerMethod.UNSTATED])
    call = overall if ihc is None and ish is None else _together(ihc, ish)
    if call is None:
        return Call(Status.ABSENT, "none")
    if overall is not None and call is not overall:
        call = _against_overall(call, overall)
    return _with_cell_count(call, results)


# ------------------------------------------------------------------ single methods


@dataclass(frozen=True, slots=True)
class _Ihc:
    """IHC of a group: "3+", "2+", "negative", "positive-without-score" or "indeterminate"."""

    level: str


def _read_ihc(results: Sequence[MarkerResult]) -> _Ihc | Call | None:
    levels = {level for each in results if (level := _ihc_level(each))}
    if not levels:
        return None
    if "negative" in levels and levels & {"3+", "positive-without-score"}:
        return Call(Status.DISCORDANT, "19/20", "IHC results of one specimen contradict each other")
    return _Ihc(min(levels, key=_LEVELS.index))


# Of several levels in one specimen the one that says most counts.
_LEVELS = ("3+", "2+", "indeterminate", "positive-without-score", "negative")


def _ihc_level(result: MarkerResult) -> str | None:
    match result.score, result.call:
        case "3+", _:
            return "3+"
        case "2+", _:
            return "2+"
        case (("1+" | "0"), _):
            return "negative"
        case _, MarkerCall.POSITIVE:
            return "positive-without-score"
        case _, MarkerCall.NEGATIVE:
            return "negative"
        case _, MarkerCall.EQUIVOCAL:
            return "2+"
        case _, MarkerCall.INDETERMINATE:
            return "indeterminate"
        case _:
            return None


def _read_ish(results: Sequence[MarkerResult]) -> Call | None:
    """Classify ISH by numbers first; a lab's word is used where numbers are missing (rows 2 to 15)."""
    ratios = {each.ratio for each in results if each.ratio is not None}
    copies = {each.copies for each in results if each.copies is not None}
    called = {each.call for each in results if each.call is not None}
    probe = _probe(results)
    if not ratios and not copies:
        return _ish_by_word(called)
    calls = [_ish_by_numbers(ratio, copy, probe) for ratio in _each_or_none(ratios) for copy in _each_or_none(copies)]
    definite = {each.status for each in calls} - {Status.UNDOCUMENTED}
    if len(definite) > 1:
        return Call(Status.DISCORDANT, "ish", "ISH results of one specimen contradict each other")
    vague = [each for each in calls if each.status is Status.UNDOCUMENTED]
    # A count that decides beside one that does not stands if it is positive; a negative one might be overturned.
    call = vague[0] if vague and definite != {Status.POSITIVE} else next(each for each in calls if each not in vague)
    return _against_word(call, called)


def _each_or_none(values: set[Bounds]) -> list[Bounds | None]:
    return [*sorted(values, key=str)] or [None]


def _probe(results: Sequence[MarkerResult]) -> str | None:
    if any(each.ratio is not None or each.probe == "dual" for each in results):
        return "dual"
    return "single" if any(each.probe == "single" for each in results) else None


def _ish_by_numbers(ratio: Bounds | None, copies: Bounds | None, probe: str | None) -> Call:
    if copies is not None and copies.surely_at_least(COPIES_POSITIVE):
        return _many_copies(ratio, probe)
    if ratio is not None:
        return _dual_probe(ratio, copies)
    if copies is not None and probe == "single":
        return _single_probe(copies)
    return Call(Status.UNDOCUMENTED, "13", "copy number below 6.0 without the ratio or the kind of probe")


def _many_copies(ratio: Bounds | None, probe: str | None) -> Call:
    """Classify six or more copies: positive for a single probe, and for a dual probe whatever the ratio."""
    if ratio is None:
        return Call(Status.POSITIVE, "7" if probe == "single" else "12", "copy number 6.0 or more")
    if ratio.surely_below(RATIO):
        return Call(
            Status.POSITIVE,
            "4",
            "ratio below 2.0 with copy number 6.0 or more: positive and equivocal rows overlap, the specific row wins; "
            "guideline 2018/2023 differs",
        )
    if ratio.surely_at_least(RATIO):
        return Call(Status.POSITIVE, "2", "ratio 2.0 or more with copy number 4.0 or more")
    return Call(Status.POSITIVE, "2/4", "copy number 6.0 or more, positive on either side of ratio 2.0")


def _dual_probe(ratio: Bounds, copies: Bounds | None) -> Call:
    if ratio.surely_at_least(RATIO):
        if copies is None:
            return Call(Status.POSITIVE, "10", "ratio 2.0 or more; positive for every copy number")
        if copies.surely_below(COPIES_EQUIVOCAL):
            return Call(
                Status.POSITIVE, "3", "ratio 2.0 or more with fewer than 4.0 copies; guideline 2018/2023 differs"
            )
        if copies.surely_at_least(COPIES_EQUIVOCAL):
            return Call(Status.POSITIVE, "2", "ratio 2.0 or more with copy number 4.0 or more")
        return Call(Status.POSITIVE, "2/3", "ratio 2.0 or more, positive on either side of 4.0 copies")
    if not ratio.surely_below(RATIO):
        return Call(Status.UNDOCUMENTED, "2-6", "the ratio as reported may lie on either side of 2.0")
    if copies is None:
        return Call(Status.UNDOCUMENTED, "11", "ratio below 2.0 without the HER2 copy number")
    if copies.surely_below(COPIES_EQUIVOCAL):
        return Call(Status.NEGATIVE, "6", "ratio below 2.0 with fewer than 4.0 copies")
    if copies.surely_at_least(COPIES_EQUIVOCAL) and copies.surely_below(COPIES_POSITIVE):
        return Call(
            Status.EQUIVOCAL,
            "5",
            "ratio below 2.0 with 4.0 to 5.9 copies; guideline 2018/2023 differs",
            REFLEX_IHC,
        )
    return Call(Status.UNDOCUMENTED, "4-6", "the copy number as reported may lie on either side of a limit")


def _single_probe(copies: Bounds) -> Call:
    if copies.surely_below(COPIES_EQUIVOCAL):
        return Call(Status.NEGATIVE, "9", "single probe, fewer than 4.0 copies")
    if copies.surely_at_least(COPIES_EQUIVOCAL) and copies.surely_below(COPIES_POSITIVE):
        return Call(Status.EQUIVOCAL, "8", "single probe, 4.0 to 5.9 copies", REFLEX_IHC)
    return Call(Status.UNDOCUMENTED, "7-9", "the copy number as reported may lie on either side of a limit")


def _ish_by_word(called: set[MarkerCall]) -> Call | None:
    if not called:
        return None
    if {MarkerCall.POSITIVE, MarkerCall.NEGATIVE} <= called:
        return Call(Status.DISCORDANT, "ish", "ISH results of one specimen contradict each other")
    if called & {MarkerCall.EQUIVOCAL, MarkerCall.INDETERMINATE}:
        return Call(Status.EQUIVOCAL, "15", "ISH reported as equivocal or indeterminate", REFLEX_IHC)
    if MarkerCall.POSITIVE in called:
        return Call(Status.POSITIVE, "14", "ISH reported as positive")
    return Call(Status.NEGATIVE, "14", "ISH reported as negative")


def _against_word(call: Call, called: set[MarkerCall]) -> Call:
    """Let a lab's opposite word contradict its numbers, except where the guideline of 2018 differs from the policy."""
    opposite = {Status.POSITIVE: MarkerCall.NEGATIVE, Status.NEGATIVE: MarkerCall.POSITIVE}.get(call.status)
    if opposite in called and "guideline" not in call.remark:
        return Call(Status.DISCORDANT, call.row, "the ISH numbers and the reported result contradict each other")
    return call


def _read_overall(results: Sequence[MarkerResult]) -> Call | None:
    """Classify a status without a method (row 22): it never decides, it asks for the test."""
    called = {each.call for each in results if each.call is not None}
    called |= {MarkerCall.POSITIVE for each in results if each.score == "3+"}
    if not called:
        return None
    if {MarkerCall.POSITIVE, MarkerCall.NEGATIVE} <= called:
        return Call(Status.DISCORDANT, "22", "HER2 is stated as positive and as negative")
    if MarkerCall.POSITIVE in called:
        return Call(Status.UNDOCUMENTED, "22", "HER2 stated as positive without method", claims_positive=True)
    if MarkerCall.NEGATIVE in called:
        return Call(Status.UNDOCUMENTED, "22", "HER2 stated as negative without method")
    return Call(Status.EQUIVOCAL, "15", "HER2 stated as equivocal or indeterminate", REFLEX_ISH)


# ------------------------------------------------------------------ methods together


def _together(ihc: _Ihc | Call | None, ish: Call | None) -> Call | None:
    """Combine IHC and ISH of one group (rows 1, 16 to 21, 23)."""
    if isinstance(ihc, Call):
        return ihc
    if ihc is None or (ish is not None and ish.status is Status.DISCORDANT):
        return ish
    match ihc.level:
        case "3+":
            return _ihc_positive(ish)
        case "2+" | "indeterminate":
            return _ihc_equivocal(ihc.level, ish)
        case "negative":
            return _ihc_negative(ish)
        case _:
            return _ihc_without_score(ish)


def _ihc_positive(ish: Call | None) -> Call:
    if ish is not None and ish.status is Status.NEGATIVE:
        return Call(Status.DISCORDANT, "20", "IHC 3+ with a negative ISH of the same specimen")
    return Call(Status.POSITIVE, "1", "IHC 3+")


def _ihc_equivocal(level: str, ish: Call | None) -> Call:
    shown = "IHC 2+" if level == "2+" else "IHC indeterminate"
    if ish is None:
        return Call(Status.EQUIVOCAL, "16", f"{shown} without ISH", REFLEX_ISH)
    match ish.status:
        case Status.POSITIVE:
            return Call(Status.POSITIVE, "17", f"{shown} with positive ISH ({ish.remark})")
        case Status.NEGATIVE:
            return Call(Status.NEGATIVE, "18", f"{shown} with negative ISH ({ish.remark})")
        case Status.EQUIVOCAL:
            return Call(Status.EQUIVOCAL, "16", f"{shown} with equivocal ISH: repeat on another specimen", REFLEX_ISH)
        case _:
            return Call(Status.UNDOCUMENTED, ish.row, f"{shown}; {ish.remark}")


def _ihc_negative(ish: Call | None) -> Call:
    if ish is None:
        return Call(Status.NEGATIVE, "21", "IHC 0 or 1+ without ISH")
    match ish.status:
        case Status.POSITIVE:
            return Call(Status.DISCORDANT, "19", "IHC 0 or 1+ with a positive ISH of the same specimen")
        case Status.NEGATIVE:
            return Call(Status.NEGATIVE, "6/21", "IHC 0 or 1+ with negative ISH")
        case Status.EQUIVOCAL:
            return Call(Status.EQUIVOCAL, ish.row, "IHC 0 or 1+ with equivocal ISH: repeat the ISH", REFLEX_ISH)
        case _:
            return Call(Status.UNDOCUMENTED, ish.row, f"IHC 0 or 1+; {ish.remark}")


def _ihc_without_score(ish: Call | None) -> Call:
    if ish is None:
        return Call(Status.UNDOCUMENTED, "23", "IHC positive without a score", claims_positive=True)
    if ish.status is Status.NEGATIVE:
        return Call(Status.DISCORDANT, "23", "IHC positive without a score, with a negative ISH")
    return ish


def _against_overall(call: Call, overall: Call) -> Call:
    """Let a contradicting overall statement in the same group call for review."""
    says_positive = overall.claims_positive
    says_negative = overall.status is Status.UNDOCUMENTED and not overall.claims_positive
    if (call.status is Status.NEGATIVE and says_positive) or (call.status is Status.POSITIVE and says_negative):
        return Call(Status.DISCORDANT, f"{call.row}/22", f"{call.remark}, but the overall status says the opposite")
    return call


def _with_cell_count(call: Call, results: Sequence[MarkerResult]) -> Call:
    """Keep a result of fewer than 20 cells and say what the policies ask for (row 24)."""
    if any(each.cells is not None and each.cells.surely_below(CELLS) for each in results):
        remark = f"{call.remark}; the policy asks for counting at least 20 cells"
        return Call(call.status, call.row, remark, call.reflex, call.claims_positive)
    return call
