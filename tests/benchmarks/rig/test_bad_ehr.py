import http.client
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from benchmarks.rig import bad_ehr
from benchmarks.rig.bad_ehr import FAULTS, BadEhr, Canary, answering, redirecting, unused_base
from benchmarks.rig.charts import record
from benchmarks.rig.web import NoAnswerError, get


def asked(ehr: BadEhr, seconds: float = 0.5) -> tuple[int, bytes]:
    """What comes of a search within some seconds: status and body, 0 for what is no HTTP answer in this time."""
    connection = http.client.HTTPConnection("127.0.0.1", ehr.server_port, timeout=seconds)
    try:
        connection.request("GET", "/fhir/Observation?patient=ex-06")
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


# What fails later than its headers has no body either: `asked` reads all of it or nothing.
@pytest.mark.parametrize(
    ("behave", "status"),
    [
        (bad_ehr.silent, 0),
        (bad_ehr.slow_headers, 0),
        (bad_ehr.garbage, 0),
        (bad_ehr.closing_early, 0),
        (bad_ehr.overloaded, 503),
        (bad_ehr.refusing_token, 401),
        (bad_ehr.forbidding, 403),
        (bad_ehr.hypertext, 200),
        (bad_ehr.broken_json, 200),
        (bad_ehr.other_resource, 200),
        (bad_ehr.empty, 200),
        (redirecting("http://127.0.0.1/"), 302),
    ],
)
def test_a_server_misbehaves_as_it_is_told_and_counts_who_asks(behave: bad_ehr.Answer, status: int) -> None:
    with BadEhr(behave) as ehr:
        assert asked(ehr)[0] == status
        assert ehr.requests == 1


def test_a_dripping_server_sends_a_byte_now_and_then_for_as_long_as_anybody_listens() -> None:
    with BadEhr(bad_ehr.dripping) as ehr, socket.create_connection(("127.0.0.1", ehr.server_port), 2) as client:
        client.sendall(b"GET /fhir/Patient/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while not received.endswith(b"\r\n\r\n  "):
            received += client.recv(1000)
        assert b"Content-Length: 100000" in received


def test_a_flooding_server_sends_two_hundred_megabytes() -> None:
    with BadEhr(bad_ehr.flooding) as ehr, socket.create_connection(("127.0.0.1", ehr.server_port), 2) as client:
        client.sendall(b"GET /fhir/Patient/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        head = client.recv(1000)
        size = 0
        while size < 20_000_000:
            size += len(client.recv(1_000_000))
    assert b"Content-Length: 200000000" in head


def test_a_well_behaved_server_answers_from_the_record_and_may_change_its_mind() -> None:
    with BadEhr(answering(record(), after=0.05)) as ehr:
        begin = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", ehr.server_port, timeout=2)
        connection.request("GET", "/fhir/Patient/ex-06")
        assert json.loads(connection.getresponse().read())["id"] == "ex-06"
        assert time.monotonic() - begin >= 0.05
        connection.close()
        ehr.behave = bad_ehr.overloaded
        assert asked(ehr)[0] == 503


def test_servers_that_hang_let_everybody_go_when_they_end() -> None:
    before = threading.active_count()
    with BadEhr(bad_ehr.silent) as ehr:
        client = socket.create_connection(("127.0.0.1", ehr.server_port), 5)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while ehr.requests == 0:
            time.sleep(0.01)
    assert client.recv(10) == b""
    client.close()
    while threading.active_count() > before:
        time.sleep(0.01)


def test_every_fault_that_is_played_is_one_of_a_system_that_should_have_answered() -> None:
    assert len(FAULTS) == len(set(FAULTS.values())) >= 11
    assert not {bad_ehr.forbidding, bad_ehr.empty} & set(FAULTS.values())


def test_a_canary_counts_whoever_comes_by_either_address() -> None:
    with Canary() as canary:
        for host in ("127.0.0.1", "::1"):
            try:
                socket.create_connection((host, canary.port), 1).close()
            except OSError:
                assert host == "::1"
                continue
            end = time.monotonic() + 2
            seen = canary.connections
            while seen == 0 and time.monotonic() < end:
                seen = canary.connections
            assert seen >= 1
    with pytest.raises(NoAnswerError):
        get(canary.port, "/")


def test_a_server_that_is_not_there_refuses() -> None:
    port = urlsplit(unused_base()).port
    assert port is not None
    with pytest.raises(NoAnswerError, match="Refused"):
        get(port, "/")
