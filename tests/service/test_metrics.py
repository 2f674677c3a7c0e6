import re
from typing import Any

import pytest

from criteria.facts import SearchState
from criteria.outcome import Outcome
from service import metric_table as table
from service.breaker import Circuit
from service.call_report import NONE, CallReport, EndedCall, Reported, Waiting
from service.deadline import Deadline
from service.fhir_client import Fetched
from service.metric_page import Found
from service.metric_table import ROWS, Kind, Row
from service.metrics import Metrics
from tests.service.builders import FixedClock, logged, shipped_data
from tests.service.metric_pages import number, page_of, ready, samples

HOOK = "her2-order-sign"


def counting() -> Metrics:
    metrics = Metrics(FixedClock())
    metrics.expect_services([HOOK])
    return metrics


def ended(**changes: Any) -> EndedCall:
    report = changes.pop("report", CallReport())
    known: dict[str, Any] = {"service": HOOK, "route": "call", "status": 200, "seconds": 0.5}
    return EndedCall(report=report, **(known | changes))


def decided(**changes: Any) -> EndedCall:
    decisions = (Reported("mmm/x", Outcome.AUTHORIZED), Reported("mmm/x", Outcome.AUTHORIZED))
    return ended(report=CallReport(decisions=(*decisions, Reported(NONE, Outcome.NO_POLICY))), **changes)


def test_calls_are_counted_by_route_service_and_status() -> None:
    metrics = counting()
    for status in (200, 200, 429):
        metrics.count_call(ended(status=status))
    page = page_of(metrics)
    assert number(page, "calls_total", route="call", service=HOOK, status="200") == 2
    assert number(page, "calls_total", route="call", service=HOOK, status="429") == 1


def test_decisions_are_counted_by_service_policy_and_outcome_and_records_by_what_became_of_them() -> None:
    metrics = counting()
    metrics.count_call(decided(is_recorded=True))
    metrics.count_call(decided(is_recorded=False))
    metrics.count_call(decided(is_recorded=True))
    page = page_of(metrics)
    assert number(page, "decisions_total", service=HOOK, policy="mmm/x", outcome="authorized") == 6
    assert number(page, "decisions_total", service=HOOK, policy="none", outcome="no-policy") == 3
    assert number(page, "records_total", result="written") == 6
    assert number(page, "records_total", result="not-written") == 3


def test_what_was_decided_and_not_answered_is_not_counted_as_decided() -> None:
    metrics = counting()
    metrics.count_call(decided(status=500))
    page = page_of(metrics)
    assert number(page, "decisions_total", service=HOOK, policy="mmm/x", outcome="authorized") is None
    assert number(page, "records_total", result="written") == 0


def test_the_time_of_a_call_is_split_into_its_own_and_what_it_waited_for() -> None:
    metrics = counting()
    report = CallReport(waited={Waiting.FHIR: 0.25, Waiting.STORAGE: 0.0625, Waiting.QUEUE: 0.0625})
    metrics.count_call(ended(report=report, seconds=0.5))
    page = page_of(metrics)
    for name, seconds in (("call", 0.5), ("call_own", 0.125), ("call_fhir", 0.25)):
        assert number(page, f"{name}_seconds_sum", service=HOOK) == seconds
        assert number(page, f"{name}_seconds_count", service=HOOK) == 1
    assert number(page, "call_storage_seconds_sum", service=HOOK) == 0.0625
    assert number(page, "call_queue_seconds_sum", service=HOOK) == 0.0625


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 1),
        ({"status": 412}, 1),
        ({"status": 500}, 1),
        ({"status": 503}, 1),
        ({"status": 400}, 0),
        ({"status": 401}, 0),
        ({"status": 429}, 0),
        ({"route": "feedback"}, 0),
        ({"route": "policy", "service": NONE}, 0),
    ],
)
def test_only_calls_that_were_worked_out_are_timed(changes: dict[str, Any], count: int) -> None:
    metrics = counting()
    metrics.count_call(ended(**changes))
    assert number(page_of(metrics), "call_seconds_count", service=HOOK) == count


