"""Completing what the caller sent: everything in prefetch is read, what is missing is asked of its FHIR server.

Prefetch can be absent, null, an OperationOutcome or one page of several (CDS Hooks, prefetch). What cannot be had is
recorded as the state of its search, because "there is none" and "nobody could look" decide differently.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any

from criteria.facts import SearchState
from fhir_mappers.chart import GivenResource
from service.base_url import BaseUrl
from service.bundles import Page, read_whole
from service.call_report import Waiting, waiting
from service.fetches import Fetches
from service.hook_request import HookRequest
from service.search import Found, Search, Server, next_page, run
from service.templates import Template, TemplateKind, reference_of

MOST_AT_ONCE = 4
"""Searches of one call that run side by side."""

_IDS_PER_SEARCH = 50
_KEY = re.compile(r"[A-Za-z0-9_\-]{1,64}")

_MEDICATIONS = "medications"
_DRUG_BEARING = frozenset(
    {"MedicationRequest", "MedicationAdministration", "MedicationStatement", "MedicationDispense"}
)

_NOTHING_MISSING = Found((), SearchState.ANSWERED)

# Of two answers about one resource type the worse one counts.
_WORST_LAST = (SearchState.ANSWERED, SearchState.DENIED, SearchState.NOT_OFFERED, SearchState.FAILED)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known for a call: resources with where they came from, and how the search per resource type ended."""

    resources: tuple[GivenResource, ...]
    searches: Mapping[str, SearchState]
    notes: tuple[str, ...]


def complete(request: HookRequest, server: Server | None, fetches: Fetches) -> Gathered:
    """Return what prefetch and the FHIR server hold for a request; never raises for what either of them says.

    `server` is None when the caller named none, or one that may not be called; `fetches` runs the searches.
    """
    gathering = _Gathering(request, server.base if server else None)
    gathering.read_prefetch()
    ready = deque(gathering.startable())
    if server is not None:
        _fetch(gathering, ready, server, fetches)
    return gathering.result()


def _fetch(gathering: "_Gathering", ready: deque[tuple[Search, Template]], server: Server, fetches: Fetches) -> None:
    """Run the searches, a few at a time, until all are settled or time is up."""
    pending: dict[Future[Found], Template] = {}
    try:
        while ready or pending:
            while ready and len(pending) < MOST_AT_ONCE:
                search, template = ready.popleft()
                if server.deadline.passed:
                    gathering.settle(template, _failed(search.key, "no time was left"))
                else:
                    pending[fetches.submit(server.base.origin, partial(run, search, server))] = template
            if pending:
                _collect(gathering, pending, server.deadline.remaining())
            ready.extend(gathering.startable())
    finally:
        # What has not begun never will. What hangs on a dead server is not waited for: it ends by its own timeouts.
        for future in pending:
            future.cancel()


def _collect(gathering: "_Gathering", pending: dict[Future[Found], Template], seconds: float) -> None:
    """Take over what has ended; when time is up, everything else has failed."""
    with waiting(Waiting.FHIR):
        ended, others = wait(pending, timeout=seconds, return_when=FIRST_COMPLETED)
    for future in ended:
        gathering.settle(pending.pop(future), future.result())
    for future in () if ended else others:
        future.cancel()
        template = pending.pop(future)
        gathering.settle(template, _failed(template.key, "no answer in time"))


def _failed(key: str, why: str) -> Found:
    return Found((), SearchState.FAILED, (f"{key}: {why}",))


