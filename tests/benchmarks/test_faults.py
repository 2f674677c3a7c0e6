"""The rows fail when the service does what it must not: a harness that cannot fail proves nothing."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from threading import Event
from typing import Any

import pytest

from benchmarks import faults_ehr, faults_outage, faults_same
from benchmarks.faults_ssrf import hostile_addresses
from benchmarks.rig.audit import CLEAN, audited, verdict
from benchmarks.rig.charts import Told, templates
from benchmarks.rig.databases import SqliteFile, retaining, without_postgres
from benchmarks.rig.ledger import Ledger
from benchmarks.rig.orders import PATH
from benchmarks.rig.processes import group_members
from benchmarks.rig.table import Row, Skip
from benchmarks.rig.web import Answer
from tests.benchmarks.stub import Stub, serving


@pytest.fixture
def stub() -> Iterator[Stub]:
    templates.cache_clear()
    with serving(Stub()) as answering:
        yield answering


# --------------------------------------------------------------------------------------------------------- FHIR servers


def test_a_service_that_authorizes_without_its_fhir_server_fails_every_row_but_the_control(stub: Stub) -> None:
    rows = list(faults_ehr.rows(stub.server))
    assert [row.done for row in rows if row.is_as_expected] == ["EHR answers (control)"]
    assert len(rows) >= 15
    assert {row.seen.partition(";")[0] for row in rows} == {"200, authorized, within 5 s"}


def test_a_service_that_never_asks_fails_the_control(stub: Stub) -> None:
    stub.outcome = "technical"
    wrong = [row.done for row in faults_ehr.rows(stub.server) if not row.is_as_expected]
    assert wrong == ["EHR answers (control)", "EHR answers 403"]


def test_a_circuit_that_lets_a_dead_server_decide_fails_its_rows(stub: Stub) -> None:
    opened, back = faults_ehr.circuit_rows(stub.server, Event())
    assert opened.seen == "200, authorized, within 5 s; at once; asked 0 times"
    assert not opened.is_as_expected
    assert back.is_as_expected


def test_a_server_that_is_never_asked_again_fails_its_row(stub: Stub) -> None:
    stub.outcome, stopped = "technical", Event()
    stopped.set()
    opened, back = faults_ehr.circuit_rows(stub.server, stopped)
    assert opened.is_as_expected
    assert back.seen == "200, technical, within 5 s"
    assert not back.is_as_expected


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Told(200, "technical", 4.99), "200, technical, within 5 s"),
        (Told(200, "technical", 5.25), "200, technical, after 5.2 s"),
        (Told(500, "no outcome", 0.1), "500, no outcome, within 5 s"),
        (Told(0, "", 0.0, "ConnectionResetError"), "no answer: ConnectionResetError"),
    ],
)
def test_what_a_call_was_told_is_said_with_the_time_it_took(told: Told, words: str) -> None:
    assert str(told) == words


def test_every_hostile_address_stands_once_and_leads_here_to_metadata_or_to_a_file() -> None:
    addresses = hostile_addresses(4711)
    assert len(addresses) >= 50
    assert all("4711" in each or "/etc/" in each or "/latest/" in each or "2852039166" in each for each in addresses)


# -------------------------------------------------------------------------------------------------------------- records


def test_ids_that_differ_and_answers_that_are_not_recorded_fail_the_row(stub: Stub) -> None:
    answers = faults_same.at_once([stub.server, stub.server], [b"{}"] * 16)
    row = faults_same.same("SQLite", answers, 2)
    assert row.seen == "16 acknowledged; 16 assertion ids, 1 number"
    assert not row.is_as_expected
    stub.name = lambda: "the same"
    assert faults_same.same("SQLite", faults_same.at_once([stub.server], [b"{}"] * 16), 2).is_as_expected
    stub.recorded = "false"
    row = faults_same.same("SQLite", faults_same.at_once([stub.server], [b"{}"] * 16), 2)
    assert row.seen == "0 acknowledged; 0 assertion ids, 0 numbers"


def test_a_number_without_a_database_fails_the_row_of_an_outage(stub: Stub) -> None:
    stub.recorded = "false"
    stub.statuses = {"/readyz": 503, f"{PATH}/feedback": 503}
    row = faults_outage._say(stub.server, "down", faults_outage.down())
    assert row.seen == "200, covered, satisfied, number, not recorded; ready 503, live 200, feedback 503"
    assert not row.is_as_expected
    stub.number = None
    assert "no number" in faults_outage._say(stub.server, "down", faults_outage.down()).seen


def commands(**said: str) -> Any:
    return lambda *words: CompletedProcess(words, 0, said[words[1]], "")


def test_what_was_acknowledged_and_cannot_be_read_is_lost(stub: Stub) -> None:
    ledger = Ledger()
    stub.name = lambda: "a1"
    body = stub.post(b"")
    ledger.note(Answer(200, {"her2-crd-recorded": "true"}, str(body).replace("'", '"').encode(), 0.1))
    line = '{"decision":{"assertion":"a1","approval":{"number":"MMM-1"}}}'
    good = {"verify": "1 decisions, 0 breaks", "replay": "1 retained calls", "export": line}
    stub.command = commands(**good)  # type: ignore[method-assign]
    assert (audited(stub.server, ledger).words, audited(stub.server, ledger).lost) == (CLEAN, 0)
    stub.command = commands(**good | {"export": ""})  # type: ignore[method-assign]
    assert audited(stub.server, ledger).lost == 1
    stub.command = commands(**good)  # type: ignore[method-assign]
    stub.statuses = {"/decisions/a1": 404}
    assert audited(stub.server, ledger).lost == 1


@pytest.mark.parametrize(
    ("status", "out", "err", "words"),
    [
        (0, "heads\n", "5 decisions, 0 breaks", "chain verifies"),
        (0, "", "4 decisions, 0 breaks", "verify: 4 decisions, 0 breaks"),
        (1, "", "BROKEN\n5 decisions, 1 breaks", "verify: 5 decisions, 1 breaks"),
        (0, "", "all is well", "verify: all is well"),
        (3, "", "", "verify: status 3"),
    ],
)
def test_an_audit_that_failed_or_looked_at_too_little_proves_nothing(
    status: int, out: str, err: str, words: str
) -> None:
    assert verdict("verify", CompletedProcess((), status, out, err), 5) == words


# ---------------------------------------------------------------------------------------------------------- the harness


@pytest.mark.parametrize(("environ", "kind"), [({}, Skip), ({"REQUIRE_POSTGRES": "0"}, Skip)])
def test_without_postgresql_its_rows_are_said_to_be_skipped(environ: Mapping[str, str], kind: type) -> None:
    assert isinstance(without_postgres("a row", "not installed", environ), kind)


def test_where_postgresql_is_required_a_row_without_it_fails() -> None:
    line = without_postgres("a row", "not installed", {"REQUIRE_POSTGRES": "1"})
    assert isinstance(line, Row)
    assert not line.is_as_expected


def test_the_keys_of_retained_inputs_stay_the_same_for_a_folder(tmp_path: Path) -> None:
    database = SqliteFile(tmp_path / "records.sqlite3")
    first = retaining(tmp_path, database)
    keys = Path(first["HER2_CRD_RETAIN_KEYS"]).read_bytes()
    assert retaining(tmp_path, database) == first
    assert Path(first["HER2_CRD_RETAIN_KEYS"]).read_bytes() == keys
    assert database.size() == 0


def test_a_full_disk_is_full_until_it_is_given_back(tmp_path: Path) -> None:
    with faults_outage.small_disk(tmp_path / "disk") as (disk, outage):
        if outage is faults_outage.LIMITED:
            pytest.skip("no file system can be mounted here")
        outage.begin(Stub().server)
        with pytest.raises(OSError, match="No space"), (disk / "more").open("wb", buffering=0) as file:
            file.write(bytes(4096))
        outage.end(Stub().server)
        (disk / "more").write_bytes(bytes(4096))
    assert list((tmp_path / "disk").iterdir()) == []


def test_a_limit_of_file_sizes_holds_for_every_process_of_a_group_until_it_is_lifted() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 30 & sleep 30"], start_new_session=True) as process:
        while len(group_members(process.pid)) < 3:
            time.sleep(0.01)
        try:
            for size in (4096, resource.RLIM_INFINITY):
                faults_outage.limit_files(process.pid, size)
                limits = [resource.prlimit(pid, resource.RLIMIT_FSIZE)[0] for pid in group_members(process.pid)]
                assert limits == [size] * 3
        finally:
            os.killpg(process.pid, signal.SIGKILL)
