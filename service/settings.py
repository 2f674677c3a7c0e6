"""Settings: environment variables HER2_CRD_…, PORT and DATABASE_URL, read once at start.

A misspelt or impossible setting stops the start and is named, because a service that decides coverage must not run
with a configuration that its operator did not mean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cards.dialect import NEWEST
from service.base_url import BaseUrl
from service.setting_values import (
    Profile,
    SettingsError,
    read_count,
    read_database,
    read_deadline,
    read_dialect,
    read_file,
    read_flag,
    read_folder,
    read_host,
    read_origins,
    read_payer,
    read_policy_ids,
    read_port,
    read_profile,
    read_public_url,
    read_servers,
    read_switch,
    read_token_hashes,
)

__all__ = [
    "CALLS_PER_CLIENT",
    "IN_MEMORY",
    "PREFIX",
    "READERS",
    "Profile",
    "Settings",
    "SettingsError",
    "read_settings",
]

PREFIX = "HER2_CRD_"
CALLS_PER_CLIENT = 8
IN_MEMORY = frozenset({"sqlite://", "sqlite:///:memory:"})
_DEFAULT_PORT = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator can choose."""

    profile: Profile = Profile.PRODUCTION
    database: str = field(default="sqlite:///her2-crd.sqlite3", repr=False)
    """Address of the database, which may hold a password; `sqlite://` is one in memory, lost at the end."""
    workers: int = 2
    """Processes that answer."""
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
    retain_inputs: bool = False
    """Keep what was read and sent, encrypted, so that a decision can be replayed and shown with its values."""
    retain_keys: Path | None = None
    """File of the keys it is encrypted with, one a line, the newest first."""
    operator_tokens: frozenset[str] = field(default=frozenset(), repr=False)
    """SHA-256 hashes of the tokens that may read all decisions and the metrics."""
    open_telemetry: bool = False

    @property
    def in_development(self) -> bool:
        """Say whether this is the development profile."""
        return self.profile is Profile.DEVELOPMENT

    @property
    def is_in_memory(self) -> bool:
        """Say whether the records are lost when the process ends."""
        return self.database in IN_MEMORY


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings of an environment; raise SettingsError, also where production cannot start."""
    for name in environ:
        if name.startswith(PREFIX) and name not in READERS:
            raise SettingsError(name, f"is not a setting; known are {', '.join(READERS)}")
    chosen = {setting: reader(name, environ[name]) for name, (setting, reader) in READERS.items() if name in environ}
    if chosen.get("profile", Profile.PRODUCTION) is Profile.PRODUCTION:
        _check_production(chosen)
    else:
        chosen.setdefault("default_payer", "oscar")
        # Nobody's data are real here, and a decision is best understood with the values it rests on.
        chosen.setdefault("retain_inputs", "database" not in chosen or chosen["database"].startswith("sqlite:"))
    if "clients" in chosen and "fhir_servers" in chosen:
        text = "is for callers whom nobody asks for a name; in a registry each client has its own servers"
        raise SettingsError(f"{PREFIX}FHIR_SERVERS", text)
    if chosen.get("protect_discovery") and "clients" not in chosen:
        text = f"needs {PREFIX}CLIENTS: without a registry no token can be checked"
        raise SettingsError(f"{PREFIX}PROTECT_DISCOVERY", text)
    chosen.setdefault("public_url", f"http://127.0.0.1:{chosen.get('port', _DEFAULT_PORT)}")
    settings = Settings(**chosen)
    _check_storage(settings)
    return settings


def _check_storage(settings: Settings) -> None:
    """Refuse what would lose records, or could not be read again."""
    if settings.is_in_memory and settings.workers > 1:
        raise SettingsError(f"{PREFIX}WORKERS", "must be 1 with a database in memory: each process would have its own")
    if settings.retain_inputs and settings.retain_keys is None and not settings.in_development:
        text = f"needs {PREFIX}RETAIN_KEYS: patients' data are kept encrypted or not at all"
        raise SettingsError(f"{PREFIX}RETAIN_INPUTS", text)


def _check_production(chosen: Mapping[str, Any]) -> None:
    if "clients" not in chosen:
        text = "is required in production: without a registry of clients anybody would be answered"
        raise SettingsError(f"{PREFIX}CLIENTS", text)
    if chosen.get("database") in IN_MEMORY:
        raise SettingsError("DATABASE_URL", "must be a file or a server: records in memory are lost at the end")
    # CRD 2.2.1 sec-2: TLS for everything; what ends it may stand in front of this process.
    if not str(chosen.get("public_url", "")).startswith("https://"):
        raise SettingsError(f"{PREFIX}PUBLIC_URL", "must be the https address under which clients see the service")


READERS: Mapping[str, tuple[str, Callable[[str, str], Any]]] = MappingProxyType(
    {
        "PORT": ("port", read_port),
        "DATABASE_URL": ("database", read_database),
        PREFIX + "PROFILE": ("profile", read_profile),
        PREFIX + "HOST": ("host", read_host),
        PREFIX + "PUBLIC_URL": ("public_url", read_public_url),
        PREFIX + "DIALECT": ("dialect", read_dialect),
        PREFIX + "DEFAULT_PAYER": ("default_payer", read_payer),
        PREFIX + "FHIR_SERVERS": ("fhir_servers", read_servers),
        PREFIX + "CLIENTS": ("clients", read_file),
        PREFIX + "PROTECT_DISCOVERY": ("protect_discovery", read_flag),
        PREFIX + "DATA": ("data", read_folder),
        PREFIX + "STRICT_ORDERS": ("strict_orders", read_flag),
        PREFIX + "DEADLINE_SECONDS": ("deadline_seconds", read_deadline),
        PREFIX + "CALLS_PER_CLIENT": ("calls_per_client", read_count),
        PREFIX + "MAX_BODY_BYTES": ("max_body_bytes", read_count),
        PREFIX + "REAL_TIME_AUTHORIZATION": ("real_time_authorization", read_switch),
        PREFIX + "NOT_MET_IS_REVIEW": ("not_met_is_review", read_policy_ids),
        PREFIX + "CORS_ORIGINS": ("cors_origins", read_origins),
        PREFIX + "WORKERS": ("workers", read_count),
        PREFIX + "RETAIN_INPUTS": ("retain_inputs", read_switch),
        PREFIX + "RETAIN_KEYS": ("retain_keys", read_file),
        PREFIX + "OPERATOR_TOKENS": ("operator_tokens", read_token_hashes),
        PREFIX + "OPEN_TELEMETRY": ("open_telemetry", read_switch),
    }
)
"""Environment variable -> field of Settings, and how its text is read."""
