from dataclasses import replace
from typing import Any

import pytest

from criteria.facts import SearchState
from service.deadline import MOST_RESOURCES, Allowance, Deadline
from service.fhir_client import Fetched
from service.search import MOST_PAGES, Search, Server, run
from tests.service.builders import BASE, FHIR, FakeServer, ok, refusal, searchset

FIRST = f"{FHIR}/Condition?patient=p1"
SEARCH = Search("conditions", "Condition", (FIRST,))
READ = Search("patient", "Patient", (f"{FHIR}/Patient/p1",), is_read=True)


def condition(number: int) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": f"c{number}"}


def server(**answers: Fetched) -> tuple[Server, FakeServer]:
    fake = FakeServer(answers=dict(answers))
    return Server(BASE, "t", fake, Deadline.after(60)), fake


def test_a_search_follows_its_pages_to_the_last() -> None:
    here, fake = server()
    fake.answers = {
        "Condition?patient": ok(searchset(condition(1), next_url=f"{FHIR}?page=2")),
        f"{FHIR}?page=2": ok(searchset(condition(2), next_url="Condition?page=3")),
        "Condition?page=3": ok(searchset(condition(3))),
    }
    found = run(SEARCH, here)
    assert found.state is SearchState.ANSWERED
    assert [(given.resource["id"], given.where) for given in found.resources] == [
        ("c1", "fetched.conditions.entry[0]"),
        ("c2", "fetched.conditions.page[2].entry[0]"),
        ("c3", "fetched.conditions.page[3].entry[0]"),
    ]
    assert fake.tokens == {"t"}


@pytest.mark.parametrize(
    ("totals", "before", "state"),
    [
        ((2, 2), 0, SearchState.ANSWERED),
        ((3, 3), 0, SearchState.FAILED),
        ((3, None), 0, SearchState.FAILED),
        ((None, None), 0, SearchState.ANSWERED),
        ((3, 3), 1, SearchState.ANSWERED),
        ((3, 2), 0, SearchState.ANSWERED),
    ],
)
def test_the_pages_together_hold_the_total(
    totals: tuple[int | None, int | None], before: int, state: SearchState
) -> None:
    first = searchset(condition(1), next_url=f"{FHIR}/Condition?page=2") | {"total": totals[0]}
    second = searchset(condition(2)) | {"total": totals[1]}
    here, _ = server(**{"Condition?patient": ok(first), "Condition?page=2": ok(second)})
    found = run(Search("conditions", "Condition", (FIRST,), found=before), here)
    assert (found.state, len(found.resources)) == (state, 2)
    assert state is SearchState.ANSWERED or found.notes == ("conditions: the answer holds 2 of 3 matches",)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/fhir?page=2",
        "http://ehr.example.org/fhir?page=2",
        "https://ehr.example.org/other?page=2",
        "//evil.example/fhir",
        "../admin",
        "file:///etc/passwd",
    ],
)
def test_a_next_page_elsewhere_is_not_fetched_and_the_first_page_still_counts(url: str) -> None:
    here, fake = server(Condition=ok(searchset(condition(1), next_url=url)))
    found = run(SEARCH, here)
    assert (found.state, len(found.resources), len(fake.asked)) == (SearchState.FAILED, 1, 1)
    assert found.notes == ("conditions: the answer continues on another server",)


def test_pages_in_a_ring_end() -> None:
    here, fake = server(Condition=ok(searchset(condition(1), next_url=FIRST)))
    found = run(SEARCH, here)
    assert (found.state, len(fake.asked)) == (SearchState.FAILED, 1)
    assert found.notes == ("conditions: the answer has pages without end",)


