from ipaddress import ip_network

import pytest

from criteria.facts import SearchState
from service.base_url import BaseUrl
from service.breaker import Circuit
from service.callers import Caller
from service.circuits import FAILURES, LEFT_ALONE, Circuits
from service.deadline import Deadline
from service.fhir_client import Fetch, Fetched
from tests.service.builders import BASE, FHIR

BROKEN = Fetched(SearchState.FAILED, reason="answered 500", fault=True)
WELL = Fetched(SearchState.ANSWERED, body={})
DENIED = Fetched(SearchState.DENIED, reason="answered 403")
REFUSED = Fetched(SearchState.FAILED, reason="answered 401")
ONE, OTHER = Caller(client="one", fhir_servers=(BASE,)), Caller(client="other", fhir_servers=(BASE,))
ELSEWHERE = BaseUrl("https", "ehr.example.org", 443, "/other")
JKU = BaseUrl("https", "keys.example.org", 443, "/one.json")


class Answers:
    """A server that answers what it is set to, and counts how often it is asked. A Fetch."""

    def __init__(self, answer: Fetched = BROKEN) -> None:
        self.answer = answer
        self.asked = 0

    def __call__(self, _url: str, _token: str | None, _deadline: Deadline) -> Fetched:
        self.asked += 1
        return self.answer


def ask(fetch: Fetch, times: int = 1) -> list[Fetched]:
    return [fetch(f"{FHIR}/Condition", "t", Deadline.after(60)) for _ in range(times)]


def test_a_server_that_fails_five_times_in_a_row_is_left_alone() -> None:
    server, circuits = Answers(), Circuits()
    assert ask(circuits.guard_server(server, ONE, BASE), FAILURES) == [BROKEN] * FAILURES
    assert ask(circuits.guard_server(server, ONE, BASE), 3) == [LEFT_ALONE] * 3
    assert server.asked == FAILURES == 5
    assert circuits.states() == {f"one {FHIR}": Circuit.OPEN}


@pytest.mark.parametrize(
    ("between", "circuit"), [(WELL, Circuit.CLOSED), (DENIED, Circuit.CLOSED), (REFUSED, Circuit.OPEN)]
)
def test_an_answer_starts_the_count_anew_and_a_refused_token_does_not_count(between: Fetched, circuit: Circuit) -> None:
    server, circuits = Answers(), Circuits()
    guarded = circuits.guard_server(server, ONE, BASE)
    ask(guarded, FAILURES - 1)
    server.answer = between
    ask(guarded, 20)
    assert server.asked == FAILURES + 19
    server.answer = BROKEN
    ask(guarded)
    assert circuits.states() == {f"one {FHIR}": circuit}


def test_the_failures_of_one_client_close_the_server_to_no_other() -> None:
    server, circuits = Answers(), Circuits()
    ask(circuits.guard_server(server, ONE, BASE), FAILURES)
    server.answer = WELL
    assert ask(circuits.guard_server(server, ONE, BASE)) == [LEFT_ALONE]
    assert ask(circuits.guard_server(server, OTHER, BASE)) == [WELL]
    assert ask(circuits.guard_server(server, ONE, ELSEWHERE)) == [WELL]


def test_a_host_of_keys_that_fails_for_one_client_is_left_alone_for_all() -> None:
    server, circuits = Answers(), Circuits()
    ask(circuits.guard_keys(server, JKU, ()), FAILURES)
    another = BaseUrl("https", "keys.example.org", 443, "/another.json")
    assert ask(circuits.guard_keys(server, another, ())) == [LEFT_ALONE]
    # What a name leads to depends on the networks that are open to a client.
    assert ask(circuits.guard_keys(server, another, (ip_network("10.0.0.0/8"),))) == [BROKEN]
    assert circuits.states()["keys https://keys.example.org"] in Circuit


def test_a_fetch_that_raises_taught_nothing() -> None:
    def broken(_url: str, _token: str | None, _deadline: Deadline) -> Fetched:
        raise ZeroDivisionError

    circuits = Circuits()
    for _ in range(2 * FAILURES):
        with pytest.raises(ZeroDivisionError):
            ask(circuits.guard_server(broken, ONE, BASE))
    assert circuits.states() == {f"one {FHIR}": Circuit.CLOSED}


def test_a_server_that_a_caller_names_has_a_circuit_and_no_name() -> None:
    server, circuits = Answers(), Circuits()
    named = BaseUrl("http", "127.0.0.1", 8903, "/jane-doe")
    anybody = Caller(loopback=True)
    ask(circuits.guard_server(server, anybody, named), FAILURES)
    assert ask(circuits.guard_server(server, anybody, named)) == [LEFT_ALONE]
    assert circuits.states() == {}
    ask(circuits.guard_server(server, Caller(fhir_servers=(BASE,)), BASE))
    assert circuits.states() == {f"anybody {FHIR}": Circuit.CLOSED}


def test_only_the_circuits_that_were_used_last_are_kept() -> None:
    server, circuits = Answers(), Circuits(most=2)
    bases = [BaseUrl("http", "127.0.0.1", port, "/fhir") for port in (1, 2, 3)]
    caller = Caller(fhir_servers=tuple(bases), loopback=True)
    for base in (bases[0], bases[1], bases[0], bases[2]):
        circuits.guard_server(server, caller, base)
    assert list(circuits.states()) == ["anybody http://127.0.0.1:1/fhir", "anybody http://127.0.0.1:3/fhir"]
    with pytest.raises(ValueError, match="not kept"):
        Circuits(most=0)
