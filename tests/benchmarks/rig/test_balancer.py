import time

from benchmarks.rig.balancer import WATCH_SECONDS, Balancer
from tests.benchmarks.stub import Stub, serving


def test_calls_go_to_every_server_that_is_ready_and_to_no_other() -> None:
    with serving(Stub()) as one, serving(Stub(statuses={"/readyz": 503})) as other, Balancer([one.port]) as balancer:
        assert {balancer.port() for _ in range(4)} == {one.port}
        balancer.add(other.port)
        time.sleep(4 * WATCH_SECONDS)
        assert {balancer.port() for _ in range(4)} == {one.port}
        other.statuses = {}
        time.sleep(4 * WATCH_SECONDS)
        assert {balancer.port() for _ in range(4)} == {one.port, other.port}
        one.statuses = {"/readyz": 503}
        time.sleep(4 * WATCH_SECONDS)
        assert {balancer.port() for _ in range(4)} == {other.port}


def test_with_nobody_ready_calls_go_where_they_went() -> None:
    with serving(Stub(statuses={"/readyz": 503})) as one, Balancer([one.port]) as balancer:
        time.sleep(2 * WATCH_SECONDS)
        assert balancer.port() == one.port