def test_pages_without_end_end() -> None:
    pages = iter(range(10_000))

    def endless(_url: str, _token: str | None, _deadline: Deadline) -> Fetched:
        return ok(searchset(next_url=f"{FHIR}?page={next(pages)}"))

    found = run(SEARCH, Server(BASE, None, endless, Deadline.after(60)))
    assert found.state is SearchState.FAILED
    assert next(pages) == MOST_PAGES


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Fetched(SearchState.DENIED, reason="answered 403"), SearchState.DENIED),
        (Fetched(SearchState.FAILED, reason="answered 500"), SearchState.FAILED),
        (ok(refusal("not-supported")), SearchState.DENIED),
        (ok(refusal("exception")), SearchState.FAILED),
        (ok(condition(1)), SearchState.FAILED),
        (ok({"no": "resource"}), SearchState.FAILED),
        (ok({"resourceType": "Bundle", "entry": {}}), SearchState.FAILED),
    ],
)
def test_a_search_that_is_not_answered_says_how_it_ended(answer: Fetched, state: SearchState) -> None:
    here, _ = server(Condition=answer)
    found = run(SEARCH, here)
    assert (found.state, found.resources) == (state, ())
    assert len(found.notes) == 1


def test_a_later_page_that_fails_leaves_the_earlier_ones() -> None:
    here, fake = server()
    fake.answers = {
        "Condition?patient": ok(searchset(condition(1), next_url=f"{FHIR}?page=2")),
        f"{FHIR}?page=2": Fetched(SearchState.FAILED, reason="answered 500"),
    }
    found = run(SEARCH, here)
    assert (found.state, len(found.resources)) == (SearchState.FAILED, 1)


TOO_MANY = "the FHIR server answered with too many resources in all"


@pytest.mark.parametrize(
    ("count", "state"), [(2, SearchState.ANSWERED), (3, SearchState.ANSWERED), (4, SearchState.FAILED)]
)
def test_only_so_many_resources_are_read_and_more_is_a_failure(count: int, state: SearchState) -> None:
    here, _ = server(Condition=ok(searchset(*map(condition, range(count)))))
    found = run(SEARCH, replace(here, deadline=replace(here.deadline, allowance=Allowance(resources=3))))
    assert found.state is state
    assert len(found.resources) == (0 if state is SearchState.FAILED else count)
    assert found.notes == (() if state is SearchState.ANSWERED else (f"conditions: {TOO_MANY}",))


@pytest.mark.parametrize(
    ("count", "state"), [(-1, SearchState.ANSWERED), (0, SearchState.ANSWERED), (1, SearchState.FAILED)]
)
def test_what_all_searches_of_a_call_bring_is_counted_together(count: int, state: SearchState) -> None:
    half = MOST_RESOURCES // 2
    here, fake = server()
    fake.answers = {
        "Condition?patient": ok(searchset(*[condition(0)] * half, next_url=f"{FHIR}?page=2")),
        f"{FHIR}?page=2": ok(searchset(*[condition(0)] * (half + count))),
    }
    found = run(SEARCH, here)
    assert (found.state, len(found.resources)) == (state, half if state is SearchState.FAILED else 2 * half + count)
    again = run(SEARCH, here)
    assert (again.state, again.resources) == (SearchState.FAILED, ())


def test_a_read_is_answered_by_a_resource_of_its_type_only() -> None:
    patient = {"resourceType": "Patient", "id": "p1"}
    assert run(READ, server(Patient=ok(patient))[0]).state is SearchState.ANSWERED
    assert run(READ, server(Patient=ok(searchset(patient)))[0]).state is SearchState.FAILED
    assert run(READ, server(Patient=ok(refusal("not-found")))[0]).state is SearchState.DENIED


def test_after_a_server_could_not_be_reached_it_is_not_tried_again() -> None:
    gone = Fetched(SearchState.FAILED, reason="could not be reached", unreachable=True)
    here, fake = server(Condition=gone)
    assert run(SEARCH, here).notes == ("conditions: the FHIR server could not be reached",)
    assert run(READ, here).state is SearchState.FAILED
    assert fake.asked == ["Condition?patient=p1"]
