"""Reading what answers a search: a Bundle of any kind, a single resource, or an OperationOutcome in its place."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from criteria.facts import SearchState
from fhir_mappers.chart import GivenResource

_ISSUE_CODE = re.compile(r"[a-z]+(?:-[a-z]+)*")

_LONGEST_COUNT = 10

# Issue types that say "understood, but no"; everything else is a system that should have answered and did not.
_REFUSALS = frozenset(
    {
        "business-rule",
        "code-invalid",
        "deleted",
        "extension",
        "forbidden",
        "invalid",
        "invariant",
        "not-found",
        "not-supported",
        "required",
        "security",
        "structure",
        "suppressed",
        "too-costly",
        "value",
    }
)


class Page(Struct, frozen=True):
    """One page of an answer. `state` says how the search stands if nothing more can be had.

    ANSWERED without `next_url` is a complete answer. `found` counts the matches on the page, `total` is how many the
    server says there are on all pages; None when it does not say.
    """

    resources: tuple[GivenResource, ...]
    state: SearchState
    next_url: str | None = None
    notes: tuple[str, ...] = ()
    found: int = 0
    total: int | None = None

    @property
    def is_complete(self) -> bool:
        """Say whether nothing is missing."""
        return self.state is SearchState.ANSWERED


def resource_type(value: Any) -> str | None:
    """Return the type of something that looks like a resource, None when it does not."""
    kind = value.get("resourceType") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) and kind.isalpha() else None


def count_entries(value: Any) -> int:
    """Return how many entries a Bundle has, with those of Bundles inside of it; none for anything else."""
    entries = value.get("entry") if resource_type(value) == "Bundle" else None
    if not isinstance(entries, list):
        return 0
    inner = sum(count_entries(entry.get("resource")) for entry in entries if isinstance(entry, dict))
    return len(entries) + inner


def read_whole(value: Any, where: str) -> Page:
    """Return the page that a value is, which is the first: one that holds less than its total is not complete.

    FHIR R4 http.html#paging: pages are tied by links, and `total` counts the matches of all of them.
    """
    page = read_page(value, where)
    if not page.is_complete or page.total is None or page.total <= page.found:
        return page
    note = f"{where} holds {page.found} of {page.total} matches and names no next page"
    return replace(page, state=SearchState.NOT_OFFERED, notes=(*page.notes, note))


def read_page(value: Any, where: str) -> Page:
    """Return the page that a value is; `where` names it in notes and in every resource's place."""
    match resource_type(value):
        case "Bundle":
            return _read_bundle(value, where)
        case "OperationOutcome":
            return _refusal(value, where)
        case None:
            return Page((), SearchState.FAILED, notes=(f"{where} is not a resource: set aside",))
        case _:
            # One resource is something to read, but no answer to the question for all of them.
            return Page((GivenResource(value, where),), SearchState.NOT_OFFERED)


def _read_bundle(bundle: Mapping[str, Any], where: str) -> Page:
    entries, links = bundle.get("entry", []), bundle.get("link", [])
    if not isinstance(entries, list) or not isinstance(links, list):
        return Page((), SearchState.FAILED, notes=(f"{where} is a Bundle of the wrong shape: set aside",))
    resources: list[GivenResource] = []
    notes: list[str] = []
    state, found = _read_entries(entries, where, resources, notes)
    total = _total(bundle)
    following = [link for link in links if isinstance(link, dict) and link.get("relation") == "next"]
    if not following:
        return Page(tuple(resources), state, None, tuple(notes), found, total)
    url = following[0].get("url")
    if not isinstance(url, str):
        notes.append(f"{where} has a next page without address")
        return Page(tuple(resources), SearchState.FAILED, notes=tuple(notes))
    return Page(tuple(resources), SearchState.NOT_OFFERED, url, tuple(notes), found, total)


def _is_match(entry: Any, kind: str | None) -> bool:
    """Say whether an entry counts towards the total: not what was included beside the matches, nor a warning."""
    if kind == "OperationOutcome" or not isinstance(entry, dict):
        return False
    search = entry.get("search")
    return not isinstance(search, dict) or search.get("mode") not in ("include", "outcome")


def _total(bundle: Mapping[str, Any]) -> int | None:
    """Return how many matches there are; a count that was sent as text still says that there are more."""
    match bundle.get("total"):
        case bool():
            return None
        case int(total):
            return total
        case str(words) if words.isascii() and words.isdecimal() and len(words) < _LONGEST_COUNT:
            return int(words)
        case _:
            return None


def _read_entries(
    entries: list[Any], where: str, resources: list[GivenResource], notes: list[str]
) -> tuple[SearchState, int]:
    """Add what the entries hold, and return their state and how many of them are matches.

    Bundles inside of Bundles (answers to a batch) are opened.
    """
    state, matches = SearchState.ANSWERED, 0
    for index, entry in enumerate(entries):
        place = f"{where}.entry[{index}]"
        resource: Any = entry.get("resource") if isinstance(entry, dict) else None
        kind = resource_type(resource)
        matches += _is_match(entry, kind)
        if kind is None:
            notes.append(f"{place} is not a resource: set aside")
        elif kind == "OperationOutcome":
            if _is_error(resource):
                refusal = _refusal(resource, place)
                state = refusal.state
                notes += refusal.notes
        elif kind == "Bundle" and isinstance(resource.get("entry", []), list):
            inner = read_whole(resource, place)
            state = state if inner.is_complete else inner.state
            resources += inner.resources
            notes += inner.notes
        else:
            full_url = entry.get("fullUrl")
            resources.append(GivenResource(resource, place, full_url if isinstance(full_url, str) else None))
    return state, matches


def _refusal(outcome: Mapping[str, Any], where: str) -> Page:
    codes = sorted(set(_issue_codes(outcome)))
    state = SearchState.DENIED if codes and _REFUSALS.issuperset(codes) else SearchState.FAILED
    return Page((), state, notes=(f"{where} is an OperationOutcome ({', '.join(codes) or 'no code'})",))


def _is_error(outcome: Mapping[str, Any]) -> bool:
    """Warnings beside a search's results ("parameter ignored") do not make it fail."""
    issues = outcome.get("issue")
    return isinstance(issues, list) and any(
        isinstance(issue, Mapping) and issue.get("severity") in ("error", "fatal") for issue in issues
    )


def _issue_codes(outcome: Mapping[str, Any]) -> Iterator[str]:
    issues = outcome.get("issue")
    for issue in issues if isinstance(issues, list) else []:
        code = issue.get("code") if isinstance(issue, Mapping) else None
        # The code is the sender's text; only what has the form of one is repeated.
        yield code if isinstance(code, str) and len(code) <= 20 and _ISSUE_CODE.fullmatch(code) else "unknown"  # noqa: PLR2004
