"""The commands `her2-crd audit verify`, `replay` and `export`; what they print names no patient but by reference."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from service.audit import exported, verify
from service.hooks import offered_services
from service.observation_codes import observation_codes
from service.replay import Replayer
from service.retention import data_digests
from service.services import data_folders, load_data
from service.settings import PREFIX, Settings, SettingsError
from service.storage.database import Database
from service.storage.sealing import seal_of
from service.storage.trail import Head, Trail

_ANYBODY = "-"
"""Stands for the client of calls that nobody was asked a name for."""
_FIELDS = 3


def run_verify(database: Database, heads: Path | None) -> int:
    """Check every chain; print each break, then the heads; return 0 when the record holds together, else 1."""
    anchors = tuple(_read_heads(heads)) if heads else ()
    found = verify(Trail(database), anchors)
    for each in found.breaks:
        print(f"BROKEN {each}", file=sys.stderr)
    for head in found.heads:
        print(f"{head.client or _ANYBODY} {head.length} {head.hash}")
    told = f"{found.decisions} decisions, {found.authorizations} authorizations"
    told = f"{told}, {found.retained} retained inputs, {found.erased} erased"
    print(f"{told}, {len(anchors)} noted heads, {len(found.breaks)} breaks", file=sys.stderr)
    return 1 if found.breaks else 0


def run_replay(settings: Settings, database: Database) -> int:
    """Decide every retained call again; print what differs; return 0 when nothing does and all could be, else 1."""
    seal = seal_of(settings)
    if seal is None:
        raise SettingsError(f"{PREFIX}RETAIN_INPUTS", "must be on: without its keys nothing can be decided again")
    library, vocabulary = load_data(settings)
    replayer = Replayer(
        settings=settings,
        library=library,
        vocabulary=vocabulary,
        digests=data_digests(data_folders(settings)),
        offered=offered_services(observation_codes(vocabulary)),
        database=database,
        seal=seal,
    )
    replayed = differences = obstacles = 0
    for each in replayer.replay(Trail(database)):
        replayed += 1
        if each.difference is not None:
            differences += 1
            print(f"DIFFERENT {each.call}: {each.difference}", file=sys.stderr)
        if each.obstacle is not None:
            obstacles += 1
            print(f"NOT REPLAYED {each.call}: {each.obstacle}", file=sys.stderr)
    print(f"{replayed} retained calls, {differences} differences, {obstacles} not replayed")
    return 1 if differences or obstacles else 0


def run_export(database: Database) -> int:
    """Write every decision to standard output as NDJSON, by client and position; return 0."""
    for line in exported(Trail(database)):
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
    return 0


def _read_heads(file: Path) -> Iterator[Head]:
    """Yield the heads of a file that `audit verify` printed; raise SettingsError for anything else."""
    try:
        yield from _heads(file.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError, ValueError):
        raise SettingsError("--heads", "must be a file with lines as audit verify prints them") from None


def _heads(lines: Iterable[str]) -> Iterator[Head]:
    for line in lines:
        fields = line.split()
        if len(fields) != _FIELDS:
            raise ValueError("not a head")
        client = "" if fields[0] == _ANYBODY else fields[0]
        yield Head(client, int(fields[1]), fields[2])
