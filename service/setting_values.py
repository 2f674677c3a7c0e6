"""How the value of a setting is read: each reader takes the name, for its complaint, and the text."""

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from cards.dialect import DIALECTS
from service.base_url import BaseUrl
from service.problems import ServiceError

LONGEST_DEADLINE_SECONDS = 4.5
"""CRD asks for an answer within 5 s (found-2); deciding and sending need the rest."""

_HIGHEST_PORT = 65_535
_SHA256 = re.compile(r"[0-9a-f]{64}")


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


def read_profile(name: str, text: str) -> Profile:
    try:
        return Profile(text)
    except ValueError:
        raise SettingsError(name, "must be development or production") from None


def read_port(name: str, text: str) -> int:
    number = _whole_number(name, text)
    if not 1 <= number <= _HIGHEST_PORT:
        raise SettingsError(name, "must be a port between 1 and 65535")
    return number


def _whole_number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise SettingsError(name, "must be a whole number")
    return int(text)


def read_host(name: str, text: str) -> str:
    if not text or any(character.isspace() for character in text):
        raise SettingsError(name, "must be a host name or address")
    return text


def _server(name: str, text: str) -> BaseUrl:
    base = BaseUrl.of(text)
    if base is None:
        raise SettingsError(name, "must hold http(s) URLs without user, query and fragment")
    return base


def read_public_url(name: str, text: str) -> str:
    return str(_server(name, text))


def read_servers(name: str, text: str) -> tuple[BaseUrl, ...]:
    return tuple(_server(name, item) for item in _items(text))


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def read_origins(name: str, text: str) -> tuple[str, ...]:
    servers = read_servers(name, text)
    if any(server.path for server in servers):
        raise SettingsError(name, "must hold origins: scheme, host and port, without a path")
    return tuple(str(server) for server in servers)


def read_payer(_name: str, text: str) -> str | None:
    return text.strip() or None


def read_dialect(name: str, text: str) -> str:
    if text not in DIALECTS:
        raise SettingsError(name, f"must be one of {', '.join(DIALECTS)}")
    return text


def read_folder(name: str, text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise SettingsError(name, "must be a folder that can be read")
    return folder


def read_file(name: str, text: str) -> Path:
    file = Path(text)
    if not file.is_file():
        raise SettingsError(name, "must be a file that can be read")
    return file


def read_flag(name: str, text: str) -> bool:
    return _one_of(name, text, {"true": True, "false": False})


def read_switch(name: str, text: str) -> bool:
    return _one_of(name, text, {"on": True, "off": False})


def _one_of(name: str, text: str, choices: Mapping[str, bool]) -> bool:
    if text not in choices:
        raise SettingsError(name, f"must be {' or '.join(choices)}")
    return choices[text]


def read_deadline(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    # Written so that NaN fails too.
    if not 0.0 < seconds <= LONGEST_DEADLINE_SECONDS:
        raise SettingsError(name, f"must be seconds above 0 and at most {LONGEST_DEADLINE_SECONDS}")
    return seconds


def read_count(name: str, text: str) -> int:
    size = _whole_number(name, text)
    if size < 1:
        raise SettingsError(name, "must be at least 1")
    return size


def read_policy_ids(_name: str, text: str) -> frozenset[str]:
    return frozenset(_items(text))


def read_database(name: str, text: str) -> str:
    """Return the address of a database. It may hold a password, so no message repeats it."""
    if not text.startswith(("sqlite://", "postgresql://", "postgres://")):
        raise SettingsError(name, "must be sqlite:///path/to/file or postgresql://user:password@host:port/name")
    return text


def read_token_hashes(name: str, text: str) -> frozenset[str]:
    """Return SHA-256 hashes of tokens, which are themselves never configured."""
    found = frozenset(_items(text))
    if not found or not all(_SHA256.fullmatch(each) for each in found):
        raise SettingsError(name, "must hold SHA-256 hashes of tokens, 64 characters 0-9a-f each, separated by commas")
    return found
