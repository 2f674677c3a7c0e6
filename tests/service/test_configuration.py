from typing import Any

import pytest

from service.configuration import read_configuration
from tests.service.builders import service_row


def test_without_configuration_the_advertised_defaults_hold() -> None:
    configuration, notes = read_configuration(None, service_row(), "$.c")
    assert notes == ()
    assert configuration.max_cards == 10
    assert configuration.unsolicited_determinations
    assert all(configuration.wants(option.code) for option in service_row().options if option.code != "max-cards")


def test_known_codes_are_taken_over_and_unknown_ones_ignored() -> None:
    given = {"coverage-info": False, "unsolicited-determ": False, "max-cards": 0, "alt-drug": True, "claim": False}
    configuration, notes = read_configuration(given, service_row(), "$.c")
    assert notes == ()
    assert not configuration.wants("coverage-info")
    assert not configuration.unsolicited_determinations
    assert configuration.wants("guideline")
    assert not configuration.wants("claim")  # nothing of that kind is ever sent
    assert configuration.max_cards == 0


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("coverage-info", "false"),
        ("coverage-info", 0),
        ("unsolicited-determ", []),
        ("max-cards", True),
        ("max-cards", "3"),
        ("max-cards", -1),
        ("max-cards", {}),
    ],
)
def test_a_value_of_the_wrong_type_is_noted_and_defaulted(code: str, value: Any) -> None:
    configuration, notes = read_configuration({code: value}, service_row(), "$.c")
    assert notes == (f"$.c.{code} has the wrong type: default used",)
    assert configuration.wants("coverage-info")
    assert configuration.max_cards == 10


def test_null_is_no_setting() -> None:
    assert read_configuration({"max-cards": None}, service_row(), "$.c")[1] == ()
