from typing import Any

import pytest

from criteria.facts import SearchState
from service.bundles import Page, count_entries, read_page, read_whole
from tests.service.builders import refusal, searchset

CONDITION = {"resourceType": "Condition", "id": "c1"}


def places(page: Page) -> list[str]:
    return [given.where for given in page.resources]


@pytest.mark.parametrize("kind", ["searchset", "collection", "batch-response", None])
def test_a_bundle_of_any_type_is_a_complete_answer(kind: str | None) -> None:
    bundle = {"resourceType": "Bundle", "type": kind, "entry": [{"fullUrl": "urn:uuid:1", "resource": CONDITION}]}
    page = read_page(bundle, "prefetch.x")
    assert (page.is_complete, places(page), page.notes) == (True, ["prefetch.x.entry[0]"], ())
    assert (page.resources[0].resource, page.resources[0].full_url) == (CONDITION, "urn:uuid:1")


@pytest.mark.parametrize("entries", [{}, {"entry": []}])
def test_an_empty_bundle_is_a_complete_answer(entries: dict[str, Any]) -> None:
    assert read_page({"resourceType": "Bundle", **entries}, "x").is_complete


def test_a_page_with_a_next_link_is_no_complete_answer() -> None:
    page = read_page(searchset(CONDITION, next_url="https://x.example/?page=2"), "x")
    assert (page.state, page.next_url, places(page)) == (
        SearchState.NOT_OFFERED,
        "https://x.example/?page=2",
        ["x.entry[0]"],
    )


INCLUDED = {"resource": {"resourceType": "Medication", "id": "m1"}, "search": {"mode": "include"}}


@pytest.mark.parametrize(
    ("total", "entries", "complete"),
    [
        (5, [], False),
        ("5", [], False),
        (2, [{"resource": CONDITION}], False),
        (2, [{"resource": CONDITION}, INCLUDED], False),
        (1, [{"resource": CONDITION}, INCLUDED], True),
        (1, [{"resource": refusal("not-supported", "warning")}], False),
        (0, [], True),
        (0, [{"resource": CONDITION}], True),
        (True, [], True),
        (None, [], True),
        ("many", [], True),
    ],
)
def test_a_page_that_holds_less_than_its_total_is_no_complete_answer(
    total: Any, entries: list[dict[str, Any]], complete: bool
) -> None:
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": total, "entry": entries}
    page = read_whole(bundle, "x")
    assert page.state is (SearchState.ANSWERED if complete else SearchState.NOT_OFFERED)
    assert len(page.notes) == (0 if complete else 1)
    assert not page.notes or page.notes[0].startswith("x holds ")


def test_a_part_of_a_batch_that_is_not_complete_leaves_the_whole_incomplete() -> None:
    for inner in (searchset() | {"total": 1}, searchset(refusal("exception")), searchset(next_url="x?page=2")):
        batch = {"resourceType": "Bundle", "entry": [{"resource": inner}, {"resource": CONDITION}]}
        assert not read_whole(batch, "x").is_complete


def test_other_links_are_no_next_page() -> None:
    bundle = searchset() | {"link": [{"relation": "self", "url": "https://x.example"}, "odd"]}
    assert read_page(bundle, "x").is_complete


def test_a_next_page_without_address_leaves_the_answer_broken() -> None:
    page = read_page(searchset(CONDITION) | {"link": [{"relation": "next"}]}, "x")
    assert (page.state, page.notes) == (SearchState.FAILED, ("x has a next page without address",))
    assert places(page) == ["x.entry[0]"]


@pytest.mark.parametrize("shape", [{"entry": {}}, {"entry": "x"}, {"entry": None}, {"link": {}}])
def test_a_bundle_of_the_wrong_shape_is_garbage(shape: dict[str, Any]) -> None:
    page = read_page({"resourceType": "Bundle"} | shape, "x")
    assert (page.state, page.notes) == (SearchState.FAILED, ("x is a Bundle of the wrong shape: set aside",))


@pytest.mark.parametrize("value", [5, "text", [], {}, {"resourceType": 5}, {"resourceType": "no type"}, True])
def test_what_is_no_resource_is_set_aside_and_named(value: Any) -> None:
    assert read_page(value, "x") == Page((), SearchState.FAILED, notes=("x is not a resource: set aside",))


