"""The record proves that it was not changed, and that everything would be decided the same again."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from service.app import create_app
from service.audit import verify
from service.audit_command import run_export, run_replay, run_verify
from service.retention import data_digests
from service.services import data_folders
from service.settings import SettingsError
from service.storage.database import Database
from service.storage.trail import Trail
from tests.hooks.clients import TODAY, Api, RecordServer, request_of
from tests.service.builders import FixedClock, development, shipped_data

CHARTS = ("mmm-margenza-fourth-line", "oscar-margenza-first", "mmm-kadcyla-lung")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/record.sqlite3"


@pytest.fixture
def here(url: str) -> Api:
    """A service that has answered a few calls, one of them twice."""
    app = create_app(development(database=url), shipped_data(), FixedClock(TODAY), RecordServer())
    api = Api(app.test_client(), RecordServer())
    for name in (*CHARTS, CHARTS[0]):
        assert api.sign(request_of(name)).status == 200
    return api


@pytest.fixture
def database(here: Api, url: str) -> Iterator[Database]:
    found = Database.of(url)
    yield found
    found.dispose()


def change(url: str, statement: str) -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        assert connection.execute(statement).rowcount != 0
    connection.close()


def rows(url: str) -> list[dict[str, Any]]:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        found = connection.execute("select position, content from decisions order by position").fetchall()
    connection.close()
    return [json.loads(content) | {"position": position} for position, content in found]


# ----------------------------------------------------------------------------------------------------------- verify


def test_a_record_that_nobody_touched_holds_together(database: Database) -> None:
    found = verify(Trail(database))
    assert (found.breaks, found.decisions, found.retained, found.erased) == ([], 6, 4, 0)
    assert found.authorizations == 2
    assert [each.length for each in found.heads] == [6]


TAMPERINGS = {
    'update decisions set content = replace(content, \'"outcome":"authorized"\', \'"outcome":"not-met"\')': "changed",
    "delete from decisions where position = 2": "records are missing",
    "delete from decisions where position = 6": "does not end where it is said to",
    "delete from chains": "nothing says where",
    "update chains set length = 5, head = (select hash from decisions where position = 5)": None,
    "update decisions set position = position + 10 where position > 3": "does not end where it is said to",
    "update decisions set position = 7 where position = 6": "does not end where it is said to",
    "update decisions set assertion = 'other' where position = 1": "does not belong to its row",
    "update decisions set recorded = '2020-01-01' where position = 1": "does not belong to its row",
    "update decisions set hash = previous where position = 6": "changed",
    "update decisions set previous = hash where position = 3": "does not follow",
    "update decisions set content = 'x' where position = 3": "changed",
    "update retained set sealed = x'00'": "retained input",
    "update retained set client = 'other'": "retained input",
    "insert into retained select 'other', client, recorded, sealed from retained limit 1": "retained input",
    "update authorizations set expires = '2199-12-31'": "is not as any record issued it",
    "update authorizations set member = 'another'": "is not as any record issued it",
    "update authorizations set cancer = 'stomach'": "is not as any record issued it",
    "delete from authorizations": "an authorization that it issued was changed or taken out",
    "insert into authorizations select 'MMM-1', client, patient, 'other', payer, drug, cancer, assertion, issued,"
    " expires, months, remark from authorizations limit 1": "MMM-1 is not as any record issued it",
}


@pytest.mark.parametrize("statement", TAMPERINGS)
def test_every_tampering_shows(database: Database, url: str, statement: str) -> None:
    noted = verify(Trail(database)).heads
    change(url, statement)
    breaks = [str(each) for each in verify(Trail(database)).breaks]
    expected = TAMPERINGS[statement]
    if expected is not None:
        assert any(expected in each for each in breaks), breaks
    elif breaks == []:
        # An end that was cut off with its head moved back shows by what was noted elsewhere only.
        assert any("is missing" in str(each) for each in verify(Trail(database), noted).breaks)


def test_what_is_added_while_it_is_read_is_no_break(database: Database, here: Api, url: str) -> None:
    """A call comes when the ends of the chains are known: one of a client of before, and the first of another one."""
    trail = Trail(database)
    with trail.at_one_moment() as record:
        heads = record.heads()
        here.sign(request_of("mmm-kadcyla-early"))
        statement = "insert into chains values ('new', 1, 'x')"
        change(url, statement)
        with patch.object(Trail, "at_one_moment", lambda _: nullcontext(record)):
            found = verify(trail)
    assert (found.breaks, found.heads, found.decisions, found.retained) == ([], heads, 6, 4)
    assert any("does not end" in str(each) for each in verify(trail).breaks)


def test_a_chain_that_was_made_anew_shows_by_a_noted_head(database: Database, url: str, tmp_path: Path) -> None:
    noted = verify(Trail(database)).heads
    other = f"sqlite:///{tmp_path}/other.sqlite3"
    app = create_app(development(database=other), shipped_data(), FixedClock(TODAY), RecordServer())
    for _ in range(3):
        Api(app.test_client(), RecordServer()).sign(request_of(CHARTS[0]))
    forged = Database.of(other)
    assert verify(Trail(forged)).breaks == []
    (found,) = verify(Trail(forged), noted).breaks
    assert str(found) == "anybody 6: is not the record that was noted here"
    forged.dispose()


def test_an_input_that_was_erased_is_counted_and_breaks_nothing(database: Database, url: str) -> None:
    change(url, "delete from retained where call = (select min(call) from retained)")
    found = verify(Trail(database))
    assert (found.breaks, found.retained, found.erased) == ([], 3, 1)


def test_the_command_prints_heads_that_it_takes_again(
    database: Database, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verify(database, None) == 0
    heads = tmp_path / "heads"
    heads.write_text(capsys.readouterr().out)
    assert run_verify(database, heads) == 0
    change(url, "update decisions set content = replace(content, 'not-met', 'met')")
    assert run_verify(database, heads) == 1
    assert "BROKEN anybody" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["x", "a b c", "- 1"])
def test_a_file_that_holds_no_heads_is_refused(database: Database, tmp_path: Path, text: str) -> None:
    heads = tmp_path / "heads"
    heads.write_text(text)
    with pytest.raises(SettingsError, match="audit verify"):
        run_verify(database, heads)


# ----------------------------------------------------------------------------------------------------------- replay


def test_every_retained_call_is_decided_the_same_again(
    database: Database, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_replay(development(database=url), database) == 0
    assert capsys.readouterr().out == "4 retained calls, 0 differences, 0 not replayed\n"


def test_settings_of_then_decide_again_not_those_of_now(database: Database, url: str) -> None:
    assert run_replay(development(database=url, real_time_authorization=False), database) == 0


def test_a_decision_that_would_be_another_now_is_a_difference(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("service.naming.member_digest", lambda *_: "another")
    monkeypatch.setattr("service.deciding.MOST_NOTES", 0)
    monkeypatch.setattr("cards.wording.sentence", lambda text: f"{text}!")
    assert run_replay(development(database=url), database) == 1
    told = capsys.readouterr()
    assert "4 retained calls, 4 differences, 0 not replayed" in told.out
    assert "DIFFERENT" in told.err


def test_other_data_files_are_an_obstacle_not_a_difference(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known, settings = data_digests, development(database=url)
    more = {**known(data_folders(settings)), "1:x.yaml": "0"}
    monkeypatch.setattr("service.audit_command.data_digests", lambda _: more)
    assert run_replay(settings, database) == 1
    told = capsys.readouterr()
    assert "4 retained calls, 0 differences, 4 not replayed" in told.out
    assert "1 other data files: 1:x.yaml" in told.err


def test_a_service_that_is_gone_is_an_obstacle(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("service.audit_command.offered_services", lambda _: {})
    assert run_replay(development(database=url), database) == 1
    told = capsys.readouterr()
    assert "4 retained calls, 0 differences, 4 not replayed" in told.out
    assert "its service is not offered any more" in told.err


def test_what_cannot_be_opened_is_an_obstacle(database: Database, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(f"{url.removeprefix('sqlite:///')}.key").unlink()
    assert run_replay(development(database=url), database) == 1
    assert "cannot be opened" in capsys.readouterr().err


def test_without_retained_inputs_nothing_can_be_replayed(database: Database, url: str) -> None:
    with pytest.raises(SettingsError, match="HER2_CRD_RETAIN_INPUTS"):
        run_replay(development(database=url, retain_inputs=False), database)


# ----------------------------------------------------------------------------------------------------------- export


def test_every_decision_is_exported_as_a_line(database: Database, url: str, capfdbinary: Any) -> None:
    assert run_export(database) == 0
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [each["decision"]["position"] for each in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[1]["previous"] == lines[0]["hash"]
    assert lines[0]["decision"] == rows(url)[0]


# ------------------------------------------------------------------------------------------------- what is in a record


def test_the_same_order_keeps_its_assertion_and_every_call_is_recorded(database: Database, url: str) -> None:
    first, *_, last = [each for each in rows(url) if each["order"]["reference"] == "MedicationRequest/order-06"]
    assert first["assertion"] == last["assertion"]
    assert first["approval"] == last["approval"]
    assert first["position"] < last["position"]


def test_a_record_says_who_asked_about_what_by_which_policy_and_what_was_sent(database: Database, url: str) -> None:
    (found,) = [each for each in rows(url)[:2] if each["order"]["reference"] == "MedicationRequest/order-06"]
    assert (found["hook"], found["service"], found["outcome"]) == ("order-sign", "her2-order-sign", "authorized")
    assert (found["patient"], found["user"], found["called"]) == ("Patient/ex-06", found["user"], "2026-09-15")
    assert found["policy"].keys() == {"id", "version", "effective", "digest"}
    assert found["criteria"]["of"][3]["id"] == "her2-positive"
    evidence = found["criteria"]["of"][3]["evidence"][0]
    assert (evidence["path"], evidence["role"]) == ("Observation.value", "supports")
    assert evidence.keys() == {"reference", "path", "version", "role"}
    sent = found["sent"]["coverageInformation"]
    assert (sent["covered"], sent["pa-needed"]) == ("covered", "satisfied")
    assert sent["satisfied-pa-id"] == found["approval"]["number"]
    assert {"reason", "detail"}.isdisjoint(sent)
    assert [each["topic"] for each in found["sent"]["cards"]] == ["guideline"]
