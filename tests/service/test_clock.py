from datetime import UTC, datetime, timedelta

from service.clock import SystemClock


def test_the_system_clock_tells_the_present_with_its_time_zone() -> None:
    now = SystemClock().now()
    assert now.tzinfo is not None
    assert abs(now - datetime.now(tz=UTC)) < timedelta(minutes=1)  # noqa: TID251 - compared with the machine itself


def test_the_system_day_is_that_of_the_machines_time_zone() -> None:
    clock = SystemClock()
    assert clock.today() in {clock.now().date(), clock.now().date() - timedelta(days=1)}
