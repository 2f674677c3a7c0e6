"""One search on a caller's FHIR server: its pages one after the other, on that server only."""

from dataclasses import dataclass, field
from threading import Event
from urllib.parse import urljoin

from msgspec import Struct

from criteria.facts import SearchState
from fhir_mappers.chart import GivenResource
from service.base_url import BaseUrl
from service.bundles import Page, count_entries, read_page, resource_type
from service.deadline import Deadline
from service.fhir_client import Fetch

MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class Server:
    """A server that may be called. `gone` is set once no connection came about, so that the rest is not tried."""

    base: BaseUrl
    token: str | None
    fetch: Fetch
    deadline: Deadline
    gone: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True)
class Search:
    """What to ask: a read or first pages of searches, under the prefetch key that asks for it.

    `found` and `total` are those of the pages that are at hand, when the first address is the page after them.
    """

    key: str
    resource_type: str
    urls: tuple[str, ...]
    is_read: bool = False
    found: int = 0
    total: int | None = None


class Found(Struct, frozen=True):
    """What a search brought; the resources count even when it did not come to its end."""

    resources: tuple[GivenResource, ...]
    state: SearchState
    notes: tuple[str, ...] = ()


def run(search: Search, server: Server) -> Found:
    """Return everything the server has for a search; the first failure ends it."""
    resources: list[GivenResource] = []
    notes: list[str] = []
    waiting = list(search.urls)
    asked: set[str] = set()
    count, total = search.found, search.total
    while waiting:
        url = waiting.pop(0)
        if url in asked or len(asked) == MOST_PAGES:
            return _ended(search, resources, notes, "has pages without end")
        asked.add(url)
        page = _ask(search, url, len(asked), server)
        resources += page.resources
        notes += page.notes
        count, total = count + page.found, total if page.total is None else page.total
        if page.next_url is not None:
            following = next_page(page.next_url, server.base)
            if following is None:
                return _ended(search, resources, notes, "continues on another server")
            waiting.insert(0, following)
        elif not page.is_complete:
            return Found(tuple(resources), page.state, tuple(notes))
        elif total is not None and count < total:
            return _ended(search, resources, notes, f"holds {count} of {total} matches")
        else:
            count, total = 0, None
    return Found(tuple(resources), SearchState.ANSWERED, tuple(notes))


def next_page(url: str, base: BaseUrl) -> str | None:
    """Return the absolute address of a next page, None when it is not below the base of its server."""
    absolute = urljoin(f"{base}/", url)
    return absolute if base.covers(absolute) else None


def _ended(search: Search, resources: list[GivenResource], notes: list[str], why: str) -> Found:
    return Found(tuple(resources), SearchState.FAILED, (*notes, f"{search.key}: the answer {why}"))


def _ask(search: Search, url: str, number: int, server: Server) -> Page:
    if server.gone.is_set():
        return _failure(search, SearchState.FAILED, "could not be reached")
    fetched = server.fetch(url, server.token, server.deadline)
    if fetched.unreachable:
        server.gone.set()
    if fetched.body is None:
        return _failure(search, fetched.state, fetched.reason)
    kind = resource_type(fetched.body)
    if kind not in {"OperationOutcome", search.resource_type if search.is_read else "Bundle"}:
        return _failure(search, SearchState.FAILED, "answered with a resource of the wrong type")
    if not server.deadline.allowance.take_resources(count_entries(fetched.body)):
        return _failure(search, SearchState.FAILED, "answered with too many resources in all")
    page = read_page(fetched.body, f"fetched.{search.key}" if number == 1 else f"fetched.{search.key}.page[{number}]")
    if search.is_read and kind == search.resource_type:
        return Page(page.resources, SearchState.ANSWERED)
    return page


def _failure(search: Search, state: SearchState, reason: str) -> Page:
    return Page((), state, notes=(f"{search.key}: the FHIR server {reason}",))
