"""What a call needs besides its request: built once at start, never changed afterwards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources.abc import Traversable
from types import MappingProxyType

from cards.checks import AnswerCheck
from cards.links import Links
from criteria.library import Library
from criteria.loading import load_library, shipped_data
from criteria.vocabulary import Vocabulary, load_vocabulary
from service.base_url import BaseUrl
from service.callers import Caller, Callers
from service.circuits import Circuits
from service.clock import Clock
from service.feedback import Feedbacks, SentCards
from service.fetches import Fetches
from service.fhir_client import Fetch
from service.settings import CALLS_PER_CLIENT, PREFIX, Settings, SettingsError
from service.stages import ShowStage, no_stage
from service.storage.database import Database
from service.storage.ledger import Ledger
from service.storage.sealing import Seal
from service.turns import Turns


@cache
def answer_check() -> AnswerCheck:
    """Return the check of answers, whose schemas are compiled once."""
    return AnswerCheck.load()


@dataclass(frozen=True, slots=True)
class Services:
    """The collaborators of the use cases."""

    settings: Settings
    library: Library
    vocabulary: Vocabulary
    clock: Clock
    database: Database
    ledger: Ledger
    links: Links
    callers: Callers
    sent: SentCards
    feedbacks: Feedbacks
    fetch_for: Callable[[Caller, BaseUrl], Fetch]
    """What reads a FHIR server of a caller."""
    stage: ShowStage = no_stage
    """Shows a stage of the call in its trace."""
    circuits: Circuits = field(default_factory=Circuits)
    """Which servers are left alone at present."""
    fetches: Fetches = field(default_factory=Fetches)
    """The threads that fetch."""
    seal: Seal | None = None
    """What encrypts the inputs of a call; None where they are not retained."""
    digests: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """SHA-256 of every data file that decisions rest on."""
    turns: Turns = field(default_factory=lambda: Turns(CALLS_PER_CLIENT))
    check: AnswerCheck = field(default_factory=answer_check)
    """What judges an answer before it is sent."""


def data_folders(settings: Settings) -> Sequence[Traversable]:
    """Return the folders to load from: ours, then the operator's, which adds to it."""
    return (shipped_data(), settings.data) if settings.data else (shipped_data(),)


def load_data(settings: Settings) -> tuple[Library, Vocabulary]:
    """Load policies and value sets; raise LibraryError with every mistake in them."""
    folders = data_folders(settings)
    value_sets = [folder / "value_sets" for folder in folders]
    vocabulary = load_vocabulary([each for each in value_sets if each.is_dir()])
    return load_library(folders, vocabulary), vocabulary


def configured(library: Library, settings: Settings) -> Library:
    """Return the library as the operator runs it; raise SettingsError when a setting names what is not in it."""
    unknown = sorted(settings.not_met_is_review - library.policies.keys())
    if unknown:
        raise SettingsError(f"{PREFIX}NOT_MET_IS_REVIEW", f"names policies that are not loaded: {', '.join(unknown)}")
    if settings.default_payer is not None and settings.default_payer not in library.payers:
        raise SettingsError(f"{PREFIX}DEFAULT_PAYER", f"is none of the payers: {', '.join(sorted(library.payers))}")
    policies = {
        each.id: replace(
            each,
            real_time_authorization=each.real_time_authorization and settings.real_time_authorization,
            not_met_is_review=each.not_met_is_review or each.id in settings.not_met_is_review,
        )
        for each in library.policies.values()
    }
    return replace(library, policies=MappingProxyType(policies))
