"""Encryption of what may name a patient or hold a value: Fernet (AES-128-CBC, HMAC-SHA256), with keys that rotate."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NewType

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from service.problems import ServiceError
from service.settings import PREFIX, Settings, SettingsError

Sealed = NewType("Sealed", bytes)


class SealError(ServiceError):
    """A key is none, or something cannot be opened with the keys at hand; holds neither key nor text."""


class Seal:
    """Encrypts with the first key, decrypts with any of them."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        """Take keys as `new_key` makes them; raise SealError for none, or for one that is not a key."""
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise SealError("a key must be 32 bytes in URL-safe base64, and there must be one at least") from error

    def close(self, text: bytes) -> Sealed:
        """Return the text encrypted with the first key."""
        return Sealed(self._fernet.encrypt(text))

    def open(self, sealed: bytes) -> bytes:
        """Return the text; raise SealError when no key opens it or it was changed."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SealError("cannot be opened with the keys at hand, or was changed") from None


def new_key() -> bytes:
    """Return a fresh key."""
    return Fernet.generate_key()


def read_keys(file: Path) -> Seal:
    """Return the seal of a file with one key a line, the newest first; raise SealError."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise SealError(f"the keys cannot be read from {file}") from error
    return Seal(line.strip() for line in lines if line.strip())


def own_keys(file: Path) -> Seal:
    """Return the seal of a key file of the development profile, which is made when it is missing; raise SealError.

    It appears with its key in it: of several processes that start at once one makes it, and none reads half of it.
    """
    if not file.exists():
        try:
            _make_keys(file)
        except OSError as error:
            raise SealError(f"no keys can be made at {file}") from error
    return read_keys(file)


def _make_keys(file: Path) -> None:
    """Make the file unless another process was first."""
    with NamedTemporaryFile(dir=file.parent, prefix=f"{file.name}.") as fresh:
        fresh.write(new_key() + b"\n")
        fresh.flush()
        os.fsync(fresh.fileno())
        with suppress(FileExistsError):
            os.link(fresh.name, file)


def seal_of(settings: Settings) -> Seal | None:
    """Return what encrypts what is retained, None where nothing is; raise SettingsError for a file that holds no keys.

    The development profile may do without a file: it makes its own, beside the database.
    """
    if not settings.retain_inputs:
        return None
    try:
        if settings.retain_keys is not None:
            return read_keys(settings.retain_keys)
        if settings.is_in_memory:
            return Seal([new_key()])
        is_file = settings.database.startswith("sqlite:")
        file = settings.database.removeprefix("sqlite:///") if is_file else "her2-crd.sqlite3"
        return own_keys(Path(f"{file}.key"))
    except SealError as error:
        raise SettingsError(f"{PREFIX}RETAIN_KEYS", str(error)) from None
