"""Which Coverage, and so which payer, an order is decided for (contract section 4, CRD digest section 4.3).

A payer is known by the identifiers of its organization, never by name. Where no Coverage can be read, a default
payer may stand in: then there is nothing to refer to, and cards are all the answer holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from criteria.facts import Order, PlanFacts, SearchState
from criteria.library import Library
from criteria.outcome import Outcome
from criteria.policy import Payer, PayerIdentifier
from fhir_mappers.chart import Chart
from fhir_mappers.coverage import CoverageFact, map_coverage
from fhir_mappers.element import FHIR_ID, Issue, Origin, references
from service.problems import request_problem

_PLACE = "$.prefetch.coverage"
_EXISTS = frozenset({"active", "cancelled"})


@dataclass(frozen=True, slots=True)
class Choice:
    """The payer and the Coverage of an order; `coverage` is None when only a default payer is known."""

    payer: Payer
    coverage: CoverageFact | None
    notes: tuple[str, ...] = ()
    is_unread: bool = False
    """The payer could not be read because a system did not answer; the default payer only lends its name."""

    payer_is_assumed: bool = False
    """The Coverage does not identify its payer, and the default payer stands in."""

    @property
    def reference(self) -> str | None:
        """Return the Coverage's reference on the client's server."""
        return self.coverage.reference if self.coverage else None

    @property
    def last_day(self) -> date | None:
        """Return the last day the Coverage may be in force, None when it is open."""
        end = self.coverage.period[1] if self.coverage else None
        return end.latest if end else None

    def problem(self, on: date) -> Outcome | None:
        """Return the outcome when the Coverage is surely not in force on a day, or could not be read."""
        if self.is_unread:
            return Outcome.TECHNICAL
        if self.coverage is None:
            return None
        start, end = self.coverage.period
        if self.coverage.status == "cancelled":
            return Outcome.NO_ACTIVE_COVERAGE
        if (start is not None and on < start.earliest) or (end is not None and on > end.latest):
            return Outcome.NO_ACTIVE_COVERAGE
        return None

    @property
    def trouble(self) -> str:
        """Return in words why the Coverage is not in force, whatever the day that was asked for."""
        if self.coverage is None or self.coverage.status == "cancelled":
            return "The coverage is not in force: it was cancelled."
        start, end = self.coverage.period
        times = [f"it begins on {start.earliest}"] if start else []
        times += [f"it ends on {end.latest}"] if end else []
        return f"The coverage is not in force: {' and '.join(times)}."

    def plan(self) -> PlanFacts:
        """Return what the payer's own file says about this plan."""
        values = set(self.coverage.class_values) if self.coverage else set()
        plan = next((each for each in self.payer.plans if each.value in values), None)
        if plan is None or self.coverage is None:
            return PlanFacts(self.payer.id)
        return PlanFacts(self.payer.id, plan.state_of_issue, plan.fully_insured, self.coverage.source)


@dataclass(frozen=True, slots=True)
class Coverages:
    """The Coverages of a call with the payer each belongs to, if it is one of ours."""

    found: tuple[tuple[CoverageFact, Payer | None], ...]
    library: Library
    default: Payer | None
    state: SearchState
    payors: SearchState
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls, chart: Chart, library: Library, default: str | None, searches: Mapping[str, SearchState]
    ) -> "Coverages":
        """Read every Coverage of the patient; `default` is the id of the payer that stands in."""
        issues: list[Issue] = []
        found = []
        for name, resource in chart.by_reference.items():
            if resource.get("resourceType") != "Coverage":
                continue
            fact = map_coverage(Origin.of(resource, issues, name), chart.resolve)
            if fact.status is None or fact.status in _EXISTS:
                found.append((fact, library.payer_of(_identifiers(fact))))
        active = [each for each in found if each[0].status != "cancelled"]
        payer = library.payers[default] if default else None
        state = searches.get("Coverage", SearchState.NOT_OFFERED)
        payors = searches.get("Organization", SearchState.NOT_OFFERED)
        return cls(tuple(active or found), library, payer, state, payors, tuple(map(str, issues)))

    def choose(self, order: Order, resource: Mapping[str, Any]) -> Choice:
        """Return the Coverage of an order; raise RequestProblem when none, several or a foreign one is given."""
        ours = [(fact, payer) for fact, payer in self.found if payer is not None]
        if len(ours) > 1:
            ours = [each for each in ours if each[0].reference in set(_insurance(order, resource))]
            if len(ours) != 1:
                text = "several coverages are this payer's, and the order's insurance does not name one of them"
                raise request_problem(_PLACE, "multiple-matches", text)
        if ours:
            fact, payer = ours[0]
            return _referred(Choice(payer, fact))
        return _referred(self._without_ours(order, resource))

    def _without_ours(self, order: Order, resource: Mapping[str, Any]) -> Choice:
        unnamed = [fact for fact, _ in self.found if not fact.payor_identifiers]
        if self.found and not unnamed:
            text = "no payer of the given coverages is one this service decides for"
            raise request_problem(f"{_PLACE}.payor", "not-supported", text)
        if self.default is None:
            raise self._missing(has_coverage=bool(self.found))
        if not self.found and self.state is SearchState.FAILED:
            # A Coverage that could not be asked for is not "no Coverage": nothing is decided on that ground.
            note = f"the Coverage could not be read: the default payer {self.default.id} only lends its name"
            return Choice(self.default, None, (note,), is_unread=True)
        if not self.found:
            note = f"no Coverage was found: decided for the default payer {self.default.id}, cards only"
            return Choice(self.default, None, (note,))
        named = [each for each in unnamed if each.reference in set(_insurance(order, resource))]
        chosen = named or unnamed
        if len(chosen) > 1:
            raise request_problem(_PLACE, "multiple-matches", "several coverages without a payer identifier")
        unread = self.payors is SearchState.FAILED and bool(chosen[0].payor_references)
        note = f"{chosen[0].reference} has no payer identifier: the default payer {self.default.id} stands in"
        return Choice(self.default, chosen[0], (note,), is_unread=unread, payer_is_assumed=True)

    def _missing(self, *, has_coverage: bool) -> Exception:
        if has_coverage and self.payors is SearchState.FAILED and any(fact.payor_references for fact, _ in self.found):
            text = "the payer was not in prefetch, and the FHIR server did not answer"
            return request_problem(f"{_PLACE}.payor", "not-found", text, status=412)
        if has_coverage:
            return request_problem(f"{_PLACE}.payor", "required", "the coverage's payer has no readable identifier")
        if self.state is SearchState.FAILED:
            # Required data could neither be sent nor asked for (CDS Hooks, prefetch): no claim about the member.
            text = "no Coverage in prefetch, and the FHIR server did not answer"
            return request_problem(_PLACE, "not-found", text, status=412)
        return request_problem(_PLACE, "not-found", "no Coverage was given and none could be found")


def _referred(choice: Choice) -> Choice:
    """Return the choice; raise RequestProblem for a Coverage without an id, which no answer could refer to."""
    kind, _, identity = (choice.reference or f"Coverage/{choice.payer.id}").partition("/")
    if kind != "Coverage" or not FHIR_ID.fullmatch(identity):
        raise request_problem(_PLACE, "required", "the Coverage has no id that an answer could refer to")
    return choice


def _identifiers(fact: CoverageFact) -> Iterable[PayerIdentifier]:
    return [PayerIdentifier(each.system, each.value) for each in fact.payor_identifiers]


def _insurance(order: Order, resource: Mapping[str, Any]) -> list[str]:
    origin = Origin.of(dict(resource), [], order.source.reference)
    return list(references(origin, resource, "insurance"))
