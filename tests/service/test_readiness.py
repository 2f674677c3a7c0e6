import json

import pytest

from service.readiness import FRESH_SECONDS, Readiness
from tests.service.builders import logged
from tests.service.signing import MovingClock


class Switch:
    """A check that passes or not as it is told, or raises."""

    def __init__(self) -> None:
        self.passes, self.asked = True, 0
        self.error: Exception | None = None

    def __call__(self) -> bool:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.passes


def never() -> bool:
    return False


def test_it_is_ready_while_every_check_passes() -> None:
    policies, database, clock = Switch(), Switch(), MovingClock(0.0)
    readiness = Readiness({"policies": policies, "database": database}, never, clock)
    assert readiness.failing() == ()
    assert readiness.results() == {"policies": True, "database": True, "serving": True}
    database.passes = False
    clock.seconds += FRESH_SECONDS
    assert readiness.failing() == ("database",)
    database.passes = True
    clock.seconds += FRESH_SECONDS
    assert readiness.failing() == ()


def test_whoever_asks_often_does_not_reach_the_database_each_time() -> None:
    database, clock = Switch(), MovingClock(0.0)
    readiness = Readiness({"database": database}, never, clock)
    for _ in range(10):
        readiness.failing()
        clock.seconds += FRESH_SECONDS / 20
    assert database.asked == 1


def test_once_told_to_stop_it_is_ready_no_more_and_nobody_waits_for_that() -> None:
    told = Switch()
    told.passes = False
    readiness = Readiness({}, told, MovingClock(0.0))
    assert readiness.failing() == ()
    told.passes = True
    assert readiness.failing() == ("serving",)


def test_a_check_that_raises_does_not_pass_and_its_text_is_logged_nowhere() -> None:
    database = Switch()
    database.error = RuntimeError("password=Canary")
    with logged() as stream:
        assert Readiness({"database": database}, never, MovingClock(0.0)).failing() == ("database",)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["checks"], line["exception"]) == ("not-ready", ["database"], "RuntimeError")
    assert "Canary" not in stream.getvalue()


def test_a_change_is_logged_once() -> None:
    database, clock = Switch(), MovingClock(0.0)
    readiness = Readiness({"database": database, "policies": Switch()}, never, clock)
    with logged() as stream:
        for passes in (True, False, False, True, True):
            database.passes = passes
            clock.seconds += FRESH_SECONDS
            readiness.failing()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(each["event"], each["level"], each["checks"]) for each in lines] == [
        ("not-ready", "error", ["database"]),
        ("ready-again", "info", ["database"]),
    ]


@pytest.mark.parametrize("passes", [True, False])
def test_results_are_a_copy_that_nobody_can_spoil(passes: bool) -> None:
    switch = Switch()
    switch.passes = passes
    readiness = Readiness({"database": switch}, never, MovingClock(0.0))
    readiness.results()["database"] = not passes
    assert readiness.results()["database"] is passes
