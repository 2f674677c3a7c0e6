"""The same request many times at once, to several processes: one decision, one number, whoever answers."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier

from benchmarks.rig.databases import Database, retaining
from benchmarks.rig.ledger import Asserted, asserted_in, is_acknowledged
from benchmarks.rig.orders import PATH, order
from benchmarks.rig.server import Server, running
from benchmarks.rig.table import Row
from benchmarks.rig.web import NoAnswerError, get, post

_THREADS = 8
"""For each process."""

_OK = 200


def rows(folder: Path, database: Database) -> Iterator[Row]:
    """Yield the rows for a fresh database and two services on it, of one process each."""
    settings = {**retaining(folder, database), "HER2_CRD_WORKERS": "1"}
    with ExitStack() as stack:
        servers = [stack.enter_context(running(folder / name, settings)) for name in ("one", "other")]
        first = _at_once(servers, [order(1)] * (len(servers) * _THREADS))
        yield _same(database, first)
        yield _changed(database, servers, first)
        yield _one_treatment(database, servers)


def _same(database: Database, answers: list[Asserted]) -> Row:
    return Row(
        f"{database.name}: the same request from {_THREADS} threads to each of 2 processes",
        f"{2 * _THREADS} acknowledged; 1 assertion id, 1 number",
        f"{len(answers)} acknowledged; {_ids(answers)}",
    )


def _changed(database: Database, servers: list[Server], first: list[Asserted]) -> Row:
    """Another weight is other evidence: a new decision, and an authorization that is in force already (contract 2)."""
    changed = _at_once(servers, [order(1, weight="70.9")] * (len(servers) * _THREADS))
    ids = {each.assertion for each in (*first, *changed)}
    shown = sum(_is_shown(server, each) for server in servers for each in ids)
    read = "both" if shown == len(servers) * len(ids) else f"{shown} of {len(servers) * len(ids)}"
    return Row(
        f"{database.name}: the same order on changed evidence",
        "2 assertion ids, 1 number; both read from both processes",
        f"{_ids([*first, *changed])}; {read} read from both processes",
    )


def _one_treatment(database: Database, servers: list[Server]) -> Row:
    """Different orders of one treatment, at the same moment: whichever is first is issued the number."""
    bodies = [order(100 + number, patient=100) for number in range(len(servers) * _THREADS)]
    answers = _at_once(servers, bodies)
    return Row(
        f"{database.name}: {len(bodies)} different orders of one treatment at once",
        f"{len(bodies)} acknowledged; {len(bodies)} assertion ids, 1 number",
        f"{len(answers)} acknowledged; {_ids(answers)}",
    )


def _ids(answers: list[Asserted]) -> str:
    ids, numbers = {each.assertion for each in answers}, {each.number for each in answers}
    return f"{len(ids)} assertion id{'s' * (len(ids) != 1)}, {len(numbers - {None})} number{'s' * (len(numbers) != 1)}"


def _at_once(servers: list[Server], bodies: list[bytes]) -> list[Asserted]:
    """Send the bodies at the same moment, in turn to each server; return what was acknowledged."""
    barrier = Barrier(len(bodies))

    def send(place: int) -> list[Asserted]:
        barrier.wait()
        try:
            answer = post(servers[place % len(servers)].port, PATH, bodies[place])
        except NoAnswerError:
            return []
        return list(asserted_in(answer.json())) if is_acknowledged(answer) else []

    with ThreadPoolExecutor(len(bodies)) as pool:
        return [each for found in pool.map(send, range(len(bodies))) for each in found]


def _is_shown(server: Server, assertion: str, headers: Mapping[str, str] | None = None) -> bool:
    try:
        return get(server.port, f"/decisions/{assertion}", headers).status == _OK
    except NoAnswerError:
        return False
