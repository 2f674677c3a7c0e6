"""What docs/observability.md says is so: its tables are those of the code, and its alerts ask for what there is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.logs import ALLOWED_FIELDS
from service.metric_table import ROWS, Kind

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/observability.md").read_text(encoding="utf-8")
METRIC = re.compile(r"\b(her2_crd_\w+)(?:\{([^}]*)\})?")
OF_A_HISTOGRAM = re.compile(r"_(?:bucket|count|sum)$")
CELL = re.compile(r"(?<!\\)\|")
LOGGING = {"log_event", "_log_stray"}


def table(header: str, text: str = TEXT) -> list[list[str]]:
    """Return the cells of the table whose first column has this name."""
    after = text.split(f"| {header} |", 1)[1].split("\n", 2)[2]
    lines = after.split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in CELL.split(line.strip("|"))] for line in lines]


def code(text: str) -> str:
    return text.strip("`")


def test_the_metrics_are_those_of_the_code() -> None:
    expected = [
        [f"`{row.name}`", row.kind.value, ", ".join(f"`{each}`" for each in row.labels) or "none", row.meaning]
        for row in ROWS
    ]
    assert table("metric") == expected


def test_the_fields_are_those_that_a_line_may_have() -> None:
    assert [code(name) for name, _ in table("field")] == list(ALLOWED_FIELDS)


def events(source: str) -> Iterator[tuple[str, str]]:
    """Yield the events that a module logs, with their level."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", None) not in LOGGING:
            continue
        if node.args and isinstance(node.args[0], ast.Constant):
            levels = [str(each.value.value) for each in node.keywords if each.arg == "level"]  # type: ignore[attr-defined]
            is_stray = getattr(node.func, "id", None) == "_log_stray"
            yield str(node.args[0].value), (levels or ["error" if is_stray else "info"])[0]


def test_the_events_are_those_that_the_code_logs() -> None:
    logged = {each for file in (ROOT / "service").rglob("*.py") for each in events(file.read_text(encoding="utf-8"))}
    assert ("answered", "info") in logged
    documented = [(code(name), level) for name, level, _ in table("event")]
    assert set(documented[:-1]) == logged
    assert len(documented[:-1]) == len(logged)
    assert documented[-1][0] == "message of LOGGER"


def unknown(expression: str) -> list[str]:
    """Return the metrics and labels of an expression that there are not."""
    found = []
    rows = {row.name: row for row in ROWS}
    for name, matchers in METRIC.findall(expression):
        row = rows.get(OF_A_HISTOGRAM.sub("", name)) if OF_A_HISTOGRAM.search(name) else rows.get(name)
        if row is None or (row.kind is Kind.HISTOGRAM) != bool(OF_A_HISTOGRAM.search(name)):
            found.append(name)
        else:
            found += [f"{name}: {each}" for each in re.findall(r"(\w+)\s*[=!]~?", matchers) if each not in row.labels]
    return found


@pytest.mark.parametrize("alert", [row[0] for row in table("alert")])
def test_an_alert_asks_for_what_there_is(alert: str) -> None:
    assert METRIC.search(alert)
    assert unknown(alert) == []
    grouped = {each for names in re.findall(r"by \(([^)]+)\)", alert) for each in names.split(", ")}
    known = {label for row in ROWS if row.name in alert for label in row.labels}
    assert grouped <= known | {"le"}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("her2_crd_readyy == 0", ["her2_crd_readyy"]),
        ("her2_crd_call_seconds > 1", ["her2_crd_call_seconds"]),
        ("her2_crd_ready_sum", ["her2_crd_ready_sum"]),
        ('her2_crd_calls_total{code="500"}', ["her2_crd_calls_total: code"]),
        ('her2_crd_calls_total{status=~"500",route!="call"}', []),
    ],
)
def test_an_expression_that_asks_for_nothing_is_noticed(expression: str, found: list[str]) -> None:
    assert unknown(expression) == found


def test_an_event_and_a_row_that_differ_are_noticed() -> None:
    assert list(events('log_event("a", level="error")\nlog_event("b")\n_log_stray("c", x)\nother("d")')) == [
        ("a", "error"),
        ("b", "info"),
        ("c", "error"),
    ]
    assert table("x", "| x | y |\n|---|---|\n| `1` | a \\| b |\n\nrest") == [["`1`", "a \\| b"]]
