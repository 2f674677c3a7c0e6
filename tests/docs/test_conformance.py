"""docs/conformance.md is complete, names tests that exist, and the reader of its tables finds what is wrong."""

from pathlib import Path

import pytest

from tests.docs.requirements_table import HEADER, Row, Status, TableError, problems, reasons, requirements, rows

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
LISTS = ("crd-2.2.1-server-requirements.txt", "cds-hooks-service-requirements.txt")
DOCUMENT = ROOT / "docs" / "conformance.md"


def document() -> list[Row]:
    return rows(DOCUMENT.read_text(encoding="utf-8"))


def expected() -> dict[str, str]:
    return requirements("\n".join((HERE / name).read_text(encoding="utf-8") for name in LISTS))


def not_yet() -> dict[str, str]:
    return reasons((HERE / "not-yet.txt").read_text(encoding="utf-8"))


def test_every_requirement_has_its_row_and_every_test_that_is_named_exists() -> None:
    assert problems(document(), expected(), not_yet(), ROOT) == []


def test_what_is_not_built_yet_is_said_before_the_tables() -> None:
    introduction = DOCUMENT.read_text(encoding="utf-8").partition("| id | level |")[0]
    assert [name for name in not_yet() if f"`{name}`" not in introduction] == []


# 144 statements of CRD 2.2.1 name the server or its organization; 14 of them say MAY and ask for nothing.
def test_the_list_of_crd_is_as_long_as_its_source() -> None:
    listed = requirements((HERE / LISTS[0]).read_text(encoding="utf-8"))
    ours = {name for name in listed if name.startswith(("crd-ci-", "crd-version-"))}
    assert len(listed) - len(ours) == 144 - 14
    assert len(ours) == 9 + 1


# ------------------------------------------------------------------ the reader itself

SHOWN = "implemented: `tests/docs/test_conformance.py::test_what_is_not_built_yet_is_said_before_the_tables`"
GOOD = ("dev-1", "SHALL", "Every service says its versions.", SHOWN)
LIST = {"dev-1": "SHALL"}


def table(*lines: tuple[str, ...]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (HEADER, ("---",) * len(HEADER), *lines))


def changed(**cells: str) -> tuple[str, ...]:
    return tuple((dict(zip(("id", "level", "text", "last"), GOOD, strict=True)) | cells).values())


def test_a_good_table_is_read_and_has_no_problem() -> None:
    (row,) = rows(f"# Title\n\n{table(GOOD)}\n\n| another | table |\n|---|---|\n| of | no interest |\n")
    assert row.tests == (("tests/docs/test_conformance.py", "test_what_is_not_built_yet_is_said_before_the_tables"),)
    assert problems([row], LIST, {}, ROOT) == []


@pytest.mark.parametrize(
    "last",
    [
        f"{SHOWN}, {SHOWN.removeprefix('implemented: ')}",
        f"{SHOWN}. Only on primary hooks.",
        "not applicable: the service offers no such card",
        "not yet: the archive of calls is missing",
    ],
)
def test_every_way_to_answer_a_requirement_is_read(last: str) -> None:
    assert rows(table(changed(last=last)))


def test_a_recommendation_may_be_left_aside_for_a_reason() -> None:
    (row,) = rows(table(changed(level="SHOULD", last="not followed: the service keeps no figures of use")))
    assert row.status is Status.NOT_FOLLOWED


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (GOOD[:3], "3 cells"),
        ((*GOOD, "more"), "5 cells"),
        (changed(id="Dev 1"), "no id"),
        (changed(level="MUST"), "no level"),
        (changed(text=""), "in a sentence"),
        (changed(text="Says versions"), "in a sentence"),
        (changed(last=""), "neither"),
        (changed(last="implemented"), "neither"),
        (
            changed(
                last="done: `tests/docs/test_conformance.py::test_what_is_not_built_yet_is_said_before_the_tables`"
            ),
            "neither",
        ),
        (changed(last="implemented: by the hook table"), "not shown by"),
        (changed(last="implemented: `tests/docs/test_conformance.py`"), "not shown by"),
        (changed(last=f"{SHOWN}, not applicable: no such card is sent"), "not shown by"),
        (changed(last=SHOWN.replace("implemented", "not applicable")), "has a test"),
        (changed(last=SHOWN.replace("implemented", "not yet")), "has a test"),
        (changed(last="not yet: soon"), "gives no reason"),
        (changed(last="PENDING: the archive of calls is missing"), "neither"),
        (changed(last="not applicable: no"), "gives no reason"),
        (changed(last="not followed: the service keeps no figures of use"), "cannot be left aside"),
        (changed(last=f"{SHOWN.replace('implemented', 'partly')}. No figures are kept."), "is a SHALL"),
        (changed(level="L2", last=SHOWN.replace("implemented", "partly")), "what remains"),
        (changed(id="9.1"), "no id"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(cells: tuple[str, ...], words: str) -> None:
    with pytest.raises(TableError, match=f"line 3: .*{words}"):
        rows(table(cells))


@pytest.mark.parametrize(
    ("lines", "listed", "words"),
    [
        ([GOOD, GOOD], LIST, "stands 2 times"),
        ([], LIST, "is missing"),
        ([GOOD], {}, "is no requirement"),
        ([GOOD], {"dev-1": "SHOULD"}, "the level is SHOULD"),
        ([changed(last=SHOWN.replace("test_what", "test_nothing"))], LIST, "there is no tests/docs"),
        ([changed(last=SHOWN.replace("test_conformance", "test_no_such_file"))], LIST, "there is no tests/docs"),
    ],
)
def test_a_table_that_does_not_fit_its_list_or_the_tests_is_found(
    lines: list[tuple[str, ...]], listed: dict[str, str], words: str
) -> None:
    (problem,) = problems(rows(table(*lines)), listed, {}, ROOT)
    assert words in problem


OWED = changed(last="not yet: the archive of calls is missing")


@pytest.mark.parametrize(
    ("row", "not_yet", "words"),
    [
        (OWED, {}, "may not stand as not yet"),
        (OWED, {"dev-1": "another reason than that"}, "may not stand as not yet"),
        (GOOD, {"dev-1": "the archive of calls is missing"}, "its row says something else"),
    ],
)
def test_a_requirement_is_not_built_yet_exactly_where_the_list_says_so(
    row: tuple[str, ...], not_yet: dict[str, str], words: str
) -> None:
    (problem,) = problems(rows(table(row)), LIST, not_yet, ROOT)
    assert words in problem
    assert problems(rows(table(OWED)), LIST, {"dev-1": "the archive of calls is missing"}, ROOT) == []


@pytest.mark.parametrize("text", ["dev-1", "dev-1 ", "dev-1 not built\ndev-1 not built"])
def test_a_list_of_what_is_not_built_has_a_reason_for_each(text: str) -> None:
    with pytest.raises(TableError, match="dev-1"):
        reasons(text)


@pytest.mark.parametrize("text", ["dev-1 SHALL\ndev-1 SHALL", "dev-1 MAY", "dev-1"])
def test_a_list_with_a_requirement_twice_or_without_its_level_is_refused(text: str) -> None:
    with pytest.raises(TableError, match="dev-1"):
        requirements(text)
