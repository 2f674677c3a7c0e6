"""What happens to the client's resource: coverage information comes and goes, all else stays."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cards.annotation import annotate
from cards.coverage_information import EXTENSION, emit
from cards.dialect import CRD_VERSIONS, DIALECTS
from criteria.outcome import Outcome
from tests.cards.builders import COVERAGE, LINKS, decision, order_resource

THEIRS = {"url": "http://example.org/other", "valueString": "x"}
BEFORE_2_2 = ["2.0", "2.1"]
every_version = pytest.mark.parametrize("version", CRD_VERSIONS)


def written(
    name: str,
    outcome: Outcome = Outcome.REVIEW,
    coverage: str = COVERAGE,
    version: str = "2.2",
    day: date = date(2026, 5, 5),
) -> dict[str, Any]:
    return emit(decision(outcome, id=name, called=day), coverage, LINKS, dialect=DIALECTS[version])


def extensions_of(sent: Any, *now: dict[str, Any], ours: tuple[str, ...] = (), version: str = "2.2") -> list[Any]:
    """Return the extensions an order has after it was sent with these, and was annotated."""
    annotated = annotated_or_none(sent, *now, ours=ours, version=version)
    assert annotated is not None
    return list(annotated["extension"])


def annotated_or_none(
    sent: Any, *now: dict[str, Any], ours: tuple[str, ...] = (), version: str = "2.2"
) -> dict[str, Any] | None:
    form = DIALECTS[version].coverage_information
    assert form is not None
    return annotate(order_resource(extension=sent), now, ours, one_id_per_coverage=form.one_id_per_coverage)


def test_the_extension_is_added_and_nothing_else_changes() -> None:
    sent = order_resource(_status={"id": "x"}, unknown=[1, Decimal("1.10")])
    annotated = annotate(sent, [written("now")])
    assert annotated is not None
    assert list(annotated) == [*sent, "extension"]
    assert {name: value for name, value in annotated.items() if name != "extension"} == sent
    assert "extension" not in sent


@every_version
def test_extensions_of_others_stay_where_they_are(version: str) -> None:
    other_payer = written("other", coverage="Coverage/other", version=version)
    sent = [THEIRS, other_payer]
    now = written("now", version=version)
    assert extensions_of(sent, now, ours=("mine",), version=version) == [*sent, now]
    assert list(annotate(order_resource(extension=sent), [now]) or ()) == list(order_resource(extension=sent))


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {"url": EXTENSION},
        {"url": EXTENSION, "extension": "text"},
        {"url": EXTENSION, "extension": [None, {"url": "coverage", "valueReference": "Coverage/cov1"}]},
        {"url": EXTENSION, "extension": [{"url": ["coverage"]}]},
        {"url": EXTENSION, "extension": [{"url": "coverage", "valueReference": {"reference": COVERAGE}}]},
    ],
)
def test_whatever_cannot_be_read_as_coverage_information_stays(odd: Any) -> None:
    now = written("now")
    assert extensions_of([odd], now, ours=("now",)) == [odd, now]


@every_version
def test_an_earlier_assertion_of_ours_is_replaced_in_its_place(version: str) -> None:
    now = written("now", Outcome.NOT_MET, version=version)
    sent = [written("before", version=version), THEIRS, written("now", version=version)]
    assert extensions_of(sent, now, ours=("before",), version=version) == [now, THEIRS]


@every_version
def test_after_it_one_assertion_of_ours_is_left_whatever_there_were(version: str) -> None:
    sent = [THEIRS, written("first", version=version), written("second", version=version)]
    now = written("third", version=version)
    assert extensions_of(sent, now, ours=("first", "second"), version=version) == [THEIRS, now]


@every_version
def test_a_stale_assertion_beside_the_current_one_is_removed(version: str) -> None:
    sent = [written("now", version=version), THEIRS, written("stale", version=version)]
    now = written("now", version=version)
    assert extensions_of(sent, now, ours=("stale", "now"), version=version) == [now, THEIRS]


@every_version
def test_the_same_id_with_other_content_is_replaced(version: str) -> None:
    now = written("now", Outcome.NOT_MET, version=version)
    assert extensions_of([written("now", version=version)], now, version=version) == [now]


def test_an_assertion_about_another_coverage_is_another_assertion_even_if_it_is_ours() -> None:
    other = written("before", coverage="Coverage/other")
    now = written("now")
    assert extensions_of([other], now, ours=("before",)) == [other, now]


@every_version
def test_an_assertion_of_unknown_origin_on_the_same_coverage_is_never_destroyed(version: str) -> None:
    unknown = written("unknown", Outcome.AUTHORIZED, version=version)
    now = written("now", version=version)
    assert extensions_of([unknown], now, ours=("mine",), version=version) == [unknown, now]


@every_version
@pytest.mark.parametrize("outcome", list(Outcome))
def test_nothing_new_apart_from_the_date_is_no_update(outcome: Outcome, version: str) -> None:
    shown = written("now", outcome, version=version, day=date(2026, 4, 1))
    shown["extension"].reverse()
    now = written("now", outcome, version=version)
    assert annotated_or_none([THEIRS, shown], now, ours=("now",), version=version) is None


def test_one_member_more_on_the_order_is_something_new() -> None:
    shown = written("now")
    shown["extension"].append({"url": "doc-needed", "valueCode": "admin"})
    assert extensions_of([shown], written("now")) == [written("now")]


def test_a_client_that_changed_its_version_gets_the_assertion_in_the_new_form() -> None:
    now = written("now", Outcome.AUTHORIZED)
    assert extensions_of([written("now", Outcome.AUTHORIZED, version="2.0")], now) == [now]


def test_a_single_extension_that_is_no_array_is_kept() -> None:
    now = written("now")
    assert extensions_of(THEIRS, now) == [THEIRS, now]


def test_only_coverage_information_is_written_to_an_order() -> None:
    with pytest.raises(ValueError, match="not a coverage-information extension"):
        annotate(order_resource(), [{"url": "http://example.org/other"}])


# ---------------------------------------------------------------------------------- several assertions, one resource


def test_several_assertions_are_written_together() -> None:
    first, second = written("first"), written("second")
    assert extensions_of([THEIRS], first, second) == [THEIRS, first, second]


def test_several_assertions_that_stand_there_already_are_nothing_new() -> None:
    first, second = written("first"), written("second")
    assert annotated_or_none([second, THEIRS, first], first, second, ours=("first", "second")) is None


def test_when_one_of_several_is_new_none_is_lost() -> None:
    first, second, changed = written("first"), written("second"), written("first", Outcome.NOT_MET)
    assert extensions_of([first, THEIRS, second], changed, second) == [changed, second, THEIRS]
    assert extensions_of([first, first], first, second) == [first, second]


def test_what_is_said_twice_is_written_once() -> None:
    assert extensions_of([], written("now"), written("now")) == [written("now")]


def test_two_assertions_under_one_id_are_a_bug() -> None:
    with pytest.raises(ValueError, match="two assertions under one id"):
        annotate(order_resource(), [written("now"), written("now", Outcome.NOT_MET)])


@pytest.mark.parametrize("version", BEFORE_2_2)
def test_before_2_2_two_assertions_about_one_coverage_cannot_be_said(version: str) -> None:
    with pytest.raises(ValueError, match="several assertions about one Coverage"):
        annotated_or_none([], written("first", version=version), written("second", version=version), version=version)


@pytest.mark.parametrize("version", BEFORE_2_2)
def test_before_2_2_assertions_about_two_coverages_stand_beside_each_other(version: str) -> None:
    first = written("first", version=version)
    second = written("second", coverage="Coverage/other", version=version)
    assert extensions_of([], first, second, version=version) == [first, second]
