"""Registries of clients, written as YAML and read."""

import re
from pathlib import Path

import pytest

from service.clients import Clients, ClientsError, read_clients

PAYERS = ("mmm", "oscar")
MINIMAL = "id: a, issuer: i, jku: https://ehr.example.org/jwks"


def read(folder: Path, text: str, *, development: bool = False) -> Clients:
    path = folder / "clients.yaml"
    path.write_text(text, encoding="utf-8")
    return read_clients(path, development=development, payers=PAYERS)


def mistakes(folder: Path, text: str, *, development: bool = False) -> list[str]:
    """The mistakes found, without the name of the file."""
    with pytest.raises(ClientsError) as caught:
        read(folder, text, development=development)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.defects)
    return [line.removeprefix(f"{folder / 'clients.yaml'}:") for line in lines]


def quoted(text: str) -> str:
    """Put the URLs of a text in quotes, which YAML wants between brackets."""
    return re.sub(r"(?<!['\"])\b(?:https?|ftp)://[^\s,\]}]+", r'"\g<0>"', text)


def one(entry: str) -> str:
    return quoted(f"clients: [{{{entry}}}]\n")
