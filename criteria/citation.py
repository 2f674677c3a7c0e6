"""Where a rule comes from: document and section, with our own one-sentence paraphrase."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A payer's document as it was read."""

    id: str
    title: str
    number: str
    version: str
    effective: date
    retrieved: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Citation:
    """One place in a document; `paraphrase` is ours, the payer's sentence is not copied."""

    document: str
    section: str
    paraphrase: str
    reading: str | None = None
