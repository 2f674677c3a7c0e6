from datetime import UTC, datetime, timedelta, timezone

import pytest

from service.storage.rows import client_key, moment

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "later", [timedelta(microseconds=1), timedelta(milliseconds=500), timedelta(seconds=1), timedelta(days=300)]
)
def test_moments_compare_as_their_texts_do_whatever_signs_a_server_ignores(later: timedelta) -> None:
    """The rules of most languages look at punctuation last, so only texts of one shape are safe."""
    before, after = moment(NOON), moment(NOON + later)
    assert before < after
    digits = [[each for each in text if each.isdigit()] for text in (before, after)]
    assert digits[0] < digits[1]
    assert len(before) == len(after) == 32


def test_a_moment_is_told_in_utc() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=-4)))
    assert moment(there) == moment(NOON) == "2026-05-04T12:00:00.000000+00:00"


def test_anybody_has_a_key_that_no_client_has() -> None:
    assert (client_key(None), client_key("ehr")) == ("", "ehr")
