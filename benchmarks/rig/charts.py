"""Calls that leave things out, so that the service has to ask a FHIR server, and what they are told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.rig.ledger import asserted_in
from benchmarks.rig.orders import PATH, SERVICE
from benchmarks.rig.web import Answer, NoAnswerError, get, post
from examples.chart import FOLDER, Chart, load_chart
from examples.ehr import Record
from examples.play import request_for

TIME_LIMIT = 5.0
"""Seconds in which CRD wants an answer (found-2)."""

_OK = 200
# Every criterion is met once the FHIR server has told its part, so an answer that forgets to ask for it shows at once.
_CHART = "06-mmm-margenza-fourth-line"
_ORDER = "MedicationRequest/order-06"


@cache
def _chart() -> Chart:
    return load_chart(FOLDER / _CHART)


def record(patient: str | None = None) -> Record:
    """Return what the FHIR server of the chart's patient holds, or of somebody else with the same chart."""
    text = json.dumps(_chart().record.resources)
    return Record(json.loads(text.replace(_chart().patient_id, patient or _chart().patient_id)))


@cache
def templates(port: int) -> Mapping[str, str]:
    """Return the prefetch templates that the service at a port offers."""
    offered = {each["id"]: each for each in get(port, "/cds-services").json()["services"]}
    found: Mapping[str, str] = offered[SERVICE]["prefetch"]
    return found


def request(port: int, base: str | None, patient: str | None = None) -> bytes:
    """Return the body of a call that names a FHIR server, about the chart's patient or about somebody else.

    An authorization that was issued to a patient stays in force when a FHIR server goes down (decision contract,
    section 2), so whoever asks what a server does to a decision asks about a patient who has none.
    """
    body = json.dumps(request_for(_chart(), templates(port), base))
    return body.replace(_chart().patient_id, patient or _chart().patient_id).encode()


@dataclass(frozen=True, slots=True)
class Told:
    """What a call was told: status, outcome of the order by the decision's record, and how long it took."""

    status: int
    outcome: str
    seconds: float
    failure: str = ""

    def __str__(self) -> str:
        """Say it in the words that rows expect."""
        if self.failure:
            return f"no answer: {self.failure}"
        when = "within 5 s" if self.seconds <= TIME_LIMIT else f"after {self.seconds:.1f} s"
        return f"{self.status}, {self.outcome}, {when}"


def told(port: int, base: str | None, patient: str | None = None) -> Told:
    """Sign the orders of a patient whose FHIR server has this base, and return what came of it."""
    try:
        answer = post(port, PATH, request(port, base, patient))
        return Told(answer.status, outcome(port, answer), answer.seconds)
    except NoAnswerError as error:
        return Told(0, "", 0.0, str(error))


def outcome(port: int, answer: Answer) -> str:
    """Return the outcome of the chart's order as its record has it."""
    if answer.status != _OK:
        return "no outcome"
    for each in asserted_in(answer.json()):
        decision: Any = get(port, f"/decisions/{each.assertion}").json()
        if decision.get("order", {}).get("reference") == _ORDER:
            return str(decision["outcome"])
    return "no decision"
