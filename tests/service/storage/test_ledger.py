"""What is recorded is recorded together, in one chain for each client, on each database."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from criteria.outcome import Approval
from service.audit import verify
from service.past import Asserted, Authorization, Past, Treatment, read_past
from service.storage.database import Database, StorageDownError
from service.storage.ledger import BEGINNING, Entry, IssuedMeanwhileError, Ledger
from service.storage.schema import upgrade
from service.storage.sealing import Seal, new_key
from service.storage.trail import Trail
from tests.test_house_rules import ROOT

CLIENT, PATIENT = "ehr", "p1"
TREATMENT = Treatment(CLIENT, PATIENT, "member", "mmm", "margetuximab", "breast")
REMARK = "it can be extended"


@pytest.fixture
def database(empty: Database) -> Database:
    upgrade(empty)
    return empty


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


def authorization(number: str = "MMM-1", issued: str = "2026-09-15", treatment: Treatment = TREATMENT) -> Authorization:
    day = date.fromisoformat(issued)
    return Authorization(number, treatment, f"assertion of {number}", day, Approval(6, date(2027, 3, 14), REMARK))


def asserted(name: str, number: str | None = None) -> Asserted:
    return Asserted(name, "0" * 64, True, PATIENT, "mmm", "Coverage/1", "margetuximab", number)


def entry(*names: str, client: str = CLIENT, issued: tuple[Authorization, ...] = (), **changes: Any) -> Entry:
    number = issued[0].number if issued else None
    return replace(
        Entry(
            client=client,
            call=f"call {'-'.join(names)}",
            moment=datetime(2026, 9, 15, 8, tzinfo=UTC),
            contents=[{"assertion": name, "outcome": "review"} for name in names],
            asserted=[asserted(name, number) for name in names],
            issued=issued,
            cards=(),
        ),
        **changes,
    )


def test_what_is_recorded_is_found(ledger: Ledger, database: Database) -> None:
    ledger.record(entry("a", "b"))
    found = ledger.find("b")
    assert found is not None
    assert (found.client, found.position, found.call) == (CLIENT, 2, "call a-b")
    assert json.loads(found.content)["outcome"] == "review"
    assert ledger.find("c") is None
    assert verify(Trail(database)).breaks == []


def test_the_newest_record_of_an_assertion_is_found(ledger: Ledger) -> None:
    ledger.record(entry("a"))
    ledger.record(entry("a", call="later", moment=datetime(2026, 9, 16, 8, tzinfo=UTC)))
    found = ledger.find("a")
    assert found is not None
    assert found.call == "later"


def test_each_client_has_a_chain_of_its_own(ledger: Ledger, database: Database) -> None:
    for client in ("", CLIENT, "", "other"):
        ledger.record(entry("a", client=client))
    assert [(each.client, each.length) for each in Trail(database).heads()] == [("", 2), (CLIENT, 1), ("other", 1)]
    firsts = [each.previous for each in Trail(database).decisions() if each.position == 1]
    assert firsts == [BEGINNING] * 3
    assert verify(Trail(database)).breaks == []


def test_the_trail_is_read_in_pieces(ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    seal = Seal([new_key()])
    for client in ("a", "b"):
        ledger.record(entry(*map(str, range(300)), client=client, call=client, sealed=seal.close(b"x")))
    assert [each.position for each in Trail(database).decisions()] == [*range(1, 301)] * 2
    monkeypatch.setattr("service.storage.trail._SEALED_BATCH", 1)
    assert len(list(Trail(database).retained())) == 2


# ------------------------------------------------------------------------------------------------------- the past


def test_the_past_of_a_client_and_patient_is_what_was_said_to_it(ledger: Ledger) -> None:
    issued = authorization()
    ledger.record(entry("a", issued=(issued,)))
    past = ledger.past(CLIENT, PATIENT, ["a", "b"])
    assert past == Past.of([asserted("a", issued.number)], [issued])
    assert read_past(json.loads(json.dumps(past.to_json(), default=str))) == past
    assert ledger.past("other", PATIENT, ["a"]) == Past()
    assert ledger.past(CLIENT, "p2", ["a"]).authorizations == ()
    assert ledger.past(CLIENT, PATIENT, []).asserted == {}


def test_a_number_is_added_to_an_assertion_and_never_taken_away(ledger: Ledger) -> None:
    ledger.record(entry("a"))
    ledger.record(entry("a", issued=(authorization(),)))
    ledger.record(entry("a"))
    assert ledger.past(CLIENT, PATIENT, ["a"]).asserted["a"].authorization == "MMM-1"


@pytest.mark.parametrize(("issued", "is_second"), [("2027-03-14", True), ("2027-03-15", False)])
def test_no_treatment_gets_a_second_authorization_while_the_first_is_in_force(
    ledger: Ledger, database: Database, issued: str, is_second: bool
) -> None:
    ledger.record(entry("a", issued=(authorization(),)))
    again = entry("b", issued=(authorization("MMM-2", issued),))
    if not is_second:
        ledger.record(again)
        return
    with pytest.raises(IssuedMeanwhileError):
        ledger.record(again)
    assert ledger.find("b") is None
    assert verify(Trail(database)).decisions == 1


@pytest.mark.parametrize("field", ["member", "payer", "drug", "cancer"])
def test_another_treatment_gets_an_authorization_of_its_own(ledger: Ledger, field: str) -> None:
    ledger.record(entry("a", issued=(authorization(),)))
    other = Treatment(**{**{name: getattr(TREATMENT, name) for name in TREATMENT.__struct_fields__}, field: "other"})
    ledger.record(entry("b", issued=(authorization("MMM-2", treatment=other),)))
    assert len(ledger.past(CLIENT, PATIENT, []).authorizations) == 2


def test_an_entry_that_breaks_off_leaves_nothing(ledger: Ledger, database: Database) -> None:
    ledger.record(entry("a", issued=(authorization(),)))
    with pytest.raises(IntegrityError):
        ledger.record(entry("b", issued=(authorization(treatment=replace_drug("other")),)))
    assert [each.assertion for each in Trail(database).decisions()] == ["a"]
    assert verify(Trail(database)).breaks == []


def replace_drug(name: str) -> Treatment:
    return Treatment(CLIENT, PATIENT, "member", "mmm", name, "breast")


def test_an_entry_has_an_assertion_for_each_decision() -> None:
    with pytest.raises(ValueError, match="each decision"):
        entry("a", asserted=[])


def test_what_was_retained_is_given_back(ledger: Ledger) -> None:
    sealed = Seal([new_key()]).close(b"x")
    ledger.record(entry("a", sealed=sealed))
    assert ledger.retained("call a") == sealed
    assert ledger.retained("another") is None


def test_a_table_that_is_missing_is_a_defect_and_no_outage(ledger: Ledger, database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("drop table orders"))
    with pytest.raises(Exception, match="orders") as caught:
        ledger.record(entry("a"))
    assert not isinstance(caught.value, StorageDownError)


# ------------------------------------------------------------------------------------------------------ in parallel


def test_eight_threads_fork_no_chain_and_issue_nothing_twice(ledger: Ledger, database: Database) -> None:
    def record(number: int) -> str:
        try:
            ledger.record(entry(f"a{number}", issued=(authorization(f"MMM-{number}"),)))
        except IssuedMeanwhileError:
            ledger.record(entry(f"a{number}"))
            return "reused"
        return "issued"

    with ThreadPoolExecutor(8) as pool:
        found = Counter(pool.map(record, range(40)))
    assert found == {"issued": 1, "reused": 39}
    checked = verify(Trail(database))
    assert (checked.breaks, checked.decisions) == ([], 40)


@pytest.fixture(params=["sqlite_url", "postgresql_url"])
def shared_url(request: pytest.FixtureRequest, opened: Callable[[str], Database]) -> str:
    """The address of a database that several processes can use."""
    url: str = request.getfixturevalue(request.param)
    upgrade(opened(url))
    return url


def test_one_order_from_eight_threads_of_two_processes_is_one_assertion_and_one_number(
    shared_url: str, opened: Callable[[str], Database], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.service.storage.parallel_calls", shared_url]
    # Where the keys that the development profile makes are left behind.
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environ) for _ in range(2)
    ]
    found = [json.loads(each.communicate(timeout=60)[0]) for each in running]
    answers = [tuple(answer) for each in found for answer in each["same"]]
    assert len(answers) == 16
    assert len(set(answers)) == 1, set(answers)
    assert answers[0][1].startswith("MMM-")
    # Sixteen orders of one treatment at once: each has its own assertion, all have that number.
    others = [tuple(answer) for each in found for answer in each["others"]]
    assert len({assertion for assertion, _ in others}) == 16
    assert {number for _, number in others} == {answers[0][1]}
    checked = verify(Trail(opened(shared_url)))
    assert (checked.breaks, checked.decisions) == ([], 64)
