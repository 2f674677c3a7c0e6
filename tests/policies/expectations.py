"""Compare what the service said with what a case expects; every difference is named."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from criteria.library import Library
from tests.policies.case_file import BadCaseError, PolicyCase
from tests.policies.runner import Answered, Prepared, answer, policy_of, shipped
from tests.policies.shapes import day

Compare = Callable[[PolicyCase, Answered, Any], Iterator[str]]


def differences(case: PolicyCase, library: Library | None = None, prepared: Prepared | None = None) -> list[str]:
    """Run a case and return each expectation that was not met, in words; empty when all were.

    Raises BadCaseError for an expectation about a criterion that the path of the policy does not have.
    """
    known = {node for path in policy_of(case, shipped()[0]).paths.values() for node in _ids(path.root)}
    for key in ("verdicts", "needs", "in_view", "asked", "not_asked", "evidence", "readings"):
        unknown = sorted(set(case.expect.get(key, ())) - known)
        if unknown:
            raise BadCaseError(f"{case.name}: expect.{key}: {case.policy} has no criterion {', '.join(unknown)}")
    said = answer(case, library, prepared)
    return [each for key, expected in case.expect.items() for each in COMPARISONS[key](case, said, expected)]


def _ids(criterion: Any) -> Iterator[str]:
    yield criterion.id
    below = getattr(criterion, "of", ())
    for each in below if isinstance(below, tuple) else (below,):
        yield from _ids(each)


def _equal(name: str, expected: Any, seen: Any) -> Iterator[str]:
    if expected != seen:
        yield f"{name}: expected {expected}, is {seen}"


def _outcome(_case: PolicyCase, said: Answered, expected: str) -> Iterator[str]:
    yield from _equal("outcome", expected, said.record["outcome"])


def _path(_case: PolicyCase, said: Answered, expected: str) -> Iterator[str]:
    yield from _equal("path", expected, said.record["path"])


def _node(said: Answered, name: str) -> Mapping[str, Any]:
    return said.criteria.get(name, {"verdict": "not judged", "evidence": [], "needs": []})


def _verdicts(_case: PolicyCase, said: Answered, expected: Mapping[str, str]) -> Iterator[str]:
    for name, verdict in expected.items():
        yield from _equal(name, verdict, _node(said, name)["verdict"])


def _needs(_case: PolicyCase, said: Answered, expected: Mapping[str, list[str]]) -> Iterator[str]:
    for name, kinds in expected.items():
        seen = {each["kind"] for each in _node(said, name)["needs"]}
        yield from _equal(f"needs of {name}", sorted(kinds), sorted(seen))


def _asked(_case: PolicyCase, said: Answered, expected: list[str]) -> Iterator[str]:
    yield from _equal("asked", sorted(expected), sorted(said.asked))


def _in_view(_case: PolicyCase, said: Answered, expected: list[str]) -> Iterator[str]:
    yield from (f"{each} is not asked" for each in expected if each not in said.asked)


def _not_asked(_case: PolicyCase, said: Answered, expected: list[str]) -> Iterator[str]:
    yield from (f"{each} is asked" for each in expected if each in said.asked)


def _missing(name: str, texts: Iterable[str], seen: str) -> Iterator[str]:
    yield from (f"{name}: {each!r} is not in {seen!r}" for each in texts if each not in seen)


def _evidence(_case: PolicyCase, said: Answered, expected: Mapping[str, list[str]]) -> Iterator[str]:
    for name, texts in expected.items():
        found = _node(said, name)["evidence"]
        seen = " | ".join(f"{each['reference']}: {each['observed']} ({each['on']}, {each['role']})" for each in found)
        yield from _missing(f"evidence of {name}", texts, seen)


def _readings(_case: PolicyCase, said: Answered, expected: Mapping[str, list[str]]) -> Iterator[str]:
    for name, texts in expected.items():
        seen = " | ".join(part for each in _node(said, name)["needs"] for part in (each["text"], *each["readings"]))
        yield from _missing(f"needs of {name}", texts, seen)


def _reason(_case: PolicyCase, said: Answered, expected: list[str]) -> Iterator[str]:
    yield from _missing("reason", expected, " | ".join(said.wire["reason"]))


def _notes(_case: PolicyCase, said: Answered, expected: list[str]) -> Iterator[str]:
    yield from _missing("notes", expected, " | ".join(said.record["notes"]))


def _topics(said: Answered) -> list[str]:
    return sorted(each["source"]["topic"]["code"] for each in said.cards)


def _cards(_case: PolicyCase, said: Answered, expected: list[str]) -> Iterator[str]:
    yield from _equal("cards", sorted(expected), _topics(said))


def _no_cards(_case: PolicyCase, said: Answered, expected: list[str]) -> Iterator[str]:
    yield from (f"there is a card about {each}" for each in expected if each in _topics(said))


def _suggested(_case: PolicyCase, said: Answered, expected: list[str]) -> Iterator[str]:
    labels = [
        suggestion["label"]
        for card in said.cards
        if card["source"]["topic"]["code"] == "therapy-alternatives-req"
        for suggestion in card["suggestions"]
    ]
    if len(labels) != len(expected) or any(drug not in label for drug, label in zip(expected, labels, strict=True)):
        yield f"suggested: expected {expected}, is {labels}"


def _approval(case: PolicyCase, said: Answered, expected: Mapping[str, Any]) -> Iterator[str]:
    approval = said.record["approval"] or {"months": None, "expires": None, "remark": None}
    if "months" in expected:
        yield from _equal("months", expected["months"], approval["months"])
    if "expires" in expected:
        wanted = day(expected["expires"], date.fromisoformat(case.order["on"]))
        yield from _equal("expires", wanted, approval["expires"])
    if "remark" in expected:
        yield from _missing("remark", [expected["remark"]], str(approval["remark"]))


def _dose_exceeds(_case: PolicyCase, said: Answered, expected: bool) -> Iterator[str]:
    dose = said.record["dose"]
    yield from _equal("dose_exceeds", expected, bool(dose and dose["exceeds"]))


COMPARISONS: Mapping[str, Compare] = MappingProxyType(
    {
        "outcome": _outcome,
        "path": _path,
        "verdicts": _verdicts,
        "needs": _needs,
        "in_view": _in_view,
        "asked": _asked,
        "not_asked": _not_asked,
        "evidence": _evidence,
        "readings": _readings,
        "reason": _reason,
        "notes": _notes,
        "cards": _cards,
        "no_cards": _no_cards,
        "suggested": _suggested,
        "approval": _approval,
        "dose_exceeds": _dose_exceeds,
    }
)
