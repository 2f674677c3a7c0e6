"""What SECURITY.md says can be relied on: its items are complete, its tests exist, its chapters say what remains."""

import re
from pathlib import Path

import pytest

from tests.docs.requirements_table import Status, TableError, problems, requirements, rows

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
LIST = (Path(__file__).parent / "asvs-5.0.0-items.txt").read_text(encoding="utf-8")
CHAPTERS = {"V2", "V4", "V9", "V12", "V13", "V15", "V16"}
_CHAPTER = re.compile(r"^\| (V\d+) [^|]+ \| (reached|not reached) \| ([^|]+) \|$", re.MULTILINE)


def mistakes(text: str) -> list[str]:
    """Return what is wrong with the table of items and with that of chapters."""
    found = rows(text)
    chapters = {name: (reached == "reached", words.split()) for name, reached, words in _CHAPTER.findall(text)}
    short = {row.id for row in found if row.level in {"L1", "L2"} and row.status is not Status.IMPLEMENTED}
    return [
        *problems(found, requirements(LIST), {}, ROOT),
        *(f"{name}: is no row of the chapters" for name in sorted(CHAPTERS ^ chapters.keys())),
        *(f"{name}: does not say what remains" for name, (_, words) in chapters.items() if len(words) < 4),
        *(
            f"{each}: is not reached, but its chapter is"
            for each in sorted(short)
            if chapters.get(f"V{each.partition('.')[0]}", (False,))[0]
        ),
        *(
            f"{each}: is not named by its chapter"
            for each in sorted(short)
            if each not in " ".join(chapters.get(f"V{each.partition('.')[0]}", (False, []))[1])
        ),
    ]


def changed(item: str, old: str, new: str) -> str:
    """Return the document with one change in the row of an item or a chapter."""
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| {item} ")]
    assert old in row
    return TEXT.replace(row, row.replace(old, new))


def test_every_item_has_one_row_and_every_test_that_is_named_exists() -> None:
    assert mistakes(TEXT) == []


def test_the_list_has_the_items_that_were_chosen() -> None:
    listed = requirements(LIST)
    assert len(listed) == 34
    assert {each.partition(".")[0] for each in listed} == {"9", "13", "15", "16"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (changed("9.1.1", "test_a_made_up_signature_is_refused", "test_nothing_at_all"), "9.1.1: there is no tests"),
        (changed("9.1.1", "| L1 |", "| L2 |"), "9.1.1: the level is L1"),
        (changed("9.1.1", "9.1.1", "9.1.4"), "9.1.1: is missing"),
        (changed("9.1.1", "9.1.1", "9.1.2"), "9.1.2: stands 2 times"),
        (changed("V4", "| V4 ", "| V5 "), "V4: is no row of the chapters"),
        (changed("V9", "9.2.4 asks something of who issues tokens, which are the clients", "nothing"), "V9: does not"),
        (changed("V16", "| not reached |", "| reached |"), "16.3.1: is not reached, but its chapter is"),
        (changed("V16", "16.3.1, ", ""), "16.3.1: is not named by its chapter"),
    ],
)
def test_a_wrong_row_is_found(wrong: str, words: str) -> None:
    assert any(words in each for each in mistakes(wrong))


def test_a_row_that_does_not_say_what_remains_is_refused() -> None:
    words = ". That clocks agree is for the machines; the service reads one only."
    with pytest.raises(TableError, match=r"16\.2\.2 .*what remains"):
        mistakes(changed("16.2.2", words, ""))


@pytest.mark.parametrize(
    "actor", ["EHR", "hostile registered", "network", "FHIR server", "operator", "database", "logs", "packages"]
)
def test_the_threat_model_has_a_row_for_whom_it_must(actor: str) -> None:
    model = TEXT.partition("## Threat model")[2].partition("## OWASP")[0]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in model.splitlines() if line[:1] == "|"]
    assert any(actor in row[0] for row in table)
    assert all(len(row) == 4 and all(row[1:]) for row in table)


def test_every_link_of_the_document_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", TEXT)
    assert targets
    assert [each for each in targets if not (ROOT / each).is_file()] == []
