from criteria.oncology.memory import once
from tests.criteria.facts_builders import case


def test_a_reading_is_derived_once_for_a_case_and_a_key() -> None:
    asked: list[str] = []
    subject = case()

    def derive() -> str:
        asked.append("derived")
        return "reading"

    assert [once(subject, "key", derive) for _ in range(3)] == ["reading"] * 3
    assert asked == ["derived"]


def test_a_reading_that_is_none_is_derived_once_too() -> None:
    asked: list[None] = []
    subject = case()
    for _ in range(2):
        assert once(subject, "key", lambda: asked.append(None)) is None
    assert len(asked) == 1


def test_cases_and_keys_keep_their_own_readings() -> None:
    one, other = case(), case()
    assert once(one, "key", lambda: 1) == 1
    assert once(other, "key", lambda: 2) == 2
    assert once(one, "other key", lambda: 3) == 3


def test_what_was_derived_makes_no_difference_between_cases() -> None:
    one, other = case(), case()
    once(one, "key", lambda: 1)
    assert one == other
