import pytest

from service.turns import TooManyCalls, Turns


def test_a_client_has_so_many_calls_under_way_and_no_more() -> None:
    turns = Turns(2)
    with turns.take("a"):
        with turns.take("a"), pytest.raises(TooManyCalls) as caught, turns.take("a"):
            pass
        with turns.take("a"):
            pass
    assert (caught.value.status, caught.value.issues[0].code) == (429, "throttled")


def test_a_call_that_failed_is_under_way_no_more() -> None:
    turns = Turns(1)
    for _ in range(2):
        with pytest.raises(KeyError), turns.take("a"):
            raise KeyError


def test_other_clients_have_their_own_turns_and_anybody_is_not_counted() -> None:
    turns = Turns(1)
    with turns.take("a"), turns.take("b"), turns.take(None), turns.take(None):
        pass


def test_no_turns_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="no call"):
        Turns(0)
