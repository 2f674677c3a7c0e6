"""Calls that are too large or too many, and a server that is told to stop while it answers."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from benchmarks.rig.bad_ehr import BadEhr, answering
from benchmarks.rig.charts import record, request
from benchmarks.rig.clients import Client, registry
from benchmarks.rig.orders import PATH
from benchmarks.rig.server import Server, running
from benchmarks.rig.table import Row
from benchmarks.rig.web import Answer, NoAnswerError, post, status_of

_AT_ONCE = 8
"""Calls of one client that are worked on at once, as shipped; there is one process here."""

_LARGEST_BODY = 2_000_000
_OK, _TOO_MANY = 200, 429
_EHR_SECONDS = 0.4
"""What the FHIR server takes for each answer, so that calls are in flight for a second or so."""


def rows(folder: Path) -> Iterator[Row]:
    """Yield the rows; the service is started for them, and told to stop by the last."""
    with BadEhr(answering(record(), after=_EHR_SECONDS)) as ehr:
        client = Client("clinic", {"fhir_servers": [ehr.base]})
        other = Client("other-clinic", {"fhir_servers": [ehr.base]})
        settings = {
            **registry(folder / "registry", (client, other)),
            "DATABASE_URL": f"sqlite:///{folder / 'calls.sqlite3'}",
            "HER2_CRD_WORKERS": "1",
        }
        with running(folder / "service", settings) as server:
            yield _too_large(server, client)
            yield _too_many(server, client, other, ehr)
            yield _stopped(server, client, ehr)


def _too_large(server: Server, client: Client) -> Row:
    body = b" " * (_LARGEST_BODY + 1)
    seen = [_status(server, client, body), _status(server, client, b"[]")]
    return Row(f"a body of {len(body):,} bytes, then a small one", "413, 400", ", ".join(map(str, seen)))


def _too_many(server: Server, client: Client, other: Client, ehr: BadEhr) -> Row:
    """One client calls once more than it may, and another one once."""
    body = request(server.port, ehr.base)
    callers = [client] * (_AT_ONCE + 1) + [other]
    with ThreadPoolExecutor(len(callers)) as pool:
        answers = list(pool.map(lambda each: _answer(server, each, body), callers))
    refused = [each for each in answers[:-1] if each is not None and each.status == _TOO_MANY]
    waits = {each.headers.get("retry-after", "nothing") for each in refused}
    own = answers[-1]
    seen = f"{_statuses(answers[:-1])}, Retry-After {', '.join(sorted(waits))}; other client {own.status if own else 0}"
    return Row(
        f"{_AT_ONCE + 1} calls of one client at once, and one of another",
        f"{_AT_ONCE} x 200, 1 x 429, Retry-After 1; other client 200",
        seen,
    )


def _stopped(server: Server, client: Client, ehr: BadEhr) -> Row:
    body, before = request(server.port, ehr.base), ehr.requests
    ready = "on" if status_of(server.port, "/readyz") == _OK else "off"
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        calls = [pool.submit(_answer, server, client, body) for _ in range(_AT_ONCE)]
        end = time.monotonic() + 2
        while ehr.requests < before + _AT_ONCE and time.monotonic() < end:
            time.sleep(0.01)
        server.send(signal.SIGTERM)
        begin = time.monotonic()
        readiness = _until_not_ready(server)
        answers = [each.result() for each in calls]
    status = server.wait()
    return Row(
        f"SIGTERM with {_AT_ONCE} calls in flight",
        f"{_AT_ONCE} x 200; readiness on, then off; exit status 0",
        f"{_statuses(answers)}; readiness {ready}, then {readiness}; exit status {status}",
        f"ended after {time.monotonic() - begin:.1f} s",
    )


def _until_not_ready(server: Server) -> str:
    """Return `off` as soon as the server says that it takes no calls, or takes none; `on` when it goes on for 2 s."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        if status_of(server.port, "/readyz") != _OK:
            return "off"
        time.sleep(0.02)
    return "on"


def _answer(server: Server, client: Client, body: bytes) -> Answer | None:
    with suppress(NoAnswerError):
        return post(server.port, PATH, body, client.headers(PATH))
    return None


def _status(server: Server, client: Client, body: bytes) -> int:
    answer = _answer(server, client, body)
    return answer.status if answer else 0


def _statuses(answers: list[Answer | None]) -> str:
    found = Counter(str(each.status) if each else "no answer" for each in answers)
    return ", ".join(f"{times} x {status}" for status, times in sorted(found.items()))
