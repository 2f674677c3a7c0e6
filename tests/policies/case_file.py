"""Read a file of policy cases strictly: what is not known is an error, with file, line and column."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from criteria.data_files import DataFile, read_yaml
from criteria.errors import Defect, LibraryError
from criteria.outcome import Outcome
from criteria.verdict import Verdict
from tests.policies.chart_entries import ENTRIES
from tests.policies.shapes import CONCEPT, COUNT, DAY, FLAG, TEXT, TEXT_OR_TEXTS, TEXTS, one_of, shape

FOLDER = Path(__file__).parent
NEED_KINDS = ("document", "test", "review", "source")

_NAMED_TEXTS = {"type": "object", "minProperties": 1, "additionalProperties": TEXTS}
_ENTRY = shape(label=TEXT, id=TEXT, **{name: each.shape for name, each in ENTRIES.items()})
_ENTRIES = {"type": "array", "items": _ENTRY}
_ORDER = shape(
    drug=CONCEPT,
    on=DAY,
    reason=TEXT_OR_TEXTS,
    group=TEXT,
    dose=shape("value", "unit", value=TEXT, unit=TEXT, every=COUNT, per=one_of("d", "wk", "mo")),
    insurance=TEXT,
    raw={"type": "object"},
)
_CALL = shape(today=DAY, unsolicited=FLAG, real_time=FLAG, not_met_is_review=FLAG)
_EXPECT = shape(
    "outcome",
    outcome=one_of(*sorted({each.contract_name for each in Outcome})),
    path=TEXT,
    verdicts={"type": "object", "minProperties": 1, "additionalProperties": one_of(*(each.value for each in Verdict))},
    needs={
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"type": "array", "minItems": 1, "items": one_of(*NEED_KINDS)},
    },
    in_view=TEXTS,
    not_asked=TEXTS,
    asked={"type": "array", "items": TEXT},
    evidence=_NAMED_TEXTS,
    readings=_NAMED_TEXTS,
    reason=TEXTS,
    notes=TEXTS,
    cards={"type": "array", "items": TEXT},
    no_cards=TEXTS,
    suggested={"type": "array", "items": TEXT},
    approval=shape(months=COUNT, expires=DAY, remark=TEXT),
    dose_exceeds=FLAG,
)
_CHART = shape("entries", base=TEXT, without=TEXTS, entries=_ENTRIES)
_CASE = shape(
    "case", "expect", case=TEXT, base=TEXT, without=TEXTS, order=_ORDER, chart=_ENTRIES, call=_CALL, expect=_EXPECT
)
SCHEMA = shape(
    "policy",
    "order",
    "cases",
    policy=TEXT,
    order=_ORDER | {"required": ["drug", "on"]},
    charts={"type": "object", "additionalProperties": _CHART},
    cases={"type": "array", "minItems": 1, "items": _CASE},
)


class BadCaseError(Exception):
    """A case cannot be run as it is written; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a chart: its kind, what it says and the labels it answers to."""

    kind: str
    value: Any
    identity: str | None
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class PolicyCase:
    """One case with its base chart merged in."""

    file: str
    sentence: str
    policy: str
    order: Mapping[str, Any]
    entries: tuple[Entry, ...]
    call: Mapping[str, Any]
    expect: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.policy}: {self.sentence}"


def case_files() -> list[Path]:
    """Return the files of cases, each beside its policy's name."""
    return sorted(FOLDER.glob("*/*.yaml"))


@cache
def cases_of(file: Path) -> tuple[PolicyCase, ...]:
    """Return the cases of a file; raise LibraryError or BadCaseError for anything that is not as the format says."""
    data = read_yaml(file, file.name)
    defects = data.check(SCHEMA)
    if defects:
        raise LibraryError(defects)
    _check_sentences(data)
    return tuple(_case(data, index) for index in range(len(data.content["cases"])))


def all_cases() -> tuple[PolicyCase, ...]:
    return tuple(case for file in case_files() for case in cases_of(file))


def _check_sentences(data: DataFile) -> None:
    seen: set[str] = set()
    for index, each in enumerate(data.content["cases"]):
        if each["case"] in seen:
            raise LibraryError((_defect(data, ["cases", index, "case"], "another case has the same sentence"),))
        seen.add(each["case"])


def _defect(data: DataFile, path: Sequence[str | int], words: str) -> Defect:
    return data.defect(list(path), words)


def _case(data: DataFile, index: int) -> PolicyCase:
    content, given = data.content, data.content["cases"][index]
    path: list[str | int] = ["cases", index]
    entries = _merged(data, given, path, "chart", ())
    return PolicyCase(
        data.name,
        given["case"],
        content["policy"],
        {**content["order"], **given.get("order", {})},
        tuple(entries),
        given.get("call", {}),
        given["expect"],
    )


def _merged(
    data: DataFile, holder: Mapping[str, Any], path: list[str | int], key: str, below: tuple[str, ...]
) -> list[Entry]:
    """Return the entries of the base that are not taken out, then the holder's own."""
    found: list[Entry] = []
    base = holder.get("base")
    if base is not None:
        charts = data.content.get("charts", {})
        if base not in charts or base in below:
            problem = "extends itself" if base in below else f"no chart is called {base!r}"
            raise LibraryError((_defect(data, [*path, "base"], problem),))
        found = _merged(data, charts[base], ["charts", base], "entries", (*below, base))
    for label in holder.get("without", ()):
        kept = [each for each in found if label not in each.labels]
        if len(kept) == len(found):
            raise LibraryError((_defect(data, [*path, "without"], f"no entry of the base is labelled {label!r}"),))
        found = kept
    return found + list(_entries(data, holder.get(key, ()), [*path, key]))


def _entries(data: DataFile, given: Sequence[Mapping[str, Any]], path: list[str | int]) -> Iterator[Entry]:
    for index, each in enumerate(given):
        kinds = [key for key in each if key in ENTRIES]
        if len(kinds) != 1:
            raise LibraryError((_defect(data, [*path, index], f"an entry has one kind, not {len(kinds)}"),))
        kind, value = kinds[0], each[kinds[0]]
        labels = {each["label"]} if "label" in each else {kind, *_own_label(kind, value)}
        yield Entry(kind, value, each.get("id"), frozenset(labels))


def _own_label(kind: str, value: Any) -> list[str]:
    drug = value.get("drug") if isinstance(value, dict) else None
    return [f"{kind} {drug}"] if isinstance(drug, str) else []
