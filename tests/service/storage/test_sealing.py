import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from service.setting_values import SettingsError
from service.storage import sealing
from service.storage.sealing import Seal, Sealed, SealError, new_key, own_keys, read_keys, seal_of
from tests.service.builders import development

TEXT = b"Canary-Zebulon"


def test_what_is_closed_is_opened_and_does_not_show() -> None:
    seal = Seal([new_key()])
    sealed = seal.close(TEXT)
    assert TEXT not in bytes(sealed)
    assert seal.open(sealed) == TEXT
    assert seal.close(TEXT) != sealed


def test_the_newest_key_closes_and_all_open() -> None:
    old, new = new_key(), new_key()
    both = Seal([new, old])
    assert both.open(Seal([old]).close(TEXT)) == TEXT
    assert Seal([new]).open(both.close(TEXT)) == TEXT
    with pytest.raises(SealError) as caught:
        Seal([old]).open(both.close(TEXT))
    assert TEXT.decode() not in str(caught.value)


@pytest.mark.parametrize("change", [b"", b"x", b"\xff"])
def test_what_was_changed_is_not_opened(change: bytes) -> None:
    seal = Seal([new_key()])
    with pytest.raises(SealError):
        seal.open(Sealed(seal.close(TEXT)[:-4] + change))


@pytest.mark.parametrize("keys", [[], [b"short"], [new_key(), b"\xff" * 44]])
def test_what_is_no_key_is_refused_and_not_repeated(keys: list[bytes]) -> None:
    with pytest.raises(SealError, match="32 bytes") as caught:
        Seal(keys)
    assert "short" not in str(caught.value)


def test_a_file_holds_a_key_a_line(tmp_path: Path) -> None:
    keys = [new_key(), new_key()]
    (tmp_path / "keys").write_bytes(b"\n" + keys[0] + b"\n" + keys[1] + b"  \n\n")
    seal = read_keys(tmp_path / "keys")
    assert [seal.open(Seal([each]).close(TEXT)) for each in keys] == [TEXT, TEXT]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="missing"):
        read_keys(tmp_path / "missing")


def test_nothing_is_retained_without_the_setting(tmp_path: Path) -> None:
    assert seal_of(development(retain_inputs=False, retain_keys=tmp_path / "missing")) is None


def test_the_file_of_the_settings_is_read(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(new_key())
    seal = seal_of(development(retain_inputs=True, retain_keys=tmp_path / "keys"))
    assert seal is not None
    assert read_keys(tmp_path / "keys").open(seal.close(TEXT)) == TEXT


@pytest.mark.parametrize(
    ("database", "name"), [("sqlite:///{}/own.sqlite3", "own"), ("postgresql://crd@db/crd", "her2-crd")]
)
def test_development_makes_keys_of_its_own_once(
    database: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = development(retain_inputs=True, database=database.format(tmp_path))
    seals = [seal_of(settings), seal_of(settings)]
    file = tmp_path / f"{name}.sqlite3.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert None not in seals
    assert own_keys(file).open(read_keys(file).close(TEXT)) == TEXT
    first, second = (each for each in seals if each is not None)
    assert second.open(first.close(TEXT)) == TEXT


def test_a_process_that_starts_while_another_makes_the_keys_gets_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, others = tmp_path / "own.key", []

    def key_while_another_starts() -> bytes:
        monkeypatch.setattr(sealing, "new_key", new_key)
        others.append(own_keys(file))
        return new_key()

    monkeypatch.setattr(sealing, "new_key", key_while_another_starts)
    assert own_keys(file).open(others[0].close(TEXT)) == TEXT
    assert list(tmp_path.iterdir()) == [file]


def test_of_eight_that_start_at_once_all_have_the_same_keys(tmp_path: Path) -> None:
    file, ready = tmp_path / "own.key", Barrier(8)

    def start(_number: int) -> Seal:
        ready.wait()
        return own_keys(file)

    with ThreadPoolExecutor(8) as threads:
        seals = list(threads.map(start, range(8)))
    assert {seal.open(seals[0].close(TEXT)) for seal in seals} == {TEXT}
    assert list(tmp_path.iterdir()) == [file]


def test_keys_that_cannot_be_made_stop_the_start(tmp_path: Path) -> None:
    settings = development(retain_inputs=True, database=f"sqlite:///{tmp_path}/missing/own.sqlite3")
    with pytest.raises(SettingsError, match=r"RETAIN_KEYS: no keys can be made at .*own\.sqlite3\.key"):
        seal_of(settings)


def test_no_key_shows_where_a_seal_is_shown(tmp_path: Path) -> None:
    seal = own_keys(tmp_path / "own.key")
    key = (tmp_path / "own.key").read_text().strip()
    assert key not in f"{seal!r}{seal}{vars(seal)}"


def test_a_database_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert seal_of(development(retain_inputs=True)) is not None
    assert list(tmp_path.iterdir()) == []