def test_refused_callers_and_feedback_are_counted_by_their_words() -> None:
    metrics = counting()
    metrics.count_call(ended(report=CallReport(refused="signature"), status=401))
    metrics.count_call(ended(report=CallReport(feedback=("accepted", "overridden", "accepted")), route="feedback"))
    page = page_of(metrics)
    assert number(page, "refused_callers_total", reason="signature") == 1
    assert number(page, "feedback_total", service=HOOK, outcome="accepted") == 2
    assert number(page, "feedback_total", service=HOOK, outcome="overridden") == 1


@pytest.mark.parametrize(
    ("fetched", "result"),
    [
        (Fetched(SearchState.ANSWERED, body={}), "answered"),
        (Fetched(SearchState.DENIED, reason="answered 404"), "denied"),
        (Fetched(SearchState.FAILED, reason="answered 503"), "failed"),
        (Fetched(SearchState.FAILED, unreachable=True), "unreachable"),
    ],
)
def test_requests_to_fhir_servers_are_counted_by_client_and_result(fetched: Fetched, result: str) -> None:
    metrics = counting()
    asked: list[tuple[str, str | None]] = []

    def fetch(url: str, token: str | None, deadline: Deadline) -> Fetched:
        asked.append((url, token))
        return fetched

    deadline = Deadline.after(1)
    for client in ("new-ehr", None):
        assert metrics.counted(fetch, client)("https://x/Canary", "Canary", deadline) is fetched
    page = page_of(metrics)
    assert asked == [("https://x/Canary", "Canary")] * 2
    for client in ("new-ehr", "anybody"):
        assert number(page, "fhir_requests_total", client=client, result=result) == 1
        assert number(page, "fhir_request_seconds_count", client=client) == 1
    assert "Canary" not in page


def test_fetches_of_keys_are_counted_and_the_last_that_brought_keys_is_dated() -> None:
    metrics = counting()
    metrics.keys_fetched("a", is_had=True)
    metrics.keys_fetched("a", is_had=False)
    metrics.keys_fetched("b", is_had=False)
    page = page_of(metrics)
    assert number(page, "jwks_fetches_total", client="a", result="ok") == 1
    assert number(page, "jwks_fetches_total", client="a", result="failed") == 1
    assert number(page, "jwks_fetched_timestamp_seconds", client="a") == FixedClock().now().timestamp()
    assert number(page, "jwks_fetched_timestamp_seconds", client="b") is None


def test_what_can_be_known_beforehand_is_shown_before_it_happens() -> None:
    metrics = counting()
    metrics.expect_clients(["a"])
    page = page_of(metrics)
    assert number(page, "fhir_requests_total", client="a", result="failed") == 0
    assert number(page, "jwks_fetches_total", client="a", result="failed") == 0
    assert number(page, "records_total", result="not-written") == 0
    assert number(page, "call_seconds_count", service=HOOK) == 0


def test_a_circuit_is_shown_once_a_call_has_waited_and_whenever_somebody_looks() -> None:
    metrics = counting()
    states = {"database": Circuit.CLOSED, "a https://ehr.example.org": Circuit.OPEN}
    asked: list[bool] = []

    def watched() -> dict[str, Circuit]:
        asked.append(True)
        return states

    metrics.watch_circuits(watched)
    metrics.count_call(ended())
    assert not asked
    metrics.count_call(ended(report=CallReport(waited={Waiting.FHIR: 0.1, Waiting.STORAGE: 0.0})))
    assert asked
    shown = [number(page_of(metrics), "circuit_state", circuit=name) for name in states]
    assert shown == [0, 2]
    states["database"] = Circuit.HALF_OPEN
    assert number(page_of(metrics), "circuit_state", circuit="database") == 1


def test_calls_under_way_are_counted_up_and_down() -> None:
    metrics = counting()
    metrics.call_began()
    metrics.call_began()
    metrics.call_ended()
    assert number(page_of(metrics), "calls_in_progress") == 1


