"""A policy as page and as JSON."""

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

from cards.policy_page import policy_json, policy_page
from criteria.policy import Effective, Policy
from criteria.tree import AllOf, AtLeast, Not
from tests.cards.builders import leaf, path, policy, yes


class Page(HTMLParser):
    """What a test wants to know of a page."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.words = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        members = dict(attrs)
        self.ids += [value for name, value in members.items() if name == "id" and value]
        self.links += [value for name, value in members.items() if name == "href" and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words += data


def page(found: Policy | None = None) -> Page:
    shown = Page(policy_page(found or policy()))
    assert shown.open == []
    return shown


def with_root(*parts: AtLeast | Not) -> Policy:
    root = AllOf("initial", "Initial", (leaf("adult", yes()), *parts))
    return replace(policy(), paths={"initial": replace(path(), root=root)})


def test_every_criterion_has_one_anchor() -> None:
    shown = page()
    assert Counter(shown.ids) == Counter(
        ["initial", "adult", "her2-positive", "disease", "recurrence", "recurrent", "metastatic", "shortage"]
    )
    assert shown.links == ["#her2-positive"]


def test_the_page_has_no_scripts_and_loads_nothing() -> None:
    shown = page()
    assert shown.tags.isdisjoint({"script", "img", "link", "iframe", "object"})


def test_text_is_escaped() -> None:
    assert "Margenza policy &lt;A &amp; B&gt;" in policy_page(policy())


def test_the_page_says_what_a_reader_needs() -> None:
    words = page().words
    for expected in [
        "plan/margenza, version 2.0.0",
        "from 2026-01-01, until superseded",
        "Preferred products",
        "all of these",
        "at least one of these",
        "The policy asks for HER2-positive.",
        "What to send: Report that shows: HER2-positive.",
        "The plan finds this out itself.",
        "MB-7, version 2, Section B.i; reading M1",
        "Approved for up to 12 months.",
        "3 months when it rests on this alone: Shortage. It can be extended on renewed documentation.",
        "2 months when it rests on this alone: unlisted.",
        "At most 14 cycles of 21 days in all: Metastatic.",
        "Label dose 15 mg/kg every 3 weeks; up to 10 % more is accepted for vial rounding",
        "EviCore",
        "1-800-540-2406",
        "SHA-256 ab12",
        "bibliographic_citation",
        "Bulletin MB-7",
    ]:
        assert expected in words


def test_what_a_policy_does_not_have_is_not_shown() -> None:
    way = path()
    plain = replace(way, authorization=replace(way.authorization, shorter={}, cycle_limit=None))
    bare = replace(
        policy(),
        contact=None,
        dose_limit=None,
        products=None,
        documents={},
        leaves={},
        paths={"initial": plain},
        effective=Effective(date(2026, 1, 1), date(2026, 12, 31)),
    )
    words = page(bare).words
    for absent in ["Contact", "Dose limit", "Preferred products", "months when", "cycles"]:
        assert absent not in words
    assert "2026-12-31" in words
    assert "bulletin, Section B.i" in words


def test_a_cycle_limit_of_an_unlisted_criterion_shows_its_id() -> None:
    assert "in all: metastatic." in page(replace(policy(), leaves={})).words


def test_every_connective_is_worded() -> None:
    tried = AtLeast("tried", "Tried", 2, (leaf("one", yes()), leaf("two", yes(), request="")))
    words = page(with_root(tried, Not("no-harm", "No harm", leaf("harm", yes())))).words
    assert "2 or more of these" in words
    assert "this must not hold" in words


def test_a_reading_is_named_only_where_there_is_one() -> None:
    plain = leaf("one", yes())
    unread = replace(plain, citation=replace(plain.citation, reading=None))
    words = page(replace(with_root(), paths={"initial": replace(path(), root=unread)})).words
    assert "reading" not in words
    node = policy_json(with_root(AtLeast("tried", "Tried", 1, (unread,))))["paths"]["initial"]["criteria"]["of"][1]
    assert node["kind"] == "at-least(1)"
    assert node["of"][0]["citation"]["reading"] is None


def test_the_json_holds_the_same_and_is_json() -> None:
    shown = json.loads(json.dumps(policy_json(policy())))
    assert shown["id"] == "plan/margenza"
    assert shown["effective"] == {"from": "2026-01-01", "to": None}
    assert shown["documents"]["bulletin"]["number"] == "MB-7"
    assert shown["products"] == {"preferred": ["trastuzumab_deruxtecan"], "restricted": ["margetuximab"]}
    assert shown["doseLimit"]["mgPerKg"] == "15"
    assert shown["contact"] == {"name": "EviCore", "phone": "1-855-252-1118", "fax": "1-800-540-2406", "url": None}
    assert shown["sourceAttributes"] == {"bibliographic_citation": "Bulletin MB-7", "developer": "The plan"}
    way = shown["paths"]["initial"]
    assert way["questionnaire"] == "plan-margenza-initial"
    assert way["authorization"]["cycleLimit"] == {"criterion": "metastatic", "cycles": 14, "daysPerCycle": 21}
    root = way["criteria"]
    assert (root["id"], root["kind"]) == ("initial", "all-of")
    assert [each["kind"] for each in root["of"]] == ["criterion", "criterion", "any-of"]
    assert root["of"][1]["citation"] == {
        "document": "bulletin",
        "section": "Section B.i",
        "paraphrase": "The policy asks for HER2-positive",
        "reading": "M1",
    }


def test_json_of_a_bare_policy_has_nulls() -> None:
    way = path()
    plain = replace(way, authorization=replace(way.authorization, cycle_limit=None))
    ended = Effective(date(2026, 1, 1), date(2026, 12, 31))
    bare = replace(policy(), contact=None, dose_limit=None, products=None, paths={"initial": plain}, effective=ended)
    shown = policy_json(bare)
    assert [shown[name] for name in ("contact", "doseLimit", "products")] == [None] * 3
    assert shown["effective"]["to"] == "2026-12-31"
    assert shown["paths"]["initial"]["authorization"]["cycleLimit"] is None
    negated = policy_json(with_root(Not("no-harm", "No harm", leaf("harm", yes()))))
    assert negated["paths"]["initial"]["criteria"]["of"][1]["kind"] == "not"
