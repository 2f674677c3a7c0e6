"""Settings: environment variables HER2_CRD_… and PORT, read once at start.

A misspelt or impossible setting stops the start and is named, because a service that decides coverage must not run
with a configuration that its operator did not mean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cards.dialect import DIALECTS, NEWEST
from service.base_url import BaseUrl
from service.problems import ServiceError

PREFIX = "HER2_CRD_"
LONGEST_DEADLINE_SECONDS = 4.5
"""CRD asks for an answer within 5 s (found-2); deciding and sending need the rest."""


CALLS_PER_CLIENT = 8
_DEFAULT_PORT = 8080
_HIGHEST_PORT = 65_535


class SettingsError(ServiceError):
    """A setting is unknown, impossible or missing; the text names it."""

    def __init__(self, name: str, words: str) -> None:
        """Name the setting, then say what is wrong."""
        super().__init__(f"{name}: {words}")
        self.name = name


class Profile(Enum):
    """What the service may take for granted about its surroundings."""

    DEVELOPMENT = "development"
    """On a machine that only its developer can reach: without a registry nobody is asked for a name."""
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator can choose."""

    profile: Profile = Profile.PRODUCTION
    host: str = "127.0.0.1"
    port: int = _DEFAULT_PORT
    public_url: str = "http://127.0.0.1:8080"
    default_payer: str | None = None
    """Payer id for callers that send no Coverage; only sandboxes do."""
    dialect: str = NEWEST.name
    """Dialect of answers to callers that neither ask for one nor are registered with one."""
    fhir_servers: tuple[BaseUrl, ...] = ()
    clients: Path | None = None
    """Registry of clients; with one, nobody else is answered."""
    protect_discovery: bool = False
    """Ask for a token on discovery too."""
    data: Path | None = None
    """Folder with further policies, payers and value sets."""
    strict_orders: bool = False
    """Refuse an order for any FHIR defect, not only for those of elements that decide."""
    deadline_seconds: float = 4.0
    calls_per_client: int = CALLS_PER_CLIENT
    """Calls of one client that are worked on at once; there are 16 threads for all."""
    max_body_bytes: int = 2_000_000
    real_time_authorization: bool = True
    not_met_is_review: frozenset[str] = frozenset()
    """Ids of policies whose not-met is sent as review."""
    cors_origins: tuple[str, ...] = ()

    @property
    def in_development(self) -> bool:
        """Say whether this is the development profile."""
        return self.profile is Profile.DEVELOPMENT


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings of an environment; raise SettingsError, also where production cannot start."""
    for name in environ:
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in _READERS:
            raise SettingsError(name, f"is not a setting; known are {', '.join(PREFIX + key for key in _READERS)}")
    chosen = {
        field: reader(PREFIX + key, environ[PREFIX + key])
        for key, (field, reader) in _READERS.items()
        if PREFIX + key in environ
    }
    if "PORT" in environ:
        chosen["port"] = _port("PORT", environ["PORT"])
    if chosen.get("profile", Profile.PRODUCTION) is Profile.PRODUCTION:
        _check_production(chosen)
    else:
        chosen.setdefault("default_payer", "oscar")
    if "clients" in chosen and "fhir_servers" in chosen:
        text = "is for callers whom nobody asks for a name; in a registry each client has its own servers"
        raise SettingsError(f"{PREFIX}FHIR_SERVERS", text)
    if chosen.get("protect_discovery") and "clients" not in chosen:
        text = f"needs {PREFIX}CLIENTS: without a registry no token can be checked"
        raise SettingsError(f"{PREFIX}PROTECT_DISCOVERY", text)
    chosen.setdefault("public_url", f"http://127.0.0.1:{chosen.get('port', _DEFAULT_PORT)}")
    return Settings(**chosen)


def _check_production(chosen: Mapping[str, Any]) -> None:
    if "clients" not in chosen:
        text = "is required in production: without a registry of clients anybody would be answered"
        raise SettingsError(f"{PREFIX}CLIENTS", text)
    # CRD 2.2.1 sec-2: TLS for everything; what ends it may stand in front of this process.
    if not str(chosen.get("public_url", "")).startswith("https://"):
        raise SettingsError(f"{PREFIX}PUBLIC_URL", "must be the https address under which clients see the service")


def _profile(name: str, text: str) -> Profile:
    try:
        return Profile(text)
    except ValueError:
        raise SettingsError(name, "must be development or production") from None


def _port(name: str, text: str) -> int:
    number = _whole_number(name, text)
    if not 1 <= number <= _HIGHEST_PORT:
        raise SettingsError(name, "must be a port between 1 and 65535")
    return number


def _whole_number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise SettingsError(name, "must be a whole number")
    return int(text)


def _host(name: str, text: str) -> str:
    if not text or any(character.isspace() for character in text):
        raise SettingsError(name, "must be a host name or address")
    return text


def _server(name: str, text: str) -> BaseUrl:
    base = BaseUrl.of(text)
    if base is None:
        raise SettingsError(name, "must hold http(s) URLs without user, query and fragment")
    return base


def _public_url(name: str, text: str) -> str:
    return str(_server(name, text))


def _servers(name: str, text: str) -> tuple[BaseUrl, ...]:
    return tuple(_server(name, item) for item in _items(text))


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _origins(name: str, text: str) -> tuple[str, ...]:
    servers = _servers(name, text)
    if any(server.path for server in servers):
        raise SettingsError(name, "must hold origins: scheme, host and port, without a path")
    return tuple(str(server) for server in servers)


def _payer(_name: str, text: str) -> str | None:
    return text.strip() or None


def _dialect(name: str, text: str) -> str:
    if text not in DIALECTS:
        raise SettingsError(name, f"must be one of {', '.join(DIALECTS)}")
    return text


def _folder(name: str, text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise SettingsError(name, "must be a folder that can be read")
    return folder


def _file(name: str, text: str) -> Path:
    file = Path(text)
    if not file.is_file():
        raise SettingsError(name, "must be a file that can be read")
    return file


def _flag(name: str, text: str) -> bool:
    return _one_of(name, text, {"true": True, "false": False})


def _switch(name: str, text: str) -> bool:
    return _one_of(name, text, {"on": True, "off": False})


def _one_of(name: str, text: str, choices: Mapping[str, bool]) -> bool:
    if text not in choices:
        raise SettingsError(name, f"must be {' or '.join(choices)}")
    return choices[text]


def _deadline(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    # Written so that NaN fails too.
    if not 0.0 < seconds <= LONGEST_DEADLINE_SECONDS:
        raise SettingsError(name, f"must be seconds above 0 and at most {LONGEST_DEADLINE_SECONDS}")
    return seconds


def _size(name: str, text: str) -> int:
    size = _whole_number(name, text)
    if size < 1:
        raise SettingsError(name, "must be at least 1")
    return size


def _policy_ids(_name: str, text: str) -> frozenset[str]:
    return frozenset(_items(text))


_READERS: Mapping[str, tuple[str, Callable[[str, str], Any]]] = MappingProxyType(
    {
        "PROFILE": ("profile", _profile),
        "HOST": ("host", _host),
        "PUBLIC_URL": ("public_url", _public_url),
        "DIALECT": ("dialect", _dialect),
        "DEFAULT_PAYER": ("default_payer", _payer),
        "FHIR_SERVERS": ("fhir_servers", _servers),
        "CLIENTS": ("clients", _file),
        "PROTECT_DISCOVERY": ("protect_discovery", _flag),
        "DATA": ("data", _folder),
        "STRICT_ORDERS": ("strict_orders", _flag),
        "DEADLINE_SECONDS": ("deadline_seconds", _deadline),
        "CALLS_PER_CLIENT": ("calls_per_client", _size),
        "MAX_BODY_BYTES": ("max_body_bytes", _size),
        "REAL_TIME_AUTHORIZATION": ("real_time_authorization", _switch),
        "NOT_MET_IS_REVIEW": ("not_met_is_review", _policy_ids),
        "CORS_ORIGINS": ("cors_origins", _origins),
    }
)
