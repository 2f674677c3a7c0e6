import os
import shutil
from pathlib import Path

import psycopg
import pytest

from benchmarks.rig import postgres as module
from benchmarks.rig.postgres import NoPostgresError, binaries, is_required, postgres
from benchmarks.rig.processes import group_members, scratch


def test_a_machine_without_binaries_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "PACKAGED", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(NoPostgresError, match="not installed"):
        binaries()


def test_the_newest_version_is_taken_by_its_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "PACKAGED", tmp_path)
    for version in ("9.6", "15", "16"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    assert binaries() == tmp_path / "16" / "bin"


@pytest.fixture
def installed() -> None:
    try:
        binaries()
    except NoPostgresError as error:
        if is_required(os.environ):
            raise
        pytest.skip(str(error))


@pytest.mark.usefixtures("installed")
def test_a_cluster_gives_fresh_databases_like_a_template_and_leaves_nothing_behind() -> None:
    with scratch() as folder:
        with postgres(folder) as cluster:
            first = cluster.new_database()
            with psycopg.connect(first) as connection:
                connection.execute("CREATE TABLE kept (value int)")
            with psycopg.connect(cluster.new_database(first.rpartition("/")[2])) as connection:
                assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
            pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
            assert group_members(pid) != ()
        assert group_members(pid) == ()
    assert not folder.exists()
