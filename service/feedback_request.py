"""Reading the feedback of a client: what was done with each card, or the JSON path of everything that is wrong.

CDS Hooks, section Feedback, which 2.0 and the 3.0 ballot word alike. No message repeats a value of the body: the
comment of a user can hold patient data.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cards.card import Coding
from service.problems import Issue, RequestProblem, request_problem

MOST_ITEMS = 100
"""Reports of one call. A client may collect them, but a hook shows a handful of cards."""
MOST_SUGGESTIONS = 20
"""Accepted suggestions of one report; no card of ours makes that many."""
LONGEST_COMMENT = 2_000
LONGEST_CODING_TEXT = 250
"""Characters. With the store's limit these bound the memory that reports can take."""

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_TIMESTAMP = re.compile(rf"{_DAY}T{_TIME}:[0-5][0-9](?:\.[0-9]+)?(?:Z|[+-]{_TIME})", re.IGNORECASE)
"""RFC 3339, section 5.6, where T and Z may be small; no leap seconds, which the calendar of Python does not have."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The user took these suggestions of the card, at least one."""

    suggestions: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check cds-fb-2."""
        if not self.suggestions:
            raise ValueError("what is accepted is a suggestion")


@dataclass(frozen=True, slots=True)
class Overridden:
    """The user dismissed the whole card, with or without saying why; `repr` does not show why."""

    reason: Coding | None = field(default=None, repr=False)
    comment: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """One report: what was done with a card, and when, in UTC."""

    card: str
    outcome: Accepted | Overridden
    at: datetime

    def __post_init__(self) -> None:
        """Refuse a moment that is not in UTC: reports of one action are told by it."""
        if self.at.tzinfo is not UTC:
            raise ValueError("the moment of a report is in UTC")


def read_feedback(body: Any) -> tuple[FeedbackItem, ...]:
    """Return the reports of a parsed body in their order; raise RequestProblem 400 with every issue found.

    Members that are not known are ignored, and null says the same as an absent member.
    """
    if not isinstance(body, Mapping):
        raise request_problem("$", "structure", "the body must be a JSON object")
    issues: list[Issue] = []
    items = [_item(each, path, issues) for each, path in _entries(body, "feedback", "$", MOST_ITEMS, issues)]
    if issues:
        raise RequestProblem(400, tuple(issues))
    return tuple(each for each in items if each is not None)


def _item(entry: Any, path: str, issues: list[Issue]) -> FeedbackItem | None:
    """Return one report; None when an issue says what is wrong."""
    if not isinstance(entry, Mapping):
        issues.append(Issue(path, "structure", "must be an object"))
        return None
    card = _uuid(entry, "card", path, issues)
    outcome = _outcome(entry, path, issues)
    at = _moment(entry, "outcomeTimestamp", path, issues)
    if card is None or outcome is None or at is None:
        return None
    return FeedbackItem(card, outcome, at)


def _outcome(entry: Mapping[str, Any], path: str, issues: list[Issue]) -> Accepted | Overridden | None:
    """Return what was done; what contradicts it is refused, because either half would be a guess.

    By the specification suggestions are accepted one by one, and a card is overridden as a whole, which leaves none of
    them to accept. An empty list of them, as some clients write an absent one, contradicts nothing.
    """
    match entry.get("outcome"):
        case "accepted":
            if entry.get("overrideReason") is not None:
                issues.append(Issue(f"{path}.overrideReason", "invariant", "is for overridden cards only"))
            return _accepted(entry, path, issues)
        case "overridden":
            if entry.get("acceptedSuggestions") not in (None, []):
                issues.append(Issue(f"{path}.acceptedSuggestions", "invariant", "is for accepted cards only"))
            return _overridden(entry.get("overrideReason"), f"{path}.overrideReason", issues)
        case None:
            issues.append(Issue(f"{path}.outcome", "required", "is required and missing"))
        case _:
            issues.append(Issue(f"{path}.outcome", "value", "must be accepted or overridden"))
    return None


def _accepted(entry: Mapping[str, Any], path: str, issues: list[Issue]) -> Accepted | None:
    found: list[str] = []
    for each, place in _entries(entry, "acceptedSuggestions", path, MOST_SUGGESTIONS, issues):
        if not isinstance(each, Mapping):
            issues.append(Issue(place, "structure", "must be an object"))
        elif (suggestion := _uuid(each, "id", place, issues)) is not None:
            found.append(suggestion)
    return Accepted(tuple(found)) if found else None


def _overridden(given: Any, path: str, issues: list[Issue]) -> Overridden | None:
    if given is None:
        return Overridden()
    if not isinstance(given, Mapping):
        issues.append(Issue(path, "structure", "must be an object"))
        return None
    coding = given.get("reason")
    if coding is None and _is_absent(given.get("userComment")):
        issues.append(Issue(path, "invariant", "must have a reason, a userComment or both"))
        return None
    comment = _text(given, "userComment", path, LONGEST_COMMENT, issues)
    return Overridden(None if coding is None else _coding(coding, f"{path}.reason", issues), comment)


def _coding(given: Any, path: str, issues: list[Issue]) -> Coding | None:
    if not isinstance(given, Mapping):
        issues.append(Issue(path, "structure", "must be an object"))
        return None
    parts = {name: _text(given, name, path, LONGEST_CODING_TEXT, issues) for name in ("system", "code", "display")}
    issues.extend(
        Issue(f"{path}.{name}", "required", "is required and missing")
        for name in ("system", "code")
        if _is_absent(given.get(name))
    )
    system, code = parts["system"], parts["code"]
    return Coding(system, code, parts["display"]) if system and code else None


def _entries(
    parent: Mapping[str, Any], name: str, path: str, most: int, issues: list[Issue]
) -> Iterator[tuple[Any, str]]:
    """Yield the entries of a list with their paths; nothing of one that is missing, empty, too long or no list."""
    entries, place = parent.get(name), f"{path}.{name}"
    match entries:
        case None:
            issues.append(Issue(place, "required", "is required and missing"))
        case []:
            issues.append(Issue(place, "required", "must have an entry"))
        case list() if len(entries) > most:
            issues.append(Issue(place, "too-long", f"must not have more than {most} entries"))
        case list():
            yield from ((each, f"{place}[{index}]") for index, each in enumerate(entries))
        case _:
            issues.append(Issue(place, "structure", "must be a list"))


def _uuid(parent: Mapping[str, Any], name: str, path: str, issues: list[Issue]) -> str | None:
    """Return a bare UUID in small letters, as it is sent."""
    value = parent.get(name)
    if value is None:
        issues.append(Issue(f"{path}.{name}", "required", "is required and missing"))
        return None
    try:
        bare = str(UUID(value)) if isinstance(value, str) else None
    except ValueError:
        bare = None
    # UUID() also takes braces, a urn:uuid: before and hyphens anywhere.
    if bare is None or bare != value.lower():
        issues.append(Issue(f"{path}.{name}", "value", "must be a UUID"))
        return None
    return bare


def _moment(parent: Mapping[str, Any], name: str, path: str, issues: list[Issue]) -> datetime | None:
    """Return a moment in UTC; fractions of a microsecond are beyond what tells two actions of a person apart."""
    value = parent.get(name)
    if value is None:
        issues.append(Issue(f"{path}.{name}", "required", "is required and missing"))
        return None
    if isinstance(value, str) and _TIMESTAMP.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):  # no day of the calendar; in UTC before the year 1 or after 9999
            pass
    issues.append(Issue(f"{path}.{name}", "value", "must be a date and time of RFC 3339, with Z or an offset"))
    return None


def _text(parent: Mapping[str, Any], name: str, path: str, longest: int, issues: list[Issue]) -> str | None:
    """Return a text, None for an absent or blank one."""
    value = parent.get(name)
    if _is_absent(value):
        return None
    if not isinstance(value, str):
        issues.append(Issue(f"{path}.{name}", "value", "must be text"))
        return None
    if len(value) > longest:
        issues.append(Issue(f"{path}.{name}", "too-long", f"must not be longer than {longest} characters"))
        return None
    return value


def _is_absent(value: Any) -> bool:
    """Say whether a text says nothing: CDS Hooks leaves empty ones out, and not every client does."""
    return value is None or (isinstance(value, str) and not value.strip())
