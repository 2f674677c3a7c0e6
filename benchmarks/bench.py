"""`make bench`: what a decision costs, beside a bare Flask application that parses and answers the same body.

All applications run in this process through WSGI on the same environ, in turn, many short rounds. What counts is CPU
time, because the wall clock of a shared machine measures the neighbours; a ratio is the median of the ratios of the
rounds, in which both saw the same neighbours. The service's settings of the garbage collector hold for all of them.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from benchmarks.calls import (
    Application,
    answer_without_storage,
    constant,
    decision_service,
    echo,
    fast_echo,
    post,
)
from benchmarks.requests import SMALLEST, order_sign
from benchmarks.signing import ALGORITHMS, signed_service
from benchmarks.stages import DECIDING, STAGES, Stopwatch, split
from service.answer import answer_hook

GOAL = 3.0
SERVICE = "decision service, recording in a SQLite file"
UNRECORDED = "decision service, recording nothing"
RETAINING = "decision service, retaining inputs too"
SIGNED = {algorithm: f"decision service, recording, calls signed with {algorithm}" for algorithm in ALGORITHMS}
ECHO = "bare Flask: get_json, jsonify of the same body"
CONSTANT = "bare Flask: get_json, jsonify of the service's answer"
LOWER_BOUND = "Flask with msgspec: decode, encode of the same body (lower bound)"

SIZES = (SMALLEST, 100, 200, 400)
_MICRO = 1e6


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure. A round calls each application as often as fits into `round_seconds`."""

    rounds: int = 30
    round_seconds: float = 0.02
    single_requests: int = 2000
    split_requests: int = 300
    starts: int = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """Microseconds of CPU per request of each application, and how often the service costs more than each."""

    body: int
    cost: dict[str, float]
    ratio: dict[str, float]
    others: dict[str, float]
    """How often the service in each other way of running it costs more than the bare echo."""
    more: dict[str, float]
    """Microseconds that a call costs more in that way, the median of the rounds."""


def compare(apps: dict[str, Application], body: bytes, effort: Effort) -> Comparison:
    """Measure the applications on one body, in turn."""
    times: dict[str, list[float]] = {name: [] for name in apps}
    calls = {name: _calls_per_round(app, body, effort) for name, app in apps.items()}
    for number in range(effort.rounds):
        # Each application runs after every other one in turn: what ran before leaves the caches to it.
        names = sorted(apps, key=lambda name: (list(apps).index(name) + number) % len(apps))
        for name in names:
            times[name].append(_cpu_seconds(apps[name], body, calls[name]))
    ratios = {
        name: median(ours / theirs for ours, theirs in zip(times[SERVICE], times[name], strict=True)) for name in apps
    }
    others = {
        name: median(ours / theirs for ours, theirs in zip(times[name], times[ECHO], strict=True))
        for name in (UNRECORDED, RETAINING, *SIGNED.values())
        if name in times and ECHO in times
    }
    more = {
        name: median(ours - plain for ours, plain in zip(times[name], times[SERVICE], strict=True)) * _MICRO
        for name in others
    }
    return Comparison(len(body), {name: median(each) * _MICRO for name, each in times.items()}, ratios, others, more)


def _calls_per_round(app: Application, body: bytes, effort: Effort) -> int:
    _cpu_seconds(app, body, 3)  # the first calls fill caches
    return max(1, round(effort.round_seconds / _cpu_seconds(app, body, 2)))


def _cpu_seconds(app: Application, body: bytes, calls: int) -> float:
    begin = process_time()
    for _ in range(calls):
        post(app, body)
    return (process_time() - begin) / calls


def latency(app: Application, body: bytes, requests: int) -> tuple[float, float]:
    """Return the median and the 99th percentile of the wall time of single requests, in milliseconds."""
    times = []
    for _ in range(requests):
        begin = perf_counter()
        post(app, body)
        times.append((perf_counter() - begin) * 1000)
    return median(times), quantiles(times, n=100)[98]