def test_a_count_that_fails_breaks_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = counting()

    def full(*_: Any) -> None:
        raise OSError("no space left: Canary")

    for name in ("_calls", "_fhir_requests", "_key_fetches"):
        monkeypatch.setattr(getattr(metrics, name), "labels", full)
    monkeypatch.setattr(metrics._under_way, "inc", full)
    monkeypatch.setattr(metrics._under_way, "dec", full)
    answered = Fetched(SearchState.ANSWERED, body={})
    with logged() as stream:
        metrics.call_began()
        metrics.count_call(ended())
        metrics.keys_fetched("a", is_had=True)
        assert metrics.counted(lambda *_: answered, "a")("https://x", None, Deadline.after(1)) is answered
        metrics.call_ended()
    assert stream.getvalue().count('"event":"not-counted"') == 5
    assert "Canary" not in stream.getvalue()


# ---------------------------------------------------------------------------------------------- what is found out


def test_the_page_says_whether_it_is_ready_and_what_is_loaded() -> None:
    policies = shipped_data()[0].policies
    readiness = ready(database=lambda: False, policies=lambda: True)
    page = counting().page(Found(readiness, policies.values())).decode()
    assert number(page, "ready") == 0
    assert number(page, "check_passed", check="database") == 0
    assert number(page, "check_passed", check="policies") == 1
    assert number(page, "check_passed", check="serving") == 1
    for each in policies.values():
        assert number(page, "policy_info", policy=each.id, version=each.version, digest=each.digest) == 1
    (version,) = [dict(labels)["version"] for name, labels in samples(page) if name == "her2_crd_build_info"]
    assert re.fullmatch(r"checkout|\d+(\.\d+)+", version)
    assert number(counting().page(Found(ready(), [])).decode(), "ready") == 1


# ------------------------------------------------------------------------------------------------------ the table


def test_every_row_is_on_the_page_with_its_labels_and_nothing_else() -> None:
    metrics = counting()
    metrics.expect_clients(["a"])
    metrics.count_call(decided(is_recorded=True))
    metrics.count_call(ended(report=CallReport(refused="signature", feedback=("accepted",))))
    metrics.keys_fetched("a", is_had=True)
    metrics.counted(lambda *_: Fetched(SearchState.FAILED), "a")("https://x", None, Deadline.after(1))
    metrics.watch_circuits(lambda: {"database": Circuit.CLOSED})
    found = Found(ready(), shipped_data()[0].policies.values())
    shown: dict[str, set[str]] = {}
    for name, labels in samples(metrics.page(found).decode()):
        whole = re.sub(r"_(bucket|count|sum|created)$", "", name)
        shown.setdefault(whole, set()).update(dict(labels).keys() - {"le"})
    # Beside a counter stands when it was made.
    made = {each.name.removesuffix("_total") for each in ROWS if each.kind is Kind.COUNTER}
    assert {name: labels for name, labels in shown.items() if name not in made} == {
        row.name: set(row.labels) for row in ROWS
    }


def test_names_of_the_table_are_told_apart() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert set(ROWS) == {each for each in vars(table).values() if isinstance(each, Row)}


@pytest.mark.parametrize(
    ("name", "kind", "more"),
    [
        ("calls_total", Kind.COUNTER, {}),
        ("her2_crd_calls", Kind.COUNTER, {}),
        ("her2_crd_state_total", Kind.FOUND, {}),
        ("her2_crd_seconds", Kind.HISTOGRAM, {}),
        ("her2_crd_state", Kind.GAUGE, {}),
        ("her2_crd_state", Kind.FOUND, {"among": "max"}),
        ("her2_crd_calls_total", Kind.COUNTER, {"buckets": (1.0,)}),
    ],
)
def test_a_row_that_is_half_a_metric_cannot_be_made(name: str, kind: Kind, more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=name):
        Row(name, kind, (), "x", **more)