class _Gathering:
    """The state of one call's gathering; used by one thread only."""

    def __init__(self, request: HookRequest, base: BaseUrl | None) -> None:
        self.waiting = {template.key: template for template in request.service.prefetch}
        self._request = request
        self._base = base
        self._pages: dict[str, Page] = {}
        self._found: dict[str, Found] = {}
        self._settled: set[str] = set()
        self._known: set[tuple[str, str]] = set()
        self._learn(request.context.companions)

    def read_prefetch(self) -> None:
        """Read every key, asked for by us or not; settle the keys that are answered completely."""
        for key, value in self._request.prefetch.items():
            if value is not None:
                is_named = key in self.waiting or _KEY.fullmatch(key)
                page = read_whole(value, f"prefetch.{key if is_named else '?'}")
                self._pages[key] = page
                self._learn(page.resources)
        for template in self._request.service.prefetch:
            # The template asks for the products of the orders alone, and the chart has more of them.
            if template.key != _MEDICATIONS and self._is_answered(template):
                self.settle(template, _NOTHING_MISSING)

    def startable(self) -> Iterator[tuple[Search, Template]]:
        """Yield the searches that can begin now; templates that need none are settled on the way."""
        is_over = False
        while not is_over:
            is_over = True
            for template in [each for each in self.waiting.values() if self._is_ready(each)]:
                del self.waiting[template.key]
                search = self._search_for(template)
                if search is None:
                    is_over = False
                else:
                    yield search, template

    def settle(self, template: Template, found: Found) -> None:
        """Record how a template's search ended."""
        self.waiting.pop(template.key, None)
        self._found[template.key] = found
        self._settled.add(template.key)
        if found.resources:
            self._learn(found.resources)

    def result(self) -> Gathered:
        """Return everything, in an order that does not depend on which answer came first."""
        found = [self._found[template.key] for template in self._request.service.prefetch]
        parts: list[Page | Found] = [*self._pages.values(), *found]
        states: dict[str, SearchState] = {}
        for template, each in zip(self._request.service.prefetch, found, strict=True):
            states[template.resource_type] = _worse(states.get(template.resource_type), each.state)
        resources = [*self._request.context.companions]
        notes = [*self._server_notes(states.values())]
        for part in parts:
            resources += part.resources
            notes += part.notes
        return Gathered(tuple(resources), MappingProxyType(states), tuple(notes))

    def _server_notes(self, states: Iterable[SearchState]) -> Iterator[str]:
        if self._base is None and SearchState.NOT_OFFERED in states:
            why = "is not one this service may call" if self._request.fhir else "was not named"
            yield f"the FHIR server {why}: nothing was fetched"

    def _learn(self, resources: Iterable[GivenResource]) -> None:
        for resource, _, _ in resources:
            identity = resource.get("id")
            if isinstance(identity, str):
                self._known.add((resource["resourceType"], identity))

    def _is_answered(self, template: Template) -> bool:
        page = self._pages.get(template.key)
        if page is not None:
            return page.is_complete
        # Which coverage applies is the client's choice (CRD dev-29): its server may hold coverages of other payers.
        return template.resource_type == "Coverage" and any(kind == "Coverage" for kind, _ in self._known)

    def _is_ready(self, template: Template) -> bool:
        if template.key == _MEDICATIONS:
            return len(self._settled) == len(self._request.service.prefetch) - 1
        return template.needs <= self._settled

    def _search_for(self, template: Template) -> Search | None:
        """Return what to ask the server, or None after settling a template that asks nothing."""
        page = self._pages.get(template.key)
        if template.kind is TemplateKind.SEARCH:
            urls = self._search_urls(template, page)
        else:
            urls = self._identity_urls(template, page)
            if urls == ():
                self.settle(template, _NOTHING_MISSING)
                return None
        if urls is None:
            self.settle(template, self._unasked(template, page))
            return None
        is_read = template.kind is TemplateKind.READ
        if page is None or page.next_url is None:
            return Search(template.key, template.resource_type, urls, is_read)
        return Search(template.key, template.resource_type, urls, is_read, page.found, page.total)

    def _unasked(self, template: Template, page: Page | None) -> Found:
        """How a search stands that is not sent: the server may not be called, or the next page is not on it."""
        if self._base is not None:
            return Found((), SearchState.FAILED, (f"{template.key}: the next page is on another server",))
        return Found((), page.state if page else SearchState.NOT_OFFERED)

    def _search_urls(self, template: Template, page: Page | None) -> tuple[str, ...] | None:
        if self._base is None:
            return None
        if page is not None and page.next_url is not None:
            following = next_page(page.next_url, self._base)
            return None if following is None else (following,)
        return (template.url(self._base, template.values(self._roots(template), self._base)),)

    def _identity_urls(self, template: Template, page: Page | None) -> tuple[str, ...] | None:
        """Return what asks for the resources that are referred to and not here; empty when there are none."""
        is_answered = page is not None and page.is_complete
        wanted = [] if is_answered else list(template.values(self._roots(template), self._base))
        if template.key == _MEDICATIONS:
            wanted += self._charted_medications()
        missing = [each for each in dict.fromkeys(wanted) if (template.resource_type, each) not in self._known]
        if self._base is None:
            return None if missing else ()
        if template.kind is TemplateKind.READ:
            return tuple(template.url(self._base, [each]) for each in missing)
        starts = range(0, len(missing), _IDS_PER_SEARCH)
        return tuple(template.url(self._base, missing[start : start + _IDS_PER_SEARCH]) for start in starts)

    def _charted_medications(self) -> Iterator[str]:
        """Chart entries that name their drug by reference only would otherwise be drugs nobody recognises."""
        for given in self._all():
            reference = given.resource.get("medicationReference")
            if reference is not None and given.resource["resourceType"] in _DRUG_BEARING:
                text = reference.get("reference") if isinstance(reference, dict) else None
                found = reference_of(text, self._base) if isinstance(text, str) else None
                if found is not None and found[0] == "Medication":
                    yield found[1]

    def _roots(self, template: Template) -> dict[str, Any]:
        """Return what the template's token may start from: the context, and resources of the types of earlier keys."""
        roots: dict[str, Any] = {"context": self._request.context.members}
        for earlier in self._request.service.prefetch:
            if earlier.key in template.needs:
                kind = earlier.resource_type
                entries = [{"resource": resource} for resource, _, _ in self._all() if resource["resourceType"] == kind]
                is_read = earlier.kind is TemplateKind.READ
                roots[f"%{earlier.key}"] = entries[0]["resource"] if is_read and entries else {"entry": entries}
        return roots

    def _all(self) -> Iterator[GivenResource]:
        parts: list[Page | Found] = [*self._pages.values(), *self._found.values()]
        return chain(self._request.context.companions, *(part.resources for part in parts))


def _worse(one: SearchState | None, other: SearchState) -> SearchState:
    return other if one is None else max(one, other, key=_WORST_LAST.index)