def first_answer(starts: int) -> float:
    """Return the seconds from starting a fresh process to its first answer, the median of some starts.

    One more start goes before them: the very first after an installation also compiles every module to bytecode.
    """
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for _ in range(1 + starts):
        begin = perf_counter()
        # The command is this interpreter and a module of this project.
        subprocess.run(
            [sys.executable, "-m", "benchmarks.first_answer"],
            cwd=Path(__file__).resolve().parent.parent,
            env=environ,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        times.append(perf_counter() - begin)
    return median(times[1:])


def main(effort: Effort | None = None) -> None:
    """Print the report."""
    effort = effort or Effort()
    watch = Stopwatch()
    with TemporaryDirectory() as folder:
        _report(effort, watch, f"sqlite:///{folder}/")


def _report(effort: Effort, watch: Stopwatch, files: str) -> None:
    app = decision_service(database=f"{files}recording.sqlite3")
    body = order_sign()
    answer = json.loads(post(app, body))
    apps: dict[str, Application] = {
        SERVICE: app,
        UNRECORDED: decision_service(answer_without_storage),
        RETAINING: decision_service(database=f"{files}retaining.sqlite3", retain_inputs=True),
        **{
            name: signed_service(algorithm, database=f"{files}{algorithm}.sqlite3")
            for algorithm, name in SIGNED.items()
        },
        ECHO: echo(),
        CONSTANT: constant(answer),
        LOWER_BOUND: fast_echo(),
    }
    found = {size: compare(apps, order_sign(size), effort) for size in SIZES}
    _print_comparisons(found)
    half, slowest = latency(app, body, effort.single_requests)
    print(f"\nsingle requests, {SMALLEST} resources: p50 {half:.2f} ms, p99 {slowest:.2f} ms (wall clock)")
    print(f"start to first answer, fresh process: {first_answer(effort.starts):.2f} s (wall clock; goal 1.00)")
    timed = decision_service(watch.timed(DECIDING, answer_hook), database=f"{files}timed.sqlite3")
    _print_split(split(timed, watch, body, effort.split_requests))


def _print_comparisons(found: dict[int, Comparison]) -> None:
    for size, each in found.items():
        print(f"\norder-sign with {size} resources, {each.body:,} bytes: CPU per request")
        for name, cost in each.cost.items():
            ours = name == SERVICE or name in each.others
            ratio = "" if ours else f"   the service costs {each.ratio[name]:5.2f} times this"
            print(f"  {name:<66}{cost:>9,.0f} us{ratio}")
    smallest = found[SMALLEST].ratio[ECHO]
    verdict = "reached" if smallest <= GOAL else "not reached"
    print(f"\nRATIO {smallest:.2f} at {SMALLEST} resources against bare Flask (goal at most {GOAL}: {verdict})")
    more = found[SMALLEST].more
    print(
        f"STORAGE costs {-more[UNRECORDED]:,.0f} us of CPU a call, "
        f"{more[RETAINING] - more[UNRECORDED]:,.0f} us where inputs are retained"
    )
    for name, times in found[SMALLEST].others.items():
        print(f"RATIO {times:.2f} of the {name} ({more[name]:+,.0f} us)")
    print(f"RATIO {found[200].ratio[ECHO]:.2f} at 200 resources")
    growth = [
        f"{fewer} to {more}: {(found[more].cost[SERVICE] - found[fewer].cost[SERVICE]) / (more - fewer):.1f} us"
        for fewer, more in pairwise(found)
    ]
    print(f"cost of each further resource: {'; '.join(growth)}")


def _print_split(spent: dict[str, float]) -> None:
    total = sum(spent.values())
    print(f"\nwhere the time of one decision goes ({SMALLEST} resources, medians of CPU time, {total:,.0f} us)")
    for stage in STAGES:
        print(f"  {stage:<34}{spent[stage]:>8,.0f} us{spent[stage] / total:>7.1%}")


if __name__ == "__main__":
    main()
