"""FHIR servers that misbehave: every call is answered in time, says that a system was down, and authorizes nothing."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

from benchmarks.rig.bad_ehr import (
    FAULTS,
    BadEhr,
    Canary,
    answering,
    forbidding,
    redirecting,
    silent,
    unused_base,
)
from benchmarks.rig.charts import Told, record, told
from benchmarks.rig.server import Server
from benchmarks.rig.table import Row

_TECHNICAL = "200, technical, within 5 s"
_SIDE_BY_SIDE = 3
"""Servers that are played at the same time: each call may take as long as the deadline."""

_UNTIL_OPEN = 6
"""Calls that fail before the circuit must be open."""

_AT_ONCE = 1.0
"""Seconds in which a call is answered that waits for no FHIR server."""

_PATIENCE = 75.0
"""Seconds in which a FHIR server that answers again must be asked again."""


def rows(server: Server) -> Iterator[Row]:
    """Yield the row of each way to misbehave, played against a server of the development profile."""
    with ExitStack() as stack, ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        bases = {name: stack.enter_context(BadEhr(behave)).base for name, behave in FAULTS.items()}
        well = stack.enter_context(BadEhr(answering(record("ex-0")))).base
        denied = stack.enter_context(BadEhr(forbidding)).base
        plays: list[tuple[str, str, str]] = [
            ("EHR answers (control)", well, "200, authorized, within 5 s"),
            ("EHR answers 403", denied, "200, documentation, within 5 s"),
            ("EHR refuses connections", unused_base(), _TECHNICAL),
            *((f"EHR {name}", base, _TECHNICAL) for name, base in bases.items()),
        ]
        found = pool.map(lambda each: told(server.port, plays[each][1], f"ex-{each}"), range(len(plays)))
        for (done, _, expected), seen in zip(plays, found, strict=True):
            yield Row(done, expected, str(seen), f"{seen.seconds:.2f} s")
    yield from _redirects(server)


def _redirects(server: Server) -> Iterator[Row]:
    with Canary() as canary:
        targets = {
            "this machine": f"http://127.0.0.1:{canary.port}/latest/meta-data/",
            "another name of it": f"http://localhost:{canary.port}/fhir/Observation",
        }
        for number, (name, target) in enumerate(targets.items()):
            with BadEhr(redirecting(target)) as ehr:
                seen = told(server.port, ehr.base, f"redirected-{number}")
            yield Row(
                f"EHR redirects to {name}",
                f"{_TECHNICAL}; followed 0 times",
                f"{seen}; followed {canary.connections} times",
                f"{seen.seconds:.2f} s",
            )


def circuit_rows(server: Server, stopped: Event) -> list[Row]:
    """Return the rows of a FHIR server that fails for long and comes back, played against a server of one process.

    It takes as long as a circuit stays open, so it is made to run beside other rows; `stopped` ends it.
    """
    patient = "ex-circuit"
    with BadEhr(silent) as ehr, ThreadPoolExecutor(_UNTIL_OPEN) as pool:
        list(pool.map(lambda _: told(server.port, ehr.base, patient), range(_UNTIL_OPEN)))
        asked = ehr.requests
        later = [told(server.port, ehr.base, patient) for _ in range(5)]
        slowest = max(each.seconds for each in later)
        spared = f"{_words(later)}; {'at once' if slowest < _AT_ONCE else 'slow'}; asked {ehr.requests - asked} times"
        opened = Row(
            "EHR said nothing to several calls; 5 more",
            f"{_TECHNICAL}; at once; asked 0 times",
            spared,
            f"slowest {slowest:.2f} s",
        )
        ehr.behave = answering(record(patient))
        begin = time.monotonic()
        while (seen := told(server.port, ehr.base, patient)).outcome != "authorized":
            if time.monotonic() - begin > _PATIENCE or stopped.wait(1.0):
                break
        after = f"{time.monotonic() - begin:.0f} s after it came back"
        return [opened, Row("the same EHR answers again", "200, authorized, within 5 s", str(seen), after)]


def _words(seen: list[Told]) -> str:
    return ", or ".join(sorted({str(each) for each in seen}))
