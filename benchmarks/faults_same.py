"""The same request many times at once, to several processes: one decision, one number, whoever answers."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from benchmarks.rig.ledger import Asserted, asserted_in, is_acknowledged
from benchmarks.rig.orders import PATH, order
from benchmarks.rig.server import Server
from benchmarks.rig.table import Row
from benchmarks.rig.web import NoAnswerError, get, post

_THREADS = 8
"""For each process."""

_OK = 200


def rows(name: str, servers: Sequence[Server]) -> Iterator[Row]:
    """Yield the rows for services on one fresh database, which the name tells."""
    first = at_once(servers, [order(1)] * (len(servers) * _THREADS))
    yield same(name, first, len(servers))
    yield _changed(name, servers, first)
    yield _one_treatment(name, servers)


def same(name: str, answers: Sequence[Asserted], processes: int) -> Row:
    """Return the row of what the same request was answered."""
    return Row(
        f"{name}: the same request from {_THREADS} threads to each of {processes} processes",
        f"{processes * _THREADS} acknowledged; 1 assertion id, 1 number",
        f"{len(answers)} acknowledged; {_ids(answers)}",
    )


def _changed(name: str, servers: Sequence[Server], first: Sequence[Asserted]) -> Row:
    """Another weight is other evidence: a new decision, and an authorization that is in force already (contract 2)."""
    changed = at_once(servers, [order(1, weight="70.9")] * (len(servers) * _THREADS))
    ids = {each.assertion for each in (*first, *changed)}
    shown = sum(_is_shown(server, each) for server in servers for each in ids)
    read = "both" if shown == len(servers) * len(ids) else f"{shown} of {len(servers) * len(ids)}"
    return Row(
        f"{name}: the same order on changed evidence",
        "2 assertion ids, 1 number; both read from every process",
        f"{_ids([*first, *changed])}; {read} read from every process",
    )


def _one_treatment(name: str, servers: Sequence[Server]) -> Row:
    """Different orders of one treatment, at the same moment: whichever is first is issued the number."""
    bodies = [order(100 + number, patient=100) for number in range(len(servers) * _THREADS)]
    answers = at_once(servers, bodies)
    return Row(
        f"{name}: {len(bodies)} different orders of one treatment at once",
        f"{len(bodies)} acknowledged; {len(bodies)} assertion ids, 1 number",
        f"{len(answers)} acknowledged; {_ids(answers)}",
    )


def _ids(answers: Sequence[Asserted]) -> str:
    ids, numbers = {each.assertion for each in answers}, {each.number for each in answers}
    return f"{len(ids)} assertion id{'s' * (len(ids) != 1)}, {len(numbers - {None})} number{'s' * (len(numbers) != 1)}"


def at_once(servers: Sequence[Server], bodies: Sequence[bytes]) -> list[Asserted]:
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


def _is_shown(server: Server, assertion: str) -> bool:
    try:
        return get(server.port, f"/decisions/{assertion}", server.operator).status == _OK
    except NoAnswerError:
        return False
