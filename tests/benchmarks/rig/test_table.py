import io

import pytest

from benchmarks.rig.table import Line, Row, Skip, heading, print_table, status_of, summary, text_of

GOOD = Row("asked", "200", "200", "3 ms", lost=0)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([GOOD], 0),
        ([Row("asked", "200", "503")], 1),
        ([GOOD, Row("asked", "200", "200", lost=1)], 1),
        ([GOOD, Row("asked", "200", "200 ")], 1),
        ([GOOD, Skip("PostgreSQL", "it is not here")], 0),
        ([Skip("PostgreSQL", "it is not here")], 1),
        ([], 1),
    ],
)
def test_only_rows_that_were_played_and_are_as_expected_end_well(lines: list[Line], status: int) -> None:
    out = io.StringIO()
    assert print_table(lines, out) == status_of(lines) == status


def test_a_table_says_of_each_row_whether_it_is_as_expected() -> None:
    out = io.StringIO()
    print_table([GOOD, Row("asked again", "200", "503", lost=2), Skip("disk full", "no tmpfs")], out)
    text = out.getvalue()
    assert [line.rsplit(maxsplit=1)[-1] for line in text.splitlines()[2:5]] == ["ok", "DIFFERENT", "skipped"]
    assert text.endswith("\n2 rows, 1 as expected, 1 not played; lost records: 2\n")


def test_long_words_go_on_in_their_own_column() -> None:
    row = Row("a " * 60, "b " * 60, "c " * 30, "d", 0)
    lines = text_of(row).splitlines()
    assert len(lines) == 4
    assert "".join(lines).count("b") == 60
    assert {line.find("b") for line in lines} == {heading().index("EXPECTED")}
    assert lines[0].endswith("DIFFERENT")


def test_rows_about_something_else_than_records_lose_none() -> None:
    assert summary([Row("asked", "200", "200")]) == "1 rows, 1 as expected; lost records: 0"
    assert text_of(Row("asked", "200", "200")).split() == ["asked", "200", "200", "ok"]
