"""What evaluation says: evidence, needs, judgements of single criteria and the tree of findings."""

from datetime import date
from enum import Enum

from msgspec import Struct

from criteria.citation import Citation
from criteria.dates import DateRange
from criteria.facts import Source
from criteria.verdict import Verdict


class Role(Enum):
    """What a piece of evidence did to the verdict."""

    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    TOO_OLD = "too-old"
    UNUSABLE = "unusable"


class Evidence(Struct, frozen=True):
    """Something seen in the record: where, what was observed, when, and its role."""

    source: Source
    observed: str
    role: Role = Role.SUPPORTS
    on: DateRange | None = None
    statement: bool = False
    """True for a clinician's answer, which alone never counts as supporting documentation."""


class NeedKind(Enum):
    """Who can close a need."""

    DOCUMENT = "document"
    TEST = "test"
    REVIEW = "review"
    SOURCE = "source"


class Need(Struct, frozen=True):
    """What an unknown waits for. `text` is written for the person who can close it."""

    kind: NeedKind
    text: str
    readings: tuple[str, ...] = ()
    orderable: str | None = None
    """Name of the test an order can close this need with (a row of the policy's reflex tests)."""
    outranks_documentation: bool = False
    """A review need that no document could change, such as proven off-label use."""


class Judgement(Struct, frozen=True):
    """A verdict with what it rests on. An unfounded judgement cannot be built."""

    verdict: Verdict
    evidence: tuple[Evidence, ...] = ()
    needs: tuple[Need, ...] = ()

    def __post_init__(self) -> None:
        """Refuse met or not-met without evidence, and unknown without a need."""
        if self.verdict is Verdict.UNKNOWN:
            if not self.needs:
                message = "an unknown must name its need"
                raise ValueError(message)
        elif not self.evidence:
            message = f"{self.verdict.value} must name its evidence"
            raise ValueError(message)
        elif self.needs:
            message = f"{self.verdict.value} has no open need"
            raise ValueError(message)


def met(*evidence: Evidence) -> Judgement:
    """Judge met on this evidence."""
    return Judgement(Verdict.MET, evidence)


def not_met(*evidence: Evidence) -> Judgement:
    """Judge not-met on this evidence."""
    return Judgement(Verdict.NOT_MET, evidence)


def unknown(*needs: Need, evidence: tuple[Evidence, ...] = ()) -> Judgement:
    """Judge unknown; the evidence shows what was seen and why it did not suffice."""
    return Judgement(Verdict.UNKNOWN, evidence, needs)


def document(text: str) -> Need:
    """Return a need a clinician can answer."""
    return Need(NeedKind.DOCUMENT, text)


def review(text: str, *readings: str, outranks_documentation: bool = False) -> Need:
    """Return a need for a person at the payer; readings are the ways the sentence can be read."""
    return Need(NeedKind.REVIEW, text, readings, outranks_documentation=outranks_documentation)


class Finding(Struct, frozen=True):
    """One node of the judged tree, leaf or connective."""

    id: str
    title: str
    verdict: Verdict
    citation: Citation | None = None
    evidence: tuple[Evidence, ...] = ()
    needs: tuple[Need, ...] = ()
    of: tuple["Finding", ...] = ()


class OpenNeed(Struct, frozen=True):
    """A need that can still change the root's verdict, with the criterion it belongs to."""

    criterion: str
    title: str
    need: Need
    in_view: bool


class Determination(Struct, frozen=True):
    """The judged tree of one order under one path of one policy."""

    path: str
    on: date
    root: Finding
    open_needs: tuple[OpenNeed, ...] = ()
