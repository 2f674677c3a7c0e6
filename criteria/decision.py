"""One decided order: everything the answer, the decision record and the cards are made of."""

from dataclasses import dataclass
from datetime import date

from msgspec import Struct

from criteria.facts import Case, Order, Source
from criteria.finding import Determination
from criteria.outcome import Approval, Authority, DoseFinding, Outcome
from criteria.policy import Payer, Policy


@dataclass(frozen=True, slots=True)
class Alternative:
    """A preferred product that may be proposed instead, with the dose computed for this patient.

    `dose_mg` (or `dose_ml`) None means that the dose cannot be computed and is left out; `basis` says, in words,
    how it was computed or why not. `weight_source` is the weight observation used. `loading_mg` (or `loading_ml`) is
    the label's loading dose where one is due: given once, before the doses of every interval.
    """

    drug: str
    dose_mg: str | None
    dose_ml: str | None
    interval_days: int | None
    route: str | None
    basis: str
    weight_source: Source | None = None
    loading_mg: str | None = None
    loading_ml: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A preferred product that is not proposed, with the reason."""

    drug: str
    reason: str


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What to propose instead of the ordered product."""

    offered: tuple[Alternative, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class SafetyNote:
    """A boxed-warning fact found in the record: what, where, and the label it comes from."""

    text: str
    source: Source
    label: str


class Earlier(Struct, frozen=True):
    """An earlier decision whose authorization is in force: its id, and the day the authorization was issued."""

    decision: str
    issued: date


class Decision(Struct, frozen=True):
    """The decision on one order. `determination` is None where no criteria were judged.

    `reason` is a sentence for outcomes without criteria (no policy, drug unclear, coverage problem).
    `id` is the coverage-assertion-id; `authorization` the number, only for authorized. `earlier` is
    the decision that issued it, when that is another one: it is evidence for this one. `notes` name set-aside
    resources and defects of the request, without patient data beyond references.
    """

    id: str
    order: Order
    payer: Payer
    outcome: Outcome
    on: date
    called: date
    reason: str
    policy: Policy | None = None
    determination: Determination | None = None
    case: Case | None = None
    dose: DoseFinding | None = None
    authority: Authority | None = None
    approval: Approval | None = None
    authorization: str | None = None
    earlier: Earlier | None = None
    alternatives: Alternatives | None = None
    safety_notes: tuple[SafetyNote, ...] = ()
    notes: tuple[str, ...] = ()
