"""Rules about parts of an answer that stand apart from each other, which a schema cannot compare.

They are judged on sound parts only: the schemas have agreed to the answer.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

from cards.checks.violation import Violation
from cards.dialect import Dialect

NAMED_ONCE = "named-once: no two cards or suggestions have one uuid, for feedback names them by it (CDS Hooks)"
UPDATED_ONCE = "updated-once: a resource is updated once, for a second update would undo the first"
DELETES_ITS_OWN = "deletes-its-own: a card deletes only orders it is about (CRD, Propose Alternate Request)"
DISTINCT_ASSERTIONS = "resp-32: assertions about different coverages have different ids and authorization numbers"
SHARED_ASSERTION = "shared-assertion: until 2.1 assertions about one coverage share id and authorization number"
RULES = (NAMED_ONCE, UPDATED_ONCE, DELETES_ITS_OWN, DISTINCT_ASSERTIONS, SHARED_ASSERTION)

_SHARING = frozenset({"2.0", "2.1"})
"""From 2.2 on assertions about one coverage may differ (resp-33)."""

Parts = Mapping[str, Any]


class _Assertion(NamedTuple):
    """Place and identity of a coverage-information that we wrote."""

    place: int
    coverage: str
    id: str
    number: str | None


def violations_across(parts: Parts, dialect: Dialect) -> Iterator[Violation]:
    """Yield what judged parts break between them."""
    yield from _repeated_names(parts["cards"])
    if dialect.carries_coverage_information:
        yield from _foreign_deletes(parts["cards"])
        actions = parts.get("systemActions", ())
        yield from _repeated_updates(actions)
        for index, action in enumerate(actions):
            for place, rule in _confusions(action["resource"]["extension"], shared=dialect.name in _SHARING):
                yield Violation.at(("systemActions", index, "resource", "extension", place), rule)


def _repeated_names(cards: list[Parts]) -> Iterator[Violation]:
    seen = set()
    for index, card in enumerate(cards):
        if card["uuid"] in seen:
            yield Violation.at(("cards", index, "uuid"), NAMED_ONCE)
        seen.add(card["uuid"])
        for number, suggestion in enumerate(card.get("suggestions", ())):
            if suggestion["uuid"] in seen:
                yield Violation.at(("cards", index, "suggestions", number, "uuid"), NAMED_ONCE)
            seen.add(suggestion["uuid"])


def _foreign_deletes(cards: list[Parts]) -> Iterator[Violation]:
    for index, card in enumerate(cards):
        about = {_reference(each) for each in card["extension"]["davinci-crd.associated-resource"]}
        for number, suggestion in enumerate(card.get("suggestions", ())):
            for place, action in enumerate(suggestion["actions"]):
                if action["type"] == "delete" and action["resourceId"] not in about:
                    steps = ("cards", index, "suggestions", number, "actions", place, "resourceId")
                    yield Violation.at(steps, DELETES_ITS_OWN)


def _reference(associated: Any) -> Any:
    return associated["reference"] if isinstance(associated, Mapping) else associated


def _repeated_updates(actions: list[Parts]) -> Iterator[Violation]:
    seen = set()
    for index, action in enumerate(actions):
        name = action["resource"]["resourceType"], action["resource"]["id"]
        if name in seen:
            yield Violation.at(("systemActions", index, "resource"), UPDATED_ONCE)
        seen.add(name)


def _confusions(extensions: list[Parts | None], *, shared: bool) -> Iterator[tuple[int, str]]:
    """Yield the place of each assertion that cannot be told from an earlier one, or should not differ from it."""
    found = [_assertion(place, each["extension"]) for place, each in enumerate(extensions) if each is not None]
    for earlier, later in combinations(found, 2):
        same_number = earlier.number == later.number
        if earlier.coverage != later.coverage:
            if earlier.id == later.id or (same_number and later.number is not None):
                yield later.place, DISTINCT_ASSERTIONS
        elif shared and (earlier.id != later.id or not (same_number or None in {earlier.number, later.number})):
            yield later.place, SHARED_ASSERTION


def _assertion(place: int, members: Parts) -> _Assertion:
    number = members.get("satisfied-pa-id")
    return _Assertion(
        place,
        members["coverage"][0]["valueReference"]["reference"],
        members["coverage-assertion-id"][0]["valueString"],
        number[0]["valueString"] if number else None,
    )
