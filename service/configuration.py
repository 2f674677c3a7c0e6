"""What a caller configured (`davinci-crd.configuration`): known codes typed, everything else told apart and named."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from service.hook_options import MAX_CARDS, UNSOLICITED
from service.hooks import HookService


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one call: response types on or off, whether a number may be issued, the number of cards."""

    switches: Mapping[str, bool]
    max_cards: int

    def wants(self, code: str) -> bool:
        """Say whether a response type is wanted. One the service does not offer on this hook is not sent."""
        return self.switches.get(code, False)

    @property
    def unsolicited_determinations(self) -> bool:
        """Say whether an authorization number may be issued (found-35); a hook without the option issues none."""
        return self.wants(UNSOLICITED)


def read_configuration(given: Any, service: HookService, path: str) -> tuple[Configuration, tuple[str, ...]]:
    """Return the caller's configuration and notes about what could not be used; never fails the call (dev-6)."""
    notes: list[str] = []
    if not isinstance(given, Mapping):
        if given is not None:
            notes.append(f"{path} is not an object: defaults used")
        given = {}
    chosen: dict[str, bool | int] = {}
    for option in service.options:
        chosen[option.code] = option.default
        value = given.get(option.code)
        if value is None:
            continue
        # JSON's true is not a number, although Python's True is.
        if type(value) is not type(option.default) or value < 0:
            notes.append(f"{path}.{option.code} has the wrong type: default used")
        else:
            chosen[option.code] = value
    switches = {code: value for code, value in chosen.items() if isinstance(value, bool)}
    return Configuration(MappingProxyType(switches), int(chosen[MAX_CARDS])), tuple(notes)