@pytest.mark.parametrize("entry", [3, None, {}, {"resource": None}, {"resource": []}, {"resource": {"id": "1"}}])
def test_an_entry_that_is_no_resource_costs_itself_only(entry: Any) -> None:
    page = read_page({"resourceType": "Bundle", "entry": [entry, {"resource": CONDITION}]}, "x")
    assert (places(page), page.notes) == (["x.entry[1]"], ("x.entry[0] is not a resource: set aside",))
    assert page.is_complete


def test_bundles_inside_of_bundles_are_opened() -> None:
    inner = searchset(CONDITION, CONDITION)
    page = read_page({"resourceType": "Bundle", "entry": [{"resource": inner}, {"resource": CONDITION}]}, "x")
    assert places(page) == ["x.entry[0].entry[0]", "x.entry[0].entry[1]", "x.entry[1]"]


def test_a_bundle_of_the_wrong_shape_inside_of_a_bundle_is_read_as_one_resource() -> None:
    page = read_page(searchset({"resourceType": "Bundle", "entry": 5}), "x")
    assert places(page) == ["x.entry[0]"]


def test_a_single_resource_is_read_and_answers_no_search() -> None:
    page = read_page(CONDITION, "x")
    assert (places(page), page.state) == (["x"], SearchState.NOT_OFFERED)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("not-supported", SearchState.DENIED),
        ("forbidden", SearchState.DENIED),
        ("not-found", SearchState.DENIED),
        ("security", SearchState.DENIED),
        ("exception", SearchState.FAILED),
        ("timeout", SearchState.FAILED),
        ("transient", SearchState.FAILED),
        ("processing", SearchState.FAILED),
        ("login", SearchState.FAILED),
        ("throttled", SearchState.FAILED),
        ("made-up", SearchState.FAILED),
    ],
)
def test_an_operation_outcome_says_whether_it_is_a_no_or_a_failure(code: str, state: SearchState) -> None:
    page = read_page(refusal(code), "x")
    assert (page.state, page.resources) == (state, ())
    assert page.notes == (f"x is an OperationOutcome ({code})",)


@pytest.mark.parametrize(
    ("issue", "shown"),
    [
        ({}, "no code"),
        ({"issue": {}}, "no code"),
        ({"issue": [{"code": "Canary name"}]}, "unknown"),
        ({"issue": [{"code": "a" * 30}]}, "unknown"),
        ({"issue": ["odd"]}, "unknown"),
    ],
)
def test_only_codes_of_an_operation_outcome_are_repeated(issue: dict[str, Any], shown: str) -> None:
    page = read_page({"resourceType": "OperationOutcome"} | issue, "x")
    assert (page.state, page.notes) == (SearchState.FAILED, (f"x is an OperationOutcome ({shown})",))


def test_one_failure_among_refusals_is_a_failure() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"code": "forbidden"}, {"code": "timeout"}]}
    assert read_page(outcome, "x").state is SearchState.FAILED


@pytest.mark.parametrize(
    ("severity", "state"),
    [
        ("warning", SearchState.ANSWERED),
        ("information", SearchState.ANSWERED),
        ("error", SearchState.DENIED),
        ("fatal", SearchState.DENIED),
    ],
)
def test_an_error_among_the_results_leaves_the_search_unanswered(severity: str, state: SearchState) -> None:
    page = read_page(searchset(CONDITION, refusal("not-supported", severity)), "x")
    assert (page.state, places(page)) == (state, ["x.entry[0]"])


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (searchset(), 0),
        (searchset(CONDITION, CONDITION), 2),
        ({"resourceType": "Bundle", "entry": [0, None, {}, {"resource": 5}]}, 4),
        (searchset(CONDITION, searchset(CONDITION, searchset(CONDITION))), 5),
        ({"resourceType": "Bundle"}, 0),
        ({"resourceType": "Bundle", "entry": {"resource": CONDITION}}, 0),
        (CONDITION | {"entry": [1, 2]}, 0),
        (None, 0),
    ],
)
def test_entries_are_counted_whatever_they_are_and_however_deep(value: Any, count: int) -> None:
    assert count_entries(value) == count
