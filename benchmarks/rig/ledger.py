"""What the service acknowledged, and whether it is still there: the account that `lost records` is read from.

A decision is acknowledged by an answer with status 200 whose header `Her2-Crd-Recorded` is `true`, with each
coverage-assertion-id in it. It is lost when it cannot be read afterwards, or its authorization number is another one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

from benchmarks.rig.web import Answer, Connection, NoAnswerError
from examples.play import COVERAGE_INFORMATION

RECORDED = "her2-crd-recorded"
ALL_BACKED = "every number recorded"
_OK = 200
_READERS = 8


@dataclass(frozen=True, slots=True)
class Asserted:
    """A decision as an answer asserted it: its id, its codes, its number if it has one."""

    assertion: str
    covered: str
    pa_needed: str | None
    number: str | None


def asserted_in(body: Any) -> Iterator[Asserted]:
    """Yield every decision of a parsed answer."""
    for action in body.get("systemActions", ()):
        for extension in action.get("resource", {}).get("extension", ()):
            if extension["url"] == COVERAGE_INFORMATION:
                parts = {part["url"]: part for part in extension["extension"]}
                yield Asserted(
                    assertion=parts["coverage-assertion-id"]["valueString"],
                    covered=parts["covered"]["valueCode"],
                    pa_needed=parts.get("pa-needed", {}).get("valueCode"),
                    number=parts.get("satisfied-pa-id", {}).get("valueString"),
                )


def is_acknowledged(answer: Answer) -> bool:
    """Say whether an answer says that its decisions are recorded."""
    return answer.status == _OK and answer.headers.get(RECORDED) == "true"


class Ledger:
    """The answers of a run, by what they acknowledged; safe to use from several threads."""

    def __init__(self) -> None:
        """Start with none."""
        self._answers: list[bytes] = []
        self._unrecorded: list[bytes] = []
        self._lock = Lock()

    def note(self, answer: Answer) -> None:
        """Take note of an answer. It is parsed later: the processors are busy while calls run."""
        with self._lock:
            if is_acknowledged(answer):
                self._answers.append(answer.body)
            elif answer.status == _OK:
                self._unrecorded.append(answer.body)

    @property
    def count(self) -> int:
        """Return how many answers were acknowledged so far."""
        return len(self._answers)

    @property
    def words(self) -> str:
        """Say whether an authorization number was sent without a record. Nothing excuses that."""
        return ALL_BACKED if self.unbacked == 0 else f"{self.unbacked} numbers without a record"

    @property
    def figure(self) -> str:
        """Say how many answers with status 200 were not acknowledged: those of a database that took too long."""
        return f"{len(self._unrecorded)} not recorded"

    @property
    def unbacked(self) -> int:
        """Return how many authorization numbers were sent that nothing says are recorded."""
        with self._lock:
            answers = tuple(self._unrecorded)
        return sum(each.number is not None for body in answers for each in asserted_in(json.loads(body)))

    def acknowledged(self) -> dict[str, str | None]:
        """Return the authorization number of each acknowledged decision, by assertion id."""
        with self._lock:
            answers = tuple(self._answers)
        return {each.assertion: each.number for body in answers for each in asserted_in(json.loads(body))}


def lost_when_read(
    acknowledged: Mapping[str, str | None], port: int, headers: Mapping[str, str] | None = None
) -> frozenset[str]:
    """Return the acknowledged decisions that `GET /decisions/ID` does not show as they were acknowledged."""

    def lost_of(part: list[str]) -> set[str]:
        connection = Connection(port)
        try:
            return {each for each in part if not _is_shown(connection, each, acknowledged[each], headers)}
        finally:
            connection.close()

    names = sorted(acknowledged)
    with ThreadPoolExecutor(_READERS) as pool:
        found = pool.map(lost_of, (names[start::_READERS] for start in range(_READERS)))
        return frozenset().union(*found)


def _is_shown(connection: Connection, assertion: str, number: str | None, headers: Mapping[str, str] | None) -> bool:
    try:
        answer = connection.call("GET", f"/decisions/{assertion}", headers=headers)
    except NoAnswerError:
        return False
    return answer.status == _OK and (number is None or number in answer.body.decode())


def lost_in_export(acknowledged: Mapping[str, str | None], lines: Iterable[str]) -> frozenset[str]:
    """Return the acknowledged decisions that no line of an export holds as they were acknowledged."""
    missing = dict(acknowledged)
    for line in lines:
        decision = _decision(line)
        assertion = decision.get("assertion")
        if assertion in missing and missing[assertion] in {None, (decision.get("approval") or {}).get("number")}:
            del missing[assertion]
    return frozenset(missing)


def _decision(line: str) -> Mapping[str, Any]:
    """Return the decision of a line; an empty one for a line that is none, which accounts for nothing."""
    try:
        found = json.loads(line).get("decision", {})
    except (ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}
